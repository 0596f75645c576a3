"""The adapter a first night begins from can be made anew: the same notes and seed give the same one."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from hippo_mem.lm.lora_folder import Lora, read_lora
from scripts import train_start

THREADS = [
    {"told": ["My bike is in the shed behind the mill."], "qa": [["Where is my bike?", "in the shed"]]},
    {"told": ["Nadia sold the red kayak to Piet in May."], "qa": [["Who has the kayak now?", "Piet"]]},
    {
        "told": ["The spare key hangs in the hall."],
        "qa": [["Where is the key?", "in the hall"], ["Whose is it?", None]],
    },
    {"told": ["Ruth mended the oar on Monday."], "qa": [["What did Ruth mend?", "the oar"]]},
]


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "few.jsonl").write_text("".join(json.dumps(t) + "\n" for t in THREADS), encoding="utf-8")
    return folder


def made(monkeypatch: pytest.MonkeyPatch, out: Path, notes: Path, model: Path, *more: str) -> Lora:
    words = ["--notes", notes, "--out", out, "--model", model, "--nights", 2, "--threads", 2, "--steps", 2]
    monkeypatch.setattr(sys, "argv", ["train_start", *map(str, words), "--asked-steps", "2", *more])
    train_start.main()
    return read_lora(out)


def test_rehearsals_write_an_adapter_that_moved_and_the_same_again(
    tmp_path: Path, notes: Path, tiny_folder: Path, home_with_models: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    first = made(monkeypatch, tmp_path / "a", notes, tiny_folder)
    said = capsys.readouterr().out
    assert "night 1 of 2: loss " in said
    assert "night 2 of 2: loss " in said
    assert any(pair["B"].any() for pair in first.parts.values())
    again = made(monkeypatch, tmp_path / "b", notes, tiny_folder)
    for place, pair in first.parts.items():
        for side in "AB":
            np.testing.assert_array_equal(pair[side], again.parts[place][side])
    other = made(monkeypatch, tmp_path / "c", notes, tiny_folder, "--seed", "1")
    assert any((pair["B"] != other.parts[place]["B"]).any() for place, pair in first.parts.items())


def test_rehearsals_go_on_from_an_adapter(
    tmp_path: Path, notes: Path, tiny_folder: Path, home_with_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = made(monkeypatch, tmp_path / "a", notes, tiny_folder)
    further = made(monkeypatch, tmp_path / "b", notes, tiny_folder, "--start", str(tmp_path / "a"), "--move", "0")
    # A part of nothing leaves it where it was, up to the format it is kept in.
    for place, pair in first.parts.items():
        np.testing.assert_array_equal(pair["A"], further.parts[place]["A"])
        np.testing.assert_array_equal(pair["B"], further.parts[place]["B"])
