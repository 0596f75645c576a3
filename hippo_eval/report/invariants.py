"""The telemetry invariants that a run's cells violate, judged anew from what was read. Knows nothing of pages.

`hippo_eval.invariants` says what they are. A cell is judged against the bare model on the same items as it stands now,
which may have been measured after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hippo_eval.invariants import REFERENCE, of_cell
from hippo_eval.report.reading import Board, Read, Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One violated invariant of one cell."""

    board: str
    label: str
    seed: int
    text: str


def violations_of(run: Run) -> list[Violation]:
    """Every violated invariant, board by board, and what the guardrails of a cell say; none said twice."""
    found = [v for board in run.boards for reads in board.entries.values() for r in reads for v in _of(board, r)]
    return list(dict.fromkeys(found))


def _of(board: Board, read: Read) -> Iterator[Violation]:
    if not read.sound:  # said as a problem already; what is missing cannot be judged
        return
    cell, metrics = read.cell, read.result.metrics
    core = next((r for r in board.entries.get(REFERENCE, ()) if r.cell.seed == cell.seed and r.sound), None)
    texts = [w.text for w in of_cell(metrics, core.result.metrics if core is not None else None)]
    for text in (*texts, *_failures(read, texts)):
        yield Violation(board=board.name, label=cell.label, seed=cell.seed, text=text)


def _failures(read: Read, known: list[str]) -> list[str]:
    """What the guardrails say that no invariant says."""
    guardrails = read.result.metrics.get("guardrails") or {}
    failures = [str(f) for f in guardrails.get("failures") or ()]
    return [f for f in failures if not any(f in text or text in f for text in known)]
