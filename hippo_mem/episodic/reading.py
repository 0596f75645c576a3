"""Reading traces: by id, by filter. Knows nothing of nearness, of ranking or of writing."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from hippo_mem.episodic.columns import names_place, place_words
from hippo_mem.episodic.rows import COLUMNS, MAX_ID, PRESENT, conditions, digest, trace_of
from hippo_mem.errors import InputError
from hippo_mem.storage.database import Database
from hippo_mem.types import Event, Trace, Where

Floats = NDArray[np.float32]

_PAGE = 500  # rows read at a time while iterating, and ids per statement


class TraceTable:
    """The rows of one store. Every call sees what was committed before it.

    Args:
        clock: unix seconds; what has expired by then is out.
    """

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def get(self, trace_id: int) -> Trace | None:
        """One trace, or None."""
        found = self.get_many([trace_id])
        return found[0] if found else None

    def get_many(self, trace_ids: Iterable[int], *, retired: bool = False) -> list[Trace]:
        """Traces in the order of the ids; those that are gone, or retired unless asked for, are left out."""
        ids = [i for i in map(int, trace_ids) if abs(i) <= MAX_ID]
        rows: dict[int, Trace] = {}
        with self._database.read() as connection:
            for start in range(0, len(ids), _PAGE):
                page = ids[start : start + _PAGE]
                marks = ", ".join("?" * len(page))
                for row in connection.execute(f"SELECT {COLUMNS} FROM traces WHERE id IN ({marks})", page):
                    if retired or row["retired"] is None:
                        rows[row["id"]] = trace_of(row)
        return [rows[i] for i in ids if i in rows]

    def __iter__(self) -> Iterator[Trace]:
        return self.iterate()

    def iterate(
        self, where: Where | None = None, *, as_of: float | None = None, closed: bool = False
    ) -> Iterator[Trace]:
        """Traces by ascending id, read in pages; `closed` includes what has been superseded."""
        sql, values = conditions(where, as_of, self._clock(), closed=closed)
        asked = None if where is None or where.place is None else where.place
        last = 0
        while True:
            with self._database.read() as connection:
                rows = connection.execute(
                    f"SELECT {COLUMNS} FROM traces WHERE id > ? AND {sql} ORDER BY id LIMIT ?", (last, *values, _PAGE)
                ).fetchall()
                linked = frozenset() if asked is None else linked_to_place(connection, asked)
            for row in rows:
                trace = trace_of(row)
                if asked is None or row["id"] in linked or _is_at(trace, asked):
                    yield trace
            if len(rows) < _PAGE:
                return
            last = rows[-1]["id"]

    def duplicate_of(self, event: Event) -> int | None:
        """The open trace in the same words from the same source, document and context."""
        with self._database.read() as connection:
            # The unary plus keeps SQLite to the index of digests: the others may match every row.
            row = connection.execute(
                "SELECT id FROM traces WHERE digest = ? AND +source = ? AND +doc_id IS ? AND +context_key IS ? "
                f"AND valid_to IS NULL AND {PRESENT} ORDER BY id LIMIT 1",
                (digest(event.text), event.source, event.doc_id, event.context, self._clock()),
            ).fetchone()
        return None if row is None else int(row[0])

    def vectors(self, trace_ids: Iterable[int]) -> Floats:
        """The stored vectors of these ids, in order, (n, d).

        Raises: InputError naming an id that is gone.
        """
        ids = [int(i) for i in trace_ids]
        found: list[Floats] = []
        with self._database.read() as connection:
            for i in ids:
                row = connection.execute("SELECT vector FROM traces WHERE id = ?", (i,)).fetchone()
                if row is None:
                    raise InputError(f"there is no trace {i}")
                found.append(np.frombuffer(row[0], dtype="<f4"))
        return np.array(found, dtype=np.float32).reshape(len(found), -1) if found else np.empty((0, 0), np.float32)

    def counts(self) -> dict[str, int]:
        """`traces`, and of them `pinned`, `consolidated`, `superseded`; besides them `retired` and `deleted` ones."""
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT count(*), coalesce(sum(pin), 0), count(consolidated_at), count(valid_to), "
                "(SELECT count(*) FROM traces WHERE retired IS NOT NULL), (SELECT count(*) FROM tombstones) "
                f"FROM traces WHERE {PRESENT}",
                (self._clock(),),
            ).fetchone()
        return dict(zip(("traces", "pinned", "consolidated", "superseded", "retired", "deleted"), row, strict=True))

    def __len__(self) -> int:
        with self._database.read() as connection:
            row = connection.execute(f"SELECT count(*) FROM traces WHERE {PRESENT}", (self._clock(),)).fetchone()
        return int(row[0])


def linked_to_place(connection: sqlite3.Connection, place: str) -> frozenset[int]:
    """Ids of traces that the map links to a place of this name."""
    asked = place_words(place)
    named = [
        row[0] for row in connection.execute("SELECT id, name FROM places") if names_place(place_words(row[1]), asked)
    ]
    found: set[int] = set()
    for place_id in named:
        links = connection.execute("SELECT row_id FROM place_links WHERE place_id = ? AND kind = 'trace'", (place_id,))
        found.update(row[0] for row in links)
    return frozenset(found)


def _is_at(trace: Trace, place: str) -> bool:
    return "where" in trace.slots and names_place(place_words(trace.slots["where"]), place_words(place))
