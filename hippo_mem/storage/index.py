"""Nearest vectors by inner product, derived from the store and always rebuildable. Knows nothing of texts or SQL.

Rows have positions in the order they are added; their ids ascend. Up to `FLAT_LIMIT` rows every search is exact. Above,
rows move a few at a time (`fold`) into an HNSW graph (Malkov and Yashunin 2018); those not in it yet are scanned, so
nothing is ever missed and no single call builds a graph. The graph holds its rows in half precision, which halves its
memory and its file and moves an inner product of unit vectors by less than 0.001. Removed rows are masked until
`compact`.
The file is a stamp and a payload: any mismatch with what the reader expects means rebuild, never repair.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from hippo_mem.errors import InputError
from hippo_mem.storage import index_file
from hippo_mem.storage.index_file import IndexFile, Stamp

FLAT_LIMIT = 10_000  # an exact scan of 10 000 x 384 takes about 1 ms
BRUTE_LIMIT = 20_000  # filters that leave at most so many rows of the graph are scanned exactly, in about 2 ms
_DEAD_SHARE = 0.2  # of the rows; above it the index asks to be compacted
_HNSW_LINKS = 32
_HNSW_BUILD = 80
_HNSW_SEARCH = 128
_MAX_CANDIDATES = 2_048  # neighbors taken from the graph before a filter gives up on it and scans
_BATCH = 256  # queries of one batched search
_BLOCK = 1_024  # rows and queries of one block of products: 4 MB

Ids = NDArray[np.int64]
Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]


class VectorIndex:
    """Ids and unit vectors in memory. Not safe for concurrent use: the caller holds a lock.

    Shapes: P positions, N rows that can be found, d = `dim`, K <= min(k, N).
    """

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self._reset()

    def _reset(self) -> None:
        self._ids: Ids = np.empty(0, dtype=np.int64)  # a buffer that grows by halves; the first `_n` count
        self._live: Mask = np.empty(0, dtype=bool)
        self._n = 0
        self._n_dead = 0
        self._graph: Any = None  # positions 0 .. _graph.ntotal
        self._flat: Any = faiss.IndexFlatIP(self.dim)  # positions _flat_start .. _n
        self._flat_start = 0

    def __len__(self) -> int:
        return self._n - self._n_dead

    @property
    def positions(self) -> Ids:
        """The id at every position, ascending, the removed ones included, (P,). A view."""
        return self._ids[: self._n]

    @property
    def live(self) -> Mask:
        """Which positions can be found, (P,). A view."""
        return self._live[: self._n]

    @property
    def last_id(self) -> int:
        """The highest id ever added and still known; 0 when empty."""
        return int(self._ids[self._n - 1]) if self._n else 0

    @property
    def unfolded(self) -> int:
        """How many rows are scanned at every search because they are not in the graph."""
        return self._n - self._folded

    @property
    def foldable(self) -> int:
        """How many rows `fold` would move; 0 while an exact scan is as good."""
        return self.unfolded if self._graph is not None or self._n > FLAT_LIMIT else 0

    @property
    def wants_compaction(self) -> bool:
        """Whether removed rows are many enough to slow searches down."""
        return self._n_dead > max(64, _DEAD_SHARE * self._n)

    def ids(self) -> Ids:
        """Ids that can be found, ascending, (N,)."""
        return self.positions[self.live]

    def add(self, ids: Ids | list[int], vectors: Floats) -> None:
        """Append rows.

        Shapes: ids (n,), strictly ascending and above `last_id`; vectors (n, d), rows of length 1.
        Raises: InputError when shapes, order or finiteness are off.
        """
        new = np.asarray(ids, dtype=np.int64)
        rows = np.ascontiguousarray(vectors, dtype=np.float32)
        if rows.shape != (len(new), self.dim):
            raise InputError(f"index of dimension {self.dim} got {len(new)} ids and vectors of shape {rows.shape}")
        if not len(new):
            return
        if not np.isfinite(rows).all():
            raise InputError("a vector holds a value that is not finite")
        if new[0] <= self.last_id or (np.diff(new) <= 0).any():
            raise InputError(f"ids must ascend above {self.last_id}, got {new[:5].tolist()}")
        self._flat.add(rows)
        end = self._n + len(new)
        if end > len(self._ids):
            room = max(end, 3 * len(self._ids) // 2, 1_024)
            self._ids = np.concatenate([self.positions, np.zeros(room - self._n, dtype=np.int64)])
            self._live = np.concatenate([self.live, np.zeros(room - self._n, dtype=bool)])
        self._ids[self._n : end] = new
        self._live[self._n : end] = True
        self._n = end

    def remove(self, ids: Iterable[int]) -> int:
        """Take rows out; ids that are not here are ignored. Returns how many went."""
        gone = np.unique(np.fromiter(ids, dtype=np.int64))
        at = np.searchsorted(self.positions, gone)
        found = at < self._n
        at = at[found][self.positions[at[found]] == gone[found]]
        at = at[self._live[at]]
        self._live[at] = False
        self._n_dead += len(at)
        return len(at)

    def fold(self, rows: int) -> int:
        """Move up to `rows` rows into the graph, about 0.3 ms each; returns how many still wait."""
        rows = min(rows, self.foldable)
        if rows > 0:
            if self._graph is None:
                half: Any = faiss.ScalarQuantizer.QT_fp16
                self._graph = faiss.IndexHNSWSQ(self.dim, half, _HNSW_LINKS, faiss.METRIC_INNER_PRODUCT)
                self._graph.hnsw.efConstruction = _HNSW_BUILD
            self._graph.add(self._flat.reconstruct_n(self._folded - self._flat_start, rows))
            spent = self._folded - self._flat_start
            if 2 * spent >= self._flat.ntotal:  # half of the scanned part is in the graph by now
                waiting = self._flat.reconstruct_n(spent, self.unfolded) if self.unfolded else None
                self._flat, self._flat_start = faiss.IndexFlatIP(self.dim), self._folded
                if waiting is not None:
                    self._flat.add(waiting)
        return self.foldable

    def compact(self) -> Ids:
        """Drop removed rows and start a new graph; returns the positions that stay, in order, (N,)."""
        keep = np.flatnonzero(self.live).astype(np.int64)
        rows, ids = self.vectors(keep), self.positions[keep]
        self._reset()
        self.add(ids, rows)
        return keep

    def truncate(self, n: int, live: Mask) -> bool:
        """Go back to the first `n` positions with `live` as it was then; False when the graph has grown past them."""
        if n < self._folded or n > self._n:
            return False
        if n < self._n:
            self._flat.remove_ids(faiss.IDSelectorRange(n - self._flat_start, self._n - self._flat_start))
        self._n, self._live[:n] = n, live
        self._n_dead = n - int(live.sum())
        return True

    def vectors(self, positions: Ids) -> Floats:
        """Rows at positions, (n, d)."""
        found: Floats = np.empty((len(positions), self.dim), dtype=np.float32)
        in_graph = positions < self._flat_start
        for part, start, chosen in ((self._graph, 0, in_graph), (self._flat, self._flat_start, ~in_graph)):
            if chosen.any():
                found[chosen] = part.reconstruct_batch(positions[chosen] - start)
        return found

    def search(self, query: Floats, k: int, allowed: Mask | None = None) -> tuple[Ids, Floats]:
        """The `k` rows of highest inner product, best first; equal ones by lower id.

        Shapes: query (d,), allowed (P,) -> ids (K,), similarities (K,).
        Args:
            allowed: look only at these positions; None means all. Exact while at most `BRUTE_LIMIT` of them are left.
        """
        cue = np.ascontiguousarray(query, dtype=np.float32).reshape(1, self.dim)
        mask: Mask | None = None
        if allowed is not None:
            mask = allowed & self.live
        elif self._n_dead:
            mask = self.live
        n = self._n if mask is None else int(mask.sum())
        k = min(k, n)
        if k <= 0 or not np.isfinite(cue).all():
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
        folded = self._folded
        parts = []
        if folded:
            parts.append(self._search_graph(cue, k, None if mask is None else mask[:folded]))
        if folded < self._n:
            parts.append(_scan(self._flat, cue, k, self._flat_start, folded, self._n, mask))
        positions = np.concatenate([p for p, _ in parts])
        similarities = np.concatenate([s for _, s in parts])
        order = np.lexsort((positions, -similarities))[:k]
        return self._ids[positions[order]], similarities[order]

    def nearest(self, queries: Floats, allowed: Mask) -> Floats:
        """The highest inner product of each query with the rows at these positions, -inf where there is none.

        Shapes: queries (n, d), allowed (P,) -> (n,). The rows that wait are compared in blocks of products; those of
        the graph as in `search`.
        """
        best = np.full(len(queries), -np.inf, dtype=np.float32)
        mask = allowed & self.live
        waiting = np.flatnonzero(mask[self._folded :]).astype(np.int64) + self._folded
        for start in range(0, len(waiting), _BLOCK):
            rows = self.vectors(waiting[start : start + _BLOCK])
            for at in range(0, len(queries), _BLOCK):
                part = slice(at, at + _BLOCK)
                best[part] = np.maximum(best[part], (queries[part] @ rows.T).max(axis=1))
        in_graph = mask[: self._folded]
        if in_graph.any():
            for i, query in enumerate(queries):
                _, found = self._search_graph(query[None], 1, None if in_graph.all() else in_graph)
                best[i] = max(best[i], *found[:1])
        return best

    def neighbors(self, positions: Ids, k: int) -> tuple[Ids, Floats]:
        """The `k` nearest rows to each of these rows, itself included, best first; removed rows may be among them.

        Shapes: positions (n,) -> positions (n, k) with -1 where there are fewer, similarities (n, k).
        """
        at = np.full((len(positions), k), -1, dtype=np.int64)
        found = np.full((len(positions), k), -np.inf, dtype=np.float32)
        parts: list[tuple[Any, int, Any]] = []
        if self.unfolded:
            waiting = _parameters("")
            selector = faiss.IDSelectorRange(self._folded - self._flat_start, self._flat.ntotal)
            waiting.sel = selector
            parts.append((self._flat, self._flat_start, waiting))
        if self._folded:
            quick = _parameters("HNSW")
            quick.efSearch = max(_HNSW_SEARCH // 2, 2 * k)
            parts.append((self._graph, 0, quick))
        for start in range(0, len(positions), _BATCH):
            rows = slice(start, start + _BATCH)
            cues = self.vectors(positions[rows])
            for part, offset, parameters in parts:
                similarities, near = part.search(cues, min(k, part.ntotal), params=parameters)
                near = np.where(near >= 0, near + offset, -1)
                both = np.concatenate([found[rows], np.where(near >= 0, similarities, -np.inf)], axis=1)
                order = np.argsort(-both, axis=1, kind="stable")[:, :k]
                found[rows] = np.take_along_axis(both, order, axis=1)
                at[rows] = np.take_along_axis(np.concatenate([at[rows], near], axis=1), order, axis=1)
        return at, found

    @property
    def _folded(self) -> int:
        return int(self._graph.ntotal) if self._graph is not None else 0

    def _search_graph(self, cue: Floats, k: int, mask: Mask | None) -> tuple[Ids, Floats]:
        n = self._folded if mask is None else int(mask.sum())
        wanted = min(k, n)
        if mask is not None and n > BRUTE_LIMIT:
            # The neighbors come unfiltered, so a filter never makes the graph lose its way; enough of them must pass.
            wanted = min(self._folded, 16 + 2 * k * self._folded // n)
        if (mask is None or n > BRUTE_LIMIT) and wanted <= _MAX_CANDIDATES:
            parameters = _parameters("HNSW")
            parameters.efSearch = max(_HNSW_SEARCH, 2 * wanted)
            similarities, found = self._graph.search(cue, wanted, params=parameters)
            keep = found[0] >= 0
            if mask is not None:
                keep &= mask[found[0]]
            if keep.sum() >= min(k, n):
                return found[0][keep][:k], similarities[0][keep][:k]
        return _scan(faiss.downcast_index(self._graph.storage), cue, k, 0, 0, self._folded, mask)

    def save(self, path: Path, stamp: Stamp) -> None:
        """Write the index so that a crash leaves the old file or the new one. No removed vector is in the file.

        Raises: StorageFull.
        """
        if stamp.rows != len(self) or stamp.last_id < self.last_id:
            raise ValueError(f"stamp {stamp} does not describe an index of {len(self)} rows up to id {self.last_id}")
        folded = self._folded
        self._overwrite_removed()
        keep = (
            np.flatnonzero(self.live[folded:]).astype(np.int64) + folded
        )  # removed rows stay where the graph needs them
        at = np.concatenate([np.arange(folded, dtype=np.int64), keep])
        graph = faiss.serialize_index(self._graph).tobytes() if folded else b""
        body = b"".join((self._ids[at].tobytes(), self._live[at].tobytes(), self.vectors(keep).tobytes(), graph))
        index_file.write(path, IndexFile(stamp=stamp, n=len(at), folded=folded, body=body))

    def _overwrite_removed(self) -> None:
        """Replace removed rows of the graph by their nearest remaining ones: it still leads through their place."""
        dead = np.flatnonzero(~self.live[: self._folded]).astype(np.int64)
        if not len(dead):
            return
        near, _ = self.neighbors(dead, 8)
        passes = (near >= 0) & self.live[near]
        first = np.take_along_axis(near, passes.argmax(axis=1)[:, None], axis=1)[:, 0]
        rows = np.zeros((len(dead), self.dim), dtype=np.float32)
        some = passes.any(axis=1)
        rows[some] = self.vectors(first[some])
        storage: Any = faiss.downcast_index(self._graph.storage)
        codes = faiss.rev_swig_ptr(storage.codes.data(), storage.ntotal * storage.code_size)
        codes.reshape(-1, storage.code_size)[dead] = storage.sa_encode(rows)

    @classmethod
    def load(cls, path: Path, dim: int) -> tuple[VectorIndex, Stamp] | None:
        """The saved index and what it was built from; None (and a log line why) when there is no usable file."""
        file = index_file.read(path, dim)
        if file is None:
            return None
        n, folded, body = file.n, file.folded, file.body
        index = cls(dim)
        index._n = n
        index._ids = np.frombuffer(body, dtype=np.int64, count=n).copy()
        index._live = np.frombuffer(body, dtype=bool, count=n, offset=8 * n).copy()
        index._n_dead = n - int(index._live.sum())
        rows = np.frombuffer(body, dtype=np.float32, count=(n - folded) * dim, offset=9 * n).reshape(-1, dim).copy()
        index._flat_start = folded
        if len(rows):
            index._flat.add(rows)
        if folded:
            graph = np.frombuffer(body, dtype=np.uint8, offset=9 * n + rows.nbytes)
            index._graph = faiss.deserialize_index(graph)
        return index, file.stamp


def _scan(part: Any, cue: Floats, k: int, offset: int, start: int, end: int, mask: Mask | None) -> tuple[Ids, Floats]:
    """Exact search of the rows `start`..`end` in a flat index whose first row has position `offset`."""
    parameters = _parameters("")
    if mask is not None or start > offset:
        wanted = np.zeros(part.ntotal, dtype=bool)
        wanted[start - offset :] = True if mask is None else mask[start:end]
        # The bitmap and the selector must outlive the search: faiss keeps bare pointers to both.
        bits = np.packbits(wanted, bitorder="little")
        selector = faiss.IDSelectorBitmap(len(wanted), faiss.swig_ptr(bits))
        parameters.sel = selector
    similarities, found = part.search(cue, min(k, part.ntotal), params=parameters)
    real = found[0] >= 0
    return found[0][real].astype(np.int64) + offset, similarities[0][real]


def _parameters(kind: str) -> Any:
    return getattr(faiss, f"SearchParameters{kind}")()  # the stubs of faiss do not know these classes
