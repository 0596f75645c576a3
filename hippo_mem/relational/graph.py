"""The knowledge graph of one user: tellings in; facts, recall and answers out [semantic memory].

Facts live in the store's tables and are superseded, never overwritten (`timeline`). What fits a schema enters at
once; what does not waits beside its episode until its form recurs (`schema`). Knows nothing of gates, of episodes
beyond their ids, or of language models.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from hippo_mem.embed import Embedder
from hippo_mem.errors import InputError
from hippo_mem.relational.deciding import Decider
from hippo_mem.relational.entities import entities, entity_key
from hippo_mem.relational.fact_rows import allowed_by, by_ids, in_words, select, spelled_out
from hippo_mem.relational.frames import FrameParser
from hippo_mem.relational.incidence import Incidence
from hippo_mem.relational.intake import Intake, Occasion
from hippo_mem.relational.retrieval import seeds, walk
from hippo_mem.relational.schema import SchemaIndex
from hippo_mem.relational.tuples import Tuple, TupleExtractor
from hippo_mem.storage.database import Database
from hippo_mem.storage.origins import bump
from hippo_mem.types import Decision, Event, Fact, FactHit, Outcome, Provenance, Where

if TYPE_CHECKING:
    import networkx as nx

_SPARE = 4  # facts looked up beyond those wanted: the arrays may not know yet that one was closed


class KnowledgeGraph:
    """The relational memory in an open store. As safe to share between threads as its database.

    Args:
        database: the user's store.
        extractor: texts -> tuples.
        embedder: gives frames their vectors, for schemas; without one, relations and slot types decide.
        schema: what fits; None takes in everything.
        parser: reads questions; one that others use as well saves the time to load it.
    """

    def __init__(
        self,
        database: Database,
        extractor: TupleExtractor,
        embedder: Embedder | None = None,
        schema: SchemaIndex | None = None,
        *,
        parser: FrameParser | None = None,
    ) -> None:
        self._database = database
        self._extractor = extractor
        self._intake = Intake(schema if schema is not None else SchemaIndex(), embedder)
        self._decider = Decider(extractor, parser or FrameParser(), self._intake.functional)
        self._index = Incidence()

    def prepare(self, events: Sequence[Event]) -> list[list[Tuple]]:
        """What the events state, one list an event. Reads no store; may be called before any lock is taken."""
        told = self._extractor.extract_many([event.text for event in events])
        self._intake.embed(told)
        return told

    def observe(self, event: Event, tuples: Sequence[Tuple], trace_id: int | None, now: float) -> list[Outcome]:
        """Take in what an event states, inside the caller's write transaction.

        An event without a time happened when it came in: after all that came in before it, even where the clock says
        otherwise.

        Args:
            tuples: from `prepare`.
            trace_id: the episode's; None when the gate kept none.
            now: unix seconds.
        Returns: one outcome of kind "routed" for each tuple that entered the graph or waits for its form to recur;
            `reason` says what was understood, and what it replaced.
        """
        with self._database.write() as connection:
            arrival = self._arrival(connection, now)
            provenance = Provenance(
                text_span=event.text, source=event.source, time=arrival if event.time is None else event.time,
                doc_id=event.doc_id, conf=event.conf,
            )  # fmt: skip
            occasion = Occasion(provenance=provenance, context_key=event.context, trace_id=trace_id, now=arrival)
            return [
                Outcome(kind="routed", text=event.text, trace_id=trace_id, memory="relational", reason=reason)
                for reason, _ in self._intake.take_in(connection, tuples, occasion)
            ]

    def upsert(
        self,
        tuples: Sequence[Tuple],
        *,
        provenance: Provenance,
        context_key: str | None = None,
        trace_id: int | None = None,
        now: float,
    ) -> list[int]:
        """Write tuples as facts in one transaction, as `observe` does for an event's.

        Returns: ids of the facts that say what the tuples do, in order; a tuple that waits for its form has none.
        """
        with self._database.write() as connection:
            arrival = self._arrival(connection, now)
            occasion = Occasion(provenance=provenance, context_key=context_key, trace_id=trace_id, now=arrival)
            taken = self._intake.take_in(connection, tuples, occasion)
            return [told.fact_id for _, told in taken if told is not None]

    def _arrival(self, connection: sqlite3.Connection, now: float) -> float:
        """`now`, or the last arrival where the clock has run backwards since."""
        row = connection.execute("SELECT created FROM facts ORDER BY id DESC LIMIT 1").fetchone()
        return now if row is None else max(now, float(row[0]))

    def facts(
        self,
        *,
        head: str | None = None,
        relation: str | None = None,
        tail: str | None = None,
        context: str | None = None,
        as_of: float | None = None,
        history: bool = False,
        limit: int | None = None,
    ) -> list[Fact]:
        """Facts by any of their parts, newest first; names match by key. With `history` closed ones too.

        Raises: InputError for a limit below 1.
        """
        if limit is not None and limit < 1:
            raise InputError(f"limit must be at least 1, got {limit}")
        conditions, values = [], list[Any]()
        for column, name in (("head", head), ("tail", tail)):
            if name is not None:
                conditions.append(f"{column} = (SELECT id FROM entities WHERE key = ?)")
                values.append(entity_key(name))
        chosen = bool(conditions)  # then the index of contexts would only mislead
        for column, value in (("relation", relation), ("+context_key" if chosen else "context_key", context)):
            if value is not None:
                conditions.append(f"{column} = ?")
                values.append(value)
        if as_of is not None:
            conditions.append("valid_from <= ? AND (valid_to IS NULL OR valid_to > ?)")
            values += [as_of, as_of]
        elif not history:
            conditions.append("valid_to IS NULL")
        values.append(-1 if limit is None else limit)
        with self._database.read() as connection:
            rows = select(
                connection, f"{' AND '.join(conditions) or '1'} ORDER BY valid_from DESC, id DESC LIMIT ?", values
            )
            return spelled_out(connection, rows)

    def retrieve(
        self, cue: str, k: int = 8, *, where: Where | None = None, as_of: float | None = None
    ) -> list[FactHit]:
        """The `k` facts nearest to a cue in the graph, best first, each with the path that reached it.

        Raises: InputError for k below 1.
        """
        if k < 1:
            raise InputError(f"k must be at least 1, got {k}")
        where = where or Where()
        with self._database.read() as connection:
            self._index.refresh(connection, exact_times=as_of is not None)
            starts = seeds(connection, cue, where.context_key)
            if not starts:
                return []
            mask = self._index.mask(where.context_key, as_of, allowed_by(connection, where))
            reached = walk(self._index, starts, mask, cue, k + _SPARE)
            rows = by_ids(connection, [i for r in reached for i in r.steps])
            # The rows have the last word: the arrays may not know yet that a fact was closed.
            kept = [r for r in reached if r.fact_id in rows and rows[r.fact_id].holds(as_of)][:k]
            used = list(dict.fromkeys(i for r in kept for i in r.steps if i in rows))
            spelled = dict(zip(used, spelled_out(connection, [rows[i] for i in used]), strict=True))
        return [
            FactHit(
                fact=spelled[r.fact_id],
                score=r.score,
                path=tuple(
                    in_words(f.head, f.relation, f.tail, negated=f.negated)
                    for f in (spelled[i] for i in r.steps if i in spelled)
                ),
            )
            for r in kept
        ]

    def outdated(self, trace_ids: Iterable[int]) -> frozenset[int]:
        """Those of the episodes of which nothing that was understood holds any longer.

        What a description says of itself ("my drill" is mine) does not count.
        """
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT o.trace_id FROM origins AS o JOIN facts AS f ON f.id = o.row_id WHERE o.kind = 'fact' "
                "AND o.trace_id IN (SELECT value FROM json_each(?)) AND f.relation != 'owner' "
                "AND substr(f.relation, -3) != '_of' GROUP BY o.trace_id HAVING max(f.valid_to IS NULL) = 0",
                (json.dumps(list(trace_ids)),),
            ).fetchall()
        return frozenset(row[0] for row in rows)

    def decide(self, question: str, *, context: str | None = None, as_of: float | None = None) -> Decision | None:
        """The answer to a question where the facts decide it; None where they do not. See `deciding`."""
        with self._database.read() as connection:
            return self._decider.decide(connection, question, context=context, as_of=as_of)

    def view(self, context: str | None = None, as_of: float | None = None) -> nx.MultiDiGraph:
        """The facts as a graph: nodes by name with `kind`, one edge a fact, keyed by its id, with its fields."""
        import networkx as nx  # 10 MB that a process takes on when it draws, not when it serves

        graph = nx.MultiDiGraph()
        condition = "valid_to IS NULL" if as_of is None else "valid_from <= ? AND (valid_to IS NULL OR valid_to > ?)"
        values: list[object] = [] if as_of is None else [as_of, as_of]
        if context is not None:
            condition += " AND context_key = ?"
            values.append(context)
        with self._database.read() as connection:
            rows = select(connection, f"{condition} ORDER BY id", values)
            names = entities(connection, (i for row in rows for i in (row.head, row.tail)))
        for entity in names.values():
            graph.add_node(entity.name, kind=entity.kind, id=entity.id)
        for row in rows:
            graph.add_edge(
                names[row.head].name, names[row.tail].name, key=row.id, relation=row.relation, negated=row.negated,
                place=row.place, time_text=row.time_text, context_key=row.context_key, conf=row.conf,
                mention_count=row.mention_count, valid_from=row.valid_from, valid_to=row.valid_to,
            )  # fmt: skip
        return graph

    def counts(self) -> dict[str, int]:
        """`entities`, `facts` that hold, `superseded` and `negated` ones, `misfits` that wait, learned `schemas`."""
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT (SELECT count(*) FROM entities), "
                "(SELECT count(*) FROM facts WHERE valid_to IS NULL), "
                "(SELECT count(*) FROM facts WHERE valid_to IS NOT NULL), "
                "(SELECT count(*) FROM facts WHERE valid_to IS NULL AND negated = 1), "
                "(SELECT count(*) FROM misfits WHERE promoted IS NULL), "
                "(SELECT count(*) FROM schemas WHERE origin = 'learned')"
            ).fetchone()
        return dict(zip(("entities", "facts", "superseded", "negated", "misfits", "schemas"), row, strict=True))

    def delete(self, fact_id: int) -> None:
        """Delete one fact for good; what it had closed holds again.

        Raises: InputError when there is no such fact.
        """
        with self._database.write() as connection:
            if connection.execute("DELETE FROM facts WHERE id = ?", (fact_id,)).rowcount == 0:
                raise InputError(f"there is no fact {fact_id}")
            bump(connection, "relational")
        self._database.flush_log()
