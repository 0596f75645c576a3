"""What a run lacks to be whole. Knows nothing of figures or pages.

Where cells say by which command of the matrix they were made, that command says which cells there should be. Elsewhere
a run is whole when every preset on a board has every seed of it, and every suite has all baselines and a memory.
"""

from __future__ import annotations

from pathlib import Path

from hippo_eval.cells import ITEMS, METRICS, Cell
from hippo_eval.report.reading import Board, Run
from hippo_mem.errors import HippoError

# The program that measures a matrix, as it stands in the `command` of a cell.
_MATRIX = "matrix.py"
BASELINES = ("baselines/core", "baselines/span_short", "baselines/longctx", "baselines/rag")


def missing_from(run: Run) -> list[str]:
    """One clear line for each thing that is missing."""
    lines = [line for board in run.boards for line in _without_answers(board)]
    planned = _planned(run)
    if planned:
        lines += _not_measured(run, planned)
    else:
        lines += [line for board in run.boards for line in (*_without_partners(run, board), *_without_seeds(board))]
    unfinished = sorted(str(f.relative_to(run.folder)) for f in _unfinished(run.folder))
    if unfinished:
        shown = ", ".join(unfinished[:5]) + (f" and {len(unfinished) - 5} more" if len(unfinished) > 5 else "")
        lines.append(f"Not finished, and left out: {shown}. Run the same command again to finish them.")
    return lines


def _planned(run: Run) -> set[Cell]:
    """Every cell of the matrices that the run's cells were made by; none where they were made one by one."""
    commands = {tuple(c) for r in run.cells if isinstance(c := r.result.meta.get("command"), list) and c}
    told = [words for words in commands if words[0] == _MATRIX]
    if not told:
        return set()
    from hippo_eval.composing import whole_cell_of
    from hippo_eval.matrix import matrix_of, parser
    from hippo_eval.matrix_plan import cells

    planned: set[Cell] = set()
    for words in told:
        try:
            given = parser().parse_args([str(w) for w in words[1:]])
            planned |= {whole_cell_of(config) for config in cells(matrix_of(given), run.run_id)}
        except (HippoError, SystemExit):  # the command of another version
            return set()
    return planned


def _not_measured(run: Run, planned: set[Cell]) -> list[str]:
    lacking = planned - {r.cell for r in run.cells}
    if not lacking:
        return []
    by_suite: dict[str, list[str]] = {}
    for cell in sorted(lacking, key=lambda c: (c.suite, c.n, c.is_memory, c.label, c.seed)):
        by_suite.setdefault(f"{cell.suite}@{cell.n}, seed {cell.seed}", []).append(cell.label)
    return [
        f"{len(lacking)} of the matrix' {len(planned)} cells are not measured; run the same command again to go on.",
        *(f"{suite}: no figures of {', '.join(labels)}." for suite, labels in by_suite.items()),
    ]


def _without_answers(board: Board) -> list[str]:
    silent = ((label, [r.cell.seed for r in reads if not r.rows]) for label, reads in board.entries.items())
    return [
        f"{board.name}, {label}: seed {', '.join(map(str, seeds))} has no answers to report."
        for label, seeds in silent
        if seeds
    ]


def _without_partners(run: Run, board: Board) -> list[str]:
    """Baselines and memories that no board of the suite has: one size may be there for nights and parts alone."""
    same = [b for b in run.boards if (b.suite, b.profile, b.model) == (board.suite, board.profile, board.model)]
    absent = [name for name in BASELINES if not any(name in b.entries for b in same)]
    lines = []
    if absent:
        lines.append(f"{board.name}: no finished cell of {', '.join(absent)}; nothing is compared with them.")
    if not any(board.cell(label).is_memory for label in board.entries):
        lines.append(f"{board.name}: no finished cell of a memory, only baselines.")
    return lines


def _without_seeds(board: Board) -> list[str]:
    lines = []
    for label, reads in board.entries.items():
        seeds = {r.cell.seed for r in reads}
        lacking = [s for s in board.seeds if s not in seeds]
        if lacking:
            lines.append(
                f"{board.name}, {label}: seed {', '.join(map(str, lacking))} missing; its figures are of "
                f"{', '.join(map(str, sorted(seeds)))}, and compared on those alone."
            )
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
