"""Figures of a board: means with intervals, presets compared on the same questions. Knows nothing of words or looks.

Comparisons come in two families, each corrected by Holm over the whole report: every memory against every baseline of
its board, and every ablation against the preset it was taken from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

from hippo_eval.cells import ItemRow, Phase, timed
from hippo_eval.metrics import (
    answer_rank,
    format_faults,
    hit_rate_at_k,
    holds_answer,
    kind_of,
    latency,
    mean_reciprocal_rank,
)
from hippo_eval.report.reading import Board, Key, Run
from hippo_eval.statistics import Comparison, Interval, compare_right, compare_scores, holm, mean_interval

Family = Literal["memory against baseline", "without a part"]
_SEED = 0  # of the resampling; the same answers give the same report


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One entry of a board in one phase.

    `held`: share of answers in which the true one stands, whatever stands beside it. `in_reach`: share of questions
    whose answer stood in any text that could be read; `hit_rates`: in the first k.
    """

    label: str
    phase: Phase
    n: int
    em: Interval
    em_raw: float
    held: Interval
    f1: Interval
    refusals: float
    kinds: Mapping[str, float]
    malformed: float
    in_reach: float | None
    hit_rates: Mapping[int, float]
    mrr: float | None
    latency: Mapping[str, float | int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """Two entries on the questions both answered; `em.difference` is first minus second.

    `p_em` and `p_f1` are corrected over the family, `n_unpaired` questions only one of them answered.
    """

    board: Board
    family: Family
    first: str
    second: str
    first_phase: Phase
    second_phase: Phase
    first_em: Interval
    second_em: Interval
    em: Comparison
    f1: Comparison
    p_em: float
    p_f1: float
    n_same_answer: int
    n_unpaired: int

    @property
    def apart(self) -> bool:
        """Whether the two 95 % intervals of EM do not overlap."""
        return self.first_em.apart_from(self.second_em)


@lru_cache(maxsize=4096)
def figures_of(board: Board, label: str, phase: Phase) -> Figures | None:
    """The figures of an entry's phase; None when it has no answers."""
    rows = board.rows(label, phase)
    if not rows:
        return None
    answers = list(rows.values())
    recalled = [r for r in answers if r.hits]
    ranks = [answer_rank([h.text for h in r.hits], r.gold) for r in answers]
    return Figures(
        label=label,
        phase=phase,
        n=len(rows),
        em=_interval(board, rows, lambda r: float(r.em)),
        em_raw=_mean(r.em_raw for r in answers),
        held=_interval(board, rows, lambda r: float(holds_answer([r.answer], r.gold))),
        f1=_interval(board, rows, lambda r: r.f1),
        refusals=_mean(r.refusal for r in answers),
        kinds=_shares("exact" if r.em else kind_of(r.answer, r.gold) for r in answers),
        malformed=_mean(bool(format_faults(r.answer)) for r in answers),
        in_reach=_mean(r.hit for r in answers) if recalled else None,
        hit_rates={k: hit_rate_at_k(ranks, k) or 0.0 for k in (1, 3, 8)} if recalled else {},
        mrr=mean_reciprocal_rank(ranks) if recalled else None,
        latency=latency([r.latency_ms / 1000 for r in timed(answers) if r.latency_ms > 0]),
    )


def by_slot(board: Board, label: str, phase: Phase) -> dict[str, Interval]:
    """EM of each slot with its interval; nothing where questions have none."""
    rows = board.rows(label, phase)
    slots = sorted({r.slot for r in rows.values() if r.slot})
    return {
        slot: _interval(board, {k: r for k, r in rows.items() if r.slot == slot}, lambda r: float(r.em))
        for slot in slots
    }


def pairings(run: Run) -> list[Pairing]:
    """Every comparison of a run, corrected by family."""
    found = [p for board in run.boards for p in (*_against_baselines(board), *_without_parts(board))]
    corrected = []
    for family in ("memory against baseline", "without a part"):
        members = [p for p in found if p.family == family]
        em = holm({i: p.em.p for i, p in enumerate(members)})
        f1 = holm({i: p.f1.p for i, p in enumerate(members)})
        corrected += [replace(p, p_em=em[i], p_f1=f1[i]) for i, p in enumerate(members)]
    return corrected


def pair(board: Board, family: Family, first: str, second: str) -> Pairing | None:
    """Two entries in the phases they are judged by; None when they share no question. Not corrected yet."""
    phases = board.last_phase(first), board.last_phase(second)
    if phases[0] is None or phases[1] is None:
        return None
    a, b = board.rows(first, phases[0]), board.rows(second, phases[1])
    keys = [k for k in a if k in b and (a[k].prompt, a[k].gold) == (b[k].prompt, b[k].gold)]
    if not keys:
        return None
    groups = board.groups(keys)
    em = compare_right([a[k].em for k in keys], [b[k].em for k in keys], groups=groups, seed=_SEED)
    f1 = compare_scores([a[k].f1 for k in keys], [b[k].f1 for k in keys], groups=groups, seed=_SEED)
    return Pairing(
        board=board,
        family=family,
        first=first,
        second=second,
        first_phase=phases[0],
        second_phase=phases[1],
        first_em=_interval(board, {k: a[k] for k in keys}, lambda r: float(r.em)),
        second_em=_interval(board, {k: b[k] for k in keys}, lambda r: float(r.em)),
        em=em,
        f1=f1,
        p_em=em.p,
        p_f1=f1.p,
        n_same_answer=sum(a[k].answer == b[k].answer for k in keys),
        n_unpaired=len(a.keys() | b.keys()) - len(keys),
    )


def _against_baselines(board: Board) -> list[Pairing]:
    baselines = [label for label in board.entries if not board.cell(label).is_memory]
    memories = [lb for lb in board.entries if board.cell(lb).is_memory and not board.cell(lb).ablations]
    found = [pair(board, "memory against baseline", m, b) for m in memories for b in baselines]
    return [p for p in found if p is not None]


def _without_parts(board: Board) -> list[Pairing]:
    found = []
    for label in board.entries:
        cell = board.cell(label)
        whole = "+".join((cell.preset, *(v for v in cell.variants if v not in cell.ablations)))
        if cell.ablations and whole in board.entries:
            found.append(pair(board, "without a part", label, whole))
    return [p for p in found if p is not None]


def _interval(board: Board, rows: Mapping[Key, ItemRow], value: Callable[[ItemRow], float]) -> Interval:
    keys = list(rows)
    return mean_interval([value(rows[k]) for k in keys], groups=board.groups(keys), seed=_SEED)


def _mean(values: Iterable[Any]) -> float:
    numbers = [float(v) for v in values]
    return sum(numbers) / len(numbers)


def _shares(kinds: Iterable[str]) -> dict[str, float]:
    counted: Sequence[str] = list(kinds)
    return {kind: n / len(counted) for kind, n in Counter(counted).items()}
