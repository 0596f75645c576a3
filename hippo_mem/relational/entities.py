"""Who and what is spoken of: names in, entity rows out.

A name becomes a key (case, determiners, possessives, the first person); equal keys are one entity. Two keys are the
same one only when somebody said so ("X is called Y"), or when one describes the other ("Tom's sister" where Tom has
exactly one known sister): never because a first name agrees. Nothing is merged in the store, so what was said can be
taken back. Knows nothing of what is stated about an entity beyond that.
"""

from __future__ import annotations

import json
import re
import sqlite3
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from hippo_mem.relational.vocabulary import ROLES, SOLE_ROLES, is_functional, role_name

USER_KEY = "user"
_FIRST = frozenset({"i", "me", "myself", "user", "we", "us", "ourselves"})
_DETERMINERS = frozenset("the a an some this that these those any another".split())
_OWNING = {"my": "user's", "our": "user's", "mine": "user's"}
_APOSTROPHES = str.maketrans({"\u2019": "'", "\u2018": "'", "\u02bc": "'", "`": "'", "\u201c": '"', "\u201d": '"'})
_PLAIN = re.compile(r"[a-z0-9]+(?: [a-z0-9]+)*")
_OF = re.compile(r"^(?:the )?([\w-]+(?: [\w-]+)?) of (.+)$")
_DEFINITE = re.compile(r"^(the|this|that|these|those|my|our|his|her|their|its|your)\b|'s?\s", re.IGNORECASE)
# Nouns after which "of" tells what something consists of or how much of it, not whose it is.
_MEASURES = frozenset(
    "cup glass bottle piece slice box bag pair set lot kind sort type bit number couple bunch bowl jar pack sheet "
    "plate can tin bucket basket pile picture photo photograph painting drawing map book story film movie song "
    "copy".split()
)
# Relations whose tail is another name of the head.
NAMING = frozenset({"name", "nickname", "alias", "also_known_as", "known_as"})
_ROLE_RELATIONS = tuple(sorted(f"{role}_of" for role in ROLES))
_MAX_SAME = 16
_MAX_OWNERS = 4  # "my boss's wife's brother": who is whose is not followed further, or a village would be one family
# A name goes on being somebody's after another took its place, unless it was denied.
_NOT_DENIED = (
    " AND NOT EXISTS (SELECT 1 FROM facts named JOIN facts denial ON denial.id = named.superseded_by "
    "WHERE named.id = a.fact_id AND denial.negated = 1)"
)
_SPECIFIC = {"user": 3, "person": 2, "place": 2, "time": 2, "number": 2, "thing": 1, "value": 0}


def entity_key(name: str) -> str:
    """What two names of one entity have in common.

    Case, outer punctuation, leading determiners and "of" possessives go: "The Sister of Tom" and "Tom's sister" are
    both "tom's sister"; "I" is "user", "my car" is "user's car". Empty for a name without letters or digits.
    """
    if _PLAIN.fullmatch(name):  # most of what is asked for: nothing to normalize
        text = name
    else:
        text = unicodedata.normalize("NFKC", name).translate(_APOSTROPHES).casefold()
        text = re.sub(r"\s+", " ", text).strip(' .,;:!?"()[]{}')
        text = re.sub(r"\b([\w-]+s)'(?=\s)", r"\1's", text)  # "James' car", "my parents' house"
    words = text.split(" ")
    while len(words) > 1 and words[0] in _DETERMINERS:
        words.pop(0)
    if not any(c.isalnum() for word in words for c in word):
        return ""
    if len(words) == 1:
        return USER_KEY if words[0] in _FIRST else words[0]
    words[0] = _OWNING.get(words[0], words[0])
    text = " ".join(words)
    found = _OF.match(text) if " of " in text else None
    if found and found[1].split(" ")[-1] not in _MEASURES and "'s " not in found[1]:
        text = f"{entity_key(found[2])}'s {found[1]}"
    owner, mark, noun = text.rpartition("'s ")
    return f"{owner}{mark}{role_name(noun) or noun}" if mark else text


def owner_and_noun(key: str) -> tuple[str, str] | None:
    """("tom's sister", "boss") of "tom's sister's boss"; None for a key that owns nothing."""
    owner, mark, noun = key.rpartition("'s ")
    return (owner, noun) if mark and owner and noun else None


def is_definite(name: str) -> bool:
    """Whether a name as written picks out one individual: "the ball", "my ball", "Tom's ball", "Rex"."""
    bare = name.strip().translate(_APOSTROPHES)
    if _DEFINITE.search(bare):
        return True
    return bare[:1].isupper() and bare.split(" ")[0].lower() not in _DETERMINERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """One row: the name as first told, its key, and what sort of thing it is."""

    id: int
    name: str
    key: str
    kind: str


