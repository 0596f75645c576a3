"""The map of one context in memory: places, the links that hold, ways to go, coordinates.

In: rows of places and edges. Out: `Atlas`, which answers where a place is to another, what is next to it, and which
ways lead out of it. Knows nothing of SQL, sentences or questions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from hippo_mem.config import SpatialConfig
from hippo_mem.spatial.coordinates import Layout, Link, lay_out
from hippo_mem.spatial.names import same_spelling
from hippo_mem.spatial.planner import Heuristic, Point, Way
from hippo_mem.spatial.rows import WAY, Edge, Spot
from hippo_mem.spatial.vocabulary import RELATIONS, inverse, wording

# Said of two places without a step between them: one may be near, around the other, or behind a locked door.
_NO_WAY = frozenset({"near", "inside", "contains", WAY})


class Atlas:
    """Places by id, and what follows from the edges. Where two edges contradict each other the newer one holds.

    Args:
        spots: the places.
        edges: oldest first.
        config: how ways are planned on it.
    """

    def __init__(self, spots: Sequence[Spot], edges: Sequence[Edge], config: SpatialConfig | None = None) -> None:
        self._config = config or SpatialConfig()
        self.spots: Mapping[int, Spot] = {s.id: s for s in spots}
        self._by_key: dict[str, int] = {}
        merged: dict[int, int] = {}  # the same name in two contexts is one place of a map over both
        for spot in spots:
            merged[spot.id] = self._by_key.setdefault(spot.key, spot.id)
        self._told = [e for e in edges if merged[e.src] != merged[e.dst]]
        self._ends = {e.id: (merged[e.src], merged[e.dst]) for e in self._told}
        links = [Link(src=self._ends[e.id][0], dst=self._ends[e.id][1],
                      vector=RELATIONS[e.relation].vector if e.relation in RELATIONS else None, distance=e.distance)
                 for e in self._told]  # fmt: skip
        known = {s.id: (s.x, s.y) for s in spots if s.x is not None and s.y is not None}
        self.layout: Layout[int] = lay_out(links, known)
        self.edges = [e for i, e in enumerate(self._told) if i not in self.layout.dropped]
        self._dropped = [e for i, e in enumerate(self._told) if i in self.layout.dropped]
        self._graph: dict[int, list[Way[int]]] | None = None
        self._neighbors: dict[int, list[int]] | None = None
        self._between: dict[tuple[int, int], list[Edge]] = {}
        for e in self.edges:
            for pair in (self._ends[e.id], self._ends[e.id][::-1]):
                self._between.setdefault(pair, []).append(e)

    def __len__(self) -> int:
        return len(self.spots)

    def at(self, key: str) -> int | None:
        """The place of a key."""
        return self._by_key.get(key)

    def find(self, key: str) -> int | None:
        """The place of a key, or the only one whose key is spelled nearly so."""
        if key in self._by_key:
            return self._by_key[key]
        close = [i for known, i in self._by_key.items() if known[:1] == key[:1] and same_spelling(known, key)]
        return close[0] if len(close) == 1 else None

    def name(self, place: int) -> str:
        """How the place is called."""
        return self.spots[place].name

    def ends(self, edge: Edge) -> tuple[int, int]:
        """(from, to) of an edge."""
        return self._ends[edge.id]

    def between(self, a: int, b: int) -> list[Edge]:
        """The edges that hold between two places, either way round, oldest first."""
        return self._between.get((a, b), [])

    def relation_from(self, edge: Edge, seen_from: int) -> tuple[str, int]:
        """The relation and the place it leads to, seen from one end of the edge."""
        src, dst = self._ends[edge.id]
        return (edge.relation, dst) if seen_from == src else (inverse(edge.relation), src)

    def around(self, place: int) -> list[Edge]:
        """The edges at a place, oldest first."""
        return [e for e in self.edges if place in self._ends[e.id]]

    def neighbors(self, place: int) -> Iterable[int]:
        """Places one edge away, ways closed or not."""
        return self._beside().get(place, ())

    def graph(self) -> Mapping[int, Sequence[Way[int]]]:
        """Ways out of every place: each edge both ways, closed ones and walls left out."""
        if self._graph is None:
            closed: dict[frozenset[int], bool] = {}
            for e in self.edges:
                if e.relation == WAY:
                    closed[frozenset(self._ends[e.id])] = not e.passable
            best: dict[int, dict[int, Way[int]]] = {
                s.id: {} for s in self.spots.values() if self._by_key[s.key] == s.id
            }
            for e in self.edges:
                src, dst = self._ends[e.id]
                if e.relation in _NO_WAY or not e.passable or closed.get(frozenset((src, dst)), False):
                    continue
                for here, there, relation in ((src, dst, e.relation), (dst, src, inverse(e.relation))):
                    if not (self.spots[here].passable and self.spots[there].passable):
                        continue
                    move = RELATIONS[relation].name if RELATIONS[relation].word else ""
                    way = Way(to=there, cost=e.cost, move=move, success=e.success)
                    old = best[here].get(there)
                    if (
                        old is None
                        or (not old.move and move)
                        or (bool(old.move) == bool(move) and way.cost <= old.cost)
                    ):
                        best[here][there] = way
            self._graph = {place: list(ways.values()) for place, ways in best.items()}
        return self._graph

    def positions(self) -> Mapping[int, Point] | None:
        """Coordinates for an estimate of what is left to go; None where places cannot all be compared, or the planner
        is to do without one.
        """
        if self._config.planner == "dijkstra":
            return None
        components = set(self.layout.component.values())
        return self.layout.positions if len(components) == 1 else None

    @property
    def heuristic(self) -> Heuristic:
        """The distance behind the planner's estimate."""
        return self._config.heuristic

    def nearest(self, places: Iterable[int], k: int) -> dict[int, int]:
        """How many edges each place is from the nearest of `places`, those included at 0, nearest first.

        Only as far out as it takes to meet `k` places; of those equally far, all.
        """
        far = dict.fromkeys(places, 0)
        ring, steps = list(far), 0
        while ring and len(far) < k:
            steps += 1
            ring = list(dict.fromkeys(b for a in ring for b in self._beside().get(a, ()) if b not in far))
            far.update(dict.fromkeys(ring, steps))
        return far

    def _beside(self) -> Mapping[int, Sequence[int]]:
        """Places one edge away from each, ways closed or not."""
        if self._neighbors is None:
            self._neighbors = {}
            for a, b in self._between:
                self._neighbors.setdefault(a, []).append(b)
        return self._neighbors

    def contradictions(self) -> list[str]:
        """What was told and cannot be together with what was told later, in words."""
        found = []
        for e in self._dropped:
            src, dst = self._ends[e.id]
            said = f"{self.name(dst)} is {wording(RELATIONS[e.relation])} {self.name(src)}"
            found.append(f"{said!r} cannot be together with what was told later")
        return found
