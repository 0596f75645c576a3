"""When what was told is true: a telling goes in, and facts are added, counted again, closed or kept as the past.

Tellings are ordered by the time of the event, then by arrival: what happened later wins, whatever came in first, and
what is told late of an earlier time is kept as the past it tells of. A functional relation has one tail at a time, a
thing one holder; a denial closes what it denies and stays as a denial. Nothing is overwritten. Everything is within
one context key. Knows nothing of texts, questions, schemas or graphs.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from hippo_mem.relational import lexicon as lex
from hippo_mem.relational.dates import other_time, tells_time
from hippo_mem.relational.entities import NAMING, Sameness, add_alias, entity_key, is_definite
from hippo_mem.relational.tuples import USER, Tuple
from hippo_mem.relational.vocabulary import FUNCTIONAL, KIN_CLASS, SOLE_ROLES, SYMMETRIC
from hippo_mem.storage.origins import add_origin
from hippo_mem.types import Provenance

# What one feels about a thing is one or the other, and so is the side of it that something is on.
_OPPOSITES = (
    ("likes", "dislikes"), ("east_of", "west_of"), ("north_of", "south_of"), ("left_of", "right_of"),
    ("above", "below"),
)  # fmt: skip
OPPOSITE = {one: other for pair in _OPPOSITES for one, other in (pair, pair[::-1])}
HOLDING = "has"
_STATES = FUNCTIONAL | SYMMETRIC | frozenset(KIN_CLASS) | frozenset(OPPOSITE) | frozenset(
    "has owns is is_a from engaged_to studies studies_at speaks plays drives contains located_in want need know".split()
)  # fmt: skip
_INDEFINITE = frozenset("a an some any no another many few several one two three four five".split())

_FIRST_PERSON = re.compile(r"\b(?:i|i'm|im|i've|me|my|mine|myself|we|our|us)\b", re.IGNORECASE)

_NOW = re.compile(r"\bnow\b", re.IGNORECASE)

_LASTING = frozenset({"lives_in", "works_at", "works_as", "studies_at", "job"})
_PAST = re.compile(r"\b(?:lived|worked|studied|resided|taught|was|were)\b", re.IGNORECASE)
_PRESENT = re.compile(
    r"\b(?:lives?|works?|stud(?:y|ies)|resides?|teach(?:es)?|is|are|am|living|working)\b|['\u2019](?:m|s|re)\b",
    re.IGNORECASE,
)

Change = Literal["new", "again", "past"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """One tuple as it was told: by which entities, when it is true from, and where it comes from."""

    tuple: Tuple
    head: int
    tail: int
    functional: bool
    when: float
    now: float
    context_key: str | None
    provenance: Provenance
    trace_id: int | None
    schema: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a telling came to: its fact, whether that was new, known, or already past, and what it closed."""

    fact_id: int
    change: Change
    closed: tuple[int, ...] = ()


