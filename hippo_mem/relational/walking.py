"""From the tree of a question to those it leads to, over the facts, with the facts of every step.

In: a `Query` and the lookups of one transaction. Out: `Reached` entities. A step takes the relation asked for, or what
says the same; where it should lead to one ("Tom's sister") and leads to two, it leads nowhere. Knows nothing of how
the question was put, and nothing of texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from hippo_mem.relational import relation_words as rel
from hippo_mem.relational.containment import placed
from hippo_mem.relational.entities import NAMING
from hippo_mem.relational.fact_rows import FactRow
from hippo_mem.relational.kinds import is_called, is_common
from hippo_mem.relational.lookups import Lookups
from hippo_mem.relational.pronouns import gender_of
from hippo_mem.relational.query import Along, At, Known, Node, When
from hippo_mem.relational.timeline import HOLDING
from hippo_mem.relational.vocabulary import SOLE_ROLES, role_name
from hippo_mem.relational.whereabouts import Stay, runs, torn

MAX_REACHED = 64  # of one step; a question about more is not answered


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """One end of a walk: the entity, the facts on the way in order, and older values of the last step."""

    entity: int
    rows: tuple[FactRow, ...]
    context: str | None
    older: tuple[int, ...] = ()

    @property
    def order(self) -> tuple[float, int]:
        """How late the last step was told."""
        return self.rows[-1].order if self.rows else (0.0, 0)

    @property
    def conf(self) -> float:
        """How sure all the steps are together."""
        sure = 1.0
        for row in self.rows:
            sure *= row.conf
        return sure


class Walker:
    """Walks trees within one transaction.

    Args:
        functional: whether a relation has one tail at a time.
    """

    def __init__(self, look: Lookups, functional: Callable[[str], bool]) -> None:
        self._look = look
        self._functional = functional

    def ends(self, node: Node) -> list[Reached]:
        """Whoever the tree leads to; `[]` where it leads nowhere, or not clearly to one on the way."""
        if isinstance(node, Known):
            return [Reached(entity=min(node.ids), rows=(), context=None)]
        if isinstance(node, At):
            return [found for start in self._starts(node.of) for found in self._places(start, node)]
        found = [r for start in self._starts(node.of) for r in self._step(start, node)]
        found = self._of_kind(found, node)
        return self._apart(found)[:MAX_REACHED]

    def ids(self, node: Node) -> frozenset[int]:
        """The entities the tree leads to and whoever they are known to be."""
        if isinstance(node, Known):
            return node.ids
        return frozenset(i for r in self.ends(node) for i in self._look.same(r.entity))

    def _starts(self, node: Node) -> list[Reached]:
        """The ends that a further step may start from: one individual in each context, unless several are meant."""
        found = self.ends(node)
        if isinstance(node, Along) and (rel.is_plural(node.noun) or rel.is_plural(node.kind)):
            return found
        for context in {r.context for r in found}:
            here = [r for r in found if r.context == context]
            if any(self._look.same(r.entity).isdisjoint(self._look.same(here[0].entity)) for r in here[1:]):
                return []
        return found

    # -- one step

    def _step(self, start: Reached, node: Along, *, outright: bool = False) -> list[Reached]:
        ids = node.of.ids if isinstance(node.of, Known) else self._look.same(start.entity)
        if node.when.mode != "now":
            return self._past(start, ids, node)
        if node.noun and not role_name(rel.singular(node.noun)) and (owned := self._possessed(start, ids, node)):
            return owned
        for tier in node.steps:
            rows = self._facts(ids, tier)
            found = [self._onward(start, row, flipped) for row, flipped in rows]
            found = [
                r for r in found
                if (r.entity not in ids or r.rows[-1].relation in NAMING) and self._fits_gender(r, node)
            ]  # fmt: skip
            if found:
                return found
        if node.noun:
            return self._possessed(start, ids, node) or ([] if outright else self._composed(start, node))
        return []

    def _facts(self, ids: frozenset[int], tier: Iterable[rel.Step]) -> list[tuple[FactRow, bool]]:
        """The facts of one tier: the newest alone where there is one at a time, else all."""
        found: list[tuple[FactRow, bool]] = []
        single = False
        for relation, flipped in tier:
            rows = self._look.rows(relation, tails=ids) if flipped else self._look.rows(relation, heads=ids)
            found += [(row, flipped) for row in rows if not row.negated]
            if rows:
                single = single or self._one(relation, flipped)
        if not single:
            return found
        newest: dict[str | None, tuple[FactRow, bool]] = {}
        for row, flipped in found:
            if row.context_key not in newest or row.order > newest[row.context_key][0].order:
                newest[row.context_key] = (row, flipped)
        kept = {self._other(row, flipped): 0 for row, flipped in newest.values()}
        together = {(row.context_key, row.valid_from) for row, _ in newest.values()}
        return [
            (row, flipped) for row, flipped in found
            if self._other(row, flipped) in kept
            or ((row.context_key, row.valid_from) in together and self._told_together(row, newest[row.context_key][0]))
        ]  # fmt: skip

    def _one(self, relation: str, flipped: bool) -> bool:
        if flipped:
            return relation == HOLDING or relation.removesuffix("_of") in SOLE_ROLES
        return self._functional(relation) or relation in SOLE_ROLES

    def _told_together(self, row: FactRow, other: FactRow) -> bool:
        """Two told in one breath stand together, whichever came last."""
        spans = self._look.spans([row, other])
        return bool(set(spans[row.id]) & set(spans[other.id]))

    @staticmethod
    def _other(row: FactRow, flipped: bool) -> int:
        return row.head if flipped else row.tail

    def _onward(self, start: Reached, row: FactRow, flipped: bool, older: tuple[int, ...] = ()) -> Reached:
        return Reached(entity=self._other(row, flipped), rows=(*start.rows, row), context=row.context_key, older=older)

    def _fits_gender(self, found: Reached, node: Along) -> bool:
        """A brother known by a mirrored relation must not be called like a woman."""
        asked = rel.gender_asked(node.noun) if node.noun else ""
        if not asked or found.rows[-1].relation.removesuffix("_of") == role_name(rel.singular(node.noun)):
            return True
        name = self._look.entity(found.entity).name
        told, _ = self._look.relations_at(self._look.same(found.entity))
        genders = {gender_of(name), *(gender_of(r.removesuffix("_of")) for r in told if r.endswith("_of"))} - {""}
        return not genders or genders == {asked}

    # -- what belongs to somebody, and what somebody is by way of a third

    def _possessed(self, start: Reached, ids: frozenset[int], node: Along) -> list[Reached]:
        """ "Ana's dog": what is told of as such, or the dog among what she has."""
        noun = rel.singular(node.noun)
        if noun == "owner":
            owners = [self._look.by_key(key.rpartition("'s ")[0]) for i in ids
                      if "'s " in (key := self._look.entity(i).key)]  # fmt: skip
            return [replace(start, entity=e.id) for e in owners if e is not None]
        for i in sorted(ids):
            entity = self._look.by_key(f"{self._look.entity(i).key}'s {node.noun}")
            if entity is not None and entity.id not in ids:
                rows = [r for relation in ("owner", f"{noun}_of") for r in self._look.rows(relation, heads=[entity.id])]
                rows = [r for r in rows if not r.negated and r.tail in ids][:1]
                context = rows[0].context_key if rows else start.context
                return [Reached(entity=entity.id, rows=(*start.rows, *rows), context=context)]
        found = []
        for row, flipped in self._facts_of_all(ids, (("owner", True), ("owns", False), (HOLDING, False))):
            other = self._look.entity(self._other(row, flipped))
            if is_called(self._look, other, noun, "", one=False):
                found.append(self._onward(start, row, flipped))
        return found

    def _facts_of_all(self, ids: frozenset[int], tier: Iterable[rel.Step]) -> list[tuple[FactRow, bool]]:
        return [
            (row, flipped)
            for relation, flipped in tier
            for row in (self._look.rows(relation, tails=ids) if flipped else self._look.rows(relation, heads=ids))
            if not row.negated
        ]

    def _composed(self, start: Reached, node: Along) -> list[Reached]:
        """A sibling is another child of a parent: what nobody said outright follows from two facts."""
        own = self._look.same(start.entity)
        for first, second in rel.COMPOSED.get(rel.kin_class(node.noun), ()):
            middle = Along(steps=rel.of_noun(first), of=Known(ids=own, name=""), noun=first)
            for through in self._apart(self._step(start, middle, outright=True)):
                last = Along(steps=rel.of_noun(second), of=Known(ids=self._look.same(through.entity), name=""),
                             noun=second)  # fmt: skip
                asked = replace(node, steps=last.steps)
                found = [
                    r
                    for r in self._step(through, last, outright=True)
                    if r.entity not in own and self._fits_gender(r, asked)
                ]
                if found:
                    return found
        return []

    # -- what was before

    def _past(self, start: Reached, ids: frozenset[int], node: Along) -> list[Reached]:
        return next((found for tier in node.steps if (found := self._past_of(start, ids, tier, node))), [])

    def _past_of(self, start: Reached, ids: frozenset[int], tier: Sequence[rel.Step], node: Along) -> list[Reached]:
        found: list[Reached] = []
        values = self._values(ids, tier)
        for context in dict.fromkeys(row.context_key for row, _ in values):
            told = [(row, flipped) for row, flipped in values if row.context_key == context]
            at = self._chosen([self._look.same(self._other(*v)) for v in told], told, node.when)
            if at is not None:
                row, flipped = told[at]
                reason = told[at + 1][0] if at + 1 < len(told) and node.when.mode in ("previous", "before") else None
                because = () if reason is None else (reason,)
                found.append(Reached(entity=self._other(row, flipped), rows=(*start.rows, row, *because),
                                     context=context))  # fmt: skip
        return found

    def _values(self, ids: frozenset[int], tier: Sequence[rel.Step]) -> list[tuple[FactRow, bool]]:
        """The values that followed one another, earliest first; one that was only denied ("used to") is past."""
        found: dict[int, tuple[FactRow, bool]] = {}
        for relation, flipped in tier:
            if flipped:
                rows = self._look.rows(relation, tails=ids, history=True)
            else:
                rows = self._look.rows(relation, heads=ids, history=True)
            found.update((row.id, (row, flipped)) for row in rows)
        stated = {self._other(*v) for v in found.values() if not v[0].negated}
        told = sorted(
            (v for v in found.values() if not v[0].negated or self._other(*v) not in stated),
            key=lambda v: (not v[0].negated, v[0].order),
        )
        kept: list[tuple[FactRow, bool]] = []
        for value in told:
            if not kept or self._other(*kept[-1]) not in self._look.same(self._other(*value)):
                kept.append(value)
        return kept

    def _chosen(self, values: Sequence[frozenset[int]], told: Sequence[tuple[FactRow, bool]], when: When) -> int | None:
        if not values:
            return None
        if when.mode == "first":
            return 0
        if when.mode == "previous":
            last_holds = told[-1][0].holds(self._look.as_of) and not told[-1][0].negated
            at = len(values) - 2 if last_holds else len(values) - 1
            return at if at >= 0 else None
        than = self.ids(when.than) if when.than is not None else frozenset()
        at = max((i for i, value in enumerate(values) if value & than), default=-1)
        if at < 0:
            return None
        at += 1 if when.mode == "after" else -1
        return at if 0 <= at < len(values) else None

    # -- where something is

    def _places(self, start: Reached, node: At) -> list[Reached]:
        ids = node.of.ids if isinstance(node.of, Known) else self._look.same(start.entity)
        found = []
        taken_away = False  # since it was said where it is
        for context, told in self._look.stays(ids).items():
            known = [s for s in told if self._look.as_of is None or s.since[0] <= self._look.as_of]
            if not known or (node.when.mode == "now" and torn(known)):
                continue
            if node.when.mode == "now":
                stay = known[-1] if known[-1].place is not None else None
                taken_away = taken_away or stay is None
                past = tuple(s.place for s in runs(known)[-2::-1] if s.place is not None)
            else:
                stay, past = self._earlier(runs(known), node.when), ()
            if stay is not None and stay.place is not None:
                older = tuple(dict.fromkeys(p for p in past if p != stay.place))[:3]
                found.append(Reached(entity=stay.place, rows=(*start.rows, *stay.because), context=context,
                                     older=older))  # fmt: skip
        return found or (self._placed(start, ids) if node.when.mode == "now" and not taken_away else [])

    def _earlier(self, told: Sequence[Stay], when: When) -> Stay | None:
        if when.mode == "first":
            return told[0] if told else None
        than = self.ids(when.than) if when.than is not None else frozenset()
        at = len(told) - 1
        if when.mode != "previous":
            at = max((i for i, stay in enumerate(told) if stay.place in than), default=-1)
            if at < 0:
                return None
        at += 1 if when.mode == "after" else -1
        return told[at] if 0 <= at < len(told) else None

    def _placed(self, start: Reached, ids: frozenset[int]) -> list[Reached]:
        found = [self._onward(start, row, False) for row in placed(self._look, ids)]
        return found if len({r.entity for r in found}) == 1 else []

    # -- which of those that were reached are meant

    def _of_kind(self, found: list[Reached], node: Along) -> list[Reached]:
        """Those that are what the noun of a clause calls them ("the company Ana works for")."""
        if not node.kind or not found:
            return found
        one = len({r.entity for r in found}) == 1
        verdicts = [
            is_called(self._look, self._look.entity(r.entity), node.kind, r.rows[-1].relation,
                      one=one or self._functional(r.rows[-1].relation))
            for r in found
        ]  # fmt: skip
        sure = [r for r, verdict in zip(found, verdicts, strict=True) if verdict]
        return sure or [r for r, verdict in zip(found, verdicts, strict=True) if verdict is None]

    def _apart(self, found: list[Reached]) -> list[Reached]:
        """One end for each individual of a context, the one told last; names before descriptions."""
        kept: list[Reached] = []
        for reached in sorted(found, key=lambda r: r.order, reverse=True):
            same = self._look.same(reached.entity)
            twin = next((k for k in kept if k.context == reached.context and k.entity in same), None)
            if twin is None:
                kept.append(reached)
            elif self._described(twin.entity) and not self._described(reached.entity):
                kept[kept.index(twin)] = reached
        return kept

    def _described(self, entity: int) -> bool:
        return "'s " in self._look.entity(entity).key or is_common(self._look.entity(entity).name)
