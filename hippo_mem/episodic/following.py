"""Memory-resident indexes that follow the rows: what any process added, changed or deleted is in them when asked.

Rows only ever appear with higher ids, disappear with a tombstone and change with a line in `trace_changes`, so catching
up reads what is new and nothing else. Words and sparse keys are followed from the first time they are asked for.
Knows nothing of texts except to embed them again when the vector space changes, and nothing of how ranks are fused.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hippo_mem.embed import Embedder
from hippo_mem.episodic import followed_file
from hippo_mem.episodic.columns import COLUMNS, Columns
from hippo_mem.episodic.keys import KeyIndex, Separator
from hippo_mem.episodic.vector_space import check_space, enter_space
from hippo_mem.episodic.word_index import WordIndex
from hippo_mem.freed_memory import give_back_freed_memory
from hippo_mem.storage.database import Database
from hippo_mem.storage.identity import store_id
from hippo_mem.storage.index import VectorIndex
from hippo_mem.storage.index_file import Stamp, discard

_log = logging.getLogger(__name__)

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]

_PAGE = 2_000  # rows read at a time
_FOLDS_PER_ROW = 2  # rows moved into the graph for each row that is written: what waits gets less with every write
_FOLD_ASIDE = 1_000  # when more than this wait, a thread folds them between other calls
_FOLD_STEP = 16  # rows, about 4 ms during which others wait
_FOLD_PAUSE_S = 0.004
_WORDS_FROM = 2_000  # rows; fewer are read again in less than a tenth of a second


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """How far the indexes have read: the newest tombstone, row and change."""

    deletions: int = 0
    last_id: int = 0
    changes: int = 0


class FollowingIndexes:
    """Vectors, filter columns, words and sparse keys of the same positions. Safe to share between threads.

    Opening embeds rows of another vector space again, in one transaction. Methods that take an open `connection`
    must be called within a block of the database, which holds its lock.
    """

    def __init__(self, database: Database, embedder: Embedder, path: Path | None) -> None:
        self._database = database
        self._embedder = embedder
        self._path = path
        self._index: VectorIndex | None = None
        self._columns = Columns()
        self._words: WordIndex | None = None
        self._keys: KeyIndex | None = None
        self._separator = Separator(embedder.dim)
        self._heads = Heads()
        self._saved: Stamp | None = None
        self._words_path = None if path is None else path.with_suffix(".words")
        self._words_saved: followed_file.Origin | None = None
        self._words_looked_for = False
        self._depth = 0  # open transactions
        self._added = 0  # rows since the last fold
        self._folder: threading.Thread | None = None
        self._closing = threading.Event()
        self._generation = enter_space(database, embedder)

    # What was asked for. `vectors` brings all of it up to date; the others belong to its last call within the block.

    def vectors(self, connection: sqlite3.Connection) -> VectorIndex:
        """The vector index of the rows as the connection sees them."""
        check_space(connection, self._database.path, self._generation)
        if self._index is None:
            self._index = self._restore(connection)
        heads = _heads(connection)
        if heads.deletions > self._heads.deletions:
            gone = connection.execute("SELECT trace_id FROM tombstones WHERE seq > ?", (self._heads.deletions,))
            self._index.remove(row[0] for row in gone.fetchall())
        if heads.last_id > self._heads.last_id:
            self._read_rows(connection, self._index)
        if heads.changes > self._heads.changes:
            self._read_changes(connection, self._index)
        self._heads = replace(heads, last_id=max(heads.last_id, self._heads.last_id))
        if not self._depth:
            self._help_folding(self._index)
        return self._index

    @property
    def columns(self) -> Columns:
        """The filter columns of every position that `vectors` knew last."""
        return self._columns

    def words(self, connection: sqlite3.Connection) -> WordIndex:
        """The words of every position that `vectors` knew last."""
        ids = self._followed().positions
        self._look_for_words(connection)
        words = self._words or WordIndex()
        before = len(words)
        self._words = None  # an error below must not leave half of a page
        while len(words) < len(ids):
            page = ids[len(words) : len(words) + _PAGE]
            texts = {
                row[0]: row[1]
                for row in connection.execute(
                    "SELECT id, text FROM traces WHERE id BETWEEN ? AND ?", (int(page[0]), int(page[-1]))
                )
            }
            for trace_id in page.tolist():
                words.append(texts.get(trace_id, ""))
        self._words = words
        if len(words) - before > _WORDS_FROM:
            give_back_freed_memory()
        return words

    def keys(self, connection: sqlite3.Connection) -> KeyIndex:
        """The sparse keys of every position that `vectors` knew last."""
        index = self._followed()
        self._look_for_words(connection)
        keys = self._keys or KeyIndex(self._separator)
        while len(keys) < len(index.positions):
            page = np.arange(len(keys), min(len(keys) + _PAGE, len(index.positions)), dtype=np.int64)
            keys.append(index.vectors(page))
        self._keys = keys
        return keys

    def _followed(self) -> VectorIndex:
        if self._index is None:
            raise RuntimeError("words and keys belong to a call of `vectors` in the same block")
        return self._index

    # Changes.

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A write transaction of the store; when it fails the indexes go back to where they were."""
        with self._database.lock:
            before = self._heads
            index = self._index
            n, live = (len(index.positions), index.live.copy()) if index is not None else (0, None)
            self._depth += 1
            try:
                with self._database.write() as connection:
                    check_space(connection, self._database.path, self._generation)
                    yield connection
            except BaseException:
                if self._heads != before:
                    self._go_back(before, n, live if self._index is index else None)
                raise
            finally:
                self._depth -= 1
            if not self._depth:
                self._tidy()

    def settle(self) -> None:
        """Finish what is otherwise done little by little: drop removed rows, put every row into the graph."""
        with self._database.lock:
            with self._database.read() as connection:
                index = self.vectors(connection)
            if index.wants_compaction:
                self._compact(index)
            index.fold(index.foldable)

    def drop_file(self) -> None:
        """Remove the saved index and words: they hold what was deleted. `save` writes clean ones."""
        with self._database.lock:
            self._saved = self._words_saved = None
            for path in (self._path, self._words_path):
                if path is not None:
                    discard(path)

    def save(self) -> None:
        """Write the index beside the store, unless the file there is already equal to it."""
        self._closing.set()
        if self._folder is not None:
            self._folder.join()
            self._folder = None
        self._closing.clear()
        if self._path is None:
            return
        with self._database.lock:
            with self._database.read() as connection:
                index = self.vectors(connection)
                stamp = self._stamp(connection, self._heads.last_id, self._heads.deletions)
            if stamp != self._saved or not self._path.exists():
                index.save(self._path, stamp)
                self._saved = stamp
            self._save_words(index)

    def _save_words(self, index: VectorIndex) -> None:
        """Keep words and keys where this process has them; an older file is of use as far as it reaches."""
        if self._words_path is None or self._words is None or self._keys is None or len(index) < _WORDS_FROM:
            return
        with self._database.read() as connection:
            index = self.vectors(connection)
            words, keys = self.words(connection), self.keys(connection)
            origin = self._origin(connection, index.last_id)
        if origin is not None and (origin != self._words_saved or not self._words_path.exists()):
            followed_file.save(self._words_path, origin, index.positions, index.live, words, keys)
            self._words_saved = origin

    def _look_for_words(self, connection: sqlite3.Connection) -> None:
        """Before the first word is read: what an earlier process kept, if it is of these rows."""
        index = self._index
        if self._words_looked_for or self._words_path is None or index is None:
            return
        self._words_looked_for = True
        if self._words is not None or self._keys is not None:
            return
        found = followed_file.load(self._words_path)
        if found is None or found.origin != self._origin(connection, found.origin.last_id):
            return
        both = found.at(index.positions, index.live, self._separator)
        if both is not None:
            self._words, self._keys = both
            self._words_saved = found.origin
        del found, both
        give_back_freed_memory()

    def _origin(self, connection: sqlite3.Connection, last_id: int) -> followed_file.Origin | None:
        """Of what words up to a row would be; None when that row is gone."""
        row = connection.execute("SELECT created FROM traces WHERE id = ?", (last_id,)).fetchone()
        if row is None:
            return None
        return followed_file.Origin(
            store_id=store_id(connection, self._database.path), generation=self._generation,
            embedder=self._embedder.id, dim=self._embedder.dim, last_id=last_id, last_created=float(row[0]),
        )  # fmt: skip

    def _restore(self, connection: sqlite3.Connection) -> VectorIndex:
        """The saved index when it is a true earlier state of these rows, else an empty one to be filled."""
        self._saved, self._words, self._keys = None, None, None
        self._words_looked_for = False
        index = VectorIndex(self._embedder.dim)
        now = _heads(connection)
        self._heads = Heads(changes=now.changes, deletions=now.deletions)
        found = VectorIndex.load(self._path, self._embedder.dim) if self._path is not None else None
        if found is not None:
            if self._describes(connection, *found):
                index, stamp = found
                self._heads = replace(self._heads, last_id=stamp.last_id)
                self._saved = stamp
            else:
                _log.info("%s is not of this store's state; the index is built from the store", self._path)
        self._columns = _read_columns(connection, index.positions)
        return index

    def _describes(self, connection: sqlite3.Connection, index: VectorIndex, stamp: Stamp) -> bool:
        return stamp.rows == len(index) and stamp == self._stamp(connection, stamp.last_id, self._heads.deletions)

    def _read_rows(self, connection: sqlite3.Connection, index: VectorIndex) -> None:
        while rows := connection.execute(
            f"SELECT {COLUMNS}, vector FROM traces WHERE id > ? ORDER BY id LIMIT ?", (self._heads.last_id, _PAGE)
        ).fetchall():
            vectors = np.frombuffer(b"".join(row["vector"] for row in rows), dtype="<f4").reshape(len(rows), -1)
            index.add([row["id"] for row in rows], vectors.astype(np.float32))
            self._columns.extend(rows)
            self._heads = replace(self._heads, last_id=rows[-1]["id"])
            self._added += len(rows)

    def _read_changes(self, connection: sqlite3.Connection, index: VectorIndex) -> None:
        rows = connection.execute(
            f"SELECT {COLUMNS} FROM traces WHERE id IN (SELECT trace_id FROM trace_changes WHERE seq > ?)",
            (self._heads.changes,),
        )
        for row in rows.fetchall():
            self._columns.update(int(np.searchsorted(index.positions, row["id"])), row)

    def _go_back(self, heads: Heads, n: int, live: NDArray[np.bool_] | None) -> None:
        """Undo what was read inside a transaction that failed."""
        index, same = self._index, self._heads.changes == heads.changes
        if index is None or live is None or not same or not index.truncate(n, live):
            self._index = None  # read everything again
            return
        self._columns.truncate(n)
        for followed in (self._words, self._keys):
            if followed is not None and len(followed) > n:
                self._words, self._keys = None, None
        self._heads = heads

    def _tidy(self) -> None:
        """After a transaction: a share of the work that keeps searches quick."""
        index, added, self._added = self._index, self._added, 0
        if index is None:
            return
        if index.wants_compaction:
            self._compact(index)
        index.fold(_FOLDS_PER_ROW * min(added, _PAGE))

    def _help_folding(self, index: VectorIndex) -> None:
        if index.foldable > _FOLD_ASIDE and (self._folder is None or not self._folder.is_alive()):
            self._folder = threading.Thread(target=self._fold_aside, name="hippo-index", daemon=True)
            self._folder.start()

    def _fold_aside(self) -> None:
        while not self._closing.wait(_FOLD_PAUSE_S):
            with self._database.lock:
                if self._depth or self._index is None:
                    continue
                if not self._index.fold(_FOLD_STEP):
                    return

    def _compact(self, index: VectorIndex) -> None:
        keep = index.compact()
        self._columns.keep(keep)
        for followed in (self._words, self._keys):
            if followed is not None:
                followed.keep(keep[keep < len(followed)])

    def _stamp(self, connection: sqlite3.Connection, last_id: int, deletions: int) -> Stamp:
        """What an index of the rows up to `last_id` would be stamped with."""
        rows = connection.execute("SELECT count(*) FROM traces WHERE id <= ?", (last_id,)).fetchone()[0]
        newest = connection.execute(
            "SELECT created FROM traces WHERE id <= ? ORDER BY id DESC LIMIT 1", (last_id,)
        ).fetchone()
        return Stamp(
            store_id=store_id(connection, self._database.path),
            schema=self._database.schema,
            generation=self._generation,
            embedder=self._embedder.id,
            dim=self._embedder.dim,
            rows=rows,
            last_id=last_id,
            deletions=deletions,
            last_created=newest[0] if newest else 0.0,
        )


def _read_columns(connection: sqlite3.Connection, ids: Ids) -> Columns:
    columns = Columns()
    for start in range(0, len(ids), _PAGE):
        page = ids[start : start + _PAGE]
        rows = connection.execute(
            f"SELECT {COLUMNS} FROM traces WHERE id BETWEEN ? AND ?", (int(page[0]), int(page[-1]))
        )
        by_id = {row["id"]: row for row in rows}
        columns.extend([by_id.get(trace_id) for trace_id in page.tolist()])
    return columns


def _heads(connection: sqlite3.Connection) -> Heads:
    row = connection.execute(
        "SELECT (SELECT coalesce(max(seq), 0) FROM tombstones), (SELECT coalesce(max(id), 0) FROM traces), "
        "(SELECT coalesce(max(seq), 0) FROM trace_changes)"
    ).fetchone()
    return Heads(deletions=int(row[0]), last_id=int(row[1]), changes=int(row[2]))
