"""From a place or a workplace to what it lies in: the town of a clinic, the country of a town, as far as facts go.

In: an entity. Out: the facts that lead upward, and the one among what they lead to that a noun asks for. What is a town
follows from the facts at it (`kinds`), not from a list. Knows nothing of questions.
"""

from __future__ import annotations

from collections.abc import Iterable

from hippo_mem.relational import kinds
from hippo_mem.relational.fact_rows import FactRow
from hippo_mem.relational.lookups import Lookups
from hippo_mem.relational.whereabouts import LOCATED

_STATIC = frozenset({"in", "at", "on", "near", "under", "behind", "by", "to"})
_PARTICIPLES = ("ed", "en", "ung", "ept", "uilt", "aid")
_WITHIN = ("located_in", "based_in", "lies_in", "situated_in")
_MAX_STEPS = 3
Way = tuple[int, tuple[FactRow, ...]]


def placed(look: Lookups, ids: Iterable[int]) -> list[FactRow]:
    """Facts that put something somewhere by any other verb: "moored in Kallvik"."""
    heads, _ = look.relations_at(ids)
    parted = [(r, *r.rpartition("_")[::2]) for r in sorted(heads)]
    relations = [*_WITHIN, *(r for r, verb, preposition in parted
                             if preposition in _STATIC and verb.endswith(_PARTICIPLES))]  # fmt: skip
    return [row for r in relations for row in look.rows(r, heads=ids) if not row.negated]


def containers(look: Lookups, entity: int) -> list[FactRow]:
    """The facts that lead from a place to what it lies in, and on from there, a few steps."""
    chain: list[FactRow] = []
    at, seen = look.same(entity), {entity}
    for _ in range(_MAX_STEPS):
        rows = [r for relation in (LOCATED, *_WITHIN) for r in look.rows(relation, heads=at) if not r.negated]
        if not rows:
            others = placed(look, at)
            rows = others if len({r.tail for r in others}) == 1 else []
        if not rows or (next_one := max(rows, key=lambda r: r.order)).tail in seen:
            break
        chain.append(next_one)
        seen.add(next_one.tail)
        at = look.same(next_one.tail)
    return chain


def within(look: Lookups, entity: int, rows: tuple[FactRow, ...], noun: str) -> Way | None:
    """The town, or whatever place `noun` asks for, that an entity is or lies in, and the facts that lead there.

    Args:
        rows: the facts that led to the entity.
        noun: singular, one of `kinds.SETTLEMENTS` or `kinds.REGIONS`.
    """
    chain: list[Way] = [(entity, rows)]
    for row in containers(look, entity):
        chain.append((row.tail, (*chain[-1][1], row)))
    if noun in kinds.REGIONS:
        return chain[-1]
    person = "person" in kinds.sorts_of(look, look.entity(entity))
    for at, way in chain[1:] if person else chain:
        place = look.entity(at)
        sorts = kinds.sorts_of(look, place)
        if "settlement" in sorts or any(look.entity(r.tail).key == noun for r in look.rows("is_a", heads=[at])):
            return at, way
        # A proper name further up is a town as far as anybody can tell; without a chain, so is the only name there is.
        lone = len(chain) == 1 or bool(way and way[-1].relation in (LOCATED, "located_in"))
        if not kinds.is_common(place.name) and "organization" not in sorts and (at != entity or lone):
            return at, way
    return None
