"""What a run is judged by: accuracies over stages, whose errors are whose, and how the columns are used.

In: arrays of accuracies, of answers, of masks. Out: numbers; None where a number has no meaning, with the counts it
would rest on. Accuracies are fractions of 1. Knows nothing of networks, of tasks' images, or of where results are kept.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hippo_mem.errors import InputError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """A mean over seeds. `sem` is the standard error (sample standard deviation / sqrt n), None for one seed."""

    mean: float
    sem: float | None
    n: int


def mean_sem(values: Sequence[float]) -> Mean:
    """Mean and standard error of the mean. Raises: InputError for no values or one that is not finite."""
    found = np.asarray(values, dtype=np.float64)
    if not found.size or not np.all(np.isfinite(found)):
        raise InputError(f"a mean needs one or more finite values, got {list(values)}")
    sem = float(found.std(ddof=1) / math.sqrt(found.size)) if found.size > 1 else None
    return Mean(mean=float(found.mean()), sem=sem, n=int(found.size))


def accuracy_matrix(rows: Sequence[Mapping[str, float]], tasks: Sequence[str]) -> Floats:
    """R: one row a stage, one column a task; NaN where a stage has no figure for a task.

    Shapes: S stages, T tasks; returns (S, T).
    Raises: InputError for a task that is not in `tasks` or an accuracy outside 0..1.
    """
    matrix = np.full((len(rows), len(tasks)), np.nan)
    for i, row in enumerate(rows):
        for name, accuracy in row.items():
            if name not in tasks:
                raise InputError(f"stage {i} has a figure for {name!r}, the tasks are {', '.join(tasks)}")
            if not 0.0 <= accuracy <= 1.0:
                raise InputError(f"stage {i}, task {name!r}: an accuracy is 0..1, got {accuracy}")
            matrix[i, list(tasks).index(name)] = accuracy
    return matrix


def average_accuracy(matrix: ArrayLike) -> float:
    """ACC: the mean of the last row (Lopez-Paz & Ranzato 2017, eq. 2).

    Shapes: matrix (S, T). Raises: InputError when the last row misses a task.
    """
    last = _matrix(matrix)[-1]
    if np.isnan(last).any():
        raise InputError(f"the last stage has no figure for task {int(np.isnan(last).argmax())}; ACC needs all")
    return float(last.mean())


def backward_transfer(matrix: ArrayLike, learned_at: Sequence[int]) -> float | None:
    """BWT: how much later stages changed what was learned, the mean over tasks of R[last, j] − R[learned_at[j], j].

    Args:   matrix: (S, T). learned_at: for each task, the row of the stage that trained it first.
    Returns: −1..1, negative for forgetting; None when no task was learned before the last stage.
    Source: Lopez-Paz & Ranzato 2017, eq. 3. Differs: sleeps are stages too, so a task's own row is given and not
        counted off; a task that is trained in the last stage is left out, as theirs is.
    """
    R, last = _matrix(matrix), len(_matrix(matrix)) - 1
    changes = [R[last, j] - R[i, j] for j, i in enumerate(_rows(R, learned_at)) if i < last]
    return float(np.mean(changes)) if changes else None


def forgetting(matrix: ArrayLike, learned_at: Sequence[int]) -> float | None:
    """The mean over tasks of the best accuracy at any earlier stage since the task was learned, minus the last one.

    Args:   matrix: (S, T). learned_at: as for `backward_transfer`.
    Returns: −1..1, positive for forgetting; None when no task was learned before the last stage.
    Source: Chaudhry et al. 2018 (Riemannian walk), eq. 3. Differs: sleeps are stages too; rows from before the task
        was trained are left out.
    """
    R, last = _matrix(matrix), len(_matrix(matrix)) - 1
    losses = [np.nanmax(R[i:last, j]) - R[last, j] for j, i in enumerate(_rows(R, learned_at)) if i < last]
    return float(np.mean(losses)) if losses else None


def sleep_gain(matrix: ArrayLike, sleep_row: int) -> Floats:
    """What one sleep did to each task: R[sleep_row] − R[sleep_row − 1], (T,); NaN for tasks not learned before it.

    Raises: InputError when there is no row before the sleep.
    """
    R = _matrix(matrix)
    if not 1 <= sleep_row < len(R):
        raise InputError(f"a sleep needs a stage before it: row {sleep_row} of {len(R)}")
    gain: Floats = R[sleep_row] - R[sleep_row - 1]
    return gain


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorComparison:
    """Two sets of answers to the same questions, before and after.

    `overlap` = |E_before ∩ E_after| / |E_before|, None without errors before (not 1: nothing was reproduced).
    `agreement`: share of equal answers. `new_error_rate`: share wrong after of those right before, None when none was.
    `kappa`: error consistency, 1 for the same errors, 0 for chance, None when both make no error or both only errors.
    """

    n: int
    n_errors_before: int
    n_errors_after: int
    n_errors_both: int
    overlap: float | None
    agreement: float
    new_error_rate: float | None
    kappa: float | None


def compare_errors(before: ArrayLike, after: ArrayLike, target: ArrayLike) -> ErrorComparison:
    """Whether what was changed still makes the errors it made before.

    Shapes: before, after, target (N,), answers and truth, compared by equality.
    Raises: InputError for other shapes or no questions.
    Source: error consistency after Geirhos et al. 2020 (Beyond accuracy), eq. 1-3:
        κ = (c_obs − c_exp) / (1 − c_exp), c_obs = share both right or both wrong, c_exp = p q + (1 − p)(1 − q).
    """
    first, second, truth = np.asarray(before), np.asarray(after), np.asarray(target)
    if first.ndim != 1 or not first.shape == second.shape == truth.shape or not first.size:
        raise InputError(f"answers and truth must be (N,) and alike, got {first.shape}, {second.shape}, {truth.shape}")
    wrong_before, wrong_after = first != truth, second != truth
    n, n_before, n_after = len(truth), int(wrong_before.sum()), int(wrong_after.sum())
    n_both = int((wrong_before & wrong_after).sum())
    p, q = 1 - n_before / n, 1 - n_after / n
    expected = p * q + (1 - p) * (1 - q)
    observed = float((wrong_before == wrong_after).mean())
    return ErrorComparison(
        n=n,
        n_errors_before=n_before,
        n_errors_after=n_after,
        n_errors_both=n_both,
        overlap=n_both / n_before if n_before else None,
        agreement=float((first == second).mean()),
        new_error_rate=(n_after - n_both) / (n - n_before) if n_before < n else None,
        kappa=(observed - expected) / (1 - expected) if expected < 1 else None,
    )


def mask_entropy(mask: ArrayLike) -> float:
    """H(α) in nats, 0 for one column, ln C for all alike. Shapes: mask (C,), 0 or more, sums to 1.

    Raises: InputError for anything else.
    """
    alpha = _mask(mask)
    there = alpha[alpha > 0]
    return max(0.0, float(-(there * np.log(there)).sum()))


def mask_overlap(masks: Mapping[str, ArrayLike]) -> dict[tuple[str, str], float]:
    """⟨α_t, α_u⟩ for every pair of tasks, 0..1: 1 when both are the same single column. Shapes: masks (C,) each."""
    names = list(masks)
    found = {name: _mask(masks[name]) for name in names}
    return {(t, u): float(found[t] @ found[u]) for i, t in enumerate(names) for u in names[i + 1 :]}


def occupancy(masks: Sequence[ArrayLike], bank: slice) -> Floats:
    """The mean α over the tasks of a bank, for each of its columns; sums to 1 when the masks stay inside the bank.

    Shapes: masks (C,) each; returns (columns of the bank,).
    Raises: InputError without masks.
    """
    found = [_mask(mask)[bank] for mask in masks]
    if not found:
        raise InputError("occupancy needs the mask of at least one task of the bank")
    mean: Floats = np.mean(found, axis=0)
    return mean


def effective_columns(occupied: ArrayLike) -> float:
    """exp(H(occupancy)): how many columns are in use, 1 to the number of columns. Shapes: occupied (K,), 0 or more.

    Raises: InputError when nothing is occupied.
    """
    share = np.asarray(occupied, dtype=np.float64)
    if share.ndim != 1 or not np.all(share >= 0) or not share.sum() > 0:
        raise InputError(f"occupancy must be (K,) of 0 or more, not all 0, got {share}")
    return math.exp(mask_entropy(share / share.sum()))


def _matrix(values: ArrayLike) -> Floats:
    matrix = np.asarray(values, dtype=np.float64)
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise InputError(f"accuracies are a matrix of stages by tasks, got shape {matrix.shape}")
    return matrix


def _rows(matrix: Floats, learned_at: Sequence[int]) -> list[int]:
    if len(learned_at) != matrix.shape[1] or not all(0 <= i < len(matrix) for i in learned_at):
        raise InputError(f"learned_at must name one of {len(matrix)} rows for {matrix.shape[1]} tasks: {learned_at}")
    return [int(i) for i in learned_at]


def _mask(mask: ArrayLike) -> Floats:
    alpha = np.asarray(mask, dtype=np.float64)
    if alpha.ndim != 1 or not np.all(alpha >= 0) or abs(alpha.sum() - 1.0) > 1e-4:
        raise InputError(f"a mask is (C,) of 0 or more with sum 1, got shape {alpha.shape}, sum {alpha.sum():.6g}")
    return alpha
