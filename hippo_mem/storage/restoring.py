"""The last steps of a restore, which whoever opens the store next takes if the restore itself was killed.

    <user folder>/
    ├── restore.json         names the staged folder; once it is there, the restore will happen
    ├── restore.lock         held by the one process that restores
    └── .restoring-<token>/  memory.sqlite, nights/, as they will be

Before `restore.json` is there, a kill leaves the old state; after it, the next opening ends in the new one. The rows
change in one transaction of the live file, so that other processes that have it open go on with the restored rows.
Knows nothing of snapshots' files, and nothing of what the rows mean.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from hippo_mem.errors import StoreBusy, StoreError
from hippo_mem.home import locked, sync_folder, unwritable, write_private

MARKER = "restore.json"
STAGED = ".restoring-"
LOCK = "restore.lock"


@contextlib.contextmanager
def restoring(folder: Path, *, timeout_s: float) -> Iterator[None]:
    """Be the one process that restores in `folder`, waiting for another for at most `timeout_s`.

    Raises: StoreBusy naming the other process.
    """
    deadline = time.monotonic() + timeout_s
    with contextlib.ExitStack() as held:
        while True:
            try:
                held.enter_context(locked(folder / LOCK, "restoring a snapshot"))
                break
            except StoreBusy:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        yield


def is_pending(folder: Path) -> bool:
    """Whether a restore in `folder` has begun to take effect and not ended."""
    return (folder / MARKER).exists()


def finish_pending(folder: Path, *, timeout_s: float = 10.0) -> bool:
    """Finish a restore that was killed; False when there is none.

    Raises: StoreBusy when it is going on in another process; StoreError when its staged files are gone; StorageFull.
    """
    if not is_pending(folder):
        return False
    with restoring(folder, timeout_s=timeout_s):
        if not is_pending(folder):
            return False
        finish(folder)
    return True


def commit(folder: Path, staged: Path, token: str) -> None:
    """The point of no return: from here on the staged state is the one that will be found."""
    write_private(folder / MARKER, json.dumps({"staged": staged.name, "token": token}).encode())


def finish(folder: Path) -> None:
    """Put the staged state in force. May be killed at any point and done again. The caller holds `restoring`.

    Raises: StoreError, StorageFull; `restore.json` is still there then.
    """
    marker = folder / MARKER
    try:
        said = json.loads(marker.read_bytes())
        staged, token = folder / str(said["staged"]), str(said["token"])
        if Path(staged.name) != Path(str(said["staged"])) or not staged.name.startswith(STAGED):
            raise ValueError(f"staged is {said['staged']!r}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{marker} is damaged ({error}); remove it to keep the state before the restore") from error
    if not rows_are_in(folder, token):
        _replace_rows(folder, staged)
    try:
        if (staged / "nights").is_dir():
            if (folder / "nights").is_dir():
                n = sum(1 for _ in staged.glob("before-*"))
                (folder / "nights").rename(staged / f"before-{n}")
            (staged / "nights").rename(folder / "nights")
        for derived in ("index.faiss", "index.lost"):  # what is lost is back, or was given up for this
            (folder / derived).unlink(missing_ok=True)
        sync_folder(folder)
        marker.unlink()
        sync_folder(folder)
    except OSError as error:
        raise unwritable(folder, error) from error
    clear(folder)


def abandon(folder: Path) -> None:
    """Take a restore back that has changed nothing yet."""
    (folder / MARKER).unlink(missing_ok=True)
    clear(folder)


def clear(folder: Path) -> None:
    """Remove what restores that came to nothing left behind."""
    for left in folder.glob(f"{STAGED}*"):
        shutil.rmtree(left, ignore_errors=True)


def rows_are_in(folder: Path, token: str) -> bool:
    """Whether the live store already holds the rows that were staged under `token`."""
    live = folder / "memory.sqlite"
    if not live.exists():
        return False
    try:
        with contextlib.closing(sqlite3.connect(live, timeout=10.0)) as connection:
            row = connection.execute("SELECT value FROM meta WHERE key = 'restored'").fetchone()
    except sqlite3.DatabaseError:  # a damaged or foreign file is what a restore mends
        return False
    return row is not None and row[0] == token


def _replace_rows(folder: Path, staged: Path) -> None:
    source, target = staged / "memory.sqlite", folder / "memory.sqlite"
    if not source.is_file():
        raise StoreError(
            f"{source} is gone, so the restore that was begun cannot end; remove {folder / MARKER} to keep the state "
            "before it"
        )
    _set_damaged_aside(target)
    try:
        with (
            contextlib.closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True)) as new,
            contextlib.closing(sqlite3.connect(target, timeout=10.0)) as live,
        ):
            live.execute("PRAGMA journal_mode=WAL").fetchone()
            for pragma in ("synchronous=FULL", "secure_delete=ON"):
                live.execute(f"PRAGMA {pragma}")
            new.backup(live, sleep=0.02)
            live.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        target.chmod(0o600)
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"cannot write {target}: {error}; the state before the restore is untouched") from error


def _set_damaged_aside(target: Path) -> None:
    """A file that SQLite cannot read takes no rows: it is kept beside, under another name."""
    if not target.exists():
        return
    try:
        with contextlib.closing(sqlite3.connect(target, timeout=10.0)) as connection:
            connection.execute("PRAGMA journal_mode").fetchone()
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        return  # busy, not damaged
    except sqlite3.DatabaseError:
        target.rename(target.with_name(f"{target.name}.damaged-{time.time():.0f}"))
        for extra in ("-wal", "-shm"):
            target.with_name(target.name + extra).unlink(missing_ok=True)
