"""Reading traces: by id, by filter, by words. Knows nothing of vectors' nearness or of writing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from hippo_mem.episodic.rows import COLUMNS, conditions, digest, match_expression, trace_of
from hippo_mem.errors import InputError
from hippo_mem.storage.database import Database
from hippo_mem.text import STOP_WORDS
from hippo_mem.types import Event, Trace, Where

Ids = NDArray[np.int64]
Floats = NDArray[np.float32]

_PAGE = 500  # rows read at a time while iterating, and ids per statement


class TraceTable:
    """The rows of one store. Every call sees what was committed before it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, trace_id: int) -> Trace | None:
        """One trace, or None."""
        found = self.get_many([trace_id])
        return found[0] if found else None

    def get_many(self, trace_ids: Iterable[int]) -> list[Trace]:
        """Traces in the order of the ids; those that are gone are left out."""
        ids = [int(i) for i in trace_ids]
        rows: dict[int, Trace] = {}
        with self._database.read() as connection:
            for start in range(0, len(ids), _PAGE):
                page = ids[start : start + _PAGE]
                marks = ", ".join("?" * len(page))
                for row in connection.execute(f"SELECT {COLUMNS} FROM traces WHERE id IN ({marks})", page):
                    rows[row["id"]] = trace_of(row)
        return [rows[i] for i in ids if i in rows]

    def __iter__(self) -> Iterator[Trace]:
        return self.iterate()

    def iterate(
        self, where: Where | None = None, *, as_of: float | None = None, closed: bool = False
    ) -> Iterator[Trace]:
        """Traces by ascending id, read in pages; `closed` includes what has been superseded."""
        sql, values = conditions(where, as_of)
        if closed and as_of is None:
            sql = sql.replace("valid_to IS NULL", "1 = 1", 1)
        last = 0
        while True:
            with self._database.read() as connection:
                rows = connection.execute(
                    f"SELECT {COLUMNS} FROM traces WHERE id > ? AND {sql} ORDER BY id LIMIT ?", (last, *values, _PAGE)
                ).fetchall()
            for row in rows:
                yield trace_of(row)
            if len(rows) < _PAGE:
                return
            last = rows[-1]["id"]

    def select(self, where: Where | None = None, as_of: float | None = None) -> Ids | None:
        """Ids that pass the filters, ascending, (n,); None when every trace does."""
        sql, values = conditions(where, as_of)
        with self._database.read() as connection:
            everything = where in (None, Where()) and as_of is None
            if (
                everything
                and not connection.execute("SELECT 1 FROM traces WHERE valid_to IS NOT NULL LIMIT 1").fetchone()
            ):
                return None
            rows = connection.execute(f"SELECT id FROM traces WHERE {sql} ORDER BY id", values).fetchall()
        return np.array([row[0] for row in rows], dtype=np.int64)

    def lexical(self, cue: str, k: int, allowed: Ids | None = None) -> list[int]:
        """The `k` best traces by BM25 (Robertson and Zaragoza 2009) over stemmed words, best first. Takes any text.

        Args:
            allowed: only these ids, from `select`; None means all.
        """
        expression = match_expression(cue, STOP_WORDS)
        if not expression or k <= 0:
            return []
        # No join with `traces`: a frequent word would fetch every row, vectors and all.
        sql, values = "SELECT rowid FROM traces_fts WHERE traces_fts MATCH ?", [expression]
        if allowed is not None:
            sql += " AND rowid IN (SELECT value FROM json_each(?))"
            values.append(json.dumps(allowed.tolist()))
        with self._database.read() as connection:
            rows = connection.execute(f"{sql} ORDER BY rank LIMIT {int(k)}", values).fetchall()
        return [row[0] for row in rows]

    def duplicate_of(self, event: Event) -> int | None:
        """The open trace in the same words from the same source, document and context."""
        with self._database.read() as connection:
            # The unary plus keeps SQLite to the index of digests: the others may match every row.
            row = connection.execute(
                "SELECT id FROM traces WHERE digest = ? AND +source = ? AND +doc_id IS ? AND +context_key IS ? "
                "AND valid_to IS NULL ORDER BY id LIMIT 1",
                (digest(event.text), event.source, event.doc_id, event.context),
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
        """`traces`, and of them `pinned`, `consolidated`, `superseded`; `deleted` ones so far."""
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT count(*), coalesce(sum(pin), 0), count(consolidated_at), count(valid_to), "
                "(SELECT count(*) FROM tombstones) FROM traces"
            ).fetchone()
        return dict(zip(("traces", "pinned", "consolidated", "superseded", "deleted"), row, strict=True))

    def __len__(self) -> int:
        with self._database.read() as connection:
            return int(connection.execute("SELECT count(*) FROM traces").fetchone()[0])
