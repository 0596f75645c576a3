"""From the answers that were found to one decision, or to none where they do not make one.

In: `Found` answers with their facts. Out: a `Decision` that names the path, the newest context's answer first and what
lost beside it. Knows nothing of how the answers were found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from hippo_mem.relational.dates import DATE, HOUR
from hippo_mem.relational.fact_rows import FactRow
from hippo_mem.relational.lookups import Lookups
from hippo_mem.relational.placing import asks_where_it_is
from hippo_mem.relational.tuples import USER
from hippo_mem.relational.vocabulary import ATTRIBUTES, listed_kind
from hippo_mem.types import Decision

UNSURE = 0.5  # of what may be, and of each of two: no answer
_NOTHING_SAID = frozenset({"person", "one", "thing", "man", "woman", "people", "place", "someone", "something"})
_WHEREABOUTS = frozenset({"located_at", "has"})  # every move is read, and the same move is told again
MAX_ANSWERS = 5  # a longer list is no answer to a question


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One answer: its words, the facts it rests on in order, its context, and how late it was told.

    `placed` are its words for a question that asks where it is ("under the mat"), where they are others.
    """

    text: str
    rows: tuple[FactRow, ...]
    context: str | None
    order: tuple[float, int]
    conf: float
    entity: int | None = None
    older: tuple[str, ...] = ()
    placed: str = ""


def decision_of(look: Lookups, found: Sequence[Found], *, several: bool, question: str) -> Decision | None:
    """The decision that these answers make; None where they are too many or too unsure.

    Args:
        several: whether more than one answer together are one.
    """
    found = [f for f in found if f.text.casefold() not in _NOTHING_SAID]
    if asks_where_it_is(question):
        found = [replace(f, text=f.placed or f.text) for f in found]
    if not found:
        return None
    if any(f.text[:1].isupper() for f in found):  # "your husband" is known by his name
        found = [f for f in found if not f.text.startswith("your ")]
    if len(found) > 1 and all(f.text[:1].isdigit() and f.rows[-1].relation in ATTRIBUTES for f in found):
        found = newest_alone(found)  # a rent, unlike a hobby, is one at a time
    newest = max(found, key=lambda f: f.order)
    winners = [f for f in found if f.context == newest.context]
    texts = list(dict.fromkeys(f.text for f in sorted(winners, key=lambda f: f.order)))
    if len(texts) > (MAX_ANSWERS if several else 1):
        return None
    conf = min(f.conf for f in winners)
    if conf <= UNSURE:
        return None
    rows = list({r.id: r for f in winners for r in f.rows}.values())
    lost = [f.text for f in sorted(found, key=lambda f: f.order, reverse=True) if f.text not in texts]
    older = [o for f in (*winners, *found) for o in f.older if o not in texts]
    return Decision(
        text=listed(texts), memory="relational", path=tuple(dict.fromkeys(look.words(r) for r in rows)),
        others=tuple(dict.fromkeys([*lost, *older])), trace_ids=look.traces(rows),
        fact_ids=tuple(r.id for r in rows), confidence=conf,
        doubt=_doubt(look, rows), told=newest.order[0],
    )  # fmt: skip


def _doubt(look: Lookups, rows: Sequence[FactRow]) -> Literal["none", "newer", "open"]:
    told = [row for row in rows if not _is_mine(look, row)] or rows
    if {row.relation for row in told} <= {DATE, HOUR}:
        return "newer"
    if len(told) != 1 or told[0].relation in _WHEREABOUTS:
        return "none"
    return "newer" if listed_kind(told[0].relation) else "open"


def _is_mine(look: Lookups, row: FactRow) -> bool:
    """Whether a fact only says who "my daughter" is: what is told of her rests on one more."""
    return row.relation.endswith("_of") and look.entity(row.tail).key == USER


def newest_alone(found: Sequence[Found]) -> list[Found]:
    """Of several who were told to be "my dentist", the one told last; the others are shown as what was before."""
    best = max(found, key=lambda f: f.order)
    past = [f.text for f in sorted(found, key=lambda f: f.order, reverse=True) if f.text != best.text]
    return [replace(best, older=tuple(dict.fromkeys((*past, *best.older))))]


def listed(texts: Sequence[str]) -> str:
    """ "a, b and c"."""
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
