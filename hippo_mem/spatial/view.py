"""Asking a map: routes, answers to questions about space, places near a cue, what contradicts what.

In: ids, questions, cues. Out: routes, `Decision`s, `PlaceHit`s. What is kept in memory is rebuilt when the store's
change number has moved. Writes nothing. Knows nothing of how the map is told, nor of the language model.
"""

from __future__ import annotations

import json
import math
import sqlite3
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from hippo_mem.config import SpatialConfig
from hippo_mem.errors import InputError
from hippo_mem.spatial import journeys, links, procedure_questions, rows
from hippo_mem.spatial.asking import Asking, read_question
from hippo_mem.spatial.atlas import Atlas
from hippo_mem.spatial.deciding import Answer, answer
from hippo_mem.spatial.grid import read_grid
from hippo_mem.spatial.grid_memory import decide_grid
from hippo_mem.spatial.names import mentions
from hippo_mem.spatial.planner import NoRoute, plan
from hippo_mem.spatial.procedures import Procedure
from hippo_mem.spatial.reuse import shortcuts
from hippo_mem.storage.database import Database
from hippo_mem.storage.origins import version
from hippo_mem.types import Decision, PlaceHit, Where

_ATLASES = 64  # maps kept in memory
_TOLD = 2000  # the newest episodes among which a journey is looked for; all of them take about 10 ms
_PROCEDURES = 500  # the newest that are looked through; one costs about 20 microseconds


