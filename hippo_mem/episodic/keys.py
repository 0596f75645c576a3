"""Sparse keys [dentate gyrus: pattern separation], and which rows share active units. Knows nothing of texts or SQL.

A key is k-WTA(W x): a fixed sparse random expansion of the vector, of which only the strongest units stay. Vectors
that are near share many units, vectors that are only alike share few: likeness is stretched where it matters.
Source: the fly's olfactory code as a hash (Dasgupta, Stevens and Navlakha 2017). Differs: signed weights, because
sentence vectors are centered, where the fly's are all positive.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from hippo_mem.episodic.postings import flat, lists, moved
from hippo_mem.episodic.word_index import top

Ids = NDArray[np.int64]
Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

EXPANSION = 4  # units for each dimension of the vector
ACTIVE_SHARE = 0.03
_INPUT_SHARE = 1 / 16  # of the vector's dimensions, seen by one unit
_SEED = 20_171_110  # part of the key's definition: another seed is another code
_BATCH = 1_024  # rows at a time: the expanded activity of a batch is 6 MB at width 384


@dataclass(frozen=True, slots=True, kw_only=True)
class DGKey:
    """A sparse key: `indices` (k,) of the active units, ascending, their activity `values` (k,), and the width `dim`.

    `values` are positive and of length 1 together.
    """

    indices: NDArray[np.int32]
    values: Floats
    dim: int

    def overlap(self, other: DGKey) -> float:
        """Share of active units that both have, 0..1 (of the smaller key)."""
        if self.dim != other.dim:
            raise ValueError(f"keys of width {self.dim} and {other.dim} have no units in common")
        shared = np.intersect1d(self.indices, other.indices, assume_unique=True)
        return len(shared) / max(1, min(len(self.indices), len(other.indices)))


class Separator:
    """The expansion W for vectors of width `dim`: always the same one.

    Shapes: d = `dim`, D = 4 d units, k = 3 % of D winners.
    """

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self.width = EXPANSION * dim
        self.n_active = max(1, round(ACTIVE_SHARE * self.width))
        fan_in = max(2, round(_INPUT_SHARE * dim))
        rng = np.random.default_rng(_SEED)
        columns = np.argsort(rng.random((self.width, dim)), axis=1)[:, :fan_in]
        signs = rng.integers(0, 2, size=columns.shape).astype(np.float32) * 2 - 1
        starts = np.arange(0, self.width * fan_in + 1, fan_in)
        self._weights = sparse.csr_matrix((signs.ravel(), columns.ravel(), starts), shape=(self.width, dim))

    def key(self, vector: Floats) -> DGKey:
        """The key of one vector (d,)."""
        [units], [values] = self.keys(vector.reshape(1, -1))
        return DGKey(indices=units, values=values, dim=self.width)

    def keys(self, vectors: Floats) -> tuple[NDArray[np.int32], Floats]:
        """Winners and their activity, units ascending: (n, d) -> (n, k), (n, k). Ties go to the lower unit.

        Raises: ValueError for another width.
        """
        if vectors.ndim != 2 or vectors.shape[1] != self.dim:
            raise ValueError(f"vectors must have shape (n, {self.dim}), got {vectors.shape}")
        units = np.empty((len(vectors), self.n_active), dtype=np.int32)
        values = np.empty(units.shape, dtype=np.float32)
        for start in range(0, len(vectors), _BATCH):
            rows = slice(start, start + _BATCH)
            activity = np.asarray(self._weights @ vectors[rows].T, dtype=np.float32).T  # (b, D)
            units[rows] = np.sort(_winners(activity, self.n_active), axis=1)
            values[rows] = np.take_along_axis(activity, units[rows].astype(np.int64), axis=1).clip(min=0.0)
        lengths = np.linalg.norm(values, axis=1, keepdims=True).astype(np.float32)
        lengths[lengths == 0] = 1.0
        values /= lengths
        return units, values


class KeyIndex:
    """Which positions have which unit active. Follows the rows: appended, and compacted with them."""

    def __init__(self, separator: Separator) -> None:
        self._separator = separator
        self._rows = [array("i") for _ in range(separator.width)]
        self._n = 0

    def __len__(self) -> int:
        return self._n

    def append(self, vectors: Floats) -> None:
        """The vectors of the next positions, (n, d)."""
        units, _ = self._separator.keys(vectors)
        if len(vectors) == 1:
            for unit in units[0].tolist():
                self._rows[unit].append(self._n)
        else:
            flat = units.ravel()
            order = np.argsort(flat, kind="stable")  # stable: positions ascend within a unit
            positions = (order // self._separator.n_active + self._n).astype(np.int32)
            ends = np.cumsum(np.bincount(flat, minlength=self._separator.width))
            for unit, part in enumerate(np.split(positions, ends[:-1])):
                if len(part):
                    self._rows[unit].frombytes(part.tobytes())
        self._n += len(vectors)

    def keep(self, positions: Ids) -> None:
        """Only these positions stay, in this order."""
        new = np.full(self._n, -1, dtype=np.int32)
        new[positions] = np.arange(len(positions), dtype=np.int32)
        for unit, rows in enumerate(self._rows):
            moved = new[np.frombuffer(rows, dtype=np.int32)]
            self._rows[unit] = array("i", moved[moved >= 0].tobytes())
        self._n = len(positions)

    def pack(self, to: Ids) -> dict[str, NDArray[np.int32]]:
        """Postings for a file, positions at their new place: `to` (P,) with -1 for what is left out."""
        sizes, rows, _ = moved(*flat(self._rows), to)
        return {"unit_sizes": sizes, "unit_rows": rows}

    @classmethod
    def unpack(cls, separator: Separator, parts: Mapping[str, NDArray[np.int32]], to: Ids, n: int) -> KeyIndex:
        """What was packed, at new positions, `n` in all.

        Raises: ValueError, IndexError when the parts do not fit together.
        """
        index = cls(separator)
        if len(parts["unit_sizes"]) != separator.width:
            raise ValueError(f"keys of {len(parts['unit_sizes'])} units instead of {separator.width}")
        sizes, rows, _ = moved(parts["unit_sizes"], parts["unit_rows"], to)
        index._rows, index._n = lists(sizes, rows), n
        return index

    def overlaps(self, key: DGKey) -> Floats:
        """For every position, the units it shares with the key, each weighed by the key's activity there, (P,)."""
        rows = [np.frombuffer(self._rows[unit], dtype=np.int32) for unit in key.indices.tolist()]
        weights = np.repeat(key.values, [len(r) for r in rows])
        return np.bincount(np.concatenate(rows), weights=weights, minlength=self._n).astype(np.float32)

    def search(self, vector: Floats, k: int, allowed: Mask | None = None) -> Ids:
        """The `k` positions whose keys overlap most with that of a vector, best first.

        Shapes: vector (d,), allowed (P,) -> (K,), K <= k.
        """
        if not self._n or k <= 0:
            return np.empty(0, dtype=np.int64)
        scores = self.overlaps(self._separator.key(vector))
        if allowed is not None:
            scores *= allowed
        return top(scores, k)


def _winners(activity: Floats, k: int) -> NDArray[np.int32]:
    """The `k` most active units of every row, in no order; of equal ones the lower (a stable choice)."""
    chosen = np.argpartition(-activity, k - 1, axis=1)[:, :k]
    least = np.take_along_axis(activity, chosen, axis=1).min(axis=1, keepdims=True)
    tied = (activity == least).sum(axis=1) > (np.take_along_axis(activity, chosen, axis=1) == least).sum(axis=1)
    for row in np.flatnonzero(tied):
        chosen[row] = np.argsort(-activity[row], kind="stable")[:k]
    return chosen.astype(np.int32)
