"""A run that was stopped ends with the numbers of one that was not; a finished one is not measured again."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hippo_eval import measuring, stamps
from hippo_eval.answerers import calls
from hippo_eval.cells import ItemRow, cells_of, read_cell
from hippo_eval.checkpoint import WORK, Checkpoint
from hippo_eval.composing import resolve
from hippo_eval.runner import run
from hippo_mem.errors import StorageFull

ROOT = Path(__file__).resolve().parents[2]
WORDS = ["model=dummy", "n=6", "seed=3", "preset=memory/all", "sleep=true", "memory_off=true",
         "compute.pre_metrics=true", "batch_size=4"]  # fmt: skip
SAME_CODE = "same code"
# A process that is killed while it asks: after so many calls, by a signal that nobody can catch.
KILLED = """
import os, signal, sys
from hippo_eval import checkpoint, stamps
from hippo_eval.composing import resolve
from hippo_eval.runner import run

stamps.code_version = lambda: "same code"
calls, add = 0, checkpoint.Checkpoint.add

def add_and_count(self, rows):
    global calls
    add(self, rows)
    calls += 1
    if calls == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)

checkpoint.Checkpoint.add = add_and_count
run(resolve(sys.argv[2:]))
"""


@pytest.fixture(autouse=True)
def in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stamps, "code_version", lambda: SAME_CODE)  # whoever edits a file meanwhile


def figures(metrics: dict[str, Any]) -> dict[str, Any]:
    """What must be equal: everything but how long it took, and in which folder."""
    timed = {"seconds", "cost", "tell", "phases", "config"}
    found = {k: v for k, v in metrics.items() if k not in timed}
    phases = {p: {k: v for k, v in f.items() if k not in timed} for p, f in metrics["phases"].items()}
    return {**found, "phases": phases}


def said(folder: Path) -> list[tuple[Any, ...]]:
    return [(r.phase, r.id, r.prompt, r.answer, r.hits) for r in read_cell(folder).items()]


@pytest.mark.parametrize("calls", [2, 8])  # in the round before the night, and in the one after it
def test_a_killed_run_goes_on_and_ends_with_the_same_numbers(tmp_path: Path, calls: int) -> None:
    whole = run(resolve([*WORDS, "outdir=whole"]))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(calls), *WORDS, "outdir=killed"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not (tmp_path / "killed/metrics.json").exists()
    assert (tmp_path / "killed" / WORK).is_dir()
    asked: list[int] = []
    resumed = run(resolve([*WORDS, "outdir=killed"]), lambda stage, at, total: asked.append(at))
    assert asked[0] == 4 * (calls % 6 or 6) + 4  # six calls a round: what had been asked was not asked again
    assert figures(resumed) == figures(whole)
    assert said(tmp_path / "killed") == said(tmp_path / "whole")
    assert not (tmp_path / "killed" / WORK).exists()


def test_ctrl_c_between_questions_loses_nothing(tmp_path: Path) -> None:
    def stop(stage: str, done: int, total: int) -> None:
        if (stage, done) == ("ask", 8):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(resolve([*WORDS, "outdir=out"]), stop)
    rows = (tmp_path / "out" / WORK / "items.jsonl").read_text().splitlines()
    assert len(rows) == 8
    whole = run(resolve([*WORDS, "outdir=whole"]))
    assert figures(run(resolve([*WORDS, "outdir=out"]))) == figures(whole)


def test_a_finished_cell_is_read_and_another_setting_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[str] = []
    real = measuring.measure_cell

    def counted(config: Any, *rest: Any) -> Any:
        measured.append(config.preset)
        return real(config, *rest)

    monkeypatch.setattr("hippo_eval.runner.measure_cell", counted)
    words = ["model=dummy", "n=3", "run_id=abc"]
    first = run(resolve(words))
    assert run(resolve(words))["stamp"] == first["stamp"]
    assert len(measured) == 1
    assert run(resolve(["model=dummy", "n=4", "run_id=abc"]))["stamp"] != first["stamp"]
    assert run(resolve([*words, "retrieval.k=2"]))["stamp"] != first["stamp"]
    run(resolve([*words, "again=true"]))
    assert len(measured) == 4
    labels = [(r.cell.label.split("-")[0], r.cell.n) for r in cells_of("abc")]
    assert labels == [("memory/hei_nw", 3), ("memory/hei_nw", 4), ("memory/hei_nw+set", 3)]


def test_work_under_another_stamp_is_thrown_away(tmp_path: Path) -> None:
    row = ItemRow(id=0, phase="on", prompt="?", gold="x", answer="x")
    work = Checkpoint(tmp_path, "one")
    work.put("taught", {"attempts": 1})
    work.add([row])
    assert Checkpoint(tmp_path, "one").rows("on", calls(2, 1, 0)) == [row]
    other = Checkpoint(tmp_path, "two")
    assert other.get("taught") is None
    assert other.rows("on", calls(2, 1, 0)) == []


def test_the_first_questions_are_asked_alone_and_the_others_together() -> None:
    assert [list(c) for c in calls(7, 3, 2)] == [[0], [1], [2, 3, 4], [5, 6]]
    assert [list(c) for c in calls(2, 3, 5)] == [[0], [1]]
    assert calls(0, 3, 2) == []


def test_a_stopped_round_goes_on_after_its_last_whole_call(tmp_path: Path) -> None:
    rows = [ItemRow(id=i, phase="on", prompt="?", gold="x", answer=str(i)) for i in range(7)]
    work = Checkpoint(tmp_path, "one")
    work.add(rows[:4])
    assert work.rows("on", calls(7, 3, 2)) == rows[:2]


def test_a_call_that_was_cut_off_is_asked_again(tmp_path: Path) -> None:
    rows = [ItemRow(id=i, phase="on", prompt="?", gold="x", answer=str(i)) for i in range(6)]
    work = Checkpoint(tmp_path, "one")
    work.add(rows[:3])
    work.add(rows[3:5])
    with (tmp_path / WORK / "items.jsonl").open("a") as file:
        file.write(json.dumps(rows[5].to_dict())[:30])
    assert work.rows("on", calls(6, 3, 0)) == rows[:3]
    work.add(rows[3:])
    assert Checkpoint(tmp_path, "one").rows("on", calls(6, 3, 0)) == rows


def test_from_a_row_that_is_no_answer_on_all_are_asked_again(tmp_path: Path) -> None:
    rows = [ItemRow(id=i, phase="on", prompt="?", gold="x", answer=str(i)) for i in range(3)]
    work = Checkpoint(tmp_path, "one")
    work.add(rows[:2])
    with (tmp_path / WORK / "items.jsonl").open("a") as file:
        file.write('{"id": 2}\n')
    assert work.rows("on", calls(3, 1, 0)) == rows[:2]
    work.add(rows[2:])
    assert Checkpoint(tmp_path, "one").rows("on", calls(3, 1, 0)) == rows


def test_a_full_disk_is_one_line_and_keeps_what_was_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["model=dummy", "n=3", "preset=baselines/rag", "batch_size=4", "outdir=out"]

    def full(*_: Any, **__: Any) -> Any:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("hippo_mem.storage.jsonl.os.fsync", full)
        with pytest.raises(StorageFull, match=r"cannot write .*: No space left on device; free space"):
            run(resolve(words))
    assert run(resolve(words))["n"] == 12
