"""Every row of a store is a row of one vector space. Knows nothing of indexes."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

from hippo_mem.embed import Embedder
from hippo_mem.errors import StoreMoved
from hippo_mem.storage.database import Database

_log = logging.getLogger(__name__)

_PAGE = 2_000  # texts embedded at a time


def enter_space(database: Database, embedder: Embedder) -> int:
    """Make every row a row of this embedder; returns how often that was done so far."""
    name = f"{embedder.id}/{embedder.dim}"
    with database.read() as connection:
        space, generation = _space(connection)
    if space == name:
        return generation
    with database.write() as connection:
        space, generation = _space(connection)
        if space == name:
            return generation
        rows = connection.execute("SELECT id, text FROM traces ORDER BY id").fetchall()
        if rows:
            _log.info("embedding %d memories again: %s -> %s", len(rows), space, name)
        for start in range(0, len(rows), _PAGE):
            page = rows[start : start + _PAGE]
            vectors = embedder.embed([row["text"] for row in page]).astype("<f4")
            connection.executemany(
                "UPDATE traces SET vector = ?, embedder = ?, dim = ? WHERE id = ?",
                [(v.tobytes(), embedder.id, embedder.dim, row["id"]) for v, row in zip(vectors, page, strict=True)],
            )
        database.set_meta("space", name)
        database.set_meta("generation", str(generation + 1))
    return generation + 1


def check_space(connection: sqlite3.Connection, path: Path, generation: int) -> None:
    """Raises: StoreMoved when the rows have moved to another space since `enter_space`."""
    space, current = _space(connection)
    if current != generation:
        raise StoreMoved(f"{path} was restored, or moved to the vectors of {space}, by another process; open it again")


def _space(connection: sqlite3.Connection) -> tuple[str | None, int]:
    found = {
        row[0]: row[1] for row in connection.execute("SELECT key, value FROM meta WHERE key IN ('space', 'generation')")
    }
    return found.get("space"), int(found.get("generation", 0))
