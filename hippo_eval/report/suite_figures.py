"""Figures that only some suites have: routes, contradictions, habits, what was worth writing. Knows nothing of pages.

Each is defined by what questions of a kind (`slot`) have in common, not by their wording, and is None where a board has
no such questions:

    path success, suboptimality   kinds of question whose answers are all routes
    contradictions   of the questions of today ("contradiction"), answers that were true of the same thing before: what
                     its questions of the past ("time") have as their answer
    macro reuse      of the questions that a habit answers ("reuse"), those decided by the map and right
    steps saved      of the scripts asked for as a whole ("whole"; steps joined by ";"): one question in place of one a
                     step where the answer is right, nothing saved where it is not
    write precision  of the events that were written, those whose text holds the answer to a question of its session
    write recall     of the events whose text holds such an answer, those written
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from hippo_eval.answerers import in_order
from hippo_eval.cells import Cell, ItemRow
from hippo_eval.metrics import contradiction_rate, holds_answer, reuse_rate, steps_saved, write_score
from hippo_eval.report.reading import Board, Key, Read
from hippo_eval.routes import moves, route_figures
from hippo_eval.stamps import suite_checksum
from hippo_eval.suites.choose import generate_suite
from hippo_mem.errors import HippoError


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteFigures:
    """None where a board has no such questions; all are shares but `suboptimality`, a mean of extra lengths."""

    path_success: float | None
    suboptimality: float | None
    contradictions: float | None
    macro_reuse: float | None
    steps_saved: float | None
    write_precision: float | None
    write_recall: float | None


def suite_figures(board: Board, label: str) -> SuiteFigures | None:
    """The figures of an entry in the phase it is judged by; None without answers."""
    phase = board.last_phase(label)
    rows = board.rows(label, phase) if phase else {}
    if not rows:
        return None
    routes = _routes(list(rows.values()))
    habits = [r for r in rows.values() if r.slot == "reuse"]
    scripts = [(r, len(r.gold.split(";"))) for r in rows.values() if r.slot == "whole" and ";" in r.gold]
    written = _writing(board.entries[label]) if board.cell(label).is_memory else (None, None)
    return SuiteFigures(
        path_success=routes.get("success_rate"),
        suboptimality=routes.get("suboptimality"),
        contradictions=_contradictions(board, rows),
        macro_reuse=reuse_rate([r.em and r.decided_by == "map" for r in habits]),
        steps_saved=steps_saved([n for _, n in scripts], [1 if r.em else n for r, n in scripts]),
        write_precision=written[0],
        write_recall=written[1],
    )


def _routes(rows: Sequence[ItemRow]) -> Mapping[str, float | None]:
    slots = {r.slot for r in rows}
    walked = {s for s in slots if all(moves(r.gold) is not None for r in rows if r.slot == s)}
    asked = [r for r in rows if r.slot in walked]
    return route_figures([(r.answer, r.gold) for r in asked], prompts=[r.prompt for r in asked]) or {} if asked else {}


def _contradictions(board: Board, rows: Mapping[Key, ItemRow]) -> float | None:
    keys = list(rows)
    about = dict(zip(keys, board.groups(keys), strict=True))
    past: dict[object, list[str]] = {}
    for key, row in rows.items():
        if row.slot == "time":
            past.setdefault(about[key], []).append(row.gold)
    today = [(r, past.get(about[k], [])) for k, r in rows.items() if r.slot == "contradiction"]
    return contradiction_rate([r.answer for r, _ in today], [r.gold for r, _ in today], [p for _, p in today])


def _writing(reads: Sequence[Read]) -> tuple[float | None, float | None]:
    """Precision and recall of the gate over all seeds; None where the cell's items cannot be made again."""
    written: set[tuple[int, int]] = set()
    worth: set[tuple[int, int]] = set()
    for read in reads:
        worthy = _worth(read.cell, str((read.result.meta.get("suite") or {}).get("checksum")))
        try:
            kinds = [e.get("kind") for e in read.result.events() if e.get("event") == "told"]
        except HippoError:
            return None, None
        if worthy is None or len(worthy) != len(kinds):
            return None, None
        seed = read.cell.seed
        written |= {(seed, i) for i, kind in enumerate(kinds) if kind != "gated"}
        worth |= {(seed, i) for i, good in enumerate(worthy) if good}
    found = write_score(written, worth)
    return found.precision, found.recall


@lru_cache(maxsize=64)
def _worth(cell: Cell, checksum: str) -> tuple[bool, ...] | None:
    """For each event in the order told, whether it holds the answer to a question of its session."""
    try:
        suite = generate_suite(cell.suite, cell.n, cell.seed, cell.profile)
    except HippoError:
        return None
    if suite_checksum(suite) != checksum:  # items of another version, or of files
        return None
    answers: dict[str | None, set[str]] = {}
    for item in suite.test:
        answers.setdefault(item.context_key, set()).add(item.answer)
    return tuple(
        any(holds_answer([item.fact], a) for a in answers.get(item.context_key, ())) for item in in_order(suite.teach)
    )
