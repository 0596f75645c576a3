"""What held before an event: which relations there are from or to whoever a name stands for, as one context was told.

In: names and relations. Out: relations, and the entities at their other end. Knows nothing of what an event changes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass

from hippo_mem.relational.entities import Sameness
from hippo_mem.relational.tuples import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A relation that held, and the entity at its other end."""

    relation: str
    name: str
    key: str
    kind: Kind


class Before:
    """The open facts of one context, for one transaction."""

    def __init__(self, connection: sqlite3.Connection, context_key: str | None) -> None:
        self.connection = connection
        self.context_key = context_key
        self.same = Sameness(connection, context_key)

    def of(self, head: str, relations: Collection[str]) -> list[Held]:
        """What these relations lead to from a name."""
        return self._ends("head", "tail", head, relations)

    def to(self, tail: str, relations: Collection[str]) -> list[Held]:
        """What these relations come from, to a name."""
        return self._ends("tail", "head", tail, relations)

    def holds(self, head: str, relations: Collection[str], tail: str | None) -> list[str]:
        """Those of the relations that hold from one name to the other; to anybody where `tail` is None."""
        ends = self.same.of_name(tail) if tail is not None else frozenset()
        if tail is not None and not ends:
            return []
        to = f" AND f.tail IN ({_marks(ends)})" if tail is not None else ""
        return [row[0] for row in self._rows("f.relation", "head", head, relations, to, sorted(ends))]

    def _ends(self, here: str, there: str, name: str, relations: Collection[str]) -> list[Held]:
        rows = self._rows("f.relation, e.name, e.key, e.kind", here, name, relations, join=there)
        return [Held(relation=row[0], name=row[1], key=row[2], kind=row[3]) for row in rows]

    def _rows(
        self, what: str, here: str, name: str, relations: Collection[str], more: str = "", values: Collection[int] = (),
        join: str = "",
    ) -> list[sqlite3.Row]:  # fmt: skip
        ids = sorted(self.same.of_name(name))
        if not ids:
            return []
        joined = f" JOIN entities e ON e.id = f.{join}" if join else ""
        return self.connection.execute(
            f"SELECT DISTINCT {what} FROM facts f{joined} WHERE f.{here} IN ({_marks(ids)}) "
            f"AND f.relation IN ({_marks(relations)}){more} AND f.valid_to IS NULL AND f.negated = 0 "
            "AND +f.context_key IS ?",
            (*ids, *relations, *values, self.context_key),
        ).fetchall()


def _marks(values: Collection[object]) -> str:
    return ",".join("?" * len(values))
