"""What the facts have for one question: who is meant by a name, which facts stand between two, where things were.

In: names and relations. Out: fact rows of one context or of all, as of now or of a moment. Knows nothing of how a
question was put.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace

from hippo_mem.relational.belonging import owned
from hippo_mem.relational.entities import (
    Entity,
    Sameness,
    by_key,
    entities,
    entity_key,
    known_keys,
    owner_and_noun,
)
from hippo_mem.relational.fact_rows import FactRow, in_words, select
from hippo_mem.relational.timeline import HOLDING
from hippo_mem.relational.whereabouts import LOCATED, Stay, stays
from hippo_mem.storage.origins import origins_of

_EMPTY_QUALITIES = frozenset({"new", "own", "other", "another"})
MAX_ROWS = 2000  # of one lookup; what is older is not asked for
_CONTEXTS = 50  # contexts one question is answered in
_SAMPLE = 200  # facts at an entity that tell what sort of thing it is


class Lookups:
    """Reads for one question, within one transaction."""

    def __init__(self, connection: sqlite3.Connection, context: str | None, as_of: float | None) -> None:
        self.as_of = as_of
        self._connection = connection
        self._context = context
        self._same = Sameness(connection, context, everywhere=context is None)
        self._entities: dict[int, Entity] = {}

    def ids(self, name: str) -> frozenset[int]:
        """Every entity the name stands for, the user's own where no other is known; empty for one nobody told of."""
        key = entity_key(name)
        return self._same.of_key(key) or self._same.of_key(owned(key))

    def entity(self, entity_id: int) -> Entity:
        """The row of an entity."""
        if entity_id not in self._entities:
            self._entities.update(entities(self._connection, [entity_id]))
        return self._entities[entity_id]

    def same(self, entity_id: int) -> frozenset[int]:
        """Whoever that entity is known to be."""
        return self._same.of_id(entity_id) | {entity_id}

    def named(self, words: Sequence[str], longest: int) -> dict[tuple[int, int], frozenset[int]]:
        """The spans of these words, `(start, end)`, that are names, and the entities each stands for."""
        spans = {
            (start, end): entity_key(" ".join(words[start:end]))
            for start in range(len(words))
            for end in range(start + 1, min(len(words), start + longest) + 1)
        }
        own = {key: owned(key) for (start, _), key in spans.items() if words[start].casefold() == "the"}
        known = known_keys(self._connection, {*spans.values(), *own.values()})
        meant = {key: key if key in known else own.get(key, "") for key in spans.values()}
        return {
            span: ids for span, key in spans.items() if meant[key] in known and (ids := self._same.of_key(meant[key]))
        }

    def by_key(self, key: str) -> Entity | None:
        """The entity of exactly that key."""
        return by_key(self._connection, key)

    def relations_at(self, ids: Iterable[int]) -> tuple[frozenset[str], frozenset[str]]:
        """The relations these entities are heads of, and those they are tails of, denials and the past left out."""
        listed = sorted(ids)
        marks = ",".join("?" * len(listed))
        heads, tails = (
            frozenset(
                row[0]
                for row in self._connection.execute(
                    f"SELECT DISTINCT relation FROM (SELECT relation FROM facts WHERE {column} IN ({marks}) "
                    f"AND negated = 0 ORDER BY id DESC LIMIT {_SAMPLE})",
                    listed,
                )
            )
            for column in ("head", "tail")
        )
        return heads, tails

    def rows(
        self,
        relation: str,
        *,
        heads: Iterable[int] | None = None,
        tails: Iterable[int] | None = None,
        history: bool = False,
    ) -> list[FactRow]:
        """Facts in a relation from or to these entities, denials included, newest first."""
        conditions, values = ["relation = ?"], list[object]([relation])
        for column, ids in (("head", heads), ("tail", tails)):
            if ids is not None:
                listed = sorted(ids)
                if not listed:
                    return []
                conditions.append(f"{column} IN ({','.join('?' * len(listed))})")
                values += listed
        if self._context is not None:
            conditions.append("+context_key = ?")
            values.append(self._context)
        if self.as_of is not None:
            conditions.append("valid_from <= ?")
            values.append(self.as_of)
            if not history:
                conditions.append("(valid_to IS NULL OR valid_to > ?)")
                values.append(self.as_of)
        elif not history:
            conditions.append("valid_to IS NULL")
        return select(
            self._connection, f"{' AND '.join(conditions)} ORDER BY valid_from DESC, id DESC LIMIT {MAX_ROWS}", values
        )

    def stays(self, things: frozenset[int]) -> dict[str | None, list[Stay]]:
        """Where a thing was, earliest first, in each context that tells of it."""
        located = self.rows(LOCATED, heads=things, history=True)
        held = self.rows(HOLDING, tails=things, history=True)
        found: dict[str | None, list[Stay]] = {}
        for context in list(dict.fromkeys(r.context_key for r in (*located, *held)))[:_CONTEXTS]:

            def places_of(holder: int, context: str | None = context) -> Sequence[FactRow]:
                rows = self.rows(LOCATED, heads=self.same(holder), history=True)
                return [_as_of_holder(r, holder) for r in rows if r.context_key == context]

            found[context] = stays(
                [r for r in located if r.context_key == context],
                [r for r in held if r.context_key == context],
                places_of,
            )
        return found

    def spans(self, rows: Iterable[FactRow]) -> dict[int, list[str]]:
        """The clauses each fact was told in."""
        told = origins_of(self._connection, "fact", [row.id for row in rows])
        return {i: [p.text_span for p, _ in lines] for i, lines in told.items()}

    def traces(self, rows: Iterable[FactRow]) -> tuple[int, ...]:
        """The episodes these facts were told in, each once."""
        told = origins_of(self._connection, "fact", [row.id for row in rows])
        return tuple(dict.fromkeys(t for lines in told.values() for _, t in lines if t is not None))

    def words(self, row: FactRow) -> str:
        """ "Ana -> works at -> clinic"."""
        return in_words(self.entity(row.head).name, row.relation, self.entity(row.tail).name, negated=row.negated)

    def description(self, name: str, ids: frozenset[int]) -> list[FactRow]:
        """The facts by which a description ("tom's sister") or another name is known to mean these entities."""
        key = entity_key(name)
        parts = owner_and_noun(key)
        if parts is None:
            rows = [r for relation in ("name", "nickname", "also_known_as") for r in self.rows(relation, heads=ids)]
            return [r for r in rows if self.entity(r.tail).key == key][:1]
        owner, noun = parts
        owners = self.ids(owner)
        role = noun.replace(" ", "_")
        rows = self.rows(f"{role}_of", heads=ids, tails=owners) or self.rows(role, heads=owners, tails=ids)
        # "tom's sister is the sister of tom" leads nowhere; "Ana is" does.
        rows = [r for r in rows if not r.negated and self.entity(r.head).key != key][:1]
        return [*self.description(owner, owners), *rows]


def _as_of_holder(row: FactRow, holder: int) -> FactRow:
    """The same fact as the holder's own, where it was told under another of its names."""
    if row.head == holder:
        return row
    return replace(row, head=holder)


def says_nothing(key: str, relation: str) -> bool:
    """Whether a description only repeats its relation: that the user's husband is the user's husband."""
    return relation.endswith("_of") and key.endswith(f"'s {relation.removesuffix('_of').replace('_', ' ')}")


def only_its_noun(key: str, noun: str) -> bool:
    """Whether a name only repeats the noun that is asked for: which phone you have is not "a new phone"."""
    *qualities, last = key.rpartition("'s ")[2].split(" ")
    return bool(noun) and last == noun and set(qualities) <= _EMPTY_QUALITIES


def spoken(name: str) -> str:
    """A name as it is said to the user: "user" is "you", "user's sister" "your sister"."""
    if name == "user":
        return "you"
    return re.sub(r"^user's ", "your ", name)
