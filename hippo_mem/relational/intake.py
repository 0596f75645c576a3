"""From what an event states to facts in the store, or to what waits beside its episode until its form recurs.

In: tuples and the occasion they were told on, inside a write transaction. Out: what was understood of each, in words,
and what it changed. What fits a schema enters at once (`schema`); when it is true is the timeline's. Knows nothing of
retrieval, questions or gates.
"""

from __future__ import annotations

import json
import sqlite3
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hippo_mem.embed import Embedder
from hippo_mem.relational.belonging import of_the_user
from hippo_mem.relational.consequences import consequences, plainly
from hippo_mem.relational.entities import entity_key, resolve
from hippo_mem.relational.fact_rows import by_ids, in_words, spelled_out
from hippo_mem.relational.schema import SchemaIndex, frame_text, signature
from hippo_mem.relational.timeline import Telling, Timeline, Told
from hippo_mem.relational.tuples import Tuple
from hippo_mem.relational.vocabulary import is_functional
from hippo_mem.storage.origins import add_origin, bump, version
from hippo_mem.types import Provenance

Floats = NDArray[np.float32]
_VECTORS = 2048  # frame vectors kept between `embed` and `take_in`


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """On what occasion something was told: by whom and when (`provenance`), in which context, in which episode.

    `now` is when it came in, unix seconds.
    """

    provenance: Provenance
    context_key: str | None
    trace_id: int | None
    now: float


