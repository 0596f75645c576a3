"""Which answers to look at first, and why each went the way it did. Knows nothing of pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hippo_eval.cells import ItemRow, Phase
from hippo_eval.metrics import answer_rank, kind_of
from hippo_eval.report.reading import Board, Key

# An answer that a simpler preset gets right is worse than one that nobody gets.
_WORSE = {"wrong": 0, "refusal": 1, "partial": 2, "overlong": 3, "exact": 4}
_DECIDING = ("graph", "map", "notes", "frame", "model")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One wrong answer: whose, to what, why, and which other entries were right."""

    label: str
    phase: Phase
    key: Key
    row: ItemRow
    why: str
    right_elsewhere: Sequence[str]


def worst(board: Board, label: str, limit: int) -> list[Failure]:
    """At most `limit` wrong answers of an entry, worst first: those others get right, then the farthest off.

    One of each slot is taken before a second one, so that one kind of question does not fill the page.
    """
    phase = board.last_phase(label)
    if phase is None:
        return []
    rows = board.rows(label, phase)
    right = {
        other: {k for k, r in board.rows(other, p).items() if r.em}
        for other in board.entries
        if other != label and not board.cell(other).ablations and (p := board.last_phase(other)) is not None
    }
    failures = [
        Failure(
            label=label,
            phase=phase,
            key=key,
            row=row,
            why=why(row),
            right_elsewhere=[other for other, keys in right.items() if key in keys],
        )
        for key, row in rows.items()
        if not row.em
    ]
    failures.sort(key=lambda f: (-len(f.right_elsewhere), _WORSE[kind_of(f.row.answer, f.row.gold)], f.row.f1, f.key))
    turn: dict[str | None, int] = {}
    places = {}
    for failure in failures:
        turn[failure.row.slot] = turn.get(failure.row.slot, 0) + 1
        places[failure.key] = turn[failure.row.slot]
    return sorted(failures, key=lambda f: places[f.key])[:limit]


def why(row: ItemRow) -> str:
    """What went wrong on the way to an answer, as far as its row tells."""
    kind = kind_of(row.answer, row.gold)
    said = {
        "overlong": "The answer is there with more around it",
        "refusal": "No answer was given",
        "partial": "Part of the answer is there",
        "exact": "The words are right, yet it was judged wrong",
        "wrong": "Another answer was given",
    }[kind]
    return f"{said}; {_recalled(row)}."


def _recalled(row: ItemRow) -> str:
    rank = answer_rank([h.text for h in row.hits], row.gold)
    decided = f"decided by the {row.decided_by}" if row.decided_by in _DECIDING else ""
    if row.source == "weights" or row.decided_by == "weights":
        return "the weights answered, nothing was read"
    if not row.hits:
        return decided or "nothing was recalled"
    if rank is None and row.hit:
        found = f"the answer stood somewhere behind the first {len(row.hits)} texts that could be read"
    elif rank is None:
        found = f"none of the {len(row.hits)} recalled texts has the answer in it"
    elif rank == 1:
        found = "the first recalled text has the answer in it, the reading went wrong"
    else:
        found = f"the answer stood at rank {rank} of {len(row.hits)} recalled texts"
    return f"{found}; {decided}" if decided else found
