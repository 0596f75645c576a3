"""What every memory promises, whatever is done to it in whatever order.

written             is read, by every way of reading, in every open handle
deleted             is gone from all of them, and its bytes from every file
one source deleted  leaves what others told
failed transaction  leaves nothing, in the file or in a handle
reopened            is the same
snapshot, restore   is the identity, and so is export, import
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from hippo_mem.home import UserHome, open_home
from hippo_mem.storage.origins import orphans
from hippo_mem.storage.portable import export_to, import_from
from hippo_mem.storage.snapshot import restore, snapshot
from tests.conformance.memories import EMBEDDER, MEMORIES, Memory
from tests.storage.rows import everything

WORDS = ("Ignatius", "Philippa", "Leopold", "Marguerite", "Barnaby", "Cordelia")
SOURCES = ("wexlarry", "gombrette", "ystrilda")
words, sources, handles = st.sampled_from(WORDS), st.sampled_from(SOURCES), st.integers(0, 1)


class Laws(RuleBasedStateMachine):
    """Two handles of one memory, and what they should hold: tellings of (word, source)."""

    open_memory: Callable[[Path], Memory]

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hippo-laws-"))
        self.home: UserHome = open_home(self.folder / "home", "user-one")
        self.told: set[tuple[str, str]] = set()
        self.gone: set[str] = set()
        self.kept: tuple[Path, set[tuple[str, str]], dict[str, Any]] | None = None
        self.open()

    def open(self) -> None:
        self.handles = [type(self).open_memory(self.home.folder) for _ in range(2)]

    def close(self) -> None:
        for handle in self.handles:
            handle.close()

    def rows(self) -> dict[str, Any]:
        with self.handles[0].database.read() as connection:
            return everything(connection)

    @rule(word=words, source=sources, handle=handles)
    def say(self, word: str, source: str, handle: int) -> None:
        self.tell(word, source, handle)

    def tell(self, word: str, source: str, handle: int) -> None:
        self.handles[handle].tell(word, source)
        self.told.add((word, source))
        self.gone -= {word, source}

    @rule(source=sources, handle=handles)
    def forget_source(self, source: str, handle: int) -> None:
        self.handles[handle].forget(source)
        self.forgotten({(word, who) for word, who in self.told if who == source})

    @rule(handle=handles)
    def forget_everything(self, handle: int) -> None:
        self.handles[handle].forget(None)
        self.forgotten(set(self.told))

    def forgotten(self, tellings: set[tuple[str, str]]) -> None:
        self.told -= tellings
        left = {part for telling in self.told for part in telling}
        self.gone |= {part for telling in tellings for part in telling} - left
        for file in self.home.folder.rglob("*"):
            if file.is_file():
                content = file.read_bytes().lower()
                assert not [part for part in self.gone if part.lower().encode() in content], file

    @rule(word=words, source=sources, handle=handles, looks=st.booleans(), then=st.none() | words)
    def fail(self, word: str, source: str, handle: int, looks: bool, then: str | None) -> None:
        """A transaction that fails after it wrote, and after the handle looked at it; something else may follow."""
        memory = self.handles[handle]
        try:
            with memory.transaction():
                memory.tell(word, source)
                assert not looks or word in memory.words()
                raise KeyboardInterrupt
        except KeyboardInterrupt:
            pass
        if then is not None:
            self.tell(then, source, 1 - handle)

    @rule()
    def reopen(self) -> None:
        before = self.rows()
        self.close()
        self.open()
        assert self.rows() == before

    @rule(handle=handles)
    def take_snapshot(self, handle: int) -> None:
        file = self.folder / "kept.hippo"
        snapshot(self.handles[handle].database, self.home, file)
        self.kept = (file, set(self.told), self.rows())

    @precondition(lambda self: self.kept is not None)
    @rule()
    def go_back(self) -> None:
        assert self.kept is not None
        file, told, rows = self.kept
        self.close()
        restore(self.home, file)
        self.open()
        assert self.rows() == rows
        self.told = set(told)
        self.gone -= {part for telling in told for part in telling}

    @rule(format=st.sampled_from(["jsonl", "parquet"]), handle=handles)
    def carry_over(self, format: Any, handle: int) -> None:
        """What is exported and imported by another user is the same there, and stays the same here."""
        before = self.rows()
        path = self.folder / f"out.{format}"
        export_to(self.handles[handle].database, path, format=format)
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            other = type(self).open_memory(open_home(Path(folder), "user-two").folder)
            try:
                import_from(other.database, path, space=EMBEDDER)
                with other.database.read() as connection:
                    assert everything(connection) == before
            finally:
                other.close()
            again = type(self).open_memory(open_home(Path(folder), "user-two").folder)
            try:
                assert again.words() == {word for word, _ in self.told}
            finally:
                again.close()
        assert self.rows() == before

    @invariant()
    def every_handle_holds_what_was_told(self) -> None:
        for memory in self.handles:
            assert memory.words() == {word for word, _ in self.told}

    @invariant()
    def nothing_is_without_an_origin(self) -> None:
        with self.handles[0].database.read() as connection:
            assert orphans(connection) == {}

    def teardown(self) -> None:
        if hasattr(self, "handles"):
            self.close()
            shutil.rmtree(self.folder)


@pytest.mark.parametrize("name", MEMORIES)
def test_every_memory_keeps_the_laws(name: str) -> None:
    laws = type(f"LawsOf{name.title()}", (Laws,), {"open_memory": staticmethod(MEMORIES[name])})
    run_state_machine_as_test(
        laws,
        settings=settings(
            # The whole reads every sentence by a parser.
            max_examples=4 if name == "whole" else 10,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
