"""Rows of facts, read with their names, their origins and their times.

In: a connection and a condition. Out: `FactRow`s as stored, and `Fact`s with names spelled out. Knows nothing of
what the relations mean.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hippo_mem.relational.entities import entities
from hippo_mem.storage.origins import origins_of
from hippo_mem.types import Fact, Where

COLUMNS = (
    "id, head, relation, tail, negated, place, time_text, context_key, conf, mention_count, created, valid_from, "
    "valid_to, superseded_by"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FactRow:
    """One fact as stored: `head` and `tail` are ids of entities."""

    id: int
    head: int
    relation: str
    tail: int
    negated: bool
    place: str
    time_text: str
    context_key: str | None
    conf: float
    mention_count: int
    created: float
    valid_from: float
    valid_to: float | None
    superseded_by: int | None

    def holds(self, as_of: float | None) -> bool:
        """Whether it is true now (None), or was true at that time."""
        if as_of is None:
            return self.valid_to is None
        return self.valid_from <= as_of and (self.valid_to is None or as_of < self.valid_to)

    @property
    def order(self) -> tuple[float, int]:
        """Later is greater: by time, then by arrival."""
        return (self.valid_from, self.id)


def select(connection: sqlite3.Connection, condition: str, values: Iterable[object] = ()) -> list[FactRow]:
    """The rows for which the SQL condition (and what may follow it) holds."""
    rows = connection.execute(f"SELECT {COLUMNS} FROM facts WHERE {condition}", tuple(values))
    return [
        FactRow(id=r[0], head=r[1], relation=r[2], tail=r[3], negated=bool(r[4]), place=r[5], time_text=r[6],
                context_key=r[7], conf=r[8], mention_count=r[9], created=r[10], valid_from=r[11], valid_to=r[12],
                superseded_by=r[13])
        for r in rows
    ]  # fmt: skip


def by_ids(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, FactRow]:
    """The rows of these ids."""
    rows = select(connection, "id IN (SELECT value FROM json_each(?))", (json.dumps([int(i) for i in ids]),))
    return {row.id: row for row in rows}


def spelled_out(connection: sqlite3.Connection, rows: Sequence[FactRow]) -> list[Fact]:
    """The facts of these rows, in order, with names and origins."""
    names = entities(connection, (i for row in rows for i in (row.head, row.tail)))
    told = origins_of(connection, "fact", [row.id for row in rows])
    return [
        Fact(
            id=row.id, head=names[row.head].name, relation=row.relation, tail=names[row.tail].name,
            negated=row.negated, place=row.place, time_text=row.time_text, context_key=row.context_key, conf=row.conf,
            mention_count=row.mention_count, created=row.created, valid_from=row.valid_from, valid_to=row.valid_to,
            superseded_by=row.superseded_by, provenance=tuple(p for p, _ in told[row.id]),
            trace_ids=tuple(dict.fromkeys(t for _, t in told[row.id] if t is not None)),
        )
        for row in rows
    ]  # fmt: skip


def in_words(head: str, relation: str, tail: str, *, negated: bool = False) -> str:
    """ "Ana -> works at -> clinic"."""
    return f"{head} -> {'not ' if negated else ''}{relation.replace('_', ' ')} -> {tail}"


def allowed_by(connection: sqlite3.Connection, where: Where) -> set[int] | None:
    """Ids of the facts that some telling allows by source, document, time or tag; None when these do not matter.

    `where.context_key` is a column of the fact and is left to the caller.
    """
    conditions, values = ["o.kind = 'fact'"], []
    for column, value in (("o.source = ?", where.source), ("o.doc_id = ?", where.doc_id), ("o.time >= ?", where.since),
                          ("o.time <= ?", where.until)):  # fmt: skip
        if value is not None:
            conditions.append(column)
            values.append(value)
    if where.tag is not None:
        conditions.append("EXISTS (SELECT 1 FROM traces t, json_each(t.tags) tag WHERE t.id = o.trace_id "
                          "AND tag.value = ?)")  # fmt: skip
        values.append(where.tag)
    if not values:
        return None
    rows = connection.execute(f"SELECT DISTINCT o.row_id FROM origins o WHERE {' AND '.join(conditions)}", values)
    return {row[0] for row in rows}
