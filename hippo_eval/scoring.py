"""Answers to figures: what a run scored, item by item and in all. Knows nothing of models or memories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from hippo_eval.answerers import Asked
from hippo_eval.bootstrap import mean_interval
from hippo_eval.metrics import exact_match, f1, is_refusal, normalize, raw_match
from hippo_eval.routes import route_figures
from hippo_eval.suites.items import TestItem
from hippo_mem.errors import InputError


def holds_answer(texts: Sequence[str], answer: str) -> bool:
    """Whether one of the texts has the answer in it as whole words, once both are normalized."""
    wanted = f" {normalize(answer)} "
    return any(wanted in f" {normalize(text)} " for text in texts)


def score(items: Sequence[TestItem], asked: Sequence[Asked], *, seed: int = 0) -> dict[str, Any]:
    """The figures of one round of questions.

    Returns: `em` (normalized), `em_raw`, `f1` and `refusal_rate` as means over `n`; `hit_rate`, the share of
        questions whose answer stood in what was recalled (None where nothing could be); `em_interval` at 95 %;
        `em_by_slot`; `decoding` counts; `success_rate` and `suboptimality` where answers are routes; `items`.
    Raises: InputError when there is no question, or counts differ.
    """
    if not items or len(items) != len(asked):
        raise InputError(f"{len(items)} questions and {len(asked)} answers cannot be scored")
    rows = [_row(item, a) for item, a in zip(items, asked, strict=True)]
    could_recall = any(a.requests or a.recalled for a in asked)
    exact = [float(row["em"]) for row in rows]
    routes = route_figures(
        [(a.text, item.answer) for item, a in zip(items, asked, strict=True)], prompts=[item.prompt for item in items]
    )
    slots = sorted({row["slot"] for row in rows if row["slot"]})
    return {
        "n": len(rows),
        "em": _mean(exact),
        "em_interval": list(mean_interval(exact, seed=seed)),
        "em_raw": _mean([float(row["em_raw"]) for row in rows]),
        "f1": _mean([row["f1"] for row in rows]),
        "hit_rate": _mean([float(row["hit"]) for row in rows]) if could_recall else None,
        "refusal_rate": _mean([float(row["refusal"]) for row in rows]),
        "em_by_slot": {s: _mean([float(r["em"]) for r in rows if r["slot"] == s]) for s in slots},
        "decoding": dict(Counter(a.decoding for a in asked)),
        **(routes or {}),
        "items": rows,
    }


def _row(item: TestItem, asked: Asked) -> dict[str, Any]:
    return {
        "prompt": item.prompt,
        "answer": item.answer,
        "prediction": asked.text,
        "context_key": item.context_key,
        "slot": item.slot,
        "em": exact_match(asked.text, item.answer),
        "em_raw": raw_match(asked.text, item.answer),
        "f1": f1(asked.text, item.answer),
        "refusal": is_refusal(asked.text),
        "hit": holds_answer(asked.recalled, item.answer),
        "decoding": asked.decoding,
        "source": asked.source,
        "recalled": list(asked.recalled),
    }


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
