"""How sure a mean is: a bootstrap interval. Knows nothing of what was measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hippo_mem.errors import InputError


def mean_interval(
    values: Sequence[float], *, level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """The percentile bootstrap interval of the mean.

    Shapes: N values. Draws `resamples` times N indices.
    Args:   level: 0..1, share of the resampled means inside.
    Returns: (low, high). For one value both are that value.
    Raises: InputError for no value, or a level or count out of range.
    Source: Efron & Tibshirani 1993, ch. 13. Differs: items are resampled as if independent, though four questions
            share a story.
    """
    data = np.asarray(values, dtype=np.float64)
    if not data.size or not 0 < level < 1 or resamples < 1:
        raise InputError(f"need values, a level in 0..1 and resamples >= 1, got {data.size}, {level} and {resamples}")
    rng = np.random.default_rng(seed)
    means = data[rng.integers(0, data.size, (resamples, data.size))].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
