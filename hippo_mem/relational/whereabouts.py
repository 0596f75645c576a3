"""Where a thing was at every time, replayed from what was told of it and of those who held it.

In: facts about the thing (`located_at`, `has`), and a way to the `located_at` facts of a holder. Out: its places in
order of time, each with the facts it rests on. A thing goes where its holder goes and stays where it was let go.
Knows nothing of questions, of SQL, or of names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from hippo_mem.relational.fact_rows import FactRow
from hippo_mem.relational.timeline import HOLDING

LOCATED = "located_at"
Order = tuple[float, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """From `since` on it was at the entity `place` (None: nobody said where), because of these facts."""

    since: Order
    place: int | None
    because: tuple[FactRow, ...] = ()
    conf: float = 1.0


def stays(
    located: Iterable[FactRow], held: Iterable[FactRow], places_of: Callable[[int], Sequence[FactRow]]
) -> list[Stay]:
    """The places of one thing, earliest first; the last is where it is.

    Args:
        located: `located_at` facts of the thing, denials included.
        held: `has` facts of which it is the tail, denials included.
        places_of: the `located_at` facts of a holder.
    """
    happenings: list[tuple[Order, FactRow, int]] = [(f.order, f, 0) for f in located]
    holders: set[int] = set()
    for fact in held:
        happenings.append((fact.order, fact, 1))
        holders.add(fact.head)
    for holder in sorted(holders):
        happenings += [(f.order, f, 2) for f in places_of(holder)]
    happenings.sort(key=lambda h: h[0])
    holder_now: FactRow | None = None
    at: dict[int, FactRow | None] = {}  # where each holder is
    found: list[Stay] = []

    def stay(order: Order, place: int | None, *because: FactRow | None) -> None:
        facts = tuple(f for f in because if f is not None)
        conf = 1.0
        for fact in facts:
            conf *= fact.conf
        if not found or found[-1].place != place or not facts:
            found.append(Stay(since=order, place=place, because=facts, conf=conf))
        else:
            found[-1] = Stay(since=found[-1].since, place=place, because=facts, conf=conf)

    for order, fact, kind in happenings:
        if kind == 2:
            # Two places at once (a half-sure telling) are no place.
            previous = at.get(fact.head)
            if fact.negated:
                if previous is None or previous.tail == fact.tail:
                    at[fact.head] = None
            else:
                at[fact.head] = fact
            if holder_now is not None and holder_now.head == fact.head:
                now = at[fact.head]
                stay(order, now.tail if now is not None else None, holder_now, now)
        elif kind == 1 and fact.relation == HOLDING:
            where = at.get(fact.head)
            if not fact.negated:
                holder_now = fact
                stay(order, where.tail if where is not None else None, fact, where)
            elif holder_now is None or holder_now.head == fact.head:
                if where is not None:
                    stay(order, where.tail, fact, where)
                holder_now = None
        elif fact.negated:
            if found and found[-1].place == fact.tail:
                stay(order, None, fact)
        else:
            where = at.get(holder_now.head) if holder_now is not None else None
            if where is None or where.tail != fact.tail:
                holder_now = None  # it was put there
            stay(order, fact.tail, fact)
    return found


def runs(told: Sequence[Stay]) -> list[Stay]:
    """The same with stays at one place after another taken together, and unknown places left out."""
    found: list[Stay] = []
    for stay in told:
        if stay.place is not None and (not found or found[-1].place != stay.place):
            found.append(stay)
    return found


def torn(told: Sequence[Stay]) -> bool:
    """Whether the last stays are two places told in one breath, of which only one can be true."""
    if len(told) < 2 or told[-1].conf >= 1.0:
        return False
    last, before = told[-1].because, told[-2].because
    return bool(
        last and before and last[-1].valid_from == before[-1].valid_from and last[-1].conf < 1.0
        and before[-1].valid_to is None and before[-1].conf < 1.0
    )  # fmt: skip
