"""Figures that only some suites have, on answers set one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hippo_eval.cells import Cell, ItemRow, read_cell, write_cell
from hippo_eval.report.reading import Board, Read
from hippo_eval.report.suite_figures import suite_figures
from hippo_eval.stamps import suite_checksum
from hippo_eval.suites.choose import generate_suite


def board_of(
    folder: Path, rows: list[ItemRow], *, n: int, suite: str = "made", events: list[dict[str, Any]] | None = None,
    checksum: str = "",
) -> Board:  # fmt: skip
    """One memory's cell, through its files."""
    cell = Cell(preset="memory/all", suite=suite, n=n, seed=3, model="dummy")
    meta = {"suite": {"checksum": checksum}}
    write_cell(folder, metrics={"cell": cell.to_dict()}, meta=meta, items=rows, events=events or [])
    read = Read(result=read_cell(folder), rows={"on": rows})
    return Board(suite=suite, profile="default", n=n, model="dummy", entries={"memory/all": [read]})


def row(number: int, slot: str, gold: str, answer: str, **more: Any) -> ItemRow:
    return ItemRow(
        id=number, phase="on", prompt=more.pop("prompt", f"q{number}"), gold=gold, answer=answer, slot=slot,
        em=gold == answer, **more,
    )  # fmt: skip


def test_contradictions_are_what_was_true_before(tmp_path: Path) -> None:
    # Three people who moved, two questions each: where now, where before. One is said to live where she lived before,
    # one where nobody said; the third is right. 1 of 3.
    rows = [
        row(0, "contradiction", "Malmo", "Lund"), row(1, "time", "Lund", "Lund"),
        row(2, "contradiction", "Bath", "Oslo"), row(3, "time", "Cork", "Bath"),
        row(4, "contradiction", "Graz", "Graz"), row(5, "time", "Lund", "Graz"),
    ]  # fmt: skip
    found = suite_figures(board_of(tmp_path, rows, n=3), "memory/all")
    assert found is not None
    assert found.contradictions == pytest.approx(1 / 3)
    assert (found.path_success, found.macro_reuse, found.steps_saved) == (None, None, None)


def test_habits_and_scripts(tmp_path: Path) -> None:
    # Of four habits two are right by the map, one right by the model, one wrong by the map: 2 of 4.
    # A script of four steps told whole saves 3/4; one of five that is wrong saves nothing: mean 3/8.
    rows = [
        row(0, "reuse", "wipe it", "wipe it", decided_by="map"), row(1, "reuse", "oil it", "oil it", decided_by="map"),
        row(2, "reuse", "lift it", "lift it", decided_by="model"),
        row(3, "reuse", "dry it", "cut it", decided_by="map"),
        row(4, "whole", "a; b; c; d", "a; b; c; d"), row(5, "whole", "a; b; c; d; e", "a; b; c"),
    ]  # fmt: skip
    found = suite_figures(board_of(tmp_path, rows, n=6), "memory/all")
    assert found is not None
    assert (found.macro_reuse, found.steps_saved) == (0.5, 0.375)


def test_routes_are_judged_among_other_answers(tmp_path: Path) -> None:
    # Of three routes one is as short as can be, one has 4 steps for 2, one gets nowhere; "how far" is no route.
    rows = [
        row(0, "grid", "RR", "RR"), row(1, "grid", "RD", "RDLR"), row(2, "grid", "LL", "up we go"),
        row(3, "distance", "4", "4"),
    ]  # fmt: skip
    found = suite_figures(board_of(tmp_path, rows, n=4), "memory/all")
    assert found is not None
    assert found.path_success == pytest.approx(2 / 3)
    assert found.suboptimality == pytest.approx(0.5)


def test_the_gate_is_judged_by_what_is_asked(tmp_path: Path) -> None:
    suite = generate_suite("episodic", 4, 3)  # every story is asked about
    rows = [row(0, "what", "x", "x")]
    kinds = ["stored", "gated", "stored", "merged"]
    events = [{"event": "told", "kind": kind} for kind in kinds]
    made = board_of(tmp_path, rows, n=4, suite="episodic", events=events, checksum=suite_checksum(suite))
    found = suite_figures(made, "memory/all")
    assert found is not None
    assert (found.write_precision, found.write_recall) == (1.0, 0.75)


def test_items_that_cannot_be_made_again_judge_no_gate(tmp_path: Path) -> None:
    events = [{"event": "told", "kind": "stored"}] * 4
    for i, (suite, checksum) in enumerate((("episodic", "of another version"), ("anyones_file", "x"))):
        made = board_of(
            tmp_path / str(i), [row(0, "what", "x", "x")], n=4, suite=suite, events=events, checksum=checksum
        )
        found = suite_figures(made, "memory/all")
        assert found is not None
        assert (found.write_precision, found.write_recall) == (None, None)
