"""Personalized PageRank from a few entities over a small graph [spreading activation].

In: a symmetric sparse matrix of weights and where the walk starts over. Out: a probability for each node. Knows
nothing of entities, facts or words.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def personalized_pagerank(
    weights: Any, restart: Floats, *, damping: float = 0.85, tolerance: float = 1e-6, max_iterations: int = 30
) -> Floats:
    """The chance to meet a walker that follows edges by weight and starts over with chance 1 - damping.

    Shapes: n nodes; `weights` (n, n) CSR, not negative; `restart` (n,), not negative, not all zero -> (n,), sum 1.
    Args:
        damping: chance to go on, in 0..1.
        tolerance: the walk ends when the sum of changes is below it.
        max_iterations: a bound on the time; after 30 the rest is below 0.85^30 = 0.008 of the mass.
    Raises: ValueError for a restart without mass, with the wrong length, or with negative or non-finite values.
    Source: Haveliwala 2002, eq. 3 (power iteration). Differs: a node without edges sends its walker to the restart.
    """
    n = weights.shape[0]
    restart = np.asarray(restart, dtype=np.float64)
    if restart.shape != (n,):
        raise ValueError(f"restart has shape {restart.shape}, the graph has {n} nodes")
    total = float(restart.sum())
    if not np.isfinite(total) or total <= 0 or bool((restart < 0).any()):
        raise ValueError("restart must hold finite values, none negative and not all zero")
    restart = restart / total
    out = np.asarray(weights.sum(axis=1)).ravel().astype(np.float64)
    dangling = out <= 0
    scale = np.divide(1.0, out, out=np.zeros_like(out), where=~dangling)
    p = restart.copy()
    for _ in range(max_iterations):
        lost = float(p[dangling].sum())
        # Symmetric: what leaves a node by its share of each edge is what the edges carry of p over its sum.
        new = damping * (weights @ (p * scale) + lost * restart) + (1.0 - damping) * restart
        change = float(np.abs(new - p).sum())
        p = new
        if change < tolerance:
            break
    return np.asarray(p / p.sum())