def resolve(connection: sqlite3.Connection, name: str, kind: str, now: float) -> int:
    """The id of the entity of that name, made if it is new. A more telling kind replaces a vaguer one.

    Raises: ValueError for a name that has no key.
    """
    key = entity_key(name)
    if not key:
        raise ValueError(f"{name!r} names nothing: no letter or digit in it")
    if key == USER_KEY:
        kind = "user"
    row = connection.execute("SELECT id, kind FROM entities WHERE key = ?", (key,)).fetchone()
    if row is None:
        cursor = connection.execute(
            "INSERT INTO entities (name, key, kind, created) VALUES (?, ?, ?, ?)", (name.strip(), key, kind, now)
        )
        return int(cursor.lastrowid or 0)
    if _SPECIFIC.get(kind, 0) > _SPECIFIC.get(row[1], 0):
        connection.execute("UPDATE entities SET kind = ? WHERE id = ?", (kind, row[0]))
    return int(row[0])


def add_alias(connection: sqlite3.Connection, name: str, entity_id: int, fact_id: int, context_key: str | None) -> None:
    """`name` is another name of the entity, because of that fact: the alias goes when the fact does."""
    if key := entity_key(name):
        connection.execute(
            "INSERT OR IGNORE INTO aliases (key, entity_id, fact_id, context_key) VALUES (?, ?, ?, ?)",
            (key, entity_id, fact_id, context_key),
        )


def find(connection: sqlite3.Connection, name: str) -> Entity | None:
    """The entity of exactly that name; aliases are for `same_as`."""
    return by_key(connection, entity_key(name))


def by_key(connection: sqlite3.Connection, key: str) -> Entity | None:
    """The entity with that key."""
    row = connection.execute("SELECT id, name, key, kind FROM entities WHERE key = ?", (key,)).fetchone()
    return None if row is None else Entity(id=row[0], name=row[1], key=row[2], kind=row[3])


def known_keys(connection: sqlite3.Connection, keys: set[str]) -> set[str]:
    """Those of these keys that name an entity, outright or by an alias."""
    rows = connection.execute(
        "SELECT value FROM json_each(?) WHERE EXISTS (SELECT 1 FROM entities WHERE key = value) "
        "OR EXISTS (SELECT 1 FROM aliases WHERE key = value)",
        (json.dumps([key for key in keys if key]),),
    )
    return {row[0] for row in rows}


def entities(connection: sqlite3.Connection, ids: Iterable[int]) -> dict[int, Entity]:
    """The rows of these ids."""
    wanted = list(dict.fromkeys(ids))
    found: dict[int, Entity] = {}
    for start in range(0, len(wanted), 500):
        part = wanted[start : start + 500]
        marks = ",".join("?" * len(part))
        for row in connection.execute(f"SELECT id, name, key, kind FROM entities WHERE id IN ({marks})", part):
            found[row[0]] = Entity(id=row[0], name=row[1], key=row[2], kind=row[3])
    return found


