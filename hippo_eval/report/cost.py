"""What a question costs each entry: time, tokens, keys and values, operations, against long context.

Read from the `cost` of each cell and the times of its answers. Knows nothing of pages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hippo_eval.cells import timed
from hippo_eval.metrics import latency
from hippo_eval.report.reading import Board


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Means a question; None where it was not counted. `saved` are shares of a long context that holds everything.

    `alone` says whether the times are of questions asked alone, and not shares of a batch.
    """

    latency_p50_ms: float | None
    latency_p95_ms: float | None
    alone: bool
    tokens_read: float | None
    tokens_generated: float | None
    kv_bytes: float | None
    flops: float | None
    flops_saved: float | None
    kv_saved: float | None


def costs(board: Board) -> dict[str, Cost]:
    """The cost of every entry of a board that has answers, by label; means over its seeds."""
    found = {}
    for label, reads in board.entries.items():
        phase = board.last_phase(label)
        if phase is None:
            continue
        rows = board.rows(label, phase).values()
        times = latency([r.latency_ms / 1000 for r in timed(rows) if r.latency_ms > 0]) or {}
        told = [c for r in reads if isinstance(c := r.result.metrics.get("cost"), Mapping)]
        found[label] = Cost(
            latency_p50_ms=times.get("p50_ms"),
            latency_p95_ms=times.get("p95_ms"),
            alone=any(r.alone for r in rows),
            tokens_read=_mean(told, "tokens", "read"),
            tokens_generated=_mean(told, "tokens", "generated"),
            kv_bytes=_mean(told, "kv_cache_bytes", "mean"),
            flops=_mean(told, "flops", "mean"),
            flops_saved=_mean(told, "flops_saved"),
            kv_saved=_mean(told, "kv_cache_saved"),
        )
    return found


def mean_cost(found: Sequence[Cost]) -> Cost:
    """The mean of the costs of one label on several boards, each figure over the boards that have it."""
    means = {
        name: sum(known) / len(known) if (known := [v for c in found if (v := getattr(c, name)) is not None]) else None
        for name in Cost.__slots__
        if name != "alone"
    }
    return Cost(alone=all(c.alone for c in found), **means)


def _mean(told: Sequence[Mapping[str, Any]], *path: str) -> float | None:
    values = []
    for one in told:
        value: Any = one
        for name in path:
            value = value.get(name) if isinstance(value, Mapping) else None
        if isinstance(value, (int, float)):
            values.append(float(value))
    return sum(values) / len(values) if values else None
