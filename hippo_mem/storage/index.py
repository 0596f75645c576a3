"""Nearest vectors by inner product, derived from the store and always rebuildable. Knows nothing of texts or SQL.

Exact (flat) up to `FLAT_LIMIT` rows, HNSW (Malkov and Yashunin 2018) above. Ids ascend in the order they are added.
The file is a stamp and a payload: any mismatch with what the reader expects means rebuild, never repair.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from hippo_mem.errors import InputError, StorageFull
from hippo_mem.home import write_private

FLAT_LIMIT = 10_000  # an exact scan of 10 000 x 384 takes about 1 ms
BRUTE_LIMIT = 10_000  # filtered searches over at most so many rows are exact whatever the index
_HNSW_LINKS = 32
_HNSW_BUILD = 80
_HNSW_SEARCH = 128
_DEAD_SHARE = 0.1  # HNSW cannot delete: rows are masked, and the graph is built anew beyond this share
_MAGIC = b"hippo-index-1\n"

_log = logging.getLogger(__name__)

Ids = NDArray[np.int64]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What an index was built from. Equal stamps mean equal contents.

    `last_created` is when the newest row was made: it tells a store apart from a backup that went its own way.
    """

    store_id: str
    schema: int
    generation: int
    embedder: str
    dim: int
    rows: int
    last_id: int
    deletions: int
    last_created: float


