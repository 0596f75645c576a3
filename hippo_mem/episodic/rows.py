"""Traces as table rows, and filters as SQL. Knows nothing of connections or of the vector index."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hippo_mem.errors import InputError, StoreError
from hippo_mem.text import clean_name, clean_text, words
from hippo_mem.types import Event, Provenance, Salience, Trace, Where, check_flag, check_time

COLUMNS = (
    "id, text, slots, tags, context_key, surprise, novelty, reward, pin, score, threshold, text_span, source, time, "
    "doc_id, conf, created, valid_from, valid_to, access_count, mention_count, last_access, last_mention, "
    "consolidated_at, expires, retired"
)
MAX_ID = 2**63 - 1  # the widest number that a table holds
# What is neither retired nor expired; takes the moment (unix seconds).
PRESENT = "retired IS NULL AND (expires IS NULL OR expires > ?)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A trace before it has an id."""

    text: str
    provenance: Provenance
    salience: Salience
    created: float
    valid_from: float
    context_key: str | None = None
    slots: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    expires: float | None = None


def checked(event: Event) -> Event:
    """`event` with its text and labels clean.

    Raises: InputError naming the field.
    """
    if isinstance(event.conf, bool) or not isinstance(event.conf, (int, float)) or not 0.0 <= event.conf <= 1.0:
        raise InputError(f"conf must be 0 to 1, got {event.conf!r:.60}")
    check_time(event.time, "time")
    if isinstance(event.tags, (str, bytes, Mapping)) or not isinstance(event.tags, Iterable):
        raise InputError(f"tags must be a tuple of texts such as ('home', 'work'), got {event.tags!r:.60}")
    if not isinstance(event.slots, Mapping):
        raise InputError(f"slots must be a mapping such as {{'who': 'Marta'}}, got {event.slots!r:.60}")
    return Event(
        text=clean_text(event.text),
        source=clean_name(event.source, "source"),
        time=None if event.time is None else float(event.time),
        context=None if event.context is None else clean_name(event.context, "context"),
        reward=check_flag(event.reward, "reward"),
        pin=check_flag(event.pin, "pin"),
        doc_id=None if event.doc_id is None else clean_name(event.doc_id, "doc_id"),
        conf=float(event.conf),
        tags=tuple(dict.fromkeys(clean_name(tag, "tag") for tag in event.tags)),
        slots={clean_name(key, "slot"): clean_text(value, f"slot {key}") for key, value in event.slots.items()},
    )


def check_choice(
    trace_id: object = None, source: object = None, doc_id: object = None, everything: object = False
) -> None:
    """Refuse a choice of what to forget that names nothing, or several things.

    Raises: InputError naming the value.
    """
    check_flag(everything, "everything")
    if trace_id is not None:
        if isinstance(trace_id, bool) or not isinstance(trace_id, int):
            raise InputError(f"trace_id must be a whole number, got {trace_id!r:.60}")
        if not -MAX_ID <= trace_id <= MAX_ID:
            raise InputError(f"there is no memory with id {trace_id}; ids are whole numbers up to {MAX_ID}")
    for name, value in (("source", source), ("doc_id", doc_id)):
        if value is not None and not isinstance(value, str):
            raise InputError(f"{name} must be text, got {value!r:.60}")
    if sum((trace_id is not None, source is not None, doc_id is not None, bool(everything))) != 1:
        raise InputError("say what to forget by exactly one of trace_id, source, doc_id or everything")


def draft_of(event: Event, salience: Salience, now: float) -> Draft:
    """The trace that a checked event would become."""
    time = now if event.time is None else event.time
    return Draft(
        text=event.text,
        provenance=Provenance(
            text_span=event.text, source=event.source, time=time, doc_id=event.doc_id, conf=event.conf
        ),
        salience=salience,
        created=now,
        valid_from=time,
        context_key=event.context,
        slots=event.slots,
        tags=event.tags,
    )


