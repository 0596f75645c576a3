"""What can be replayed: anything with an id, a memory it belongs to, and four scores between 0 and 1.

A `ReplayItem` carries any payload: a trace, a fact, a route, a training sample of a network that never saw a word.
`signature` says what an item resembles: two items of one signature are similar and are kept apart in an
interleaved order [hippocampal replay interleaves, so that one pattern does not overwrite the next]. Knows nothing
of language models, stores on disk or sleep.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hippo_mem.errors import InputError

T_co = TypeVar("T_co", covariant=True)

SCORES = ("salience", "usage", "novelty", "recency")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayItem(Generic[T_co]):
    """One thing that may be replayed.

    `salience` how much it mattered when it was written, `usage` how often it was asked for since, `novelty` how
    unlike the rest it was, `recency` how lately it was written or used; each in 0..1. `signature` None means: like
    nothing else.

    Raises: InputError when a score is not a number in 0..1, or the memory has no name.
    """

    id: Hashable
    payload: T_co
    memory: str = "episodic"
    salience: float = 0.5
    usage: float = 0.0
    novelty: float = 0.5
    recency: float = 0.5
    signature: Hashable = None

    def __post_init__(self) -> None:
        if not self.memory:
            raise InputError(f"replay item {self.id!r} needs the name of its memory")
        for name in SCORES:
            value = getattr(self, name)
            if not (isinstance(value, (int, float)) and math.isfinite(value) and 0.0 <= value <= 1.0):
                raise InputError(f"replay item {self.id!r}: {name} must be in 0..1, got {value!r}")

    @property
    def key(self) -> tuple[str, Hashable]:
        """What tells this item from all others: ids may repeat between memories."""
        return (self.memory, self.id)

    def rescored(self, **scores: float) -> ReplayItem[T_co]:
        """A copy with other scores.

        Raises: InputError for a name that is no score.
        """
        unknown = sorted(set(scores) - set(SCORES))
        if unknown:
            raise InputError(f"no replay score named {', '.join(unknown)}; known: {', '.join(SCORES)}")
        changes: dict[str, Any] = {**scores}
        return dataclasses.replace(self, **changes)


def excess(score: float, threshold: float) -> float:
    """Salience in 0..1 of a gate's score: 0.5 at the threshold, towards 1 above it (logistic)."""
    return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, score - threshold))))


def saturating(count: int, half: float = 3.0) -> float:
    """A count as a score in 0..1: 0 at 0, one half at `half`, 1 never reached."""
    return max(count, 0) / (max(count, 0) + half)


def fading(age_s: float, half_life_s: float = 7 * 86_400.0) -> float:
    """Recency in 0..1 of an age in seconds: halves every `half_life_s`. An age below 0 counts as 0."""
    return float(0.5 ** (max(age_s, 0.0) / half_life_s))


def similarity_signatures(vectors: ArrayLike, threshold: float = 0.8) -> list[int]:
    """Signatures from vectors: items within `threshold` of one leader share its number.

    Shapes: vectors (N, d), any real dtype; a row of zeros is like nothing.
    Args:   threshold: cosine in -1..1 from which two items count as similar.
    Returns: N group numbers, numbered in order of first appearance.
    Raises: InputError when `vectors` is not two-dimensional.
    Source: leader clustering (Hartigan 1975, ch. 3): one pass, N x groups products.
    """
    rows: NDArray[np.float64] = np.asarray(vectors, dtype=np.float64)
    if rows.ndim != 2:
        raise InputError(f"vectors must have shape (N, d), got {rows.shape}")
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)
    leaders = np.empty_like(unit)
    groups: list[int] = []
    n = 0
    for row in unit:
        cosines = leaders[:n] @ row
        best = int(np.argmax(cosines)) if n else -1
        if n and cosines[best] >= threshold:
            groups.append(best)
        else:
            leaders[n] = row
            groups.append(n)
            n += 1
    return groups
