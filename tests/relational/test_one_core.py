"""Parsing keeps numpy's products on the caller's core, and leaves the setting as it was."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from hippo_mem.relational import one_core as module
from hippo_mem.relational.frames import FrameParser
from hippo_mem.relational.one_core import one_core


class Library:
    """Stands for the BLAS of the process."""

    def __init__(self) -> None:
        self.threads = 4

    def get(self) -> int:
        return self.threads

    def put(self, n: int) -> None:
        self.threads = n


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    found = Library()
    monkeypatch.setattr(module, "_openblas", lambda: (found.get, found.put))
    yield found
    assert found.threads == 4


def test_blocks_that_overlap_put_it_back_when_the_last_ends(library: Library) -> None:
    entered, leave = threading.Event(), threading.Event()

    def other() -> None:
        with one_core():
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with one_core():
        assert library.threads == 1
        thread.start()
        assert entered.wait(10)
    assert library.threads == 1  # the other is still inside
    leave.set()
    thread.join()
    assert library.threads == 4


def test_an_error_inside_puts_it_back(library: Library) -> None:
    with pytest.raises(ZeroDivisionError), one_core():
        raise ZeroDivisionError


def test_another_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    real = module._openblas()
    assert real is not None
    before = real[0]()
    monkeypatch.setattr(module, "_openblas", lambda: None)
    with one_core():
        assert real[0]() == before


def test_the_installed_library_is_found_and_keeps_its_setting() -> None:
    found = module._openblas()
    assert found is not None
    before = found[0]()
    with one_core():
        assert found[0]() == 1
    assert found[0]() == before


def test_a_parse_runs_on_one_core(library: Library) -> None:
    parser = FrameParser()
    seen: list[int] = []

    def watch(text: str) -> object:
        seen.append(library.threads)
        return load(text)

    load = parser.nlp
    parser._nlp = watch
    parser.doc("Ana hid the lamp.")
    assert seen == [1]
