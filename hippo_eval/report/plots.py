"""Pictures as SVG elements that follow a page's colors, light and dark. In: labels and numbers. Knows nothing of runs.

Drawn by matplotlib with colors that stand for the page's (`look.LIGHT`), which are then named as variables. One
picture is as wide as a telephone, so that its letters stay readable there; wide screens show several side by side.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from hippo_eval.report.document import Plot
from hippo_eval.report.look import DARK, LIGHT

_INK, _LINE = "#1d2126", "#d9dee3"
_VARIABLES = {_INK: "fg", _LINE: "line", **{color: name for name, color in LIGHT.items()}}
_DARK_INK, _DARK_LINE = "#e4e8ec", "#333a42"
_WIDTH_IN = 5.0
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.size": 10,
    "text.color": _INK,
    "axes.edgecolor": _LINE,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": _LINE,
    "legend.frameon": False,
}
# A file that stands alone brings the colors itself.
_ALONE = (
    "<style>"
    + f":root{{--fg:{_INK};--line:{_LINE};{';'.join(f'--{n}:{c}' for n, c in LIGHT.items())}}}"
    + "@media(prefers-color-scheme:dark){"
    + f":root{{--fg:{_DARK_INK};--line:{_DARK_LINE};{';'.join(f'--{n}:{c}' for n, c in DARK.items())}}}"
    + "}</style>"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One value on a line of its own: `low` and `high` are its interval. `color` is a name of `look.LIGHT`."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    color: str = "blue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Values that belong together, each at its place."""

    label: str
    points: Sequence[tuple[float, float]]
    color: str = "blue"


def dots(
    name: str,
    title: str,
    marks: Sequence[Mark],
    *,
    unit: str,
    zero_line: bool = False,
    span: tuple[float, float] | None = (0.0, 1.0),
) -> Plot:
    """One row a mark: a dot with its interval. `zero_line` marks differences; else the axis is `span`, None for any."""

    def draw(axes: Axes) -> None:
        rows = range(len(marks))
        for row, mark in zip(rows, marks, strict=True):
            color = LIGHT[mark.color]
            if mark.low is not None and mark.high is not None:
                axes.plot([mark.low, mark.high], [row, row], color=color, linewidth=2.2, solid_capstyle="round")
            axes.plot([mark.value], [row], "o", color=color, markersize=6)
            edge = mark.high if mark.high is not None else mark.value
            axes.annotate(
                f"{mark.value:+.2f}" if zero_line else f"{mark.value:.2f}",
                (edge, row), xytext=(6, 0), textcoords="offset points", va="center", fontsize=9,
            )  # fmt: skip
        axes.set_yticks(list(rows), [m.label for m in marks])
        axes.set_ylim(len(marks) - 0.4, -0.6)
        axes.grid(axis="x", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.set_xlabel(unit)
        axes.tick_params(length=0)
        if zero_line:
            axes.axvline(0, color=_INK, linewidth=0.8)
            axes.margins(x=0.16)
        elif span is None:
            axes.set_xlim(left=0, right=1.2 * max(0.01, *(m.value for m in marks)))
        else:
            low, high = span
            axes.set_xlim(low - 0.02 * (high - low), high + 0.13 * (high - low))
            axes.set_xticks([low + i * (high - low) / 4 for i in range(5)])

    alt = f"{title}. " + "; ".join(_said(m) for m in marks)
    return _plot(name, title, alt, draw, height=0.72 + 0.27 * len(marks))


def stacks(name: str, title: str, rows: Sequence[str], parts: Sequence[tuple[str, str, Sequence[float]]]) -> Plot:
    """One bar a row, cut into parts: (label, color, value of each row)."""

    def draw(axes: Axes) -> None:
        left = [0.0] * len(rows)
        for label, color, values in parts:
            axes.barh(range(len(rows)), values, left=left, height=0.62, color=LIGHT[color], label=label)
            left = [a + b for a, b in zip(left, values, strict=True)]
        axes.set_yticks(range(len(rows)), list(rows))
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.tick_params(length=0)
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(parts), fontsize=9, borderaxespad=0.2,
                    handlelength=1, columnspacing=1.2)  # fmt: skip

    said = (f"{row}: " + ", ".join(f"{part} {values[i]:g}" for part, _, values in parts) for i, row in enumerate(rows))
    return _plot(name, title, f"{title}. " + "; ".join(said), draw, height=0.75 + 0.3 * len(rows))


