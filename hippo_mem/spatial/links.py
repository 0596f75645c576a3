"""Which places are known by which names, and which traces and facts speak of them.

In: keys and ids, within the caller's transaction. Out: ids. Knows nothing of relations, routes or sentences.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from hippo_mem.types import Where

_PAGE = 400  # keys a statement


def contexts_with(connection: sqlite3.Connection, keys: Iterable[str]) -> list[str | None]:
    """The contexts in which every one of these places is known, the one seen last first."""
    wanted = list(dict.fromkeys(keys))
    if not wanted:
        return []
    rows = connection.execute(
        "SELECT context_key, max(last_seen) AS seen, max(id) AS newest FROM places "
        f"WHERE key IN ({', '.join('?' * len(wanted))}) GROUP BY context_key HAVING count(DISTINCT key) = ? "
        "ORDER BY seen DESC, newest DESC",
        (*wanted, len(wanted)),
    )
    return [row[0] for row in rows]


def named(
    connection: sqlite3.Connection, keys: Iterable[str], context: str | None, *, any_context: bool = False
) -> dict[int, str]:
    """The known places among these keys: id -> key."""
    wanted = list(dict.fromkeys(keys))
    found: dict[int, str] = {}
    for start in range(0, len(wanted), _PAGE):
        page = wanted[start : start + _PAGE]
        rows = connection.execute(
            f"SELECT id, key FROM places WHERE key IN ({', '.join('?' * len(page))})"
            + ("" if any_context else " AND coalesce(context_key, '') = coalesce(?, '')"),
            page if any_context else (*page, context),
        )
        found.update((int(r["id"]), r["key"]) for r in rows)
    return found


def link(connection: sqlite3.Connection, place_id: int, kind: str, row_ids: Iterable[int]) -> None:
    """Note that traces or facts speak of a place; twice is once."""
    connection.executemany(
        "INSERT INTO place_links VALUES (?, ?, ?) ON CONFLICT DO NOTHING", [(place_id, kind, i) for i in row_ids]
    )


def linked(
    connection: sqlite3.Connection, place_ids: Sequence[int], where: Where | None, *, newest: int
) -> dict[int, tuple[tuple[int, ...], tuple[int, ...]]]:
    """Place id -> (trace ids, fact ids), at most the `newest` of each, newest first; `where` chooses among traces that
    are not retired."""
    found: dict[int, tuple[tuple[int, ...], tuple[int, ...]]] = {}
    conditions, values = _trace_filter(where)
    for place_id in place_ids:
        traces = connection.execute(
            "SELECT l.row_id FROM place_links AS l CROSS JOIN traces AS t ON t.id = l.row_id "
            f"WHERE l.place_id = ? AND l.kind = 'trace' AND t.retired IS NULL{conditions} "
            "ORDER BY l.row_id DESC LIMIT ?",
            (place_id, *values, newest),
        ).fetchall()
        facts = connection.execute(
            "SELECT row_id FROM place_links WHERE place_id = ? AND kind = 'fact' ORDER BY row_id DESC LIMIT ?",
            (place_id, newest),
        ).fetchall()
        found[place_id] = tuple(row[0] for row in traces), tuple(row[0] for row in facts)
    return found


def told_of(connection: sqlite3.Connection, where: Where | None) -> frozenset[int]:
    """The places that some trace tells of which is not retired and passes `where`, but for its place."""
    conditions, values = _trace_filter(where)
    rows = connection.execute(
        "SELECT DISTINCT l.place_id FROM place_links AS l CROSS JOIN traces AS t ON t.id = l.row_id "
        f"WHERE l.kind = 'trace' AND t.retired IS NULL{conditions}",
        values,
    )
    return frozenset(row[0] for row in rows)


def _trace_filter(where: Where | None) -> tuple[str, list[Any]]:
    if where is None:
        return "", []
    parts: list[str] = []
    values: list[Any] = []
    for column, value in (("context_key", where.context_key), ("source", where.source), ("doc_id", where.doc_id)):
        if value is not None:
            parts.append(f" AND t.{column} = ?")
            values.append(value)
    for sign, limit in ((">=", where.since), ("<=", where.until)):
        if limit is not None:
            parts.append(f" AND t.time {sign} ?")
            values.append(limit)
    if where.tag is not None:
        parts.append(" AND EXISTS (SELECT 1 FROM json_each(t.tags) WHERE value = ?)")
        values.append(where.tag)
    return "".join(parts), values


def edge_traces(connection: sqlite3.Connection, edge_ids: Iterable[int]) -> tuple[int, ...]:
    """The traces that told of these edges, each once, in order."""
    wanted = list(dict.fromkeys(edge_ids))
    found: dict[int, None] = {}
    for start in range(0, len(wanted), _PAGE):
        page = wanted[start : start + _PAGE]
        for row in connection.execute(
            f"SELECT DISTINCT trace_id FROM origins WHERE kind = 'edge' AND row_id IN ({', '.join('?' * len(page))}) "
            "AND trace_id IS NOT NULL ORDER BY trace_id",
            page,
        ):
            found[int(row[0])] = None
    return tuple(found)