class MapView:
    """The map of one store, to be read.

    Args:
        database: the open store.
        config: how ways are planned, and whether trajectories are kept.
        clock: unix seconds; what has run out by then is not on the map.
    """

    def __init__(
        self, database: Database, *, config: SpatialConfig | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._config = config or SpatialConfig()
        self._clock = clock
        self._atlases: OrderedDict[tuple[Any, ...], Atlas] = OrderedDict()
        self._version = -1

    def plan(self, start: int, goal: int, *, risk: float = 0.0) -> list[int]:
        """The ids of the places on the cheapest way, both ends included; see `planner.plan`.

        Remembered routes of the same context serve as shortcuts; the cost is that of their steps today.

        Args:
            risk: how much an unsure way costs, in cost per nat of -log(success).
        Raises: InputError for an id that is not on the map; NoRoute naming what can be reached.
        """
        with self._database.read() as connection:
            found = {
                r["id"]: r["context_key"]
                for r in connection.execute("SELECT id, context_key FROM places WHERE id IN (?, ?)", (start, goal))
            }
            for place in (start, goal):
                if place not in found:
                    raise InputError(f"no place has the id {place}")
            if found[start] != found[goal]:
                raise NoRoute(f"no route from {start} to {goal}: they belong to different contexts", (start,))
            atlas = self._atlas(connection, (found[start],), None)
            remembered = shortcuts(connection, found[start], atlas)
        try:
            route = plan(
                atlas.graph(), start, goal, positions=atlas.positions(), risk=risk, shortcuts=remembered,
                heuristic=atlas.heuristic,
            )  # fmt: skip
        except NoRoute as error:
            there = ", ".join(atlas.name(p) for p in error.reachable if isinstance(p, int))
            raise NoRoute(
                f"no route from {atlas.name(start)} to {atlas.name(goal)}; from {atlas.name(start)} one can "
                f"reach: {there}",
                error.reachable,
            ) from None
        return list(route.places)

    def decide(self, question: str, *, context: str | None = None, as_of: float | None = None) -> Decision | None:
        """The answer that the map gives by itself; None where it cannot decide.

        Routes are written as moves: compass moves as initials ("s,e"), moves on a grid as letters run together
        ("RRD", the first in the order L, R, U, D of several shortest ones), others as words ("left, up"), ways
        without a direction as the places on them, unless the question asks for another form.

        Args:
            context: only this session is looked at; None: all of them, and the one told last wins.
            as_of: unix seconds; what was told later is not known.
        """
        if (grid := read_grid(question)) is not None:
            with self._database.read() as connection:
                return decide_grid(connection, grid, context, as_of)
        asking = read_question(question)
        if asking is not None and (decision := self._decide(asking, context, as_of)) is not None:
            return decision
        return self._journey(question, context, as_of) or self._procedure(question, context, as_of)

    def _decide(self, asking: Asking, context: str | None, as_of: float | None) -> Decision | None:
        with self._database.read() as connection:
            if context is not None:
                contexts: list[tuple[str | None, ...]] = [(context,)]
            else:
                known = links.contexts_with(connection, asking.names)
                contexts = [(c,) for c in known]
                if not known:  # each name may be known from another session, or be spelled otherwise
                    some = {c for name in asking.names for c in links.contexts_with(connection, [name])}
                    contexts = (
                        [tuple(sorted(some, key=lambda c: c or ""))]
                        if len(some) > 1
                        else [(c,) for c in some or (None,)]
                    )
            found: list[tuple[float, Answer, Atlas]] = []
            for group in contexts[:_ATLASES]:
                atlas = self._atlas(connection, group, as_of)
                if len(atlas) and (said := answer(asking, atlas)) is not None:
                    told = [e.told for e in atlas.edges if e.id in said.edges]
                    found.append((max(told, default=-math.inf), said, atlas))
            if not found:
                return None
            found.sort(key=lambda f: f[0], reverse=True)
            told_at, best, _ = found[0]
            others = tuple(dict.fromkeys(a.text for _, a, _ in found[1:] if a.text != best.text))
            traces = links.edge_traces(connection, best.edges)
        return Decision(
            text=best.text, memory="spatial", path=best.steps, others=others, trace_ids=traces, confidence=best.sure,
            told=told_at if asking.kind == "where" else None,
        )  # fmt: skip

    def _journey(self, question: str, context: str | None, as_of: float | None) -> Decision | None:
        """Where somebody went after or before a place, from the episodes that tell of their way."""
        if not journeys.may_ask(question):
            return None
        with self._database.read() as connection:
            told = connection.execute(
                "SELECT id, text FROM (SELECT id, text, valid_from FROM traces WHERE retired IS NULL "
                "AND (? IS NULL OR context_key = ?) AND (? IS NULL OR valid_from <= ?) ORDER BY id DESC LIMIT ?) "
                "ORDER BY valid_from, id",
                (context, context, as_of, as_of, _TOLD),
            ).fetchall()
        ways = journeys.ways_of(row["text"] for row in told)
        asked = journeys.asked_of(question, ways)
        place = journeys.place_of(asked, ways[asked.who]) if asked is not None else None
        if asked is None or place is None:
            return None
        rests = [row["id"] for row in told if any(leg.who == asked.who for leg in journeys.legs_of(row["text"]))]
        return Decision(
            text=place, memory="spatial", path=(f"{asked.who}: {', '.join(ways[asked.who])}",),
            trace_ids=tuple(rests), confidence=0.8,
        )  # fmt: skip

    def _procedure(self, question: str, context: str | None, as_of: float | None) -> Decision | None:
        """What the procedures of the context say: all their steps, one of them, or what usually follows."""
        with self._database.read() as connection:
            told = connection.execute(
                "SELECT t.id, t.goal, t.steps, o.trace_id FROM trajectories AS t "
                "JOIN origins AS o ON o.kind = 'trajectory' AND o.row_id = t.id "
                "WHERE t.success = 1 AND t.start = '' AND t.steps != '[]' AND (? IS NULL OR t.context_key = ?) "
                "AND (? IS NULL OR o.time <= ?) ORDER BY o.time DESC, t.id DESC LIMIT ?",
                (context, context, as_of, as_of, _PROCEDURES),
            ).fetchall()
        known = [
            Procedure(goal=row["goal"], steps=tuple(step["action"] for step in json.loads(row["steps"])))
            for row in told
        ]  # fmt: skip
        found = procedure_questions.answer(question, known) if known else None
        if found is None:
            return None
        trace = told[found.procedure]["trace_id"]
        return Decision(
            text=found.text, memory="spatial", path=found.path, others=found.others, confidence=found.sure,
            trace_ids=(trace,) if trace is not None else (),
        )  # fmt: skip

    def near(self, cue: str, k: int, *, where: Where | None = None) -> list[PlaceHit]:
        """The places a cue names and those around them, nearest first, with the newest traces and facts linked to each
        (as many as 4 k, at least 32).

        Args:
            k: how many, at least 1.
            where: its context limits the places, everything in it the traces; with more than a context only
                places that such a trace tells of.
        """
        if k < 1:
            raise InputError(f"k must be at least 1, got {k}")
        context = where.context_key if where else None
        with self._database.read() as connection:
            start = links.named(connection, mentions(cue), context, any_context=context is None)
            if not start:
                return []
            contexts = sorted(
                {r[0] for r in connection.execute(
                    "SELECT DISTINCT context_key FROM places WHERE id IN (SELECT value FROM json_each(?))",
                    (json.dumps(list(start)),),
                )},
                key=lambda c: c or "",
            )  # fmt: skip
            narrow = where is not None and where != Where(context_key=where.context_key, place=where.place)
            told = links.told_of(connection, where) if narrow else None  # filters come before ranking
            ranked: list[tuple[int, float, int, str]] = []
            for one in contexts:
                atlas = self._atlas(connection, (one,), None)
                far = atlas.nearest([p for p in start if p in atlas.spots], len(atlas) if told is not None else k)
                ranked += [
                    (n, -atlas.spots[p].last_seen, p, atlas.name(p))
                    for p, n in far.items()
                    if told is None or p in told
                ]
            ranked = sorted(ranked)[:k]
            # What everything names tells little of any of it: recall reads rankings no deeper than this.
            newest = max(32, 4 * k)
            joined = links.linked(connection, [p for _, _, p, _ in ranked], where, newest=newest) if ranked else {}
        return [
            PlaceHit(place_id=p, name=name, distance=n, trace_ids=joined[p][0], fact_ids=joined[p][1])
            for n, _, p, name in ranked
        ]

    def contradictions(self, context: str | None = None) -> list[str]:
        """What was told in one context and cannot be together with what was told there later, in words."""
        with self._database.read() as connection:
            return self._atlas(connection, (context,), None).contradictions()

    def coordinates(self, context: str | None = None) -> dict[str, tuple[float, float]]:
        """Where the places of one context are: x to the right, y downward, in steps from the first of each group."""
        with self._database.read() as connection:
            atlas = self._atlas(connection, (context,), None)
        return {atlas.name(p): xy for p, xy in atlas.layout.positions.items()}

    def _atlas(self, connection: sqlite3.Connection, contexts: Sequence[str | None], as_of: float | None) -> Atlas:
        now = version(connection, "spatial")
        if now != self._version:
            self._atlases.clear()
            self._version = now
        key = (tuple(contexts), as_of)
        if key in self._atlases:
            self._atlases.move_to_end(key)
            return self._atlases[key]
        at = self._clock() if as_of is None else as_of
        atlas = Atlas(*rows.load(connection, contexts, at, as_of=as_of), self._config)
        fading = connection.execute(
            "SELECT EXISTS (SELECT 1 FROM places WHERE expires IS NOT NULL) OR "
            "EXISTS (SELECT 1 FROM edges WHERE expires IS NOT NULL)"
        ).fetchone()[0]
        if not fading:  # a map with rows that run out is true only now
            self._atlases[key] = atlas
            if len(self._atlases) > _ATLASES:
                self._atlases.popitem(last=False)
        return atlas
