"""Where each row of the graph and the map comes from, and what goes when its last origin goes.

In: an open transaction, the kind and id of a row, its provenance. Out: lines of `origins`, and counts of what was
deleted. The rules themselves are triggers of the schema (`migrations`), so that a trace deleted on any path, by any
program, takes along what was told by it alone:

* a trace that goes takes its origins; a row whose last origin goes, goes with it; a place takes its edges;
* an entity that no fact names goes with its aliases; links to what is gone go;
* a fact that was closed by a deleted one is open again, or closed by what had closed that one.

Every change number moves when rows go, so that views in other processes know that they are stale. Knows nothing of
what the rows mean.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import Literal, get_args

from hippo_mem.errors import InputError
from hippo_mem.types import Provenance

Kind = Literal["fact", "misfit", "place", "edge", "trajectory", "macro"]
MemoryName = Literal["relational", "spatial"]

TABLES: dict[str, str] = {
    "fact": "facts",
    "misfit": "misfits",
    "place": "places",
    "edge": "edges",
    "trajectory": "trajectories",
    "macro": "macros",
}
_COUNTED = ("origins", *TABLES.values(), "entities", "aliases", "place_links")
_PAGE = 500  # ids a statement


def add_origin(
    connection: sqlite3.Connection, kind: Kind, row_id: int, provenance: Provenance, trace_id: int | None
) -> None:
    """Write down one telling of a row. `trace_id` None: the gate kept no trace of the event.

    Raises: InputError for a kind that does not exist.
    """
    _check(kind)
    p = provenance
    connection.execute(
        "INSERT INTO origins (kind, row_id, trace_id, text_span, source, time, doc_id, conf) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (kind, row_id, trace_id, p.text_span, p.source, p.time, p.doc_id, p.conf),
    )


def origins_of(
    connection: sqlite3.Connection, kind: Kind, row_ids: Iterable[int]
) -> dict[int, list[tuple[Provenance, int | None]]]:
    """Every telling of these rows, first told first: row id -> (provenance, trace id). Each asked id is a key.

    Raises: InputError for a kind that does not exist.
    """
    _check(kind)
    ids = [int(i) for i in row_ids]
    found: dict[int, list[tuple[Provenance, int | None]]] = {i: [] for i in ids}
    for start in range(0, len(ids), _PAGE):
        page = ids[start : start + _PAGE]
        rows = connection.execute(
            "SELECT row_id, trace_id, text_span, source, time, doc_id, conf FROM origins "
            f"WHERE kind = ? AND row_id IN ({', '.join('?' * len(page))}) ORDER BY id",
            (kind, *page),
        )
        for row_id, trace_id, text_span, source, time, doc_id, conf in rows:
            told = Provenance(text_span=text_span, source=source, time=time, doc_id=doc_id, conf=conf)
            found[row_id].append((told, trace_id))
    return found


def bump(connection: sqlite3.Connection, memory: MemoryName) -> None:
    """Move a memory's change number, in the transaction that changes its rows. Deletions move it by themselves.

    Numbers are drawn, not counted: one that a failed transaction had, or a store before a restore, does not come again.
    """
    connection.execute(
        "INSERT INTO meta VALUES (?, random() & 9223372036854775807) "
        "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (f"{memory}_version",),
    )


def version(connection: sqlite3.Connection, memory: MemoryName) -> int:
    """A memory's change number: equal numbers mean equal rows, another says nothing of order. 0 before the first."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (f"{memory}_version",)).fetchone()
    return 0 if row is None else int(row[0])


def delete_by(
    connection: sqlite3.Connection,
    *,
    trace_ids: Iterable[int] | None = None,
    source: str | None = None,
    doc_id: str | None = None,
    everything: bool = False,
) -> dict[str, int]:
    """Delete what was told by exactly one choice, and nothing that something else told as well.

    Belongs to the caller's transaction. The text is overwritten in the file (`secure_delete`), but stays in the
    write-ahead log until `Database.flush_log` is called after the commit.

    Returns: table -> how many of its rows went; tables that lost nothing are left out.
    Raises: InputError when not exactly one choice is given.
    """
    chosen = [
        ("trace_id IN (SELECT value FROM json_each(?))", trace_ids),
        ("source = ?", source),
        ("doc_id = ?", doc_id),
        ("? = 1", 1 if everything else None),
    ]
    given = [(sql, value) for sql, value in chosen if value is not None]
    if len(given) != 1:
        raise InputError("say what to delete by exactly one of trace_ids, source, doc_id or everything")
    sql, value = given[0]
    before = _count(connection)
    if trace_ids is not None:
        value = json.dumps([int(i) for i in trace_ids])
        connection.execute(
            "DELETE FROM place_links WHERE kind = 'trace' AND row_id IN (SELECT value FROM json_each(?))", (value,)
        )
    connection.execute(f"DELETE FROM origins WHERE {sql}", (value,))
    if everything:
        for table in (*TABLES.values(), "place_links", "aliases", "entities", "schemas"):
            connection.execute(f"DELETE FROM {table}")
    after = _count(connection)
    return {table: before[table] - after[table] for table in _COUNTED if before[table] > after[table]}


