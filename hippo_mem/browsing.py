"""Looking through the graph and the map, and putting single facts right: what a person does with a memory.

In: an open store (`Awake`). Out: facts, and the graph and the map as plain data ready to be drawn. Knows nothing of
language models, pages or servers.
"""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import Any

from hippo_mem.awake import Awake
from hippo_mem.errors import HippoError, InputError
from hippo_mem.refusals import Refusal
from hippo_mem.relational import editing
from hippo_mem.relational.tuples import Tuple
from hippo_mem.spatial.rows import load
from hippo_mem.storage.origins import bump
from hippo_mem.text import clean_text
from hippo_mem.types import Event, Fact, Provenance, Trace

_MOST_FACTS = 2000  # of one drawing
_MOST_MEMORIES = 500  # of one page
_ARTICLE = re.compile(r"^(?:the|an?)\s+(?=\S)", re.IGNORECASE)  # names are kept without


class Browser:
    """The episodes, facts and places of one open store.

    Raises: InputError from every method whose memory is switched off.
    """

    def __init__(self, awake: Awake) -> None:
        self._awake = awake

    def memories(
        self, *, limit: int = 50, before: int | None = None, source: str | None = None, context: str | None = None,
        contains: str | None = None, closed: bool = True,
    ) -> list[Trace]:  # fmt: skip
        """A page of episodes, newest first, each with the gate's verdict on it (`Trace.salience`).

        Args:
            before: only ids below it: the last id of the page before. contains: letters of the text, any case.
            closed: also those that are the past by now.
        Raises: InputError for a limit out of 1..500.
        """
        if not 1 <= limit <= _MOST_MEMORIES:
            raise InputError(f"limit must be 1 to {_MOST_MEMORIES}, got {limit}")
        conditions, values = ["retired IS NULL"], list[Any]()
        for condition, value in (("id < ?", before), ("source = ?", source), ("context_key = ?", context),
                                 ("text LIKE ? ESCAPE '\\'", contains and f"%{_literal(contains)}%")):  # fmt: skip
            if value:
                conditions.append(condition)
                values.append(value)
        if not closed:
            conditions.append("valid_to IS NULL")
        with self._awake.database.read() as connection:
            ids = [
                row[0]
                for row in connection.execute(
                    f"SELECT id FROM traces WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT ?", (*values, limit)
                )
            ]
        return self._awake.store.get_many(ids)

    def refused(self) -> list[Refusal]:
        """What the gate did not keep since this memory was opened, newest first: it is on no disk."""
        return self._awake.refusals.all()

    def keep_refused(self, refusal_id: int) -> Trace:
        """Keep, pinned, what the gate had refused.

        Raises: InputError when there is no such refusal any more.
        """
        found = self._awake.refusals.take(refusal_id)
        if found is None:
            raise InputError(f"there is no refused event {refusal_id} any more; tell it again to keep it")
        try:
            told = self._awake.observe_many([replace(found.event, pin=True, time=found.event.time or found.time)])
        except HippoError:
            self._awake.refusals.put_back(found)
            raise
        trace_id = told[0][0].trace_id
        assert trace_id is not None  # what is pinned is stored, or counted into one that says the same
        return self.memory(trace_id)

    def memory(self, trace_id: int) -> Trace:
        """One episode.

        Raises: InputError when there is none.
        """
        found = self._awake.store.get(trace_id)
        if found is None:
            raise InputError(f"there is no memory {trace_id}")
        return found

    def pin(self, trace_id: int, pinned: bool = True) -> Trace:
        """Keep an episode whatever upkeep thinks of it, or no longer.

        Raises: InputError when there is none.
        """
        with self._awake.store.transaction() as connection:
            self.memory(trace_id)
            connection.execute("UPDATE traces SET pin = ? WHERE id = ?", (pinned, trace_id))
        return self.memory(trace_id)

    def edit(self, trace_id: int, text: str) -> Trace:
        """Say an episode anew: the new text is told in its place, pinned; the old one, and what only it said, is past.

        Raises: InputError when there is no such episode, it is past already, or the text is the same.
        """
        text, now = clean_text(text, "the new text"), time.time()
        with self._awake.store.transaction() as connection:
            old = self.memory(trace_id)
            if old.valid_to is not None:
                raise InputError(f"memory {trace_id} is past already; edit the one that took its place")
            if text == old.text:
                raise InputError(f"memory {trace_id} says that already")
            for fact in self.facts_of(trace_id):
                if fact.valid_to is None and set(fact.trace_ids) == {trace_id}:
                    editing.close(connection, fact.id, now)
            connection.execute("DELETE FROM origins WHERE trace_id = ? AND kind IN ('place', 'edge')", (trace_id,))
            bump(connection, "spatial")
            connection.execute("UPDATE traces SET valid_to = ? WHERE id = ?", (max(now, old.valid_from), trace_id))
            event = Event(
                text=text, source=old.provenance.source, context=old.context_key, pin=True, time=now, tags=old.tags,
                doc_id=old.provenance.doc_id,
            )  # fmt: skip
            new = self._awake.observe_many([event])[0][0].trace_id
            assert new is not None  # what is pinned is stored, or counted into one that says the same
        return self.memory(new)

    def facts(self, about: str | None = None, *, as_of: float | None = None, history: bool = False,
              context: str | None = None, limit: int = 200) -> list[Fact]:  # fmt: skip
        """Facts, newest first: those an entity stands in on either side, or all.

        Args:
            about: a name, matched as the graph matches names. as_of: what held then (unix seconds).
            history: those that hold no more as well.
        """
        graph = self._graph
        if about is None:
            newest: list[Fact] = graph.facts(as_of=as_of, history=history, context=context, limit=limit)
            return newest
        found = {
            fact.id: fact
            for side in ({"head": about}, {"tail": about})
            for fact in graph.facts(**side, as_of=as_of, history=history, context=context, limit=limit)
        }
        return sorted(found.values(), key=lambda f: (f.valid_from, f.id), reverse=True)[:limit]

    def fact(self, fact_id: int) -> Fact:
        """One fact, with where it was told.

        Raises: InputError when there is none.
        """
        with self._awake.database.read() as connection:
            return editing.fact_of(connection, fact_id)

    def facts_of(self, trace_id: int) -> list[Fact]:
        """The facts that one episode told, those that hold no more included, in the order they were read."""
        with self._awake.database.read() as connection:
            ids = [
                row[0]
                for row in connection.execute(
                    "SELECT DISTINCT row_id FROM origins WHERE kind = 'fact' AND trace_id = ? ORDER BY row_id",
                    (trace_id,),
                )
            ]
            return [editing.fact_of(connection, i) for i in ids]

    def fact_graph(self, *, as_of: float | None = None, context: str | None = None) -> dict[str, Any]:
        """`{"nodes": [{"id", "name", "kind", "degree"}], "edges": [{"id", "head", "tail", …}], "left_out"}`.

        The newest 2000 facts at most; `left_out` counts the others.
        """
        graph = self._graph.view(context=context, as_of=as_of)
        edges = sorted(graph.edges(keys=True, data=True), key=lambda e: (e[3]["valid_from"], e[2]), reverse=True)
        kept = edges[:_MOST_FACTS]
        names = dict.fromkeys(name for head, tail, _, _ in kept for name in (head, tail))
        return {
            "nodes": [
                {"id": graph.nodes[n]["id"], "name": n, "kind": graph.nodes[n]["kind"], "degree": graph.degree(n)}
                for n in names
            ],
            "edges": [
                {"id": key, "head": graph.nodes[head]["id"], "tail": graph.nodes[tail]["id"], **data}
                for head, tail, key, data in kept
            ],
            "left_out": len(edges) - len(kept),
        }

    def retire_fact(self, fact_id: int) -> editing.Closed:
        """It holds no longer: neither the graph nor an episode that says nothing else answers with it. `as_of` still
        finds it, and `reopen_fact` takes this back.

        Raises: InputError when there is no such fact or it holds no more.
        """
        with self._awake.store.transaction() as connection:
            return editing.close(connection, fact_id, time.time())

    def reopen_fact(self, fact_id: int) -> editing.Closed:
        """Take a retirement back.

        Raises: InputError when there is no such fact, it holds, or another took its place.
        """
        with self._awake.store.transaction() as connection:
            return editing.reopen(connection, fact_id)

    def edit_fact(self, fact_id: int, tail: str, *, source: str = "user") -> Fact:
        """Put a fact right: the old one holds no longer, the new one is told as an episode of its own.

        Args:
            tail: what it should say instead, 1 to 200 characters.
        Raises: InputError when there is no such fact, it holds no more, or nothing would change.
        """
        tail = _ARTICLE.sub("", clean_text(tail, "the new value"))
        if len(tail) > 200:
            raise InputError(f"the new value has {len(tail)} characters; a fact's value has at most 200")
        graph, now = self._graph, time.time()
        with self._awake.store.transaction() as connection:
            old = editing.fact_of(connection, fact_id)
            if tail.casefold() == old.tail.casefold():
                raise InputError(f"fact {fact_id} says {old.tail!r} already")
            text = editing.restated(old, tail)
            closed = editing.close(connection, fact_id, now)
            event = Event(text=text, source=source, context=old.context_key, pin=True, time=now)
            replaced = self._said_again(old, tail, text)
            outcome = self._awake.observe_many([event], route=bool(replaced))[0][0]
            connection.executemany("UPDATE traces SET valid_to = ? WHERE id = ?", [(now, i) for i in replaced])
            provenance = Provenance(text_span=text, source=source, time=now)
            elsewhere = "" if old.tail.casefold() in old.place.casefold() else old.place
            stated = Tuple(
                head=old.head, relation=old.relation, tail=tail, negated=old.negated, place=elsewhere, span=text
            )
            new_ids = graph.upsert(
                [stated], provenance=provenance, context_key=old.context_key,
                trace_id=outcome.trace_id, now=now,
            )  # fmt: skip
            if not new_ids:
                raise InputError(f"{text!r} says nothing that the graph takes in")
            connection.execute(
                "UPDATE facts SET superseded_by = ? WHERE id = ? AND superseded_by IS NULL",
                (new_ids[0], closed.fact.id),
            )
            return editing.fact_of(connection, new_ids[0])

    def _said_again(self, old: Fact, tail: str, text: str) -> list[int]:
        """The episodes of which `text` says all that they said, but for the value put right: it takes their place."""
        value = re.compile(rf"(?<!\w){re.escape(old.tail)}(?!\w)", re.IGNORECASE)
        told = [t for t in self._awake.store.get_many(old.trace_ids) if t.valid_to is None]
        return [t.id for t in told if value.sub(lambda _: tail, t.text, count=1).rstrip(" .!") == text.rstrip(" .!")]

    def places(self, context: str | None = None) -> dict[str, Any]:
        """The map of one context: `{"places": [{"id", "name", "x", "y", "visits"…}], "edges": […], "contradictions"}`.

        x to the right, y downward, in steps; None where nothing says where a place is.
        """
        map_ = self._map
        with self._awake.database.read() as connection:
            spots, edges = load(connection, (context,), time.time())
        at = map_.coordinates(context)
        return {
            "places": [
                {"id": s.id, "name": s.name, "x": at[s.name][0] if s.name in at else None,
                 "y": at[s.name][1] if s.name in at else None, "passable": s.passable, "last_seen": s.last_seen}
                for s in spots
            ],
            "edges": [
                {"id": e.id, "src": e.src, "dst": e.dst, "relation": e.relation, "cost": e.cost,
                 "success": e.success, "passable": e.passable}
                for e in edges
            ],
            "contradictions": map_.contradictions(context),
        }  # fmt: skip

    def place_contexts(self) -> list[str | None]:
        """The contexts that have a map."""
        with self._awake.database.read() as connection:
            return [r[0] for r in connection.execute("SELECT DISTINCT context_key FROM places ORDER BY context_key")]

    def route(self, start: str, goal: str, *, context: str | None = None) -> dict[str, Any]:
        """The cheapest way between two places by name: `{"places": [names], "steps": n}`.

        Raises: InputError for a name that is not on the map; NoRoute naming what can be reached.
        """
        known = {p["name"].casefold(): p for p in self.places(context)["places"]}
        ends = []
        for name in (start, goal):
            found = known.get(name.strip().casefold()) or known.get(name.strip().casefold().removeprefix("the "))
            if found is None:
                there = ", ".join(sorted(p["name"] for p in known.values())[:20]) or "none yet"
                raise InputError(f"there is no place {name!r} on the map; there are: {there}")
            ends.append(found["id"])
        ids = self._map.plan(*ends)
        names = {p["id"]: p["name"] for p in known.values()}
        return {"places": [names[i] for i in ids], "ids": ids, "steps": len(ids) - 1}

    # The parts, where they are switched on -------------------------------------------------------------------------

    @property
    def _graph(self) -> Any:
        if self._awake.knowledge.graph is None:
            raise InputError("the graph of facts is switched off: open with 'relational' among `memories`")
        return self._awake.knowledge.graph

    @property
    def _map(self) -> Any:
        if self._awake.knowledge.map is None:
            raise InputError("the map of places is switched off: open with 'spatial' among `memories`")
        return self._awake.knowledge.map


def _literal(text: str) -> str:
    """Letters for LIKE, where they mean themselves."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
