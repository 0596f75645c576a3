"""What one store brings back at one moment: rankings of its rows, each by one likeness. Knows nothing of fusing them.

All rankings of a view see the same committed rows. Masks say which positions may be found, before any ranking.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hippo_mem.config import RecallConfig
from hippo_mem.episodic.completion import CompletionNet, hopfield
from hippo_mem.episodic.following import FollowingIndexes
from hippo_mem.episodic.reading import linked_to_place
from hippo_mem.types import Where

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]
Mask = NDArray[np.bool_]


class View:
    """The rows as one open block of the database sees them. Made by `EpisodicStore.view`, void after its block.

    Shapes: P positions, d width, K <= k.
    """

    def __init__(self, connection: sqlite3.Connection, indexes: FollowingIndexes, now: float, net: Path | None) -> None:
        self._connection = connection
        self._indexes = indexes
        self._now = now
        self._net = net
        self._vectors = indexes.vectors(connection)

    def passing(self, where: Where | None = None, as_of: float | None = None) -> Mask | None:
        """Positions that pass the filters, (P,); None when every row does."""
        linked: Ids | None = None
        if where is not None and where.place is not None:
            linked = self._at(linked_to_place(self._connection, where.place))
        mask = self._indexes.columns.passing(where, as_of=as_of, now=self._now, linked=linked)
        return None if mask.all() else mask

    def mask(self, trace_ids: Ids | None) -> Mask | None:
        """Positions of these ids; for None those of every row that is true now, (P,)."""
        passing = self.passing()
        if trace_ids is None:
            return passing
        here = np.zeros(len(self._vectors.positions), dtype=bool)
        here[self._at(trace_ids.tolist())] = True
        return here

    def ids(self, mask: Mask) -> Ids:
        """The ids at positions that pass, ascending, (n,)."""
        return self._vectors.positions[mask & self._vectors.live]

    def comparable(self, context: str | None) -> Mask:
        """Positions that an event of this context is compared with, (P,)."""
        return self._indexes.columns.comparable(context, self._now)

    def dense(self, vector: Floats, k: int, allowed: Mask | None = None) -> list[tuple[int, float]]:
        """(id, cosine) of the `k` nearest rows, best first."""
        ids, cosines = self._vectors.search(vector, k, allowed)
        return list(zip(ids.tolist(), cosines.tolist(), strict=True))

    def nearest_cosines(self, vectors: Floats, allowed: Mask) -> Floats:
        """Cosine of each vector to its nearest allowed row, -inf without one: (n, d) -> (n,)."""
        return self._vectors.nearest(vectors, allowed)

    def sparse(self, vector: Floats, k: int, allowed: Mask | None = None) -> list[int]:
        """Ids of the `k` rows whose sparse keys overlap most with that of the vector, best first."""
        return self._at_positions(self._indexes.keys(self._connection).search(vector, k, self._live(allowed)))

    def lexical(self, cue: str, k: int, allowed: Mask | None = None) -> list[int]:
        """Ids of the `k` best rows by BM25 over stemmed words, best first. Takes any text."""
        return self._at_positions(self._indexes.words(self._connection).search(cue, k, self._live(allowed)))

    def only(self, trace_ids: Sequence[int], allowed: Mask | None = None) -> list[int]:
        """Those of the ids that may be found, in order, each once."""
        live = self._live(allowed)
        ids = np.array(list(dict.fromkeys(int(i) for i in trace_ids)), dtype=np.int64)
        at = np.searchsorted(self._vectors.positions, ids)
        here = at < len(self._vectors.positions)
        here[here] = self._vectors.positions[at[here]] == ids[here]
        if live is not None:
            here[here] = live[at[here]]
        found: list[int] = ids[here].tolist()
        return found

    def surprise(self, texts: Sequence[str]) -> list[float]:
        """Mean -log p of each text's words by how often the store holds them, in nats."""
        words = self._indexes.words(self._connection)
        return [words.surprise(text) for text in texts]

    def complete(self, vector: Floats, config: RecallConfig, allowed: Mask | None = None) -> Floats:
        """The cue's vector after the completion that the configuration names: (d,) -> (d,), length 1.

        Raises: StoreFormatError when the network's file is damaged.
        """
        if config.completion == "hopfield":
            ids, _ = self._vectors.search(vector, config.completion_keys, allowed)
            keys = self._vectors.vectors(self._at(ids.tolist()))
            return hopfield(vector, keys, beta=config.completion_beta, steps=config.completion_steps)
        if config.completion == "mlp" and self._net is not None:
            net = CompletionNet.load(self._net, len(vector))
            return vector if net is None else net(vector)
        return vector

    def _live(self, allowed: Mask | None) -> Mask | None:
        live = self._vectors.live
        return live & allowed if allowed is not None else None if live.all() else live

    def _at_positions(self, positions: Ids) -> list[int]:
        ids: list[int] = self._vectors.positions[positions].tolist()
        return ids

    def _at(self, trace_ids: Iterable[int]) -> Ids:
        """The positions of those ids that are here."""
        wanted = np.fromiter(trace_ids, dtype=np.int64)
        at = np.searchsorted(self._vectors.positions, wanted)
        here = at < len(self._vectors.positions)
        at, wanted = at[here], wanted[here]
        found: Ids = at[self._vectors.positions[at] == wanted].astype(np.int64)
        return found
