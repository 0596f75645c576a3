"""A run's cells as they are on disk, pooled into boards of figures that compare. Knows nothing of pages.

A board is one set of questions (suite, profile, size, model). Its entries are the presets with their variants, each
with the rows of all its seeds. What cannot be read is left out and said, never guessed.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from hippo_eval.cells import METRICS, PHASES, Cell, CellResult, ItemRow, Phase, read_cell, run_folder
from hippo_eval.schema import problems_of
from hippo_mem.errors import HippoError, InputError

# Variants whose question is what the weights alone know.
_ASK_WEIGHTS = frozenset({"sleep", "memory_off", "adapter"})
# Fewer sessions than this say too little about how sessions differ; then the things told are resampled.
_MANY_SESSIONS = 20


class Key(NamedTuple):
    """A question: which it is, of which seed."""

    seed: int
    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One cell with its questions, by phase. `sound`: its figures keep to the schema."""

    result: CellResult
    rows: Mapping[Phase, Sequence[ItemRow]]
    sound: bool = True

    @property
    def cell(self) -> Cell:
        """Which cell."""
        return self.result.cell


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Board:
    """One set of questions and everyone who answered it: `entries` by label, then the cells by seed.

    A board is equal to itself alone, so that figures can be kept by board.
    """

    suite: str
    profile: str
    n: int
    model: str
    entries: Mapping[str, Sequence[Read]]

    @property
    def name(self) -> str:
        """`episodic@50`, with profile where it is not the default one."""
        profile = "" if self.profile == "default" else f" {self.profile}"
        return f"{self.suite}@{self.n}{profile}"

    @property
    def seeds(self) -> tuple[int, ...]:
        """Every seed that somebody answered."""
        return tuple(sorted({r.cell.seed for reads in self.entries.values() for r in reads}))

    def cell(self, label: str) -> Cell:
        """Any cell of an entry."""
        return self.entries[label][0].cell

    def phases(self, label: str) -> tuple[Phase, ...]:
        """The phases that every seed of an entry has."""
        return tuple(p for p in PHASES if all(r.rows.get(p) for r in self.entries[label]))

    def last_phase(self, label: str) -> Phase | None:
        """The phase an entry is judged by: memory off where that is the point, else as it is; None without answers."""
        there = self.phases(label)
        weights = _ASK_WEIGHTS.intersection(self.cell(label).variants)
        order: tuple[Phase, ...] = ("off", "on") if weights else ("on", "off")
        return next((p for p in order if p in there), None)

    def learned(self, label: str) -> bool:
        """Whether something was replayed or slept on between the first question and the last."""
        samples = (r.result.metrics.get("replay") or {} for r in self.entries[label])
        return "sleep" in self.cell(label).variants or any(s.get("samples") for s in samples if isinstance(s, Mapping))

    def rows(self, label: str, phase: Phase) -> dict[Key, ItemRow]:
        """The answers of one phase over all seeds, in the order asked."""
        return {Key(r.cell.seed, row.id): row for r in self.entries[label] for row in r.rows.get(phase, ())}

    def groups(self, keys: Sequence[Key]) -> list[Hashable]:
        """What each question is about, for resampling: its session where there are many, else the thing told.

        A suite of n things asks the same number of questions about each, one thing after the other; where the counts
        do not divide, each question stands for itself.
        """
        contexts = self._contexts()
        n_sessions = len({contexts[k] for k in keys if k in contexts})
        per_session = Counter(contexts.get(k) for k in keys)
        if n_sessions >= _MANY_SESSIONS and max(per_session.values()) > 1:
            return [contexts.get(k, k) for k in keys]
        place = {seed: {k.id: i for i, k in enumerate(ids)} for seed, ids in self._order(keys).items()}
        size = {seed: len(ids) // self.n if len(ids) % self.n == 0 else 1 for seed, ids in place.items()}
        return [(k.seed, place[k.seed][k.id] // max(1, size[k.seed])) for k in keys]

    def _order(self, keys: Sequence[Key]) -> dict[int, list[Key]]:
        order: dict[int, list[Key]] = {}
        for key in sorted(set(keys)):
            order.setdefault(key.seed, []).append(key)
        return order

    def _contexts(self) -> dict[Key, Hashable]:
        return {
            Key(r.cell.seed, row.id): (r.cell.seed, row.context_key)
            for reads in self.entries.values()
            for r in reads
            for rows in r.rows.values()
            for row in rows
            if row.context_key is not None
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Everything a report is made of. `problems` are clear lines about what could not be read."""

    run_id: str
    folder: Path
    boards: Sequence[Board]
    problems: Sequence[str]

    @property
    def cells(self) -> list[Read]:
        """Every cell that was read."""
        return [r for b in self.boards for reads in b.entries.values() for r in reads]


def read_run(run_id: str, runs: str | Path = "runs") -> Run:
    """Read what a run has left, finished or not.

    Raises: InputError when there is no such run, or nothing in it that can be read.
    """
    root = run_folder(run_id, runs)
    if not root.is_dir():
        raise InputError(f"no run {run_id!r}: {root} does not exist")
    problems: list[str] = []
    found: list[Read] = []
    for file in sorted(root.rglob(METRICS)):
        if not any(part.startswith(".") for part in file.relative_to(root).parts):
            read = _read(file, root, problems)
            found += [read] if read is not None else []
    if not found:
        why = f": {'; '.join(problems[:3])}" if problems else f"; no {METRICS} of a finished cell is under {root}"
        raise InputError(f"nothing of run {run_id!r} can be reported{why}")
    return Run(run_id=run_id, folder=root, boards=_boards(found), problems=tuple(problems))


def _read(file: Path, root: Path, problems: list[str]) -> Read | None:
    """One cell; None, with a line in `problems`, when it cannot be used."""
    name = file.parent.relative_to(root)
    try:
        result = read_cell(file.parent)
    except HippoError as error:
        problems.append(f"{name} is left out: {' '.join(str(error).split())}")
        return None
    wrong = problems_of(result.metrics)
    problems += [f"{name}/{METRICS} does not keep to the schema: {p}" for p in wrong[:3]]
    try:
        rows = result.items()
    except (HippoError, OSError, TypeError, ValueError) as error:
        problems.append(f"{name} has figures but no answers that can be read: {' '.join(str(error).split())}")
        rows = []
    fit = [row for row in rows if _is_number(row.f1)]
    if len(fit) < len(rows):
        problems.append(f"{name}: {len(rows) - len(fit)} of {len(rows)} answers have an F1 that is no number; left out")
    by_phase: dict[Phase, list[ItemRow]] = {}
    for row in fit:
        by_phase.setdefault(row.phase, []).append(row)
    return Read(result=result, rows=by_phase, sound=not wrong)


def _boards(found: Sequence[Read]) -> tuple[Board, ...]:
    """Cells by the questions they were asked; baselines before memories, then by label and seed."""
    boards: dict[tuple[str, str, int, str], dict[str, list[Read]]] = {}
    for read in sorted(found, key=lambda r: (r.cell.is_memory, r.cell.label, r.cell.seed)):
        c = read.cell
        boards.setdefault((c.suite, c.profile, c.n, c.model), {}).setdefault(c.label, []).append(read)
    return tuple(
        Board(suite=suite, profile=profile, n=n, model=model, entries=entries)
        for (suite, profile, n, model), entries in sorted(boards.items())
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)
