"""Answers that follow from one map: yes or no, a place, a way, a direction.

In: an `Asking` and an `Atlas`. Out: an `Answer` with its reasons, or None where the map does not tell. Knows nothing
of stores, of other contexts, or of how questions are worded.

Of two places whose order on an axis is told, or follows, that order decides. Where it is not told, both are laid out
in unit steps and those coordinates decide: "left of" means a smaller x there, and an equal one is a no.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hippo_mem.spatial.asking import Asking, Style
from hippo_mem.spatial.atlas import Atlas
from hippo_mem.spatial.planner import NoRoute, Route, plan
from hippo_mem.spatial.rows import WAY, Edge
from hippo_mem.spatial.vocabulary import RELATIONS, Relation, wording


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What follows, in words; `steps` say why, `edges` are what it rests on. `sure` 0..1."""

    text: str
    steps: tuple[str, ...] = ()
    edges: tuple[int, ...] = ()
    sure: float = 1.0


_DIRECT = frozenset({"adjacent", "near", "inside", "contains"})


def answer(asking: Asking, atlas: Atlas) -> Answer | None:
    """The answer of one map; None where it knows too little."""
    subject = atlas.find(asking.subject) if asking.subject else None
    thing = atlas.find(asking.object) if asking.object else None
    if (asking.subject and subject is None) or (asking.object and thing is None):
        return None
    relation = RELATIONS.get(asking.relation)
    if asking.kind == "where" and subject is not None:
        return _where(atlas, subject)
    if asking.kind == "which" and thing is not None and relation:
        return _which(atlas, relation, thing)
    if asking.kind == "whose" and subject is not None and relation:
        return _which(atlas, RELATIONS[relation.inverse], subject)
    if subject is None or thing is None:
        return None
    if asking.kind == "is" and relation:
        return _is(atlas, subject, relation, thing)
    if asking.kind == "direction":
        return _direction(atlas, subject, thing)
    return _way(atlas, asking, thing, subject)


def _is(atlas: Atlas, a: int, relation: Relation, b: int) -> Answer | None:
    if relation.vector is None:
        return _touches(atlas, a, relation, b)
    layout = atlas.layout
    if not layout.comparable(a, b):
        return None
    yes, told = True, True
    for axis in (0, 1):
        want = relation.vector[axis]
        if not want:
            continue
        low, high = (b, a) if want > 0 else (a, b)
        if layout.less(low, high, axis):
            continue
        if not layout.less(high, low, axis):
            told = False
            if layout.positions[low][axis] < layout.positions[high][axis]:
                continue
        yes = False
    edges = _link(atlas, a, b)
    return Answer(
        text="yes" if yes else "no", steps=_told(atlas, edges), edges=_ids(edges), sure=1.0 if told else 0.8
    )  # fmt: skip


def _touches(atlas: Atlas, a: int, relation: Relation, b: int) -> Answer | None:
    """Adjacent, near, inside: what is told, and for rooms within rooms what follows."""
    between = atlas.between(a, b)
    if relation.name in ("inside", "contains"):
        inner, outer = (a, b) if relation.name == "inside" else (b, a)
        if path := _within(atlas, inner, outer):
            return Answer(text="yes", steps=_told(atlas, path), edges=_ids(path))
        back = _within(atlas, outer, inner)
        return Answer(text="no", steps=_told(atlas, back), edges=_ids(back)) if back else None
    near = [e for e in between if e.relation != WAY and (e.relation != "near" or relation.name == "near")]
    if near:
        return Answer(text="yes", steps=_told(atlas, near[-1:]), edges=_ids(near))
    return Answer(text="no", sure=0.6) if relation.name == "adjacent" and _link(atlas, a, b) else None


