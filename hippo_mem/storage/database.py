"""One SQLite file that survives kill -9, full disks and several processes. Knows nothing of what the rows mean.

Write-ahead log, `synchronous=FULL`: a transaction that committed is on disk. Writers take turns by BEGIN IMMEDIATE;
one that waits longer than its timeout gets StoreBusy. `secure_delete` overwrites what is deleted.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from hippo_mem.errors import HippoError, StorageFull, StoreBusy, StoreError
from hippo_mem.home import FILE_MODE, unwritable
from hippo_mem.storage import restoring
from hippo_mem.storage.migrations import migrate
from hippo_mem.storage.turns import Turns

_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_NO_SPACE = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR})
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class Database:
    """An open store file. Safe to share between threads, one at a time; not to carry across a fork.

    Args:
        path: the file; made (0600) and brought to the latest schema when needed. Its folder must exist. A restore that
            was killed there is finished first.
        timeout_s: how long to wait for another writer.
    Raises: StorageFull, StoreBusy, StoreVersionError, StoreError for a damaged file.
    """

    def __init__(self, path: Path, *, timeout_s: float = 10.0) -> None:
        self.path = path
        self.timeout_s = timeout_s
        self.lock = Turns()  # held by every block; who keeps state beside the rows holds it too
        self._depth = 0  # open write blocks
        self._reading = 0  # open read blocks outside of any write block
        restoring.finish_pending(path.parent, timeout_s=timeout_s)
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE))
        except OSError as error:
            raise unwritable(path, error) from error
        with self._translated():
            self._connection = sqlite3.connect(path, timeout=timeout_s, isolation_level=None, check_same_thread=False)
        try:
            with self._translated():
                self._configure()
                self.schema = migrate(self._connection, str(path))
        except BaseException:
            self._connection.close()
            raise

    def _configure(self) -> None:
        self._connection.row_factory = sqlite3.Row
        self._use_wal()
        for pragma in ("synchronous=FULL", "foreign_keys=ON", "secure_delete=ON", "temp_store=MEMORY"):
            self._connection.execute(f"PRAGMA {pragma}")

    def _use_wal(self) -> None:
        # Switching the journal does not wait for other connections by itself.
        deadline = time.monotonic() + self.timeout_s
        while self._connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            try:
                self._connection.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError as error:
                if _code(error) not in _BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    @contextlib.contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction: everything inside is on disk when the block ends, or nothing of it.

        A block within a block belongs to the outer transaction; its own failure undoes its own part.

        Raises: StoreBusy, StorageFull, StoreError; RuntimeError inside a read block, whose end would undo the write.
        """
        with self.lock, self._translated():
            if self._reading:
                raise RuntimeError("a write block cannot be opened inside a read block")
            begin, commit, rollback = ("BEGIN IMMEDIATE", "COMMIT", "ROLLBACK")
            if self._depth:
                name = f"nested_{self._depth}"
                begin, commit, rollback = f"SAVEPOINT {name}", f"RELEASE {name}", f"ROLLBACK TO {name}"
            self._connection.execute(begin)
            self._depth += 1
            try:
                yield self._connection
                self._connection.execute(commit)
            except BaseException:
                if self._connection.in_transaction:  # SQLite has already rolled back after some failures
                    self._connection.execute(rollback)
                raise
            finally:
                self._depth -= 1

    @contextlib.contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Every statement inside sees the same state of the store."""
        with self.lock, self._translated():
            if self._depth or self._reading:
                yield self._connection
                return
            self._connection.execute("BEGIN")
            self._reading += 1
            try:
                yield self._connection
            finally:
                self._reading -= 1
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def flush_log(self) -> None:
        """Move the write-ahead log into the file and empty it, so that what was deleted is in neither.

        A reader in another process can hold the log back; then it empties at a later call. Within a transaction
        nothing happens.
        """
        with self.lock, self._translated():
            if not self._connection.in_transaction:
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def backup(self, target: sqlite3.Connection) -> None:
        """Copy every row as of one moment into `target`; writers in other processes go on.

        Raises: RuntimeError inside a write block, whose rows are not committed yet.
        """
        with self.lock, self._translated():
            if self._depth:
                raise RuntimeError("a backup cannot be taken inside a write block")
            self._connection.backup(target)

    def check(self) -> list[str]:
        """What is wrong with the file, in SQLite's words; empty when it is whole. Reads all of it."""
        try:
            with self.read() as connection:
                found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(20)")]
        except StoreError as error:
            return [str(error)]
        return [] if found == ["ok"] else found

    def meta(self, key: str) -> str | None:
        """A named value of the store itself."""
        with self.read() as connection:
            row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def set_meta(self, key: str, value: str) -> None:
        """Set a named value of the store itself."""
        with self.write() as connection:
            connection.execute(
                "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value)
            )

    def close(self) -> None:
        """Close the file. Closing twice is fine."""
        with self.lock:
            self._connection.close()

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except HippoError:
            raise
        except sqlite3.Error as error:
            raise self._explain(error) from error

    def _explain(self, error: sqlite3.Error) -> StoreError:
        code = _code(error)
        if code in _BUSY:
            return StoreBusy(
                f"another process has been writing to {self.path} for more than {self.timeout_s:g} s; "
                "try again when it is done"
            )
        if code in _NO_SPACE:
            return StorageFull(
                f"cannot write {self.path}: {error}; nothing was changed. Free space or permissions there, "
                "or set HIPPO_HOME to a writable folder"
            )
        if code in _DAMAGED:
            return StoreError(
                f"{self.path} is damaged or not a store ({error}); put back a backup, or move the file away to start "
                "an empty store"
            )
        return StoreError(f"{self.path}: {error}; nothing was changed")


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; 0 for an error of the binding itself."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
