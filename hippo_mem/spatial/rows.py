"""Places, edges, links and trajectories as table rows.

In: an open transaction and plain values. Out: ids and rows. Every row that is written gets its origin; who calls
moves the change number. Knows nothing of sentences, coordinates or routes.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hippo_mem.embed import Vectors
from hippo_mem.spatial.names import same_spelling
from hippo_mem.storage.origins import add_origin
from hippo_mem.types import Provenance

WAY = "way"  # the relation of an edge that only says whether one can pass
_PAGE = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Who tells, when, in which context: what every row of one event shares. `expires` None: never."""

    provenance: Provenance
    context: str | None
    trace_id: int | None
    now: float
    expires: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A place as stored."""

    id: int
    name: str
    key: str
    context: str | None
    x: float | None
    y: float | None
    passable: bool
    last_seen: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """`dst` stands in `relation` to `src`: from `src`, that move leads to `dst`. `told` is when last (unix seconds)."""

    id: int
    src: int
    dst: int
    relation: str
    cost: float
    distance: float
    attempts: int
    successes: int
    passable: bool
    told: float

    @property
    def success(self) -> float:
        """The probability of getting through, smoothed: (successes + 1) / (attempts + 2); 1 where nobody tried.

        Source: Laplace's rule of succession. Differs: a way that was only told of counts as sure.
        """
        return (self.successes + 1) / (self.attempts + 2) if self.attempts else 1.0


class Naming:
    """Finds or makes the place of a name within one transaction; a name spelled a little otherwise finds it too.

    Args:
        vectors: the vectors of new names, by key; a name without one is merged by its letters alone.
        cosine: how near the vectors of two spellings have to be, 0..1.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        telling: Telling,
        vectors: Mapping[str, Vectors],
        embedder: str,
        cosine: float,
    ) -> None:
        self._connection = connection
        self._telling = telling
        self._vectors = vectors
        self._embedder = embedder
        self._cosine = cosine
        self.new: list[tuple[int, str]] = []

    def place(
        self, name: str, key: str, *, x: float | None = None, y: float | None = None, passable: bool = True
    ) -> int:
        """The id of the place, made if need be, with this telling counted as a visit. Coordinates told win."""
        t = self._telling
        found = find_place(self._connection, key, t.context)
        if found is None and not key.startswith("("):
            found = self._like(key)
        if found is None:
            vector = self._vectors.get(key)
            cursor = self._connection.execute(
                "INSERT INTO places (name, key, context_key, x, y, passable, visits, created, last_seen, expires, "
                "vector, embedder) VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?)",
                (name, key, t.context, x, y, int(passable), t.now, t.now, t.expires,
                 None if vector is None else vector.astype("<f4").tobytes(),
                 None if vector is None else self._embedder),
            )  # fmt: skip
            assert cursor.lastrowid is not None
            found = cursor.lastrowid
            self.new.append((found, key))
        else:
            self._connection.execute(
                "UPDATE places SET visits = visits + 1, last_seen = max(last_seen, ?), expires = ?, "
                "x = coalesce(?, x), y = coalesce(?, y), passable = ? WHERE id = ?",
                (t.now, t.expires, x, y, int(passable), found),
            )
        add_origin(self._connection, "place", found, t.provenance, t.trace_id)
        return found

    def _like(self, key: str) -> int | None:
        """A known place whose name is this one spelled otherwise."""
        rows = self._connection.execute(
            "SELECT id, key, vector, embedder FROM places WHERE context_key IS ? AND substr(key, 1, 1) = ? "
            "AND length(key) BETWEEN ? AND ?",
            (self._telling.context, key[:1], len(key) - 3, len(key) + 3),
        ).fetchall()
        mine = self._vectors.get(key)
        best, found = self._cosine, None
        for row in rows:
            if row["key"].replace(" ", "") == key.replace(" ", ""):
                return int(row["id"])
            if mine is None or row["vector"] is None or row["embedder"] != self._embedder:
                continue
            theirs = np.frombuffer(row["vector"], dtype="<f4")
            if len(theirs) == len(mine) and (near := float(theirs @ mine)) >= best and same_spelling(key, row["key"]):
                best, found = near, int(row["id"])
        return found