class Timeline:
    """Takes the tellings of one event, in one open transaction."""

    def __init__(self, connection: sqlite3.Connection, context_key: str | None) -> None:
        self._connection = connection
        self._context = context_key
        self._same = Sameness(connection, context_key)
        self._together: dict[str, list[int]] = {}  # clause -> facts it told: they do not close each other

    def tell(self, telling: Telling) -> Told:
        """Write one telling down."""
        telling, anew = _without_now(telling)
        known = self._again(telling)
        if known is not None:
            self._repeat(known, telling)
            self._together.setdefault(telling.tuple.span, []).append(known)
            closed = self._close(known, telling, anew) if self._starts(known, telling) else ()
            return Told(fact_id=known, change="again", closed=closed)
        fact_id = self._insert(telling)
        self._together.setdefault(telling.tuple.span, []).append(fact_id)
        closed = self._close(fact_id, telling, anew)
        t = telling.tuple
        if t.relation in NAMING and not t.negated and _may_name(telling):
            add_alias(self._connection, t.tail, telling.head, fact_id, self._context)
        if t.relation in NAMING or t.relation.endswith("_of"):
            self._same = Sameness(self._connection, self._context)  # who is who may have changed
        past = self._connection.execute("SELECT valid_to FROM facts WHERE id = ?", (fact_id,)).fetchone()[0]
        return Told(fact_id=fact_id, change="new" if past is None else "past", closed=closed)

    def _again(self, telling: Telling) -> int | None:
        """The open fact that says just this."""
        t = telling.tuple
        heads, tails = self._ids(telling.head), self._ids(telling.tail)
        rows = self._connection.execute(
            f"SELECT id, place, time_text FROM facts WHERE head IN ({_marks(heads)}) AND relation = ? "
            f"AND tail IN ({_marks(tails)}) AND valid_to IS NULL AND negated = ? AND +context_key IS ? ORDER BY id",
            (*heads, t.relation, *tails, t.negated, self._context),
        ).fetchall()
        state = telling.functional or is_state(t.relation)
        for fact_id, place, time_text in rows:
            if (state and (telling.functional or not other_time(time_text, t.time_text))) or (
                _same_words(place, t.place) and _same_words(time_text, t.time_text)
            ):
                return int(fact_id)
        return None

    def _repeat(self, fact_id: int, telling: Telling) -> None:
        conf = telling.provenance.conf
        self._connection.execute(
            "UPDATE facts SET mention_count = mention_count + 1, conf = min(1.0, 1.0 - (1.0 - conf) * (1.0 - ?)), "
            "place = iif(place = '', ?, place), time_text = iif(time_text = '', ?, time_text) WHERE id = ?",
            (conf, telling.tuple.place, telling.tuple.time_text, fact_id),
        )
        # It was true earlier than was known, and nothing else is known to have ended when it began.
        self._connection.execute(
            "UPDATE facts SET valid_from = ? WHERE id = ? AND valid_from > ? "
            "AND NOT EXISTS (SELECT 1 FROM facts AS earlier WHERE earlier.superseded_by = facts.id)",
            (telling.when, fact_id, telling.when),
        )
        add_origin(self._connection, "fact", fact_id, telling.provenance, telling.trace_id)

    def _starts(self, fact_id: int, telling: Telling) -> bool:
        """Whether a known fact, told again, still has something beside it that it rules out."""
        row = self._connection.execute("SELECT valid_from FROM facts WHERE id = ?", (fact_id,)).fetchone()
        return bool(row[0] <= telling.when)

    def _insert(self, telling: Telling) -> int:
        t = telling.tuple
        cursor = self._connection.execute(
            "INSERT INTO facts (head, relation, tail, negated, place, time_text, context_key, schema, conf, created, "
            "valid_from) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (telling.head, t.relation, telling.tail, t.negated, t.place, t.time_text, self._context, telling.schema,
             telling.provenance.conf, telling.now, telling.when),
        )  # fmt: skip
        fact_id = int(cursor.lastrowid or 0)
        add_origin(self._connection, "fact", fact_id, telling.provenance, telling.trace_id)
        return fact_id

    def _close(self, fact_id: int, telling: Telling, anew: bool) -> tuple[int, ...]:
        """Close what the telling ends, or the telling itself where something later is known."""
        rivals = [r for r in self._rivals(telling, anew) if r[0] != fact_id]
        present = self._present_beside(telling, rivals)
        if present is not None:  # "I worked at Bosch" does not end "I work at Siemens": it was before
            next_id, since = present
            self._connection.execute(
                "UPDATE facts SET valid_from = ?, valid_to = ?, superseded_by = ? WHERE id = ?",
                (since - 1.0, since, next_id, fact_id),
            )
            return ()
        together = self._together.get(telling.tuple.span, ())
        closed: list[int] = []
        for rival, valid_from, valid_to, superseded_by in rivals:
            if rival in together or (valid_from, rival) > (telling.when, fact_id):
                continue
            retold = self._retold_after(rival, telling.when) if valid_to is None else None
            if retold is not None:  # told of the time between two tellings of the rival
                self._connection.execute("UPDATE facts SET valid_to = ? WHERE id = ?", (retold, fact_id))
                continue
            if valid_to is None or (valid_to > telling.when and superseded_by is not None):
                self._connection.execute(
                    "UPDATE facts SET valid_to = ?, superseded_by = ? WHERE id = ?", (telling.when, fact_id, rival)
                )
                closed.append(int(rival))
        later = [r for r in rivals if r[0] not in together and (r[1], r[0]) > (telling.when, fact_id)]
        if later:
            next_id, next_from = min(((r[0], r[1]) for r in later), key=lambda r: (r[1], r[0]))
            self._connection.execute(
                "UPDATE facts SET valid_to = ?, superseded_by = ? WHERE id = ?", (next_from, next_id, fact_id)
            )
        return tuple(closed)

    def _rivals(self, telling: Telling, anew: bool) -> list[tuple[int, float, float | None, int | None]]:
        """What cannot be true at the same time: open facts, and closed ones that reach beyond the telling."""
        t = telling.tuple
        heads, tails = self._ids(telling.head), self._ids(telling.tail)
        head_in, tail_in = f"head IN ({_marks(heads)})", f"tail IN ({_marks(tails)})"
        found: dict[int, tuple[int, float, float | None, int | None]] = {}

        def gather(condition: str, values: Iterable[object]) -> None:
            # An open fact, or one whose end is after the telling: the second half is for what is told late.
            for reach in ("valid_to IS NULL", "valid_to > ?"):
                extra = () if reach == "valid_to IS NULL" else (telling.when,)
                for row in self._connection.execute(
                    f"SELECT id, valid_from, valid_to, superseded_by FROM facts WHERE {condition} "
                    f"AND +context_key IS ? AND {reach}",
                    (*values, self._context, *extra),
                ):
                    found[row[0]] = (row[0], row[1], row[2], row[3])

        gather(f"{head_in} AND relation = ? AND {tail_in} AND negated = ?", (*heads, t.relation, *tails, not t.negated))
        if t.negated:
            return list(found.values())
        if anew:
            alike = f"{head_in} AND relation = ? AND {tail_in} AND negated = 0"
            rows = self._connection.execute(
                f"SELECT DISTINCT time_text FROM facts WHERE {alike}", (*heads, t.relation, *tails)
            ).fetchall()
            times = [when for (when,) in rows if other_time(when, t.time_text)]
            gather(f"{alike} AND time_text IN ({_marks(times)})", (*heads, t.relation, *tails, *times))
        if t.relation in OPPOSITE:
            gather(f"{head_in} AND relation = ? AND {tail_in} AND negated = 0", (*heads, OPPOSITE[t.relation], *tails))
        if telling.functional:
            others = f"{head_in} AND relation = ? AND tail NOT IN ({_marks(tails)})"
            gather(f"{others} AND negated = 0", (*heads, t.relation, *tails))
            # What it was said not to be is settled by what it is.
            gather(f"{others} AND negated = 1 AND valid_from <= ?", (*heads, t.relation, *tails, telling.when))
        role = t.relation.removesuffix("_of")
        if role in SOLE_ROLES and role != t.relation:  # a new boss takes the place of the old one
            # Not the description of whoever fills the role ("my boss"), which means the new one now.
            gather(f"{tail_in} AND relation = ? AND head NOT IN ({_marks(heads)}) AND negated = 0 AND head NOT IN "
                   "(SELECT d.id FROM entities d JOIN entities owner ON d.key = owner.key || ? "
                   f"WHERE owner.id IN ({_marks(tails)}))",
                   (*tails, t.relation, *heads, f"'s {role}", *tails))  # fmt: skip
        if t.relation == HOLDING and one_of_its_kind(t):
            gather(f"{tail_in} AND relation = ? AND head NOT IN ({_marks(heads)}) AND negated = 0",
                   (*tails, HOLDING, *heads))  # fmt: skip
        if t.relation == "is" and lex.has_opposite(
            t.tail
        ):  # what is red now is blue no longer, what is open is not closed
            was = self._connection.execute(
                f"SELECT DISTINCT e.id, e.key FROM facts f JOIN entities e ON e.id = f.tail WHERE f.{head_in} "
                "AND f.relation = 'is'", heads,
            ).fetchall()  # fmt: skip
            ended = [i for i, key in was if i not in tails and lex.rules_out(t.tail, key)]
            gather(f"{head_in} AND relation = 'is' AND tail IN ({_marks(ended)}) AND negated = 0", (*heads, *ended))
        return list(found.values())

    def _present_beside(
        self, telling: Telling, rivals: Iterable[tuple[int, float, float | None, int | None]]
    ) -> tuple[int, float] | None:
        """What is told to be so now, and since when, where the telling only says what was."""
        t = telling.tuple
        if t.relation not in _LASTING or t.negated or not _PAST.search(t.span):
            return None
        return next((r[:2] for r in rivals if r[2] is None and self._is_told_as_present(r[0])), None)

    def _is_told_as_present(self, fact_id: int) -> bool:
        rows = self._connection.execute(
            "SELECT text_span FROM origins WHERE kind = 'fact' AND row_id = ? ORDER BY id DESC LIMIT 1", (fact_id,)
        )
        return any(_PRESENT.search(span) is not None and _PAST.search(span) is None for (span,) in rows)

    def _retold_after(self, fact_id: int, when: float) -> float | None:
        row = self._connection.execute(
            "SELECT min(o.time) FROM facts f JOIN origins o ON o.kind = 'fact' AND o.row_id = f.id "
            "WHERE f.id = ? AND f.mention_count > 1 AND o.time > ?",
            (fact_id, when),
        ).fetchone()
        return None if row is None or row[0] is None else float(row[0])

    def _ids(self, entity_id: int) -> tuple[int, ...]:
        """The entity and whoever it is known to be."""
        return tuple(sorted({entity_id} | self._same.of_id(entity_id)))


