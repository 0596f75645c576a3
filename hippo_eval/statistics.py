"""How sure a figure is, and whether two presets differ. In: scores, one a question. Out: intervals and p-values.

Intervals are BCa bootstrap intervals (Efron & Tibshirani 1993, ch. 14, by `scipy.stats.bootstrap`), seeded. What is
resampled is the group, not the question: the four questions about one story are right or wrong together, and an
interval that takes them for independent covers too seldom. Where all scores are alike a bootstrap knows nothing; there
the exact bound of Clopper & Pearson 1934 on the share of groups that could be otherwise stands in its place.

Paired tests: exact McNemar for right and wrong, a paired bootstrap for scores between. Several of them at once are
corrected by Holm. Knows nothing of what was measured.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from hippo_eval.metrics.change import Flips, flips
from hippo_mem.errors import InputError

LEVEL = 0.95
RESAMPLES = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A mean over `n` scores in `n_groups` groups, and where the true one lies with probability `LEVEL`."""

    mean: float
    low: float
    high: float
    n: int
    n_groups: int

    def apart_from(self, other: Interval) -> bool:
        """Whether the two intervals do not overlap."""
        return self.low > other.high or other.low > self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One preset against another on the same questions. `difference` is of means, first minus second.

    `flips` has the second as before and the first as after; None where scores are not right-or-wrong. `p` is two-sided.
    """

    difference: Interval
    p: float
    test: str
    flips: Flips | None = None


def mean_interval(
    values: Sequence[float],
    *,
    groups: Sequence[Hashable] | None = None,
    bounds: tuple[float, float] = (0.0, 1.0),
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """The mean and its interval.

    Shapes: N values, one group label each; None makes each value its own group.
    Args:   bounds: what a value can be at least and at most; used where all values are alike.
    Raises: InputError for no value, one that is not finite, or a level, count or label list that does not fit.
    Source: Efron & Tibshirani 1993, ch. 14; groups as in Davison & Hinkley 1997, § 3.8 (strategy 1).
    """
    data = np.asarray(values, dtype=np.float64)
    labels = range(data.size) if groups is None else groups
    if not data.size or not 0 < level < 1 or resamples < 1 or len(labels) != data.size:
        raise InputError(
            f"need values with a group each, a level in 0..1 and resamples >= 1, got {data.size} values, "
            f"{len(labels)} groups, {level} and {resamples}"
        )
    if not np.isfinite(data).all():
        raise InputError(f"{int((~np.isfinite(data)).sum())} of {data.size} scores are not finite")
    sums, sizes = _by_group(data, labels)
    mean = float(data.mean())
    low, high = _limits(sums, sizes, mean, bounds, level, resamples, seed)
    return Interval(mean=mean, low=min(low, mean), high=max(high, mean), n=data.size, n_groups=sums.size)


def compare_right(
    first: Sequence[bool], second: Sequence[bool], *, groups: Sequence[Hashable] | None = None, seed: int = 0
) -> Comparison:
    """Right-or-wrong answers of two presets to the same questions: exact McNemar.

    Returns: `difference` in shares of 1, its interval over groups; `p` over the questions that only one got right.
    Raises: InputError when there are none, or counts differ.
    Source: McNemar 1947, with the binomial in place of chi-squared.
    """
    changed = flips([bool(s) for s in second], [bool(f) for f in first])
    return Comparison(
        difference=_difference([float(f) for f in first], [float(s) for s in second], groups, seed),
        p=mcnemar(changed.n_lost, changed.n_gained),
        test="exact McNemar",
        flips=changed,
    )


def compare_scores(
    first: Sequence[float],
    second: Sequence[float],
    *,
    groups: Sequence[Hashable] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Comparison:
    """Scores in 0..1 of two presets for the same questions: paired bootstrap of the mean difference.

    The differences are shifted to a mean of 0, which is the null hypothesis, and resampled by group; `p` is the share
    of resamples whose mean is at least as far from 0 as the one seen, the one seen counted among them.

    Raises: InputError when there are none, or counts differ.
    Source: Efron & Tibshirani 1993, § 16.4.
    """
    difference = _difference(first, second, groups, seed)
    gaps = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    sums, sizes = _by_group(gaps, range(gaps.size) if groups is None else groups)
    shifted = sums - difference.mean * sizes
    drawn = np.random.default_rng(seed).integers(0, sums.size, (resamples, sums.size))
    means = shifted[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    as_far = int((np.abs(means) >= abs(difference.mean) - 1e-12).sum())
    return Comparison(difference=difference, p=(1 + as_far) / (1 + resamples), test="paired bootstrap")


def mcnemar(n_lost: int, n_gained: int) -> float:
    """Two-sided exact p-value of `n_lost` against `n_gained` changed pairs; 1 when none changed.

    Raises: InputError for a negative count.
    """
    if n_lost < 0 or n_gained < 0:
        raise InputError(f"counts must be 0 or more, got {n_lost} and {n_gained}")
    changed = n_lost + n_gained
    return float(stats.binomtest(min(n_lost, n_gained), changed, 0.5).pvalue) if changed else 1.0


def holm(p_values: Mapping[Any, float]) -> dict[Any, float]:
    """p-values of several tests, each raised so that the chance of even one false finding keeps to the level.

    Raises: InputError for one outside 0..1.
    Source: Holm 1979: the i-th smallest of m is multiplied by m - i + 1, never below a smaller one's.
    """
    bad = {name: p for name, p in p_values.items() if not 0 <= p <= 1}
    if bad:
        raise InputError(f"p-values lie in 0..1, got {bad}")
    corrected: dict[Any, float] = {}
    largest = 0.0
    for i, (name, p) in enumerate(sorted(p_values.items(), key=lambda pair: pair[1])):
        largest = max(largest, min(1.0, p * (len(p_values) - i)))
        corrected[name] = largest
    return {name: corrected[name] for name in p_values}


def _difference(
    first: Sequence[float], second: Sequence[float], groups: Sequence[Hashable] | None, seed: int
) -> Interval:
    if len(first) != len(second):
        raise InputError(f"{len(first)} and {len(second)} scores are not pairs")
    gaps = [a - b for a, b in zip(first, second, strict=True)]
    return mean_interval(gaps, groups=groups, bounds=(-1.0, 1.0), seed=seed)


def _by_group(data: Any, labels: Sequence[Hashable]) -> tuple[Any, Any]:
    """Sum and size of each group, in the order of first mention."""
    order: dict[Hashable, int] = {}
    index = np.asarray([order.setdefault(label, len(order)) for label in labels])
    return np.bincount(index, weights=data), np.bincount(index).astype(np.float64)


def _limits(
    sums: Any, sizes: Any, mean: float, bounds: tuple[float, float], level: float, resamples: int, seed: int
) -> tuple[float, float]:
    group_means = sums / sizes
    if np.ptp(group_means) < 1e-12:
        # All groups alike: with this probability at most, as many as `share` of them could be otherwise.
        share = 1 - ((1 - level) / 2) ** (1 / sums.size)
        return mean - share * (mean - bounds[0]), mean + share * (bounds[1] - mean)
    for method in ("BCa", "percentile"):
        with warnings.catch_warnings():
            # Resamples that are all alike make BCa's acceleration undefined; the percentiles are then what is known.
            warnings.simplefilter("ignore")
            found = stats.bootstrap(
                (sums, sizes),
                _ratio,
                paired=True,
                vectorized=True,
                n_resamples=resamples,
                confidence_level=level,
                method=method,
                rng=np.random.default_rng(seed),
            ).confidence_interval
        if math.isfinite(found.low) and math.isfinite(found.high):
            break
    return float(found.low), float(found.high)


def _ratio(sums: Any, sizes: Any, axis: int = -1) -> Any:
    return sums.sum(axis=axis) / sizes.sum(axis=axis)
