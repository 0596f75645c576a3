"""One fact put right by hand: taken back, or its tail replaced. The past is kept; only what holds now changes.

In: an open store and the id of a fact. Out: what was closed, and the sentence that says the new one. Knows nothing of
questions or extraction.
"""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass

from hippo_mem.errors import InputError
from hippo_mem.relational.fact_rows import by_ids, spelled_out
from hippo_mem.storage.origins import bump
from hippo_mem.types import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """A fact that was taken back, and the episodes that said nothing else that still holds: they are past as well."""

    fact: Fact
    trace_ids: tuple[int, ...]


def fact_of(connection: sqlite3.Connection, fact_id: int) -> Fact:
    """The fact with this id.

    Raises: InputError when there is none.
    """
    rows = by_ids(connection, [fact_id])
    if fact_id not in rows:
        raise InputError(f"there is no fact {fact_id}")
    return spelled_out(connection, [rows[fact_id]])[0]


def close(connection: sqlite3.Connection, fact_id: int, now: float, *, superseded_by: int | None = None) -> Closed:
    """Let a fact hold no longer from `now` (unix seconds) on, within the caller's transaction.

    Raises: InputError when there is no such fact or it holds no more.
    """
    fact = fact_of(connection, fact_id)
    if fact.valid_to is not None:
        raise InputError(f"fact {fact_id} holds no more already: {fact.head} {fact.relation} {fact.tail}")
    end = max(now, fact.valid_from)  # told for a later time: it never held
    connection.execute("UPDATE facts SET valid_to = ?, superseded_by = ? WHERE id = ?", (end, superseded_by, fact_id))
    past = [
        row[0]
        for row in connection.execute(
            "SELECT DISTINCT o.trace_id FROM origins AS o JOIN traces AS t ON t.id = o.trace_id "
            "WHERE o.kind = 'fact' AND o.row_id = ? AND t.valid_to IS NULL AND NOT EXISTS ("
            "SELECT 1 FROM origins AS also JOIN facts AS f ON f.id = also.row_id "
            "WHERE also.kind = 'fact' AND also.trace_id = o.trace_id AND f.valid_to IS NULL)",
            (fact_id,),
        )
    ]
    connection.executemany("UPDATE traces SET valid_to = ? WHERE id = ?", [(end, trace) for trace in past])
    bump(connection, "relational")
    return Closed(fact=fact_of(connection, fact_id), trace_ids=tuple(past))


def reopen(connection: sqlite3.Connection, fact_id: int) -> Closed:
    """Let a fact that was taken back hold again, and the episodes that ended with it.

    Raises: InputError when there is no such fact, it holds, or another fact took its place.
    """
    fact = fact_of(connection, fact_id)
    if fact.valid_to is None:
        raise InputError(f"fact {fact_id} holds: there is nothing to take back")
    if fact.superseded_by is not None:
        raise InputError(f"fact {fact_id} was replaced by fact {fact.superseded_by}; take that one back instead")
    back = [
        row[0]
        for row in connection.execute(
            "SELECT DISTINCT t.id FROM origins AS o JOIN traces AS t ON t.id = o.trace_id "
            "WHERE o.kind = 'fact' AND o.row_id = ? AND t.valid_to = ?",
            (fact_id, fact.valid_to),
        )
    ]
    connection.execute("UPDATE facts SET valid_to = NULL WHERE id = ?", (fact_id,))
    connection.executemany("UPDATE traces SET valid_to = NULL WHERE id = ?", [(trace,) for trace in back])
    bump(connection, "relational")
    return Closed(fact=fact_of(connection, fact_id), trace_ids=tuple(back))


def restated(fact: Fact, tail: str) -> str:
    """A sentence that says the fact with another tail: the one it was told with where the tail stands in it."""
    for provenance in fact.provenance:
        found = re.search(rf"(?<!\w){re.escape(fact.tail)}(?!\w)", provenance.text_span, re.IGNORECASE)
        if found is not None:
            return provenance.text_span[: found.start()] + tail + provenance.text_span[found.end() :]
    return f"{fact.head} {fact.relation.replace('_', ' ')} {tail}"
