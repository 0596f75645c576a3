"""Which store this is, and whether another one lay in its place: how an emptied store is told from a new one.

A store is named once, when it is made (`store_id` in `meta`), and the index saved beside it says whose rows it holds.
Where the two differ, the store's file was emptied, removed, or another one was put in its place. The index is built
anew at the next opening, so what it knew is noted beside it first (`index.lost`). The note says which store and how
many rows, nothing of what they said. It goes with a restore, or by hand. Knows nothing of what the rows mean.
"""

from __future__ import annotations

import json
import re
import sqlite3
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from hippo_mem.errors import StoreError
from hippo_mem.home import write_private
from hippo_mem.storage import index_file
from hippo_mem.storage.origins import bump

# What is derived from the rows compares these with what it was made from.
_NUMBERS = ("generation", "relational_version", "spatial_version")
_NUMBER = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """Another store that lay here. `said_by`: the files that say so."""

    rows: int
    said_by: tuple[Path, ...]


def store_id(connection: sqlite3.Connection, path: Path) -> str:
    """Which store this is. `path` is its file, for the message.

    Raises: StoreError where the store does not say.
    """
    row = connection.execute("SELECT value FROM meta WHERE key = 'store_id'").fetchone()
    if row is None or not row[0]:
        raise StoreError(
            f"{path} does not say which store it is (no store_id in its table meta); "
            "run hippo doctor --repair, or put back a backup"
        )
    return str(row[0])


def unnamed(connection: sqlite3.Connection) -> list[str]:
    """What the store fails to say of itself, in words; empty where it says everything."""
    said = dict(connection.execute("SELECT key, value FROM meta").fetchall())
    wrong = [] if said.get("store_id") else ["no store_id in its table meta"]
    for key in _NUMBERS:
        if key in said and not _NUMBER.fullmatch(str(said[key])):
            wrong.append(f"{key} in its table meta is {said[key]!r:.40}, not a number")
    return wrong


def name_again(connection: sqlite3.Connection) -> None:
    """Make up what `unnamed` misses, in the caller's transaction. Everything derived from the rows is then stale: the
    change numbers are such as no open process has seen, and an index saved before is of another store where the store
    gets a new name (discard it)."""
    if connection.execute("SELECT 1 FROM meta WHERE key = 'store_id' AND value != ''").fetchone() is None:
        _set(connection, "store_id", uuid.uuid4().hex)
    _set(connection, "generation", str(time.time_ns()))
    bump(connection, "relational")
    bump(connection, "spatial")
    spaces = connection.execute("SELECT DISTINCT embedder || '/' || dim FROM traces LIMIT 2").fetchall()
    if len(spaces) == 1:  # else every row is embedded again when the store is next opened
        connection.execute("INSERT OR IGNORE INTO meta VALUES ('space', ?)", (spaces[0][0],))


def note_of(index: Path) -> Path:
    """Where the note lies that belongs to this index file."""
    return index.with_suffix(".lost")


def find_lost(index: Path, name: str | None) -> Lost | None:
    """What the saved index, or the note beside it, knew of another store than `name`; None where there was no other.

    Args: name: the store there is now; None where there is none.
    """
    said = {path: found for path, found in ((index, index_file.whose(index)), (note_of(index), _noted(index))) if found}
    others = {path: rows for path, (whose, rows) in said.items() if whose != name and rows}
    return Lost(rows=max(others.values()), said_by=tuple(others)) if others else None


def note_lost(index: Path, name: str | None) -> Lost | None:
    """Note what the saved index knew of another store than `name`, before it is built anew; returns what is new of it.

    A note that was there stays where it knew of more. Raises: StorageFull.
    """
    found, before = index_file.whose(index), _noted(index)
    if found is None or found[0] == name or not found[1]:
        return None
    if before is not None and before[0] != name and before[1] >= found[1]:
        return None
    write_private(note_of(index), json.dumps({"store_id": found[0], "rows": found[1]}).encode())
    return Lost(rows=found[1], said_by=(index, note_of(index)))


def _noted(index: Path) -> tuple[str, int] | None:
    try:
        said = json.loads(note_of(index).read_bytes())
        return str(said["store_id"]), int(said["rows"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _set(connection: sqlite3.Connection, key: str, value: str) -> None:
    connection.execute(
        "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value)
    )