class VectorIndex:
    """Ids and unit vectors in memory. Not safe for concurrent use: the caller holds a lock.

    Shapes: N rows, d = `dim`, K <= min(k, N).
    """

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self._ids: Ids = np.empty(0, dtype=np.int64)
        self._dead = np.empty(0, dtype=bool)
        self._faiss: Any = faiss.IndexFlatIP(dim)

    def __len__(self) -> int:
        return len(self._ids) - int(self._dead.sum())

    @property
    def last_id(self) -> int:
        """The highest id ever added and still known; 0 when empty."""
        return int(self._ids[-1]) if len(self._ids) else 0

    @property
    def exact(self) -> bool:
        """Whether every search is exact."""
        return isinstance(self._faiss, faiss.IndexFlat)

    def ids(self) -> Ids:
        """Ids that can be found, ascending, (N,)."""
        return self._ids[~self._dead]

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
        self._faiss.add(rows)
        self._ids = np.concatenate([self._ids, new])
        self._dead = np.concatenate([self._dead, np.zeros(len(new), dtype=bool)])
        if self.exact and len(self._ids) > FLAT_LIMIT:
            self._rebuild()

    def remove(self, ids: Iterable[int]) -> int:
        """Take rows out; ids that are not here are ignored. Returns how many went."""
        gone = np.fromiter(ids, dtype=np.int64)
        dead = np.isin(self._ids, gone) & ~self._dead
        if not dead.any():
            return 0
        self._dead |= dead
        if self.exact or self._dead.sum() > _DEAD_SHARE * len(self._ids):
            self._rebuild()
        else:
            self._blank(np.flatnonzero(dead))
        return int(dead.sum())

    def vectors(self, positions: NDArray[np.int64]) -> Floats:
        """Rows at positions of the inner order, (n, d)."""
        if not len(positions):
            return np.empty((0, self.dim), dtype=np.float32)
        found: Floats = self._faiss.reconstruct_batch(positions)
        return found

    def search(self, query: Floats, k: int, allowed: Ids | None = None) -> tuple[Ids, Floats]:
        """The `k` rows of highest inner product, best first; equal ones by lower id.

        Shapes: query (d,) -> ids (K,), similarities (K,).
        Args:
            allowed: look only at these ids (ascending); None means all. Exact up to `BRUTE_LIMIT` of them.
        """
        cue = np.ascontiguousarray(query, dtype=np.float32).reshape(1, self.dim)
        alive = ~self._dead
        if allowed is not None:
            alive &= np.isin(self._ids, allowed)
        n = int(alive.sum())
        k = min(k, n)
        if k <= 0 or not np.isfinite(cue).all():
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
        if n <= BRUTE_LIMIT and n < len(self._ids):
            positions = np.flatnonzero(alive).astype(np.int64)
            similarities = self.vectors(positions) @ cue[0]
        else:
            similarities, positions = self._search_faiss(cue, k, alive if n < len(self._ids) else None)
        found = self._ids[positions]
        order = np.lexsort((found, -similarities))[:k]
        return found[order], similarities[order].astype(np.float32)

    def _search_faiss(self, cue: Floats, k: int, alive: NDArray[np.bool_] | None) -> tuple[Floats, Ids]:
        # The bitmap and the selector must outlive the search: faiss keeps bare pointers to both.
        bits = None if alive is None else np.packbits(alive, bitorder="little")
        selector = None if bits is None else faiss.IDSelectorBitmap(len(self._ids), faiss.swig_ptr(bits))
        parameters = _parameters("" if self.exact else "HNSW")
        if not self.exact:
            parameters.efSearch = max(_HNSW_SEARCH, 2 * k)
        if selector is not None:
            parameters.sel = selector
        similarities, positions = self._faiss.search(cue, k, params=parameters)
        real = positions[0] >= 0
        return similarities[0][real], positions[0][real].astype(np.int64)

    def _rebuild(self) -> None:
        keep = np.flatnonzero(~self._dead).astype(np.int64)
        rows = self.vectors(keep)
        self._ids, self._dead = self._ids[keep], np.zeros(len(keep), dtype=bool)
        self._faiss = _hnsw(self.dim) if len(keep) > FLAT_LIMIT else faiss.IndexFlatIP(self.dim)
        if len(keep):
            self._faiss.add(rows)

    def _blank(self, positions: NDArray[np.int64]) -> None:
        """Overwrite removed rows by zeros: the graph still passes through them, their contents are gone."""
        storage: Any = faiss.downcast_index(self._faiss.storage)
        rows = faiss.rev_swig_ptr(storage.get_xb(), storage.ntotal * self.dim).reshape(-1, self.dim)
        rows[positions] = 0.0

    def save(self, path: Path, stamp: Stamp) -> None:
        """Write the index so that a crash leaves the old file or the new one. No removed vector is in the file.

        Raises: StorageFull.
        """
        if stamp.rows != len(self) or stamp.last_id < self.last_id:
            raise ValueError(f"stamp {stamp} does not describe an index of {len(self)} rows up to id {self.last_id}")
        body = self._ids.tobytes() + self._dead.tobytes() + faiss.serialize_index(self._faiss).tobytes()
        header = json.dumps(
            {**asdict(stamp), "n": len(self._ids), "checksum": hashlib.blake2b(body, digest_size=16).hexdigest()}
        )
        write_private(path, _MAGIC + header.encode() + b"\n" + body)

    @classmethod
    def load(cls, path: Path, dim: int) -> tuple[VectorIndex, Stamp] | None:
        """The saved index and what it was built from; None (and a log line why) when there is no usable file."""
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            _log.warning("cannot read %s (%s); the index is built from the store", path, error)
            return None
        try:
            if not data.startswith(_MAGIC):
                raise ValueError("not an index file")
            end = data.index(b"\n", len(_MAGIC))
            header = json.loads(data[len(_MAGIC) : end])
            body = data[end + 1 :]
            if hashlib.blake2b(body, digest_size=16).hexdigest() != header.pop("checksum"):
                raise ValueError("the checksum does not match")
            n = int(header.pop("n"))
            stamp = Stamp(**header)
            if stamp.dim != dim:
                raise ValueError(f"dimension {stamp.dim} instead of {dim}")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            _log.warning("%s is unusable (%s); the index is built from the store", path, error)
            return None
        index = cls(dim)
        index._ids = np.frombuffer(body, dtype=np.int64, count=n).copy()
        index._dead = np.frombuffer(body, dtype=bool, count=n, offset=8 * n).copy()
        index._faiss = faiss.deserialize_index(np.frombuffer(body, dtype=np.uint8, offset=9 * n))
        return index, stamp


def _parameters(kind: str) -> Any:
    return getattr(faiss, f"SearchParameters{kind}")()  # the stubs of faiss do not know these classes


def _hnsw(dim: int) -> Any:
    index = faiss.IndexHNSWFlat(dim, _HNSW_LINKS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = _HNSW_BUILD
    return index


def discard(path: Path) -> None:
    """Remove a saved index, so that no deleted vector stays in it.

    Raises: StorageFull when it cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StorageFull(f"cannot remove {path}: {error.strerror}; remove it by hand") from error