class Sameness:
    """Who is who, as far as one context (or, without a key, all of them) was told. For one transaction."""

    def __init__(self, connection: sqlite3.Connection, context_key: str | None, *, everywhere: bool = False) -> None:
        self._connection = connection
        self._context = context_key
        self._everywhere = everywhere
        self._known: dict[str, frozenset[int]] = {}
        self._key_of: dict[int, str | None] = {}  # an entity's key never changes
        self._depth = 0  # owners whose owners are being looked up

    def of_name(self, name: str) -> frozenset[int]:
        """Every entity that the name stands for; empty when it was never told."""
        return self.of_key(entity_key(name))

    def of_key(self, key: str) -> frozenset[int]:
        """As `of_name`, for a key."""
        if not key:
            return frozenset()
        if key not in self._known and self._depth >= _MAX_OWNERS:
            entity = by_key(self._connection, key)
            return frozenset() if entity is None else frozenset({entity.id})
        if key not in self._known:
            self._known[key] = frozenset()  # a description that leads back to itself ends here
            self._depth += 1
            try:
                self._known[key] = self._gather(key)
            finally:
                self._depth -= 1
        return self._known[key]

    def of_id(self, entity_id: int) -> frozenset[int]:
        """Every entity that is known to be this one, itself included."""
        if entity_id not in self._key_of:
            row = self._connection.execute("SELECT key FROM entities WHERE id = ?", (entity_id,)).fetchone()
            self._key_of[entity_id] = None if row is None else row[0]
        key = self._key_of[entity_id]
        return frozenset() if key is None else self.of_key(key)

    def _gather(self, key: str) -> frozenset[int]:
        found: dict[int, str] = {}
        waiting = [key]
        seen: set[str] = set()
        while waiting and len(found) < _MAX_SAME:
            here = waiting.pop()
            if here in seen:
                continue
            seen.add(here)
            if (entity := by_key(self._connection, here)) is not None:
                found[entity.id] = here
                waiting += self._names_of(entity.id, here)
                found.update(self._described(entity.id))
            waiting += self._bearers(here)
            waiting += self._holders_of_role(here)
        return frozenset(found)

    def _in_context(self, column: str = "context_key") -> tuple[str, tuple[str | None, ...]]:
        # The unary plus keeps SQLite from the index of contexts: one context may hold every fact.
        return ("", ()) if self._everywhere else (f" AND +{column} IS ?", (self._context,))

    def _bearers(self, key: str) -> list[str]:
        """Keys of the one entity that has this name; nothing when two bear it."""
        where, values = self._in_context("a.context_key")
        rows = self._connection.execute(
            "SELECT DISTINCT e.key, e.id FROM aliases a JOIN entities e ON e.id = a.entity_id "
            f"WHERE a.key = ?{where}{_NOT_DENIED} LIMIT 2",
            (key, *values),
        ).fetchall()
        return [rows[0][0]] if len(rows) == 1 and key in self._borne(rows[0][1], rows[0][0]) else []

    def _names_of(self, entity_id: int, key: str) -> list[str]:
        return [name for name in self._borne(entity_id, key) if self._bearers(name)]

    def _borne(self, entity_id: int, key: str) -> list[str]:
        """The names an entity was given. A description with two names ("Tom's sister") may be two people: none; where
        there is one at a time ("my boss"), the name it has now.
        """
        where, values = self._in_context("a.context_key")
        rows = self._connection.execute(
            "SELECT a.key, max(f.valid_to IS NULL) FROM aliases a LEFT JOIN facts f ON f.id = a.fact_id "
            f"WHERE a.entity_id = ?{where}{_NOT_DENIED} GROUP BY a.key LIMIT {_MAX_SAME}",
            (entity_id, *values),
        ).fetchall()
        parts = owner_and_noun(key)
        if parts is None or len(rows) < 2:
            return [row[0] for row in rows]
        sole = is_functional(parts[1]) or parts[1] in SOLE_ROLES
        return [row[0] for row in rows if row[1]] if sole else []

    def _holders_of_role(self, key: str) -> list[str]:
        """ "tom's sister" is Ana when Tom has one known sister and she is Ana."""
        parts = owner_and_noun(key)
        return self._only_holder(self.of_key(parts[0]), parts[1], key) if parts is not None else []

    def _only_holder(self, owners: frozenset[int], noun: str, key: str) -> list[str]:
        """The key of the one that stands in that role to these owners; nothing when there are two."""
        if not owners:
            return []
        role = noun.replace(" ", "_")
        where, values = self._in_context("f.context_key")
        marks = ",".join("?" * len(owners))
        found: set[str] = set()
        for end, other, relation in (("head", "tail", f"{role}_of"), ("tail", "head", role)):
            found |= {
                row[0]
                for row in self._connection.execute(
                    f"SELECT DISTINCT e.key FROM facts f JOIN entities e ON e.id = f.{end} "
                    f"WHERE f.{other} IN ({marks}) AND f.relation = ? AND f.negated = 0 AND f.valid_to IS NULL "
                    f"AND e.key <> ?{where} LIMIT 2",
                    (*owners, relation, key, *values),
                )
            }
        return list(found) if len(found) == 1 else []

    def _described(self, entity_id: int) -> dict[int, str]:
        """The descriptions somebody used that fit this entity and nobody else: Ana is "tom's sister"."""
        where, values = self._in_context("f.context_key")
        marks = ",".join("?" * len(_ROLE_RELATIONS))
        rows = self._connection.execute(
            f"SELECT DISTINCT t.id, t.key, f.relation FROM facts f JOIN entities t ON t.id = f.tail "
            f"WHERE f.head = ? AND f.relation IN ({marks}) AND f.negated = 0 AND f.valid_to IS NULL{where} "
            f"LIMIT {_MAX_SAME}",
            (entity_id, *_ROLE_RELATIONS, *values),
        ).fetchall()
        found: dict[int, str] = {}
        for owner, owner_key, relation in rows:
            noun = relation.removesuffix("_of").replace("_", " ")
            key = f"{owner_key}'s {noun}"
            entity = by_key(self._connection, key)
            if entity is not None and self._only_holder(frozenset({owner}), noun, key):
                found[entity.id] = key
        return found
