"""The map of one user: takes in what is told of places; what it answers is in `view.py` [place cells].

In: events, explicit places and moves. Out: outcomes and ids. All state is in the store. Knows nothing of the gate, of
how episodes are recalled, or of the language model.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hippo_mem.config import SpatialConfig
from hippo_mem.embed import Embedder
from hippo_mem.errors import InputError
from hippo_mem.spatial import links, rows
from hippo_mem.spatial.explicit import read_explicit
from hippo_mem.spatial.grid_memory import record_grid
from hippo_mem.spatial.macros import MacroLib
from hippo_mem.spatial.names import key_of, mentions
from hippo_mem.spatial.prepared import Prepared, Preparer
from hippo_mem.spatial.reading import Statement
from hippo_mem.spatial.view import MapView
from hippo_mem.spatial.vocabulary import RELATIONS
from hippo_mem.storage.database import Database
from hippo_mem.storage.origins import bump
from hippo_mem.types import Event, Outcome, Provenance

_BACK_LINKS = 2000  # the newest traces, among which a new place looks for its name


class PlaceGraph(MapView):
    """Places, the ways between them, and the macros of one store.

    Args:
        database: the open store.
        embedder: lets names spelled a little otherwise find their place; None: only case, determiner, hyphens differ.
        policy: where the macros' policy is kept.
        merge_cosine: how near two such names' vectors have to be, 0..1.
        ttl_s: a place or edge not told again for so long is forgotten; None: never.
        max_places: over it, places seen once and longest ago go first.
        config: how ways are planned, and whether trajectories are kept.
        clock: unix seconds.
    Raises: InputError for a setting out of range.
    """

    def __init__(
        self,
        database: Database,
        embedder: Embedder | None = None,
        *,
        policy: Path | None = None,
        merge_cosine: float = 0.9,
        ttl_s: float | None = None,
        max_places: int = 20_000,
        config: SpatialConfig | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not 0.0 < merge_cosine <= 1.0 or max_places < 2 or (ttl_s is not None and not ttl_s > 0.0):
            raise InputError(
                f"merge_cosine must be in (0, 1], max_places at least 2 and ttl_s positive; "
                f"got {merge_cosine!r}, {max_places!r}, {ttl_s!r}"
            )
        super().__init__(database, config=config, clock=clock)
        self._embedder_id = embedder.id if embedder else ""
        self._preparer = Preparer(embedder)
        self._cosine = merge_cosine
        self._ttl = ttl_s
        self._max_places = max_places
        self.macros = MacroLib(database, policy=policy, clock=clock)

    def prepare(self, events: Iterable[Event]) -> list[Prepared]:
        """Read events before the store is locked; touches no store."""
        return self._preparer.prepare(events)

    def observe(self, event: Event, prepared: Prepared, trace_id: int | None, now: float) -> list[Outcome]:
        """Take in one event that was read, within the caller's transaction.

        Args:
            trace_id: the episode it became, None when the gate kept none.
        Returns: one "routed" outcome saying what was understood; none where nothing was.
        """
        p = prepared
        with self._database.write() as connection:
            telling = self._telling(event, trace_id, now)
            naming = rows.Naming(connection, telling, p.vectors, self._embedder_id, self._cosine)
            said = [text for s in p.statements for text in self._state(connection, naming, telling, s)]
            if p.grid is not None:
                said += record_grid(connection, naming, telling, p.grid, self.macros if self._config.macros else None)
            if p.procedure is not None and self._config.macros:
                steps = [{"action": step} for step in p.procedure.steps]
                self.macros.record(connection, telling, steps, start="", goal=p.procedure.goal, success=True)
                said.append(
                    f"a procedure of {len(steps)} steps" + (f" to {p.procedure.goal}" if p.procedure.goal else "")
                )
            self._link(connection, p, event.context, trace_id, naming.new)
            if said:
                self._limit(connection)
                bump(connection, "spatial")
        if not said:
            return []
        return [Outcome(kind="routed", text=event.text, trace_id=trace_id, memory="spatial", reason="; ".join(said))]

    def observe_place(self, context: Mapping[str, Any]) -> int:
        """Take in a place or a move that a program knows; on disk when it returns.

        Args:
            context: {"place": name, "x"?, "y"?} or {"from": name, "to": name, "move"?, "cost"?, "success"?}; for both
                "passable"?, "context"? (the session), "source"?, "time"?, "doc_id"?, "conf"?, "text"?. A cell is
                named by a pair of integers as well.
        Returns: the id of the place, of a move's "to".
        Raises: InputError naming what cannot be used: a negative cost, a move from a place to itself, coordinates
            that are no numbers, a key that is not known.
        """
        told = read_explicit(context)
        now = self._clock()
        names = [told.place] + ([told.start] if told.start else [])
        vectors = self._preparer.embed([key for _, key in names if not key.startswith("(")])
        with self._database.write() as connection:
            telling = self._telling(told.event, None, now)
            naming = rows.Naming(connection, telling, vectors, self._embedder_id, self._cosine)
            start = naming.place(*told.start) if told.start else None
            enterable = told.passable if start is None else True
            found = naming.place(*told.place, x=told.x, y=told.y, passable=enterable)
            if start is not None:
                rows.add_edge(
                    connection, telling, start, found, told.relation, cost=told.cost, passable=told.passable,
                    tried=told.success is not None, success=bool(told.success),
                )  # fmt: skip
            self._link_new(connection, told.event.context, naming.new)
            self._limit(connection)
            bump(connection, "spatial")
        return found

    def _telling(self, event: Event, trace_id: int | None, now: float) -> rows.Telling:
        told = Provenance(
            text_span=event.text, source=event.source, time=now if event.time is None else event.time,
            doc_id=event.doc_id, conf=event.conf,
        )  # fmt: skip
        expires = None if self._ttl is None else now + self._ttl
        return rows.Telling(provenance=told, context=event.context, trace_id=trace_id, now=now, expires=expires)

    def _state(
        self, connection: sqlite3.Connection, naming: rows.Naming, telling: rows.Telling, statement: Statement
    ) -> list[str]:
        """Write one statement; says what was understood, or what is impossible in it."""
        subject = naming.place(statement.subject, key_of(statement.subject))
        thing = naming.place(statement.object, key_of(statement.object))
        if subject == thing:
            return [f"passed over: {statement.text}, and nothing is so to itself"]
        if statement.passable is not None:
            rows.add_edge(connection, telling, thing, subject, rows.WAY, passable=statement.passable)
            return [statement.text]
        rows.add_edge(
            connection, telling, thing, subject, statement.relation, cost=statement.distance,
            distance=statement.distance, tried=statement.moved,
        )  # fmt: skip
        inverse = RELATIONS[statement.relation].inverse
        against = connection.execute(
            "SELECT 1 FROM edges WHERE (src = ? AND dst = ? AND relation = ? AND relation != ?) "
            "OR (src = ? AND dst = ? AND relation = ? AND relation != ?)",
            (thing, subject, inverse, statement.relation, subject, thing, statement.relation, inverse),
        ).fetchone()
        return [statement.text + (" (the opposite was told before)" if against else "")]

    def _link(
        self, connection: sqlite3.Connection, p: Prepared, context: str | None, trace_id: int | None,
        new: Sequence[tuple[int, str]],
    ) -> None:  # fmt: skip
        """Join the trace, and the facts told by it, to the places it names."""
        self._link_new(connection, context, new)
        if trace_id is None:
            return
        keys = (*p.keys, p.where, *(key_of(n) for s in p.statements for n in (s.subject, s.object)))
        found = links.named(connection, [k for k in keys if k], context)
        if not found:
            return
        for place_id in found:
            links.link(connection, place_id, "trace", [trace_id])
        for fact_id, *words in connection.execute(
            "SELECT f.id, h.name, t.name, f.place FROM origins AS o JOIN facts AS f ON f.id = o.row_id "
            "JOIN entities AS h ON h.id = f.head JOIN entities AS t ON t.id = f.tail "
            "WHERE o.kind = 'fact' AND o.trace_id = ?",
            (trace_id,),
        ).fetchall():
            said = {key for word in words for key in (key_of(word), *mentions(word))}
            for place_id, key in found.items():
                if key in said:
                    links.link(connection, place_id, "fact", [fact_id])

    def _link_new(self, connection: sqlite3.Connection, context: str | None, new: Sequence[tuple[int, str]]) -> None:
        """Join a place that was not known before to the earlier traces that name it."""
        for place_id, key in new:
            if len(key) < 3 or key.startswith("("):
                continue
            traces = connection.execute(
                "SELECT id, text FROM (SELECT id, text FROM traces WHERE context_key IS ? AND retired IS NULL "
                "ORDER BY id DESC LIMIT ?) WHERE instr(lower(text), ?)",
                (context, _BACK_LINKS, key.split(" ")[0]),
            ).fetchall()
            links.link(connection, place_id, "trace", [r[0] for r in traces if key in mentions(r[1])])

    def _limit(self, connection: sqlite3.Connection) -> None:
        n = connection.execute("SELECT count(*) FROM places").fetchone()[0]
        if n <= self._max_places:
            return
        connection.execute(
            "DELETE FROM places WHERE id IN (SELECT id FROM places ORDER BY visits > 1 DESC, last_seen DESC, id DESC "
            "LIMIT -1 OFFSET ?)",
            (self._max_places,),
        )

    def expire(self, now: float | None = None) -> dict[str, int]:
        """Delete places and edges whose time has run out; for the sleep to call. Returns how many of each."""
        at = self._clock() if now is None else now
        with self._database.write() as connection:
            gone = {
                table: connection.execute(f"DELETE FROM {table} WHERE expires <= ?", (at,)).rowcount
                for table in ("edges", "places")
            }
            if any(gone.values()):
                bump(connection, "spatial")
        return gone

    def counts(self) -> dict[str, int]:
        """How many places, edges, links, and what the macros count."""
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT (SELECT count(*) FROM places), (SELECT count(*) FROM edges), (SELECT count(*) FROM place_links)"
            ).fetchone()
        return {"places": row[0], "edges": row[1], "links": row[2], **self.macros.counts()}
