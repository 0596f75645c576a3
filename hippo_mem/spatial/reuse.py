"""Remembered routes as ways of several moves, for the planner to take whole.

In: the successful trajectories of a context and its map of today. Out: shortcuts: the stretches that several routes
shared, and whole routes. One that can no longer be gone is left out; what one costs is what its steps cost today.
Knows nothing of how routes are told.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import pairwise
from typing import TypeVar

from hippo_mem.spatial.atlas import Atlas
from hippo_mem.spatial.names import key_of
from hippo_mem.spatial.parts import Parts
from hippo_mem.spatial.planner import Graph, Way

N = TypeVar("N", bound=Hashable)

_ROUTES = 200  # the newest of a context


def shortcuts(connection: sqlite3.Connection, context: str | None, atlas: Atlas) -> dict[int, list[Way[int]]]:
    """The shortcuts of one context on its map of today, by where they begin."""
    rows = connection.execute(
        "SELECT steps FROM trajectories WHERE context_key IS ? AND success = 1 ORDER BY id DESC LIMIT ?",
        (context, _ROUTES),
    )
    routes = [_visited(json.loads(row[0])) for row in rows]
    return from_routes(routes, atlas.graph(), atlas.at)


def from_routes(
    routes: Iterable[Sequence[str]], graph: Graph[N], find: Callable[[str], N | None]
) -> dict[N, list[Way[N]]]:
    """Shortcuts from the places that routes passed, in order.

    Args:
        routes: names of places; a route of fewer than two moves is no shortcut.
        graph: the ways of today.
        find: the place of a name, None where there is none today.
    """
    parts = Parts()
    stretches: dict[tuple[str, ...], None] = {}
    for i, route in enumerate(routes):
        if len(route) >= 3:
            again = parts.add(i, [{"action": place} for place in route], "", "", True)
            stretches.update(dict.fromkeys((tuple(route), *(p for p in again if len(p) >= 3))))
    found: dict[N, list[Way[N]]] = {}
    for stretch in stretches:
        known = [p for p in map(find, stretch) if p is not None]
        if len(known) != len(stretch) or len(set(known)) != len(known):
            continue
        ways = [next((w for w in graph.get(a, ()) if w.to == b), None) for a, b in pairwise(known)]
        taken = [w for w in ways if w is not None]
        if len(taken) == len(ways):
            found.setdefault(known[0], []).append(
                Way(
                    to=known[-1],
                    cost=sum(w.cost for w in taken),
                    move=taken[-1].move,
                    success=math.prod(w.success for w in taken),
                    via=tuple((w.to, w.move) for w in taken[:-1]),
                )
            )
    return found


def _visited(steps: Sequence[dict[str, object]]) -> list[str]:
    """The keys of the places of a trajectory; empty where a step does not say where it was done."""
    if not steps or any("at" not in step for step in steps) or "to" not in steps[-1]:
        return []
    return [_key(step["at"]) for step in steps] + [_key(steps[-1]["to"])]


def _key(value: object) -> str:
    text = str(value)
    return text.replace(" ", "") if text.startswith("(") else key_of(text)
