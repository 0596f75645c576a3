"""Coordinates of places from what is said about pairs of them, and what contradicts what.

In: links (first place, second place, vector, distance), the newest last. Out: a `Layout`: a position for every
place, the links that were kept, and the contradictions in words. Each axis is a strict order of its own: "above"
says which y is smaller and nothing of x. Knows nothing of names, words or stores.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

N = TypeVar("N", bound=Hashable)
Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Link(Generic[N]):
    """`dst` lies at `vector` (times `distance`) from `src`; None: nothing is known of the direction."""

    src: N
    dst: N
    vector: tuple[int, int] | None
    distance: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout(Generic[N]):
    """Where places are.

    `positions`: a point for every place of a link with a vector, components set side by side from their own origin.
    `component`: which places can be compared at all. `exact`: every kept link has just its vector between its ends.
    `dropped`: indices of the links that a newer one contradicts. `orders`: for each axis, place -> places with a
    greater coordinate, as told.
    """

    positions: Mapping[N, Point] = field(default_factory=dict)
    component: Mapping[N, int] = field(default_factory=dict)
    exact: bool = True
    dropped: frozenset[int] = frozenset()
    orders: tuple[Mapping[N, frozenset[N]], Mapping[N, frozenset[N]]] = field(default_factory=lambda: ({}, {}))

    def less(self, a: N, b: N, axis: int) -> bool:
        """Whether it follows from what was told that a's coordinate on `axis` (0: x, 1: y) is below b's."""
        return a != b and _reaches(self.orders[axis], a, b)

    def comparable(self, a: N, b: N) -> bool:
        """Whether links join the two."""
        return a in self.component and self.component.get(a) == self.component.get(b)


def lay_out(links: Sequence[Link[N]], known: Mapping[N, Point] | None = None) -> Layout[N]:
    """Positions that fit the links, newest first where they do not fit together.

    Args:
        links: in the order they were told.
        known: places with given coordinates; they are the first of their components and stay where they are.
    Returns: a layout; unit steps where all links fit with them, else every axis keeps its strict order and places
        are moved apart as little as that takes (longest path from the given start).
    Source: difference constraints per axis (Cormen et al., ch. 22.4) over a unit-step placement by breadth first
        search. Differs: a zero component ("north" says nothing of x) is wished for, never demanded.
    """
    fixed = dict(known or {})
    dropped = {i for i, link in enumerate(links) if link.vector and link.src == link.dst}
    edges = []
    for axis in (0, 1):
        told = [(i, *_ends(link, axis)) for i, link in enumerate(links) if i not in dropped and _component(link, axis)]
        dropped |= _breaking(told)
    for axis in (0, 1):
        after: dict[N, set[N]] = defaultdict(set)
        for i, link in enumerate(links):
            if i not in dropped and _component(link, axis):
                low, high = _ends(link, axis)
                after[low].add(high)
        edges.append({n: frozenset(s) for n, s in after.items()})
    positions, component, exact = _place(links, dropped, fixed)
    if not exact:
        for axis in (0, 1):
            _spread(positions, edges[axis], axis, fixed)
    return Layout(
        positions=positions,
        component=component,
        exact=exact,
        dropped=frozenset(dropped),
        orders=(edges[0], edges[1]),
    )


def _component(link: Link[N], axis: int) -> int:
    return link.vector[axis] if link.vector else 0


def _ends(link: Link[N], axis: int) -> tuple[N, N]:
    """(lower, higher) on the axis."""
    return (link.src, link.dst) if _component(link, axis) > 0 else (link.dst, link.src)


def _breaking(told: Sequence[tuple[int, N, N]]) -> set[int]:
    """The links that have to go so that no cycle is left; among those of a cycle the newest stay."""
    after: dict[N, set[N]] = defaultdict(set)
    for _, low, high in told:
        after[low].add(high)
    circular = _cyclic(after)
    if not circular:
        return set()
    gone: set[int] = set()
    kept: dict[N, set[N]] = defaultdict(set)
    for i, low, high in reversed(told):
        if low not in circular or high not in circular:
            continue
        if _reaches(kept, high, low):
            gone.add(i)
        else:
            kept[low].add(high)
    return gone


def _cyclic(after: Mapping[N, Iterable[N]]) -> set[N]:
    """Every place that may be on a cycle: what is left when sources, then sinks, are taken away again and again."""
    left = set(after) | {n for some in after.values() for n in some}
    forward = {n: set(after.get(n, ())) for n in left}
    backward: dict[N, set[N]] = {n: set() for n in left}
    for n, some in forward.items():
        for m in some:
            backward[m].add(n)
    for ahead, behind in ((forward, backward), (backward, forward)):
        queue = deque(n for n in left if not behind[n])
        while queue:
            n = queue.popleft()
            if n not in left:
                continue
            left.discard(n)
            for m in ahead[n]:
                behind[m].discard(n)
                if m in left and not behind[m]:
                    queue.append(m)
            ahead[n].clear()
    return left


def _reaches(after: Mapping[N, Iterable[N]], a: N, b: N) -> bool:
    seen, queue = {a}, deque([a])
    while queue:
        for m in after.get(queue.popleft(), ()):
            if m == b:
                return True
            if m not in seen:
                seen.add(m)
                queue.append(m)
    return a == b


def _place(
    links: Sequence[Link[N]], dropped: set[int], fixed: Mapping[N, Point]
) -> tuple[dict[N, Point], dict[N, int], bool]:
    """Unit steps from one place of each component, newest links first."""
    around: dict[N, list[tuple[N, float, float]]] = defaultdict(list)
    for i in range(len(links) - 1, -1, -1):
        link = links[i]
        if i in dropped or link.vector is None:
            continue
        dx, dy = link.vector[0] * link.distance, link.vector[1] * link.distance
        around[link.src].append((link.dst, dx, dy))
        around[link.dst].append((link.src, -dx, -dy))
    positions: dict[N, Point] = {}
    component: dict[N, int] = {}
    exact = True
    # Told coordinates share one frame, so places that have them can be compared without a link.
    for number, start in enumerate((*fixed, *around), start=1):
        if start in positions:
            continue
        positions[start], component[start] = fixed.get(start, (0.0, 0.0)), 0 if start in fixed else number
        queue = deque([start])
        while queue:
            here = queue.popleft()
            x, y = positions[here]
            for there, dx, dy in around.get(here, ()):
                wanted = (x + dx, y + dy)
                if there not in positions:
                    positions[there], component[there] = fixed.get(there, wanted), component[here]
                    queue.append(there)
                if positions[there] != wanted:
                    exact = False
    return positions, component, exact


def _spread(positions: dict[N, Point], after: Mapping[N, frozenset[N]], axis: int, fixed: Mapping[N, Point]) -> None:
    """Move places up the axis until every place is past those it is told to be past."""
    before: dict[N, int] = defaultdict(int)
    for some in after.values():
        for m in some:
            before[m] += 1
    queue = deque(n for n in after if not before[n])
    while queue:
        n = queue.popleft()
        for m in after.get(n, ()):
            point = list(positions[m])
            if m not in fixed and point[axis] <= positions[n][axis]:
                point[axis] = positions[n][axis] + 1.0
                positions[m] = (point[0], point[1])
            before[m] -= 1
            if not before[m]:
                queue.append(m)
