"""Answers to figures: one row a question, and what the rows of a round come to. Knows nothing of models or memories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from hippo_eval.answerers import Asked
from hippo_eval.cells import ItemRow, Phase
from hippo_eval.metrics import exact_match, f1, format_faults, holds_answer, is_refusal, kind_of, raw_match
from hippo_eval.metrics.ranking import answer_rank, mean_reciprocal_rank
from hippo_eval.routes import route_figures
from hippo_eval.statistics import mean_interval
from hippo_eval.suites.items import TestItem
from hippo_mem.errors import InputError

_MAX_HITS = 12  # kept with a row; a long context has hundreds, and whether one held the answer is said by `hit`

__all__ = ["figures", "holds_answer", "row_of", "score"]


def row_of(item: TestItem, asked: Asked, *, number: int, phase: Phase) -> ItemRow:
    """One question with its answer, scored. `number` is its place in the suite, from 0."""
    return ItemRow(
        id=number,
        phase=phase,
        prompt=item.prompt,
        gold=item.answer,
        answer=asked.text,
        context_key=item.context_key,
        slot=item.slot,
        em=exact_match(asked.text, item.answer),
        em_raw=raw_match(asked.text, item.answer),
        f1=f1(asked.text, item.answer),
        refusal=is_refusal(asked.text),
        hit=holds_answer(asked.recalled, item.answer),
        decoding=asked.decoding,
        source=asked.source,
        decided_by=asked.decided_by,
        path=asked.path,
        hits=asked.hits[:_MAX_HITS],
        latency_ms=round(asked.latency_ms, 3),
        n_in_call=asked.n_in_call,
        prompt_tokens=asked.prompt_tokens,
        generated_tokens=asked.generated_tokens,
        context_tokens=asked.context_tokens,
        requests=asked.requests,
    )


def figures(rows: Sequence[ItemRow], *, seed: int = 0) -> dict[str, Any]:
    """The figures of one round of questions.

    Returns: `em` (normalized), `em_raw`, `f1` and `refusal_rate` as means over `n`; `hit_rate`, the share of
        questions whose answer stood in what was recalled, and `mrr`, the mean reciprocal rank of the first hit that
        has it (None where nothing could be recalled); `em_interval` at 95 %; `em_by_slot`; counts by `decoding`,
        `decided_by`, `answer_kinds` and `format_faults`; `success_rate` and `suboptimality` where answers are routes.
    Raises: InputError when there is no question.
    """
    if not rows:
        raise InputError("no question was asked, nothing can be scored")
    could_recall = any(r.hits or r.source == "memory" for r in rows)
    exact = [float(r.em) for r in rows]
    routes = route_figures([(r.answer, r.gold) for r in rows], prompts=[r.prompt for r in rows])
    slots = sorted({r.slot for r in rows if r.slot})
    interval = mean_interval(exact, seed=seed)
    ranks = [answer_rank([h.text for h in r.hits], r.gold) for r in rows]
    return {
        "n": len(rows),
        "em": _mean(exact),
        "em_interval": [interval.low, interval.high],
        "em_raw": _mean([float(r.em_raw) for r in rows]),
        "f1": _mean([r.f1 for r in rows]),
        "hit_rate": _mean([float(r.hit) for r in rows]) if could_recall else None,
        "mrr": mean_reciprocal_rank(ranks) if could_recall else None,
        "refusal_rate": _mean([float(r.refusal) for r in rows]),
        "em_by_slot": {s: _mean([float(r.em) for r in rows if r.slot == s]) for s in slots},
        "decoding": dict(Counter(r.decoding for r in rows)),
        "decided_by": dict(Counter(r.decided_by for r in rows if r.decided_by)),
        "answer_kinds": dict(Counter(kind_of(r.answer, r.gold) for r in rows)),
        "format_faults": dict(Counter(fault for r in rows for fault in format_faults(r.answer))),
        **(routes or {}),
    }


def score(
    items: Sequence[TestItem], asked: Sequence[Asked], *, seed: int = 0, phase: Phase = "on"
) -> tuple[dict[str, Any], list[ItemRow]]:
    """Figures and rows of one round.

    Raises: InputError when there is no question, or counts differ.
    """
    if not items or len(items) != len(asked):
        raise InputError(f"{len(items)} questions and {len(asked)} answers cannot be scored")
    rows = [row_of(i, a, number=at, phase=phase) for at, (i, a) in enumerate(zip(items, asked, strict=True))]
    return figures(rows, seed=seed), rows


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
