"""The cheapest way through a graph: A* where coordinates allow, Dijkstra where not.

In: for each place its ways out (goal, cost, move, success probability), start and goal, and coordinates if there are
any. Out: a `Route`, or `NoRoute` that says what can be reached. Knows nothing of names, relations or stores.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from hippo_mem.errors import InputError

N = TypeVar("N", bound=Hashable)
Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way(Generic[N]):
    """One way out of a place. `cost` >= 0, `success` in (0, 1]. `via`: what a shortcut passes, its end excluded."""

    to: N
    cost: float = 1.0
    move: str = ""
    success: float = 1.0
    via: tuple[tuple[N, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Route(Generic[N]):
    """A way from start to goal: the places (both ends included), the moves between them, cost, work done.

    `n_decisions` counts ways taken, a shortcut as one; `n_expanded` places whose ways out were looked at.
    """

    places: tuple[N, ...]
    moves: tuple[str, ...]
    cost: float
    n_expanded: int
    n_decisions: int


class NoRoute(InputError):
    """The goal cannot be reached; `reachable` is what can, the start included, nearest first."""

    def __init__(self, message: str, reachable: tuple[Hashable, ...]) -> None:
        super().__init__(message)
        self.reachable = reachable


Graph = Mapping[N, Sequence[Way[N]]]
Heuristic = Literal["auto", "manhattan", "euclidean"]


def plan(
    graph: Graph[N],
    start: N,
    goal: N,
    *,
    positions: Mapping[N, Point] | None = None,
    risk: float = 0.0,
    weight: float = 1.0,
    shortcuts: Graph[N] | None = None,
    heuristic: Heuristic = "auto",
) -> Route[N]:
    """The route of least cost; the same graph gives the same one of several that cost the same.

    Args:
        graph: ways out of each place; a place without a line has none.
        positions: coordinates of every place a search may meet; any place missing turns the estimate off.
        risk: >= 0; every way costs `cost - risk * log(success)`, so that at 1 and cost 0 the most probable route wins.
        weight: >= 1; the estimate counts this much, and the route costs at most `weight` times the least (Pohl 1970).
        shortcuts: remembered ways of several moves, of the cost their moves have in `graph`.
        heuristic: the distance behind the estimate; "auto" is the sum of both differences where all ways run along the
            axes, else the straight line. Any of them gives a route of the same cost.
    Raises: InputError for a negative cost, a success outside (0, 1], a start without a line, weight < 1, risk < 0;
        NoRoute when the goal cannot be reached.
    Source: Hart, Nilsson and Raphael 1968. The estimate is distance times the least cost per distance of any way,
        which makes it consistent whatever the coordinates are, and zero (Dijkstra 1959) where a way is free.
    """
    if not (math.isfinite(weight) and weight >= 1.0) or not (math.isfinite(risk) and risk >= 0.0):
        raise InputError(f"weight must be at least 1 and risk at least 0, got {weight!r} and {risk!r}")
    for place, ways in graph.items():
        for way in ways:
            check_cost(way.cost, f"the way from {place!r} to {way.to!r}")
            if not 0.0 < way.success <= 1.0:
                raise InputError(
                    f"the way from {place!r} to {way.to!r} has success {way.success!r}; it must be in (0, 1]"
                )
    if start not in graph:
        raise InputError(f"{start!r} is not on the map")
    estimate = _Estimate(graph, positions, goal, risk, heuristic)
    best: dict[N, float] = {start: 0.0}
    came: dict[N, tuple[N, Way[N]]] = {}
    done: set[N] = set()
    n = 0
    # Of equal estimates the one nearer to the goal first, then the one found first.
    queue: list[tuple[float, float, int, N]] = [(0.0, 0.0, 0, start)]
    order: list[N] = []
    while queue:
        *_, here = heapq.heappop(queue)
        if here in done:
            continue
        done.add(here)
        order.append(here)
        if here == goal:
            return _route(start, goal, came, best[goal], len(order) - 1)
        for way in (*(shortcuts or {}).get(here, ()), *graph.get(here, ())):
            cost = best[here] + way_cost(way, risk)
            if way.to in done or cost >= best.get(way.to, math.inf) - 1e-12:
                continue
            best[way.to] = cost
            came[way.to] = (here, way)
            n += 1
            ahead = weight * estimate(way.to)
            heapq.heappush(queue, (cost + ahead, ahead, n, way.to))
    raise NoRoute(f"no route from {start!r} to {goal!r}; {len(order)} places can be reached", tuple(order))


def check_cost(cost: float, what: str) -> float:
    """`cost` if a way may have it.

    Raises: InputError for one that is negative or not a number.
    """
    if not isinstance(cost, (int, float)) or isinstance(cost, bool) or not math.isfinite(cost) or cost < 0.0:
        raise InputError(f"{what} has cost {cost!r}; a cost is a number of at least 0")
    return float(cost)


def way_cost(way: Way[N], risk: float) -> float:
    """What a way costs with its risk: `cost - risk * log(success)`, nats weighed as cost."""
    return way.cost - risk * math.log(way.success) if risk else way.cost


class _Estimate(Generic[N]):
    """A lower bound of the cost to the goal; 0 everywhere without usable coordinates."""

    def __init__(
        self, graph: Graph[N], positions: Mapping[N, Point] | None, goal: N, risk: float, heuristic: Heuristic
    ) -> None:
        self._goal = positions.get(goal) if positions else None
        self._positions = positions or {}
        self._scale = 0.0
        if self._goal is None:
            return
        pairs = [(place, way) for place, ways in graph.items() for way in ways]
        if any(place not in self._positions or way.to not in self._positions for place, way in pairs):
            return
        spans = [(self._positions[place], self._positions[way.to]) for place, way in pairs]
        # On streets that run along the axes the sum of both differences is the tighter bound.
        self._along = heuristic == "manhattan" or (
            heuristic == "auto" and all(a[0] == b[0] or a[1] == b[1] for a, b in spans)
        )
        rates = [
            way_cost(way, risk) / d
            for (_, way), (a, b) in zip(pairs, spans, strict=True)
            if (d := self._distance(a, b)) > 0.0
        ]
        self._scale = min(rates, default=0.0)

    def _distance(self, a: Point, b: Point) -> float:
        dx, dy = abs(a[0] - b[0]), abs(a[1] - b[1])
        return dx + dy if self._along else math.hypot(dx, dy)

    def __call__(self, place: N) -> float:
        if not self._scale or self._goal is None or place not in self._positions:
            return 0.0
        return self._scale * self._distance(self._positions[place], self._goal)


def _route(start: N, goal: N, came: Mapping[N, tuple[N, Way[N]]], cost: float, n_expanded: int) -> Route[N]:
    places, moves, decisions = [goal], [], 0
    here = goal
    while here != start:
        before, way = came[here]
        decisions += 1
        moves.append(way.move)
        for place, move in reversed(way.via):
            places.append(place)
            moves.append(move)
        places.append(before)
        here = before
    return Route(
        places=tuple(reversed(places)),
        moves=tuple(reversed(moves)),
        cost=cost,
        n_expanded=n_expanded,
        n_decisions=decisions,
    )
