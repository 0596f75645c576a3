"""One picture of a demo: answers before, at once and after the night; what it cost; how it was learned.

In: the metrics of `hippo_eval.demo`. Out: a PNG. Knows nothing of how the figures came about.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito's palette: told apart by color-blind readers too.
_GREY, _BLUE, _GREEN, _ORANGE = "#999999", "#0072B2", "#009E73", "#D55E00"
_PHASES = (
    ("before_off", "before, memory off", _GREY),
    ("memory_on", "told, memory on", _BLUE),
    ("after_off_sealed", "after sleep, memory off", _GREEN),
)


def draw(metrics: Mapping[str, Any], path: Path) -> None:
    """Write the picture. A figure that is missing leaves its place empty.

    Raises: OSError when the file cannot be written.
    """
    figure = Figure(figsize=(13, 4), layout="constrained")
    answers, cost, learning = figure.subplots(1, 3, width_ratios=(5, 3, 4))
    _answers(answers, metrics)
    _cost(cost, metrics)
    _learning(learning, curve_of(metrics))
    figure.suptitle(
        f"{metrics['n']} stories told once, seed {metrics['seed']}, {metrics['model']}: "
        f"the night took {metrics['sleep']['seconds']:.0f} s"
    )
    figure.savefig(path, dpi=120)


def curve_of(metrics: Mapping[str, Any]) -> list[Sequence[float]]:
    """Rows of (step, seconds, loss, share of stop questions right), found anywhere in the night's report."""
    waiting: list[Any] = [metrics.get("sleep", {}).get("report")]
    while waiting:
        found = waiting.pop()
        if isinstance(found, Mapping):
            if found.get("curve"):
                return list(found["curve"])
            waiting += found.values()
    return []


def _answers(axes: Axes, metrics: Mapping[str, Any]) -> None:
    groups = {"all": metrics["em"], **metrics["em_by_slot"]}
    width = 0.8 / len(_PHASES)
    for i, (phase, label, color) in enumerate(_PHASES):
        places = [g + (i - 1) * width for g in range(len(groups))]
        axes.bar(places, [values[phase] for values in groups.values()], width, label=label, color=color)
    axes.set_xticks(range(len(groups)), list(groups))
    axes.set_ylim(0, 1.02)
    axes.axhline(0.9, color="black", linewidth=0.6, linestyle=":")
    axes.set_title("answers right (exact match)")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=3, frameon=False, fontsize=8)


def _cost(axes: Axes, metrics: Mapping[str, Any]) -> None:
    shipped, ungated = metrics["forgetting"], metrics["forgetting_ungated"]
    names = ("known facts\nflipped, %", "general text,\n0.01 nats/token")
    width = 0.38
    for i, (label, figures, color) in enumerate((("as shipped", shipped, _GREEN), ("ungated", ungated, _ORANGE))):
        values = (100 * (figures["known_fact_flips"] or 0.0), 100 * figures["ce_delta_nats"])
        bars = axes.bar([g + (i - 0.5) * width for g in range(len(names))], values, width, label=label, color=color)
        axes.bar_label(bars, fmt="%.2g", fontsize=8)
    axes.set_xticks(range(len(names)), list(names))
    axes.axhline(1.0, color="black", linewidth=0.6, linestyle=":")
    axes.axhline(0.0, color="black", linewidth=0.6)
    axes.set_title("what it cost (dotted: the bar)")
    axes.legend(frameon=False, fontsize=8)


def _learning(axes: Axes, curve: Sequence[Sequence[float]]) -> None:
    axes.set_title("how it was learned")
    axes.set_xlabel("seconds of training")
    if not curve:
        axes.text(0.5, 0.5, "nothing was trained", ha="center", va="center", transform=axes.transAxes)
        return
    axes.plot([row[1] for row in curve], [row[2] for row in curve], color=_GREY, linewidth=1)
    axes.set_ylabel("loss, nats an answer", color=_GREY)
    axes.set_ylim(bottom=0)
    checked = [(row[1], row[3]) for row in curve if row[3] is not None and math.isfinite(row[3])]
    if checked:
        right = axes.twinx()
        right.plot([s for s, _ in checked], [share for _, share in checked], color=_GREEN, marker="o", markersize=3)
        right.set_ylim(0, 1.02)
        right.set_ylabel("early-stop questions right", color=_GREEN)
