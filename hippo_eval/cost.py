"""What the answers of a cell cost, beside a long context that holds everything that was told.

In: rows, the suite, the model's shape. Out: tokens, bytes of keys and values, operations, latency. Counted for each
question as if it were asked alone, whatever was shared between questions while measuring. Knows nothing of scores.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from hippo_eval.cells import ItemRow, timed
from hippo_eval.metrics.cost import ModelShape, forward_flops, kv_cache_bytes, latency, share_saved
from hippo_eval.suites.items import Suite

Count = Callable[[str], int]


def cost_of(
    rows: Sequence[ItemRow], suite: Suite, count: Count, shape: ModelShape | None, *, isolate: bool = True
) -> dict[str, Any]:
    """The cost of one round.

    Args:
        count: tokens of a text.
        shape: of the model; None where it has none, then only tokens and times are given.
        isolate: whether a question's long context would hold the facts of its own session alone.
    Returns: `latency` (see `metrics.cost.latency`; of calls of one question where there are any, else of shares of
        calls), `tokens`, `long_context_tokens` (means a question), and with a shape `kv_cache_bytes`, `flops`,
        `flops_saved` and `kv_cache_saved` against the long context.
    """
    facts = _tokens_told(suite, count)
    reference = [
        (facts[r.context_key] if isolate and r.context_key is not None else sum(facts.values())) + count(r.prompt)
        for r in rows
    ]
    found: dict[str, Any] = {
        "latency": {
            **(latency([r.latency_ms / 1000 for r in timed(rows)]) or {}),
            "of": "single questions" if any(r.alone for r in rows) else "shares of batches",
        },
        "tokens": {
            "read": _mean([r.prompt_tokens for r in rows]),
            "generated": _mean([r.generated_tokens for r in rows]),
            "held": _mean([r.context_tokens for r in rows]),
        },
        "long_context_tokens": _mean(reference),
    }
    if shape is None or any(r.prompt_tokens is None for r in rows):
        return found
    spent = [forward_flops(shape, r.prompt_tokens or 0, r.generated_tokens or 0) for r in rows]
    held = [kv_cache_bytes(shape, r.context_tokens or 0) for r in rows]
    said = _mean([count(r.answer) for r in rows]) or 0.0
    long = [forward_flops(shape, n, round(said)) for n in reference]
    long_held = [kv_cache_bytes(shape, n + round(said)) for n in reference]
    return {
        **found,
        "kv_cache_bytes": {"mean": _mean(held), "max": max(held), "long_context_mean": _mean(long_held)},
        "flops": {"mean": _mean(spent), "long_context_mean": _mean(long)},
        "flops_saved": share_saved(sum(spent), sum(long)),
        "kv_cache_saved": share_saved(sum(held), sum(long_held)),
    }


def _tokens_told(suite: Suite, count: Count) -> dict[str | None, int]:
    told: dict[str | None, int] = defaultdict(int)
    for item in suite.teach:
        told[item.context_key] += count(item.fact + "\n")
    return told


def _mean(values: Sequence[int | None]) -> float | None:
    known = [v for v in values if v is not None]
    return sum(known) / len(known) if known else None