def digest(text: str) -> bytes:
    """The same for texts in the same words (`text.words`)."""
    return hashlib.blake2b("\x1f".join(words(text)).encode(), digest_size=16).digest()


def insert(connection: sqlite3.Connection, draft: Draft, vector: NDArray[np.float32], embedder: str) -> int:
    """Write one row within the caller's transaction; returns its id."""
    s, p = draft.salience, draft.provenance
    values: dict[str, Any] = {
        "text": draft.text,
        "digest": digest(draft.text),
        "slots": json.dumps(dict(draft.slots), ensure_ascii=False),
        "tags": json.dumps(list(draft.tags), ensure_ascii=False),
        "context_key": draft.context_key,
        "surprise": s.surprise,
        "novelty": s.novelty,
        "reward": int(s.reward),
        "pin": int(s.pin),
        "score": s.score,
        "threshold": s.threshold,
        "text_span": p.text_span,
        "source": p.source,
        "time": p.time,
        "doc_id": p.doc_id,
        "conf": p.conf,
        "created": draft.created,
        "valid_from": draft.valid_from,
        "expires": draft.expires,
        "vector": vector.astype("<f4").tobytes(),
        "embedder": embedder,
        "dim": len(vector),
    }
    names = ", ".join(values)
    marks = ", ".join("?" * len(values))
    cursor = connection.execute(f"INSERT INTO traces ({names}) VALUES ({marks})", tuple(values.values()))
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def trace_of(row: sqlite3.Row) -> Trace:
    """A row of `COLUMNS` as a trace.

    Raises: StoreError naming the row whose slots or tags are damaged.
    """
    return Trace(
        id=row["id"],
        text=row["text"],
        slots=_stored(row, "slots", dict),
        tags=tuple(_stored(row, "tags", list)),
        context_key=row["context_key"],
        salience=Salience(
            surprise=row["surprise"],
            novelty=row["novelty"],
            reward=bool(row["reward"]),
            pin=bool(row["pin"]),
            score=row["score"],
            threshold=row["threshold"],
        ),
        provenance=Provenance(
            text_span=row["text_span"],
            source=row["source"],
            time=row["time"],
            doc_id=row["doc_id"],
            conf=row["conf"],
        ),
        created=row["created"],
        valid_from=row["valid_from"],
        valid_to=row["valid_to"],
        access_count=row["access_count"],
        mention_count=row["mention_count"],
        last_access=row["last_access"],
        last_mention=row["last_mention"],
        consolidated_at=row["consolidated_at"],
        expires=row["expires"],
        retired=row["retired"],
    )


def _stored(row: sqlite3.Row, column: str, kind: type) -> Any:
    try:
        value = json.loads(row[column])
    except (ValueError, TypeError, RecursionError):
        value = None
    if not isinstance(value, kind):
        raise StoreError(f"memory {row['id']} is damaged: its {column} cannot be read; run hippo doctor --repair")
    return value


def conditions(where: Where | None, as_of: float | None, now: float, *, closed: bool = False) -> tuple[str, list[Any]]:
    """A WHERE clause over `traces` and its values, for all of `where` but `place`.

    Retired and expired traces never pass. Without `as_of`, what has been superseded is out unless `closed`; with it,
    what was true then is in.
    """
    parts: list[str] = []
    values: list[Any] = []

    def need(sql: str, *value: Any) -> None:
        parts.append(sql)
        values.extend(value)

    need(PRESENT, now if as_of is None else as_of)
    if as_of is not None:
        need("valid_from <= ? AND (valid_to IS NULL OR valid_to > ?)", as_of, as_of)
    elif not closed:
        need("valid_to IS NULL")
    if where is not None:
        for column, value in (
            ("context_key = ?", where.context_key),
            ("source = ?", where.source),
            ("doc_id = ?", where.doc_id),
            ("time >= ?", where.since),
            ("time <= ?", where.until),
            ("EXISTS (SELECT 1 FROM json_each(traces.tags) WHERE json_each.value = ?)", where.tag),
        ):
            if value is not None:
                need(column, value)
    return " AND ".join(parts), values