def _without_now(telling: Telling) -> tuple[Telling, bool]:
    """The telling without the "now" beside its time, and whether there was one: that time is a new one."""
    when = telling.tuple.time_text
    if not tells_time(when) or (found := _NOW.search(when)) is None:
        return telling, False
    rest = f"{when[: found.start()]} {when[found.end() :]}".strip()
    return replace(telling, tuple=replace(telling.tuple, time_text=rest)), True


def _may_name(telling: Telling) -> bool:
    """Whether a telling may give its head another name. The user is named by the user alone, in the first person: else
    a text about "the user Mallory" would let Mallory's facts answer for whoever told it."""
    t = telling.tuple
    return entity_key(t.head) != USER or _FIRST_PERSON.search(telling.provenance.text_span) is not None


def is_state(relation: str) -> bool:
    """Whether a relation lasts, so that telling it again at another time or place is still the same fact."""
    return relation in _STATES or relation.endswith("_of") or relation.startswith("favorite_")


def one_of_its_kind(t: Tuple) -> bool:
    """Whether the tail is one individual ("the ball", "my ball", "Rex") rather than one of many ("a dog", "money").

    The clause's own words decide, since names lose their articles; a thing taken or dropped without any is one.
    """
    if "'s " in t.tail or (is_definite(t.tail) and t.tail_kind != "thing"):
        return True
    found = re.search(rf"(?:\b([\w']+)\s+)?(?:[\w-]+\s+){{0,2}}?{re.escape(t.tail)}\b", t.span, re.IGNORECASE)
    words = t.span[: found.end()].lower().split() if found else []
    before = words[-len(t.tail.split()) - 2 : -len(t.tail.split())]
    if any(word in _INDEFINITE for word in before):
        return False
    if any(is_definite(f"{word} x") for word in before if not word[:1].isupper()):
        return True
    return t.pattern == "holding"


def _same_words(a: str, b: str) -> bool:
    return a.casefold().strip() == b.casefold().strip()


def _marks(values: Iterable[object]) -> str:
    return ",".join("?" for _ in values)