class Intake:
    """Writes tuples down as facts.

    Args:
        schema: what fits.
        embedder: gives frames their vectors; without one, relations and slot types decide.
    """

    def __init__(self, schema: SchemaIndex, embedder: Embedder | None) -> None:
        self._schema = schema
        self._embedder = embedder
        self._vectors: OrderedDict[str, Floats] = OrderedDict()
        self._schema_version = -1

    def functional(self, relation: str) -> bool:
        """Whether a relation has one tail at a time, by the vocabulary or by a schema."""
        return is_functional(relation) or self._schema.is_functional(relation)

    def embed(self, told: Iterable[Sequence[Tuple]]) -> None:
        """Get the frame vectors that scoring these tuples will want, together. Reads no store."""
        if self._embedder is None or not len(self._schema):
            return
        wanted = dict.fromkeys(
            frame_text(t)
            for tuples in told
            for t in tuples
            if not (fit := self._schema.score(t)).fits or fit.score < 1.0 or self._schema.learns_from(fit.schema)
        )
        texts = [text for text in wanted if text not in self._vectors]
        for text, vector in zip(texts, self._embedder.embed(texts), strict=True):
            self._vectors[text] = vector
        while len(self._vectors) > _VECTORS:
            self._vectors.popitem(last=False)

    def take_in(
        self, connection: sqlite3.Connection, tuples: Sequence[Tuple], occasion: Occasion
    ) -> list[tuple[str, Told | None]]:
        """Write tuples down; for each what was understood, and what it came to: None where it waits for its form."""
        if not tuples:
            return []
        self._recall_schemas(connection)
        plain = plainly(of_the_user(connection, tuples))
        following = consequences(connection, plain, occasion.context_key)
        timeline = Timeline(connection, occasion.context_key)
        taken: list[tuple[str, Told | None]] = []
        seen: set[tuple[object, ...]] = set()
        for t in (*plain, *following):
            head, tail = entity_key(t.head), entity_key(t.tail)
            same = (head, t.relation, tail, t.negated, t.place, t.time_text)
            if not head or not tail or not t.relation or head == tail or same in seen:
                continue  # nothing is said of nothing, of itself, or twice in one breath
            seen.add(same)
            own = replace(occasion.provenance, text_span=t.span or occasion.provenance.text_span,
                          conf=max(0.0, min(1.0, t.conf * occasion.provenance.conf)))  # fmt: skip
            vector = self._vectors.get(frame_text(t))
            fit = self._schema.score(t, vector)
            if fit.fits:
                if (schema := self._schema.count(fit.schema, vector)) is not None:
                    SchemaIndex.remember(connection, schema)
                told = timeline.tell(self._telling(connection, t, replace(occasion, provenance=own), fit.schema))
                taken.append((_understood(connection, t, told, fit.schema), told))
            else:
                taken += self._set_aside(connection, t, replace(occasion, provenance=own), vector)
        bump(connection, "relational")
        self._schema_version = version(connection, "relational")
        return taken

    def _telling(self, connection: sqlite3.Connection, t: Tuple, occasion: Occasion, schema: str) -> Telling:
        return Telling(
            tuple=t,
            head=resolve(connection, t.head, t.head_kind, occasion.now),
            tail=resolve(connection, t.tail, t.tail_kind, occasion.now),
            functional=self.functional(t.relation),
            when=occasion.provenance.time,
            now=occasion.now,
            context_key=occasion.context_key,
            provenance=occasion.provenance,
            trace_id=occasion.trace_id,
            schema=schema or None,
        )

    def _recall_schemas(self, connection: sqlite3.Connection) -> None:
        """Learn what another process, or a transaction that failed, left behind."""
        if len(self._schema) and version(connection, "relational") != self._schema_version:
            self._schema.recall(connection, None if self._embedder is None else self._embedder.dim)

    def _set_aside(
        self, connection: sqlite3.Connection, t: Tuple, occasion: Occasion, vector: Floats | None
    ) -> list[tuple[str, Told | None]]:
        """Keep a misfit beside its episode; when its form recurs in other words, all of that form enter."""
        form = signature(t)
        cursor = connection.execute(
            "INSERT INTO misfits (head, relation, tail, signature, details, context_key, created) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (t.head, t.relation, t.tail, form, json.dumps(asdict(t)), occasion.context_key, occasion.now),
        )
        add_origin(connection, "misfit", int(cursor.lastrowid or 0), occasion.provenance, occasion.trace_id)
        waiting = connection.execute(
            "SELECT m.id, m.details, m.context_key, o.trace_id, o.text_span, o.source, o.time, o.doc_id, o.conf "
            "FROM misfits m JOIN origins o ON o.kind = 'misfit' AND o.row_id = m.id "
            "WHERE m.signature = ? AND m.promoted IS NULL ORDER BY o.time, m.id",
            (form,),
        ).fetchall()
        if len({(_loose(row[4]), entity_key(json.loads(row[1])["tail"])) for row in waiting}) < 2:
            said = in_words(t.head, t.relation, t.tail, negated=t.negated)
            return [(f"{said}: fits no schema, waits for its form to recur", None)]
        schema = self._schema.recur(t, vector)
        SchemaIndex.remember(connection, schema)
        taken: list[tuple[str, Told | None]] = []
        for row in waiting:
            again = Tuple(**json.loads(row[1]))
            own = Provenance(text_span=row[4], source=row[5], time=row[6], doc_id=row[7], conf=row[8])
            then = Occasion(provenance=own, context_key=row[2], trace_id=row[3], now=occasion.now)
            told = Timeline(connection, row[2]).tell(self._telling(connection, again, then, schema.name))
            taken.append((_understood(connection, again, told, schema.name), told))
            connection.execute("UPDATE misfits SET promoted = ? WHERE id = ?", (occasion.now, row[0]))
        return taken


def _understood(connection: sqlite3.Connection, t: Tuple, told: Told, schema: str) -> str:
    said = in_words(t.head, t.relation, t.tail, negated=t.negated)
    parts = []
    if told.change == "again":
        parts.append("known")
    elif told.change == "past":
        parts.append("older than what is known, kept as the past")
    if told.closed:
        names = [f"{f.head} {f.tail}" for f in spelled_out(connection, [*by_ids(connection, told.closed).values()])]
        parts.append(f"{'denies' if t.negated else 'replaces'} {'; '.join(names)}")
    if schema:
        parts.append(f"schema {schema}")
    return f"{said} ({', '.join(parts)})" if parts else said


def _loose(text: str) -> str:
    return " ".join(text.casefold().split())