def _within(atlas: Atlas, inner: int, outer: int) -> list[Edge]:
    """The chain of "is in" from one place to another around it; empty where there is none."""
    came: dict[int, Edge] = {}
    queue, seen = deque([inner]), {inner}
    while queue:
        here = queue.popleft()
        for e in atlas.around(here):
            src, dst = atlas.ends(e)
            outside = (
                src
                if e.relation == "inside" and dst == here
                else dst
                if e.relation == "contains" and src == here
                else None
            )
            if outside is None or outside in seen:
                continue
            came[outside] = e
            if outside == outer:
                return _chain(atlas, came, inner, outer)
            seen.add(outside)
            queue.append(outside)
    return []


def _which(atlas: Atlas, relation: Relation, place: int) -> Answer | None:
    """What stands in the relation to a place: what is told first, else what follows and is nearest."""
    found: dict[int, Edge] = {}
    for e in reversed(atlas.around(place)):
        told, other = atlas.relation_from(e, place)
        if told == relation.name or (relation.name == "adjacent" and told not in ("near", WAY)):
            found.setdefault(other, e)
    if found:
        names = [atlas.name(p) for p in found]
        return Answer(text=_listed(names), steps=_told(atlas, list(found.values())), edges=_ids(found.values()))
    if relation.vector is None:
        return None
    x, y = atlas.layout.positions.get(place, (0.0, 0.0))
    best: list[tuple[float, int]] = []
    for other, (ox, oy) in atlas.layout.positions.items():
        if other != place and (said := _is(atlas, other, relation, place)) and said.text == "yes":
            aside = abs(oy - y) if relation.vector[0] and not relation.vector[1] else abs(ox - x)
            if said.sure == 1.0 or aside == 0:
                best.append((abs(ox - x) + abs(oy - y) + aside, other))
    if not best:
        return None
    nearest = min(best)[0]
    others = [p for far, p in best if far == nearest]
    edges = _link(atlas, others[0], place)
    return Answer(text=_listed([atlas.name(p) for p in others]), steps=_told(atlas, edges), edges=_ids(edges), sure=0.7)


def _where(atlas: Atlas, place: int) -> Answer | None:
    """The newest thing that is told of where a place is; what says most comes first."""
    told = [e for e in atlas.around(place) if e.relation != WAY]
    if not told:
        return None

    def says(edge: Edge) -> tuple[bool, bool, float, int]:
        relation, _ = atlas.relation_from(edge, place)
        return relation != "inside", atlas.ends(edge)[1] == place, edge.told, edge.id

    best = max(told, key=says)
    src, dst = atlas.ends(best)
    relation, other = (best.relation, src) if dst == place else (RELATIONS[best.relation].inverse, dst)
    return Answer(
        text=f"{wording(RELATIONS[relation])} {_the(atlas, other)}",
        steps=_told(atlas, [best]),
        edges=(best.id,),
        sure=0.8,
    )


def _direction(atlas: Atlas, a: int, b: int) -> Answer | None:
    """Where a is, seen from b: the told relation, else the sum of what lies between."""
    for e in reversed(atlas.between(a, b)):
        told, _ = atlas.relation_from(e, b)
        if RELATIONS[told].vector is not None:
            return (
                Answer(text=_named(RELATIONS[told]), steps=_told(atlas, [e]), edges=(e.id,))
                if told in RELATIONS
                else None
            )
    layout = atlas.layout
    edges = _link(atlas, a, b)
    if not layout.comparable(a, b):
        return _where_touching(atlas, a, b)
    (ax, ay), (bx, by) = layout.positions[a], layout.positions[b]
    vector = ((ax > bx) - (ax < bx), (ay > by) - (ay < by))
    compass = any(RELATIONS[e.relation].compass for e in edges)
    found = next((r for r in RELATIONS.values() if r.vector == vector and r.compass == compass), None)
    text = _named(found) if found else "the same place"
    return Answer(text=text, steps=_told(atlas, edges), edges=_ids(edges), sure=0.9 if layout.exact else 0.6)


def _where_touching(atlas: Atlas, a: int, b: int) -> Answer | None:
    edges = [e for e in atlas.between(a, b) if e.relation != WAY]
    if not edges:
        return None
    told, _ = atlas.relation_from(edges[-1], b)
    return Answer(text=wording(RELATIONS[told]), steps=_told(atlas, edges[-1:]), edges=_ids(edges[-1:]))


