"""A run's figures as a few lines for a terminal. Knows nothing of how they came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    """One `name value` line a figure, then the counts, then what the guardrails remark and which invariants fail."""
    found = [(name, metrics[name]) for name in _FIGURES if metrics.get(name) is not None]
    found += [(f"{group}.{name}", metrics.get(group, {}).get(name, 0)) for group, name in _COUNTS]
    text = [f"{name:<20} {value:.4g}" if isinstance(value, float) else f"{name:<20} {value}" for name, value in found]
    text += [f"remark: {r}" for r in metrics.get("guardrails", {}).get("remarks", [])]
    return text + [f"warning: {w['text']}" for w in metrics.get("warnings", [])]


def over_runs(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Several runs as one line a preset and suite: the mean over its seeds and how far they are apart."""
    groups: dict[tuple[str, str], list[float]] = {}
    for metrics in found:
        if metrics.get("em") is not None:
            cell = metrics["cell"]
            label = "+".join((cell["preset"], *cell["variants"]))
            groups.setdefault((label, f"{cell['suite']}@{cell['n']}"), []).append(metrics["em"])
    return [
        f"{label:<32} {suite:<24} em {sum(em) / len(em):.3f}  ({min(em):.3f} to {max(em):.3f}, {len(em)} seeds)"
        for (label, suite), em in groups.items()
    ]