def bars(
    name: str, title: str, groups: Sequence[str], parts: Sequence[tuple[str, str, Sequence[Mark | None]]], *, unit: str
) -> Plot:
    """Groups of bars side by side with intervals, 0 to 1: (label, color, mark of each group or None)."""

    def draw(axes: Axes) -> None:
        width = 0.8 / max(1, len(parts))
        for i, (label, color, marks) in enumerate(parts):
            there = [(g + (i - (len(parts) - 1) / 2) * width, m) for g, m in enumerate(marks) if m is not None]
            axes.bar([x for x, _ in there], [m.value for _, m in there], width * 0.92, color=LIGHT[color], label=label)
            for x, m in there:
                if m.low is not None and m.high is not None:
                    axes.plot([x, x], [m.low, m.high], color=_INK, linewidth=1.1)
        axes.set_xticks(range(len(groups)), list(groups), fontsize=9, rotation=0 if len(groups) < 4 else 25,
                        ha="center" if len(groups) < 4 else "right")  # fmt: skip
        axes.set_ylim(0, 1.05)
        axes.set_ylabel(unit)
        axes.grid(axis="y", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.tick_params(length=0)
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(parts), fontsize=9, borderaxespad=0.2,
                    handlelength=1, columnspacing=1.2)  # fmt: skip

    said = (
        f"{group}: " + ", ".join(_said(m) for _, _, marks in parts if (m := marks[g]) is not None)
        for g, group in enumerate(groups)
    )
    return _plot(name, title, f"{title}. " + "; ".join(said), draw, height=3.2)


def lines(name: str, title: str, series: Sequence[Series], *, x: str, y: str, logarithmic: bool = False) -> Plot:
    """Curves over one axis, which starts at 0; `logarithmic` is the x axis."""

    def draw(axes: Axes) -> None:
        for one in series:
            xs, ys = [p[0] for p in one.points], [p[1] for p in one.points]
            axes.plot(xs, ys, "o-", color=LIGHT[one.color], markersize=4, linewidth=1.6, label=one.label)
        if logarithmic:
            axes.set_xscale("log")
            ticks = sorted({p[0] for one in series for p in one.points})
            axes.set_xticks(ticks, [f"{t:g}" for t in ticks], minor=False)
            axes.minorticks_off()
        axes.set_ylim(bottom=0)
        axes.set_xlabel(x)
        axes.set_ylabel(y)
        axes.grid(axis="y", linewidth=0.6)
        axes.tick_params(length=0)
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=min(3, len(series)), fontsize=9, borderaxespad=0.2,
                    handlelength=1.4, columnspacing=1.2)  # fmt: skip

    said = (f"{s.label}: " + ", ".join(f"{a:g} → {b:.3g}" for a, b in s.points) for s in series)
    return _plot(name, title, f"{title} ({x}, {y}). " + "; ".join(said), draw, height=3.1)


def standalone(plot: Plot) -> str:
    """The picture as a file of its own, with its colors and a title for those who cannot see it."""
    head, _, rest = plot.svg.partition(">")
    return f"{head}>{_ALONE}{rest}\n"


def _plot(name: str, title: str, alt: str, draw: Callable[[Axes], None], *, height: float) -> Plot:
    with mpl.rc_context({**_SETTINGS, "svg.hashsalt": name}):
        figure = Figure(figsize=(_WIDTH_IN, height), layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure.subplots())
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return Plot(name=name, title=title, alt=alt, svg=_themed(buffer.getvalue()))


def _themed(svg: str) -> str:
    """The bare element: colors as variables, the page's font, no fixed size, nothing that acts outside it."""
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"\s*<style type=\"text/css\">.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"(<svg [^>]*?) width=\"[^\"]*\"", r"\1", svg, count=1)
    svg = re.sub(r"(<svg [^>]*?) height=\"[^\"]*\"", r"\1", svg, count=1)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r"'DejaVu Sans'[^;\"]*", "system-ui, sans-serif", svg)
    for color, name in _VARIABLES.items():
        svg = re.sub(re.escape(color), f"var(--{name}, {color})", svg, flags=re.IGNORECASE)
    return svg.replace("<svg ", '<svg style="stroke-linejoin:round" ', 1)


def _said(mark: Mark) -> str:
    interval = f" ({mark.low:.2f} to {mark.high:.2f})" if mark.low is not None and mark.high is not None else ""
    return f"{mark.label} {mark.value:.2f}{interval}"
