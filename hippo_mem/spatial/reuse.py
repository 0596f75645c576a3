"""Remembered routes as ways of several moves, for the planner to take whole.

In: the successful trajectories of a context and its map of today. Out: shortcuts. A route that can no longer be gone
is left out; what one costs is what its steps cost today. Knows nothing of how routes are told.
"""

from __future__ import annotations

import json
import math
import sqlite3
from itertools import pairwise

from hippo_mem.spatial.atlas import Atlas
from hippo_mem.spatial.names import key_of
from hippo_mem.spatial.planner import Way

_ROUTES = 200  # the newest; each is looked up step by step at every plan


def shortcuts(connection: sqlite3.Connection, context: str | None, atlas: Atlas) -> dict[int, list[Way[int]]]:
    """Successful trajectories of a context as ways of several moves; one that cannot be gone today is left out."""
    graph = atlas.graph()
    found: dict[int, list[Way[int]]] = {}
    for row in connection.execute(
        "SELECT steps FROM trajectories WHERE context_key IS ? AND success = 1 ORDER BY id DESC LIMIT ?",
        (context, _ROUTES),
    ):
        steps = json.loads(row["steps"])
        if not steps:
            continue
        keys = [*(_step_key(s.get("at")) for s in steps), _step_key(steps[-1].get("to"))]
        known = [p for p in map(atlas.at, keys) if p is not None]
        if len(known) < 3 or len(known) != len(keys):
            continue
        ways = [next((w for w in graph.get(a, ()) if w.to == b), None) for a, b in pairwise(known)]
        taken = [w for w in ways if w is not None]
        if len(taken) != len(ways):
            continue
        success = math.prod(w.success for w in taken)
        via = tuple((w.to, w.move) for w in taken[:-1])
        found.setdefault(known[0], []).append(
            Way(to=known[-1], cost=sum(w.cost for w in taken), move=taken[-1].move, success=success, via=via)
        )
    return found


def _step_key(value: object) -> str:
    text = str(value or "")
    return text.replace(" ", "") if text.startswith("(") else key_of(text)
