"""How much an item deserves to be replayed: a weighted mean of its scores.

Knows nothing of order, cycles or stores.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hippo_mem.config import PriorityWeights
from hippo_mem.errors import ConfigError
from hippo_mem.replay.items import ReplayItem


def priorities(items: Sequence[ReplayItem[Any]], weights: PriorityWeights | None = None) -> NDArray[np.float64]:
    """The priority of each item.

    Shapes: N items give (N,), each in 0..1.
    Args:   weights: of salience, usage and novelty; need not sum to 1. The usage term is the mean of `usage` and
                `recency`, so that what was asked for lately counts more than what was asked for long ago.
    Raises: ConfigError when a weight is negative or all are zero.
    Source: prioritized replay of CA2 as the specification has it (design 5.3); diversity acts on the order
            (`schedule.interleave`), not on the weight, so it cannot starve an important item.
    """
    w = weights or PriorityWeights()
    mix = np.array([w.salience, w.usage, w.novelty], dtype=np.float64)
    if not np.all(np.isfinite(mix)) or np.any(mix < 0) or mix.sum() <= 0:
        raise ConfigError(
            f"priority weights must be 0 or more and not all 0, got salience={w.salience}, usage={w.usage}, "
            f"novelty={w.novelty}"
        )
    if not items:
        return np.zeros(0)
    scores = np.array([(i.salience, (i.usage + i.recency) / 2, i.novelty) for i in items], dtype=np.float64)
    weighted: NDArray[np.float64] = scores @ (mix / mix.sum())
    return weighted.clip(0.0, 1.0)


def priority(item: ReplayItem[Any], weights: PriorityWeights | None = None) -> float:
    """`priorities` of one item."""
    return float(priorities([item], weights)[0])
