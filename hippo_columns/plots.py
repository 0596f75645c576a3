"""Pictures of runs: accuracies, masks, columns, replay, methods side by side.

In: arrays and names. Out: matplotlib figures; whoever asks for them saves them. Accuracies come as fractions of 1 and
are shown in percent. Knows nothing of files or of how the numbers came about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import ArrayLike

from hippo_columns.metrics import Mean
from hippo_mem.errors import InputError

# Okabe and Ito's palette: told apart by color-blind readers too.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")
_SLEEP = "#DDDDEE"
_BASE, _NOVEL = "#0072B2", "#D55E00"


def accuracy_heat_map(matrix: ArrayLike, stages: Sequence[str], tasks: Sequence[str]) -> Figure:
    """R: a row a stage, a column a task, the test accuracy in each cell. Shapes: matrix (S, T), NaN left white.

    Raises: InputError when names and matrix disagree.
    """
    R = np.asarray(matrix, dtype=float)
    if R.shape != (len(stages), len(tasks)):
        raise InputError(f"a matrix of {R.shape} for {len(stages)} stages and {len(tasks)} tasks")
    figure = Figure(figsize=(2.2 + 1.0 * len(tasks), 1.2 + 0.42 * len(stages)), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(100 * R, cmap="viridis", vmin=50, vmax=100, aspect="auto")
    for i, j in np.argwhere(~np.isnan(R)):
        dark = R[i, j] < 0.8
        axes.text(
            j, i, f"{100 * R[i, j]:.1f}", ha="center", va="center", color="white" if dark else "black", fontsize=9
        )
    axes.set_xticks(range(len(tasks)), list(tasks))
    axes.set_yticks(range(len(stages)), [f"after {stage}" for stage in stages])
    axes.set_title("test accuracy, % (rows: stages; 50 is chance)", fontsize=10)
    figure.colorbar(image, ax=axes, shrink=0.85)
    return figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage of a run: its name, and whether it was a sleep."""

    name: str
    is_sleep: bool


