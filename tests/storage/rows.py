"""Rows of graph and map written straight into the tables, for tests of what keeps and moves them."""

from __future__ import annotations

import sqlite3
from typing import Any

from hippo_mem.storage.origins import TABLES, Kind, add_origin
from hippo_mem.storage.tables import ORDER, read_rows
from hippo_mem.types import Provenance


def put(connection: sqlite3.Connection, table: str, **values: Any) -> int:
    """Insert one row; returns its id."""
    names = ", ".join(values)
    found = connection.execute(
        f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(values))})", tuple(values.values())
    ).lastrowid
    assert found is not None
    return found


def told(source: str = "user", text_span: str = "words", time: float = 1.0, doc_id: str | None = None) -> Provenance:
    return Provenance(text_span=text_span, source=source, time=time, doc_id=doc_id, conf=0.5)


def put_told(
    connection: sqlite3.Connection, kind: Kind, origin: Provenance, trace_id: int | None = None, **values: Any
) -> int:
    """Insert one row and where it comes from."""
    row_id = put(connection, TABLES[kind], **values)
    add_origin(connection, kind, row_id, origin, trace_id)
    return row_id


def everything(connection: sqlite3.Connection) -> dict[str, list[dict[str, Any]]]:
    """All rows that travel, by table."""
    return {table.name: list(read_rows(connection, table)) for table in ORDER}


def fill(connection: sqlite3.Connection, trace_ids: list[int], mark: str = "") -> None:
    """One small world that uses every table, told by these traces (and one telling without a trace)."""
    first = trace_ids[0] if trace_ids else None
    ana = put(connection, "entities", name=f"Ana{mark}", key=f"ana{mark}", kind="person", created=1.5)
    paris, rome = (put(connection, "entities", name=n + mark, key=n + mark, kind="place", created=2) for n in "PR")
    common = dict(head=ana, relation="lives in", conf=0.9, created=3.0)
    old = put_told(connection, "fact", told("book"), first, tail=paris, valid_from=3.0, **common)
    new = put_told(connection, "fact", told("user", "naïve ☃"), None, tail=rome, valid_from=4.0, **common)
    connection.execute("UPDATE facts SET superseded_by = ?, valid_to = 4.0 WHERE id = ?", (new, old))
    add_origin(connection, "fact", new, told("book", doc_id="d"), first)
    put(connection, "aliases", key=f"annie{mark}", entity_id=ana, fact_id=old)
    put_told(
        connection, "misfit", told(), first, head="x", relation="y", tail="z", signature="s", created=1,
        details='{"head": "x", "relation": "y", "tail": "z"}',
    )  # fmt: skip
    put(
        connection, "schemas", name=f"living{mark}", relation="lives in", head_type="person", tail_type="place",
        functional=1, prototype=b"\x00\xff\n", n=3, origin="learned",
    )  # fmt: skip
    hall, yard = (
        put_told(connection, "place", told(), first, name=n + mark, key=n + mark, x=0.1, created=1, last_seen=2)
        for n in ("hall", "yard")
    )
    put_told(
        connection, "edge", told(), first, src=hall, dst=yard, relation="north", cost=0.1 + 0.2, created=1, last_seen=2
    )
    put_told(connection, "trajectory", told(), first, start="hall", goal="yard", steps="[]", success=1, created=1)
    put_told(connection, "macro", told(), first, signature=f"hall>yard{mark}", steps="[]", created=1)
    if first is not None:
        put(connection, "place_links", place_id=hall, kind="trace", row_id=first)
    put(connection, "place_links", place_id=hall, kind="fact", row_id=new)
