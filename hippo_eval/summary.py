"""A run's figures as a few lines for a terminal. Knows nothing of how they came about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_FIGURES = (
    "n_taught", "n", "em", "em_raw", "f1", "hit_rate", "refusal_rate", "success_rate", "suboptimality", "pre_em",
    "post_em", "uplift", "seconds",
)  # fmt: skip
_COUNTS = (
    ("retrieval", "requests"),
    ("gates", "attempts"),
    ("gates", "accepts"),
    ("replay", "samples"),
    ("store", "size"),
)


def lines(metrics: Mapping[str, Any]) -> list[str]:
    """One `name value` line a figure, then the counts, then what the guardrails remark."""
    found = [(name, metrics[name]) for name in _FIGURES if metrics.get(name) is not None]
    found += [(f"{group}.{name}", metrics.get(group, {}).get(name, 0)) for group, name in _COUNTS]
    text = [f"{name:<20} {value:.4g}" if isinstance(value, float) else f"{name:<20} {value}" for name, value in found]
    return text + [f"remark: {r}" for r in metrics.get("guardrails", {}).get("remarks", [])]