def orphans(connection: sqlite3.Connection) -> dict[str, int]:
    """Rows that nothing accounts for: table -> how many. Empty in a sound store.

    Such rows come only from another program, or from a version that did not know a rule.
    """
    found = {
        table: int(connection.execute(f"SELECT count(*) FROM {table} WHERE {condition}").fetchone()[0])
        for table, condition in _ORPHANS.items()
    }
    found["superseded facts"] = int(connection.execute(f"SELECT count(*) FROM facts WHERE {_LOST}").fetchone()[0])
    return {table: n for table, n in found.items() if n}


def sweep(connection: sqlite3.Connection) -> dict[str, int]:
    """Delete every orphan, in the caller's transaction: table -> how many of its rows went."""
    before = _count(connection, tuple(_ORPHANS))
    for table, condition in _ORPHANS.items():
        connection.execute(f"DELETE FROM {table} WHERE {condition}")
    connection.execute(f"UPDATE facts SET valid_to = NULL, superseded_by = NULL WHERE {_LOST}")
    after = _count(connection, tuple(_ORPHANS))
    return {table: before[table] - after[table] for table in _ORPHANS if before[table] > after[table]}


def dangling(connection: sqlite3.Connection) -> list[str]:
    """What points at a row that is gone, by SQLite's own account, in words, the first 20; empty in a sound store.

    After `sweep`, what is left cannot be mended: a fact whose entity is gone, say.
    """
    rows = connection.execute("SELECT * FROM pragma_foreign_key_check LIMIT 20")
    return [f"row {row[1]} of {row[0]} points at a row of {row[2]} that is gone" for row in rows]


def _untold(kind: str, table: str) -> str:
    return f"NOT EXISTS (SELECT 1 FROM origins WHERE origins.kind = '{kind}' AND origins.row_id = {table}.id)"


_ORPHANS: dict[str, str] = {
    # An origin whose trace is gone still proves nothing: the words that were told were to go with the trace.
    "origins": " OR ".join(
        (
            "(trace_id IS NOT NULL AND trace_id NOT IN (SELECT id FROM traces))",
            *(f"(kind = '{kind}' AND row_id NOT IN (SELECT id FROM {table}))" for kind, table in TABLES.items()),
        )
    ),
    **{table: _untold(kind, table) for kind, table in TABLES.items()},
    "edges": f"{_untold('edge', 'edges')} OR src NOT IN (SELECT id FROM places) OR dst NOT IN (SELECT id FROM places)",
    "entities": "id NOT IN (SELECT head FROM facts) AND id NOT IN (SELECT tail FROM facts)",
    "aliases": "entity_id NOT IN (SELECT id FROM entities) OR "
    "(fact_id IS NOT NULL AND fact_id NOT IN (SELECT id FROM facts))",
    "place_links": "(kind = 'trace' AND row_id NOT IN (SELECT id FROM traces)) OR "
    "(kind = 'fact' AND row_id NOT IN (SELECT id FROM facts)) OR place_id NOT IN (SELECT id FROM places)",
    "trace_changes": "trace_id NOT IN (SELECT id FROM traces)",
}


_LOST = "superseded_by IS NOT NULL AND superseded_by NOT IN (SELECT id FROM facts)"


def _count(connection: sqlite3.Connection, tables: Iterable[str] = _COUNTED) -> dict[str, int]:
    return {table: int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]) for table in tables}


def _check(kind: str) -> None:
    if kind not in get_args(Kind):
        raise InputError(f"no kind of row {kind!r} has origins; known: {', '.join(get_args(Kind))}")