def _way(atlas: Atlas, asking: Asking, start: int, goal: int) -> Answer | None:
    try:
        route = plan(atlas.graph(), start, goal, positions=atlas.positions(), heuristic=atlas.heuristic)
    except NoRoute as error:
        if asking.kind == "reach":
            text = "no"
        elif asking.kind in ("route", "distance"):
            text = "no route"
        else:
            return None
        there = [atlas.name(p) for p in error.reachable if isinstance(p, int)]
        return Answer(text=text, steps=(f"from {atlas.name(start)} one can reach: {', '.join(there)}",), sure=0.7)
    edges = _taken(atlas, route)
    steps = tuple(
        f"from {atlas.name(a)} {f'go {_move(m)}' if m else 'go'} to {atlas.name(b)}"
        for a, b, m in zip(route.places, route.places[1:], route.moves, strict=False)
    )
    if asking.kind == "reach":
        text = "yes"
    elif asking.kind == "distance":
        text = f"{route.cost:g}"
    else:
        text = spoken(route.moves, [atlas.name(p) for p in route.places[1:]], asking.style)
    return Answer(text=text or "you are there", steps=steps, edges=_ids(edges))


def spoken(moves: Sequence[str], names: Sequence[str], style: Style | None = None) -> str:
    """A route as an answer.

    By default compass moves are their initials ("s,e"), other moves their words ("left, up"), and a route with a
    move that has no direction is the places it passes ("hall, garden").
    """
    relations = [RELATIONS[m] if m else None for m in moves]
    if style == "names" or any(r is None for r in relations):
        return ", ".join(names)
    known = [r for r in relations if r is not None]
    if style == "words" or (style is None and not all(r.compass for r in known)):
        return ", ".join(r.word for r in known)
    return ",".join(r.letter for r in known)


def _taken(atlas: Atlas, route: Route[int]) -> list[Edge]:
    found = []
    for a, b, move in zip(route.places, route.places[1:], route.moves, strict=False):
        between = atlas.between(a, b)
        found += [e for e in between if atlas.relation_from(e, a)[0] == move][-1:] or between[-1:]
    return found


def _link(atlas: Atlas, a: int, b: int) -> list[Edge]:
    """A shortest chain of edges between two places: why they can be compared."""
    came: dict[int, Edge] = {}
    queue, seen = deque([a]), {a}
    while queue:
        here = queue.popleft()
        for there in atlas.neighbors(here):
            if there in seen:
                continue
            seen.add(there)
            came[there] = atlas.between(here, there)[-1]
            if there == b:
                return _chain(atlas, came, a, b)
            queue.append(there)
    return []


def _chain(atlas: Atlas, came: Mapping[int, Edge], first: int, last: int) -> list[Edge]:
    """The edges a search went by from one place to another, in order; `came` is the edge each place was reached by."""
    path, here = [], last
    while here != first:
        edge = came[here]
        path.append(edge)
        src, dst = atlas.ends(edge)
        here = src if dst == here else dst
    return path[::-1]


def _told(atlas: Atlas, edges: Sequence[Edge]) -> tuple[str, ...]:
    found = []
    for e in edges:
        src, dst = atlas.ends(e)
        if e.relation == WAY:
            found.append(f"the way from {atlas.name(src)} to {atlas.name(dst)} is {'open' if e.passable else 'closed'}")
        else:
            found.append(f"{atlas.name(dst)} is {wording(RELATIONS[e.relation])} {atlas.name(src)}")
    return tuple(found)


def _ids(edges: Iterable[Edge]) -> tuple[int, ...]:
    return tuple(e.id for e in edges)


def _named(relation: Relation) -> str:
    return relation.name.replace("_", " ")


def _move(name: str) -> str:
    return RELATIONS[name].word


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def _the(atlas: Atlas, place: int) -> str:
    name = atlas.name(place)
    return name if name[0].isupper() or not name[0].isalpha() else f"the {name}"