def find_place(connection: sqlite3.Connection, key: str, context: str | None) -> int | None:
    """The id of the place with this key in this context."""
    row = connection.execute(
        "SELECT id FROM places WHERE key = ? AND coalesce(context_key, '') = coalesce(?, '')", (key, context)
    ).fetchone()
    return None if row is None else int(row[0])


def add_edge(
    connection: sqlite3.Connection,
    telling: Telling,
    src: int,
    dst: int,
    relation: str,
    *,
    cost: float = 1.0,
    distance: float = 1.0,
    passable: bool = True,
    tried: bool = False,
    success: bool = True,
) -> int:
    """Write or strengthen one edge; what was told last of cost and passage holds. Returns its id."""
    connection.execute(
        "INSERT INTO edges (src, dst, relation, cost, distance, attempts, successes, passable, created, "
        "last_seen, expires)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (src, dst, relation) DO UPDATE SET cost = "
        "excluded.cost, "
        "distance = excluded.distance, attempts = attempts + excluded.attempts, passable = excluded.passable, "
        "successes = successes + excluded.successes, last_seen = max(last_seen, excluded.last_seen), "
        "expires = excluded.expires",
        (src, dst, relation, cost, distance, int(tried), int(tried and success), int(passable), telling.now,
         telling.now, telling.expires),
    )  # fmt: skip
    row = connection.execute(
        "SELECT id FROM edges WHERE src = ? AND dst = ? AND relation = ?", (src, dst, relation)
    ).fetchone()
    add_origin(connection, "edge", int(row[0]), telling.provenance, telling.trace_id)
    return int(row[0])


def load(
    connection: sqlite3.Connection, contexts: Sequence[str | None], at: float, *, as_of: float | None = None
) -> tuple[list[Spot], list[Edge]]:
    """The places and edges of these contexts that have not expired at `at`, edges as they were told, oldest first.

    `as_of` leaves out what was told later.
    """
    spots: list[Spot] = []
    edges: list[Edge] = []
    limit = float("inf") if as_of is None else as_of
    told = "(SELECT max(time) FROM origins WHERE kind = '{}' AND row_id = {}.id AND time <= :limit)"
    for context in contexts:
        values = {"context": context, "at": at, "limit": limit}
        spots += [
            Spot(id=r["id"], name=r["name"], key=r["key"], context=r["context_key"], x=r["x"], y=r["y"],
                 passable=bool(r["passable"]), last_seen=r["last_seen"])
            for r in connection.execute(
                "SELECT * FROM places WHERE context_key IS :context AND (expires IS NULL OR expires > :at) "
                f"AND {told.format('place', 'places')} IS NOT NULL", values,
            )
        ]  # fmt: skip
        edges += [
            Edge(id=r["id"], src=r["src"], dst=r["dst"], relation=r["relation"], cost=r["cost"], distance=r["distance"],
                 attempts=r["attempts"], successes=r["successes"], passable=bool(r["passable"]), told=r["told"])
            for r in connection.execute(
                f"SELECT edges.*, {told.format('edge', 'edges')} AS told FROM edges "
                "JOIN places ON places.id = edges.src WHERE places.context_key IS :context "
                "AND (edges.expires IS NULL OR edges.expires > :at)", values,
            ) if r["told"] is not None
        ]  # fmt: skip
    known = {spot.id for spot in spots}
    kept = [e for e in edges if e.src in known and e.dst in known]
    return spots, sorted(kept, key=lambda e: (e.told, e.id))


def add_trajectory(
    connection: sqlite3.Connection,
    telling: Telling,
    *,
    start: str,
    goal: str,
    steps: Sequence[Mapping[str, Any]],
    success: bool,
    details: Mapping[str, Any] | None = None,
) -> int:
    """Write one trajectory as it was told. Returns its id."""
    cursor = connection.execute(
        "INSERT INTO trajectories (context_key, start, goal, steps, details, success, created) VALUES (?, ?, ?,"
        " ?, ?, ?, ?)",
        (telling.context, start, goal, json.dumps(list(steps), ensure_ascii=False),
         json.dumps(dict(details or {}), ensure_ascii=False), int(success), telling.now),
    )  # fmt: skip
    assert cursor.lastrowid is not None
    add_origin(connection, "trajectory", cursor.lastrowid, telling.provenance, telling.trace_id)
    return cursor.lastrowid
