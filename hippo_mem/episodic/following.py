"""An index that follows the rows: what any process added or deleted is in it before it is asked.

Rows only ever appear with higher ids and only ever disappear with a tombstone, so catching up reads what is new and
nothing else. Knows nothing of texts except to embed them again when the vector space changes.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hippo_mem.embed import Embedder
from hippo_mem.errors import StoreError
from hippo_mem.storage.database import Database
from hippo_mem.storage.index import Stamp, VectorIndex, discard

_log = logging.getLogger(__name__)

Floats = NDArray[np.float32]
_PAGE = 2_000  # vectors read at a time


class FollowingIndex:
    """A `VectorIndex` kept equal to the rows of one vector space. Safe to share between threads.

    Opening embeds rows of another vector space again, in one transaction.
    """

    def __init__(self, database: Database, embedder: Embedder, path: Path | None) -> None:
        self._database = database
        self._embedder = embedder
        self._path = path
        self._index: VectorIndex | None = None
        self._last_id = 0  # rows up to here are in
        self._deletions = 0  # tombstones up to here are out
        self._saved: Stamp | None = None
        self._generation = self._enter_space()

    def search(self, query: Floats, k: int, allowed: NDArray[np.int64] | None) -> list[tuple[int, float]]:
        """(id, cosine) of the nearest rows, best first."""
        with self._database.lock, self._database.read() as connection:
            ids, cosines = self._current(connection).search(query, k, allowed)
        return list(zip(ids.tolist(), cosines.tolist(), strict=True))

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A write transaction of the store; when it fails the index forgets what it was given inside."""
        with self._database.lock:
            before = (self._last_id, self._deletions)
            try:
                with self._database.write() as connection:
                    self._check_space(connection)
                    yield connection
            except BaseException:
                if (self._last_id, self._deletions) != before:
                    self._index = None  # it may hold rows that were never committed: read it again
                raise

    def append(self, trace_id: int, vector: Floats) -> None:
        """Add the row that was just inserted in the open transaction."""
        with self._database.lock, self._database.read() as connection:
            index = self._current(connection)
            if self._last_id < trace_id:
                index.add([trace_id], vector.reshape(1, -1))
                self._last_id = trace_id

    def drop_file(self) -> None:
        """Remove the saved index: it holds vectors that were deleted. `save` writes a clean one."""
        with self._database.lock:
            self._saved = None
            if self._path is not None:
                discard(self._path)

    def save(self) -> None:
        """Write the index beside the store, unless the file there is already equal to it."""
        if self._path is None:
            return
        with self._database.lock:
            with self._database.read() as connection:
                index = self._current(connection)
                stamp = self._stamp(connection, self._last_id, self._deletions)
            if stamp != self._saved or not self._path.exists():
                index.save(self._path, stamp)
                self._saved = stamp

    def _current(self, connection: sqlite3.Connection) -> VectorIndex:
        self._check_space(connection)
        if self._index is None:
            self._index = self._restore(connection)
        deletions, last_id = _heads(connection)
        if deletions > self._deletions:
            gone = connection.execute("SELECT trace_id FROM tombstones WHERE seq > ?", (self._deletions,))
            self._index.remove(row[0] for row in gone.fetchall())
            self._deletions = deletions
        if last_id > self._last_id:
            self._read_rows(connection, self._index)
        return self._index

    def _restore(self, connection: sqlite3.Connection) -> VectorIndex:
        """The saved index when it is a true earlier state of these rows, else an empty one to be filled."""
        self._last_id, self._deletions, self._saved = 0, 0, None
        found = VectorIndex.load(self._path, self._embedder.dim) if self._path is not None else None
        if found is not None:
            index, stamp = found
            if self._describes(connection, index, stamp):
                self._last_id, self._deletions, self._saved = stamp.last_id, stamp.deletions, stamp
                return index
            _log.info("%s is not of this store's state; the index is built from the store", self._path)
        return VectorIndex(self._embedder.dim)

    def _describes(self, connection: sqlite3.Connection, index: VectorIndex, stamp: Stamp) -> bool:
        deletions, _ = _heads(connection)
        return stamp.rows == len(index) and stamp == self._stamp(connection, stamp.last_id, deletions)

    def _read_rows(self, connection: sqlite3.Connection, index: VectorIndex) -> None:
        while rows := connection.execute(
            "SELECT id, vector FROM traces WHERE id > ? ORDER BY id LIMIT ?", (self._last_id, _PAGE)
        ).fetchall():
            vectors = np.frombuffer(b"".join(row[1] for row in rows), dtype="<f4").reshape(len(rows), -1)
            index.add([row[0] for row in rows], vectors.astype(np.float32))
            self._last_id = rows[-1][0]

    def _stamp(self, connection: sqlite3.Connection, last_id: int, deletions: int) -> Stamp:
        """What an index of the rows up to `last_id` would be stamped with."""
        store_id = connection.execute("SELECT value FROM meta WHERE key = 'store_id'").fetchone()[0]
        rows = connection.execute("SELECT count(*) FROM traces WHERE id <= ?", (last_id,)).fetchone()[0]
        newest = connection.execute(
            "SELECT created FROM traces WHERE id <= ? ORDER BY id DESC LIMIT 1", (last_id,)
        ).fetchone()
        return Stamp(
            store_id=store_id,
            schema=self._database.schema,
            generation=self._generation,
            embedder=self._embedder.id,
            dim=self._embedder.dim,
            rows=rows,
            last_id=last_id,
            deletions=deletions,
            last_created=newest[0] if newest else 0.0,
        )

    def _enter_space(self) -> int:
        """Make every row a row of this embedder; returns the number of such changes so far."""
        name = f"{self._embedder.id}/{self._embedder.dim}"
        with self._database.read() as connection:
            space, generation = _space(connection)
        if space == name:
            return generation
        with self._database.write() as connection:
            space, generation = _space(connection)
            if space == name:
                return generation
            rows = connection.execute("SELECT id, text FROM traces ORDER BY id").fetchall()
            if rows:
                _log.info("embedding %d memories again: %s -> %s", len(rows), space, name)
            for start in range(0, len(rows), _PAGE):
                page = rows[start : start + _PAGE]
                vectors = self._embedder.embed([row["text"] for row in page]).astype("<f4")
                connection.executemany(
                    "UPDATE traces SET vector = ?, embedder = ?, dim = ? WHERE id = ?",
                    [
                        (v.tobytes(), self._embedder.id, self._embedder.dim, row["id"])
                        for v, row in zip(vectors, page, strict=True)
                    ],
                )
            self._database.set_meta("space", name)
            self._database.set_meta("generation", str(generation + 1))
        return generation + 1

    def _check_space(self, connection: sqlite3.Connection) -> None:
        space, generation = _space(connection)
        if generation != self._generation:
            raise StoreError(
                f"{self._database.path} was moved to the vectors of {space} by another process; open it again"
            )


def _space(connection: sqlite3.Connection) -> tuple[str | None, int]:
    found = {
        row[0]: row[1] for row in connection.execute("SELECT key, value FROM meta WHERE key IN ('space', 'generation')")
    }
    return found.get("space"), int(found.get("generation", 0))


def _heads(connection: sqlite3.Connection) -> tuple[int, int]:
    """The newest tombstone and the newest row."""
    row = connection.execute(
        "SELECT (SELECT coalesce(max(seq), 0) FROM tombstones), (SELECT coalesce(max(id), 0) FROM traces)"
    ).fetchone()
    return int(row[0]), int(row[1])