def accuracy_over_stages(matrices: ArrayLike, stages: Sequence[Stage], tasks: Sequence[str]) -> Figure:
    """A line a task over the stages, its mean over seeds with the standard error as a band; sleeps are shaded.

    Shapes: matrices (seeds, S, T), NaN where a task was not learned yet.
    """
    R = np.asarray(matrices, dtype=float)
    if R.ndim != 3 or R.shape[1:] != (len(stages), len(tasks)):
        raise InputError(f"matrices of {R.shape} for {len(stages)} stages and {len(tasks)} tasks")
    figure = Figure(figsize=(max(6.0, 1.1 * len(stages) + 2.5), 3.6), layout="constrained")
    axes = figure.subplots()
    for i, stage in enumerate(stages):
        if stage.is_sleep:
            axes.axvspan(i - 0.5, i + 0.5, color=_SLEEP, label=None if "sleep" in _labels(axes) else "sleep")
    at = np.arange(len(stages))
    for j, task in enumerate(tasks):
        known = ~np.isnan(R[:, :, j]).any(0)
        mean = R[:, known, j].mean(0)
        color = COLORS[j % len(COLORS)]
        axes.plot(at[known], 100 * mean, marker="o", markersize=4, color=color, label=task)
        if len(R) > 1:
            error = R[:, known, j].std(0, ddof=1) / np.sqrt(len(R))
            axes.fill_between(at[known], 100 * (mean - error), 100 * (mean + error), color=color, alpha=0.2, lw=0)
    axes.set_xticks(at, [stage.name for stage in stages], rotation=20, ha="right")
    axes.set_xlim(-0.5, len(stages) - 0.5)
    axes.set_ylabel("test accuracy, %")
    low = float(np.nanmin(R)) * 100
    margin = 0.05 * (100.0 - low) + 0.05
    axes.set_ylim(max(0.0, low - margin), 100.0 + margin)
    axes.grid(axis="y", alpha=0.3)
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def mask_heat_map(masks: ArrayLike, tasks: Sequence[str], n_base: int, *, title: str = "masks") -> Figure:
    """α: a row a task, a column a column of the network; the line parts the banks. Shapes: masks (T, C), 0..1."""
    alpha = np.asarray(masks, dtype=float)
    if alpha.ndim != 2 or len(alpha) != len(tasks) or not 0 <= n_base <= alpha.shape[1]:
        raise InputError(f"masks of {alpha.shape} for {len(tasks)} tasks and {n_base} base columns")
    n_columns = alpha.shape[1]
    figure = Figure(figsize=(1.6 + 0.55 * n_columns, 1.1 + 0.4 * len(tasks)), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(alpha, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for i, j in np.argwhere(alpha >= 0.01):
        color = "white" if alpha[i, j] > 0.6 else "black"
        axes.text(j, i, f"{alpha[i, j]:.2f}", ha="center", va="center", fontsize=7, color=color)
    axes.axvline(n_base - 0.5, color="black", linewidth=1)
    axes.set_xticks(range(n_columns), [f"b{k}" if k < n_base else f"n{k - n_base}" for k in range(n_columns)])
    axes.set_yticks(range(len(tasks)), list(tasks))
    axes.set_title(f"{title} (b: base bank, n: novel bank)", fontsize=10)
    figure.colorbar(image, ax=axes)
    return figure


def occupancy_bars(occupied: ArrayLike, n_base: int, *, title: str = "occupancy") -> Figure:
    """The mean mask over the tasks of its bank, a bar a column. Shapes: occupied (C,), 0..1."""
    share = np.asarray(occupied, dtype=float)
    figure = Figure(figsize=(1.6 + 0.5 * len(share), 2.6), layout="constrained")
    axes = figure.subplots()
    colors = [_BASE if k < n_base else _NOVEL for k in range(len(share))]
    axes.bar(range(len(share)), share, color=colors)
    axes.set_xticks(range(len(share)), [f"b{k}" if k < n_base else f"n{k - n_base}" for k in range(len(share))])
    axes.set_ylim(0, 1.02)
    axes.set_ylabel("mean α")
    axes.set_title(title, fontsize=10)
    return figure


def replay_histogram(counts: Mapping[str, ArrayLike], *, title: str = "replay in one sleep") -> Figure:
    """How often sleep replayed each sample, a line a task. Shapes: counts (N,) per task, 0 or more.

    Raises: InputError when there is nothing to show.
    """
    found = {task: np.asarray(values).astype(int) for task, values in counts.items() if np.size(values)}
    if not found:
        raise InputError("no replay was recorded")
    most = max(int(values.max()) for values in found.values())
    figure = Figure(figsize=(6.5, 3.2), layout="constrained")
    axes = figure.subplots()
    for i, (task, values) in enumerate(found.items()):
        share = np.bincount(values, minlength=most + 1) / len(values)
        label = f"{task}: {values.sum()} replays of {len(values)} images"
        axes.plot(range(most + 1), 100 * share, marker="o", markersize=3, color=COLORS[i % len(COLORS)], label=label)
    axes.set_xlabel("times replayed")
    axes.set_ylabel("of the task's images, %")
    axes.set_ylim(bottom=0)
    axes.set_title(title, fontsize=10)
    axes.legend(frameon=False, fontsize=8)
    return figure


def method_bars(methods: Mapping[str, Mean], *, highlight: Sequence[str] = (), title: str = "") -> Figure:
    """Mean test accuracy a method with its standard error, best on top; `highlight` are ours and the reference."""
    if not methods:
        raise InputError("no methods to show")
    names = sorted(methods, key=lambda name: methods[name].mean)
    figure = Figure(figsize=(7.0, 1.0 + 0.3 * len(names)), layout="constrained")
    axes = figure.subplots()
    colors = [COLORS[1] if name in highlight else COLORS[0] for name in names]
    means = [100 * methods[name].mean for name in names]
    errors = [100 * (methods[name].sem or 0.0) for name in names]
    bars = axes.barh(range(len(names)), means, xerr=errors, color=colors, error_kw={"elinewidth": 1, "capsize": 2})
    axes.bar_label(bars, [f" {mean:.1f}" for mean in means], fontsize=8, padding=4)
    axes.set_yticks(range(len(names)), [f"{name} (n={methods[name].n})" for name in names], fontsize=8)
    axes.set_xlim(min(50.0, min(means) - 2), 103)
    axes.xaxis.set_major_formatter(PercentFormatter(decimals=0))
    axes.set_xlabel("test accuracy, mean of the tasks; bars: standard error over seeds")
    axes.set_title(title, fontsize=10)
    return figure


def _labels(axes: Axes) -> list[str]:
    return [str(label) for label in axes.get_legend_handles_labels()[1]]
