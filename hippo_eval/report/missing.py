"""What a run lacks to be whole: cells that others of the same board have, and work that was never finished.

A run is whole when every preset and variant on a board has every seed of it, every board has all baselines and at
least one memory. Knows nothing of what was planned.
"""

from __future__ import annotations

from pathlib import Path

from hippo_eval.cells import ITEMS, METRICS
from hippo_eval.report.reading import Board, Run

BASELINES = ("baselines/core", "baselines/span_short", "baselines/longctx", "baselines/rag")


def missing_from(run: Run) -> list[str]:
    """One clear line for each thing that is missing."""
    lines = [line for board in run.boards for line in _of_board(board)]
    unfinished = sorted(str(f.relative_to(run.folder)) for f in _unfinished(run.folder))
    if unfinished:
        shown = ", ".join(unfinished[:5]) + (f" and {len(unfinished) - 5} more" if len(unfinished) > 5 else "")
        lines.append(f"Not finished, and left out: {shown}. Run the same command again to finish them.")
    return lines


def _of_board(board: Board) -> list[str]:
    lines = []
    absent = [b for b in BASELINES if b not in board.entries]
    if absent:
        lines.append(f"{board.name}: no finished cell of {', '.join(absent)}; nothing is compared with them.")
    if not any(board.cell(label).is_memory for label in board.entries):
        lines.append(f"{board.name}: no finished cell of a memory, only baselines.")
    for label, reads in board.entries.items():
        seeds = {r.cell.seed for r in reads}
        lacking = [s for s in board.seeds if s not in seeds]
        if lacking:
            lines.append(
                f"{board.name}, {label}: seed {', '.join(map(str, lacking))} missing; its figures are of "
                f"{', '.join(map(str, sorted(seeds)))}, and compared on those alone."
            )
        mute = [r.cell.seed for r in reads if not r.rows]
        if mute:
            lines.append(f"{board.name}, {label}: seed {', '.join(map(str, mute))} has no answers to report.")
    return lines


def _unfinished(root: Path) -> list[Path]:
    """Folders of cells that were begun: hidden ones, and those with answers but no figures."""
    hidden = [
        f
        for f in root.rglob(".*")
        if f.is_dir() and not any(p.startswith(".") for p in f.parent.relative_to(root).parts)
    ]
    begun = [f.parent for f in root.rglob(ITEMS) if not (f.parent / METRICS).is_file()]
    inside = {h for h in hidden for b in begun if h in b.parents or h == b}
    return sorted({*inside, *(b for b in begun if not any(h in b.parents or h == b for h in hidden))})
