"""Questions answered by the tree they are: parsed over the store's own names, walked, and named.

In: a polished question and the lookups of one transaction. Out: a `Decision` where every tree that has facts behind it
comes to the same answer, else None. Knows nothing of statements, taggers or language models.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from hippo_mem.relational import kinds
from hippo_mem.relational import relation_words as rel
from hippo_mem.relational.containment import within
from hippo_mem.relational.decisions import Found, decision_of
from hippo_mem.relational.entities import Entity
from hippo_mem.relational.grammar import MAX_NAME_WORDS, Grammar
from hippo_mem.relational.lookups import Lookups, only_its_noun, says_nothing, spoken
from hippo_mem.relational.placing import placed
from hippo_mem.relational.query import NOW, Along, Node, Query, When
from hippo_mem.relational.question_words import CHANGE, PRONOUNS, Reading, Word, premises, readings, words_of
from hippo_mem.relational.tuples import USER
from hippo_mem.relational.unasking import polished
from hippo_mem.relational.vocabulary import role_name
from hippo_mem.relational.walking import Reached, Walker
from hippo_mem.relational.whereabouts import LOCATED
from hippo_mem.types import Decision

_LASTING_PLACES = frozenset({"address", "home", "residence", "hometown", "birthplace"})
_CLAUSE = re.compile(r"\b(?:who|whom|that|which|where|whose|of|with|called|named)\b|'s\b|\w (?:ed|ing)\b")


class ByWalk:
    """Answers questions that are trees of relations.

    Args:
        functional: whether a relation has one tail at a time.
    """

    def __init__(self, functional: Callable[[str], bool]) -> None:
        self._functional = functional

    def answer(self, look: Lookups, text: str) -> Decision | None:
        """The answer, or None: also where two ways to read the question have two answers."""
        walker = Walker(look, self._functional)
        found: dict[str, Decision] = {}
        for query in self._queries(look, text):
            decision = self._decide(look, walker, query, text)
            if decision is not None:
                found.setdefault(decision.text.casefold(), decision)
        return next(iter(found.values())) if len(found) == 1 else None

    def shortened(self, look: Lookups, text: str) -> Iterator[tuple[str, Reached]]:
        """The question with a description put into a name: "When was Ana's cousin born" gives "When was Bo born"."""
        words = words_of(text)
        if not _CLAUSE.search(text):
            return
        named = _named(look, words)
        grammar = Grammar(words, named, look.ids(USER))
        walker = Walker(look, self._functional)
        for start in range(len(words)):
            for node, end in sorted(grammar.phrase(start), key=lambda found: -found[1]):
                if not isinstance(node, Along):
                    continue
                reached = {r.entity: r for r in walker.ends(node)}
                if len(reached) == 1:
                    one = next(iter(reached.values()))
                    name = look.entity(one.entity).name
                    if "'s " in name or not one.rows:
                        continue
                    article = "the " if kinds.is_common(name) else ""
                    rest = " ".join(w.text for w in words[end:]).replace(" 's", "'s")
                    before = " ".join(w.text for w in words[:start]).replace(" 's", "'s")
                    yield f"{before} {article}{name} {rest}".replace(" 's", "'s").strip(), one

    def _queries(self, look: Lookups, text: str) -> Iterator[Query]:
        user = look.ids(USER)
        said, question = premises(text)
        bound: dict[str, Node] = {}
        for premise in said:
            grammar = Grammar(premise.words, _named(look, premise.words), user, bound=bound)
            whole = next((node for node, end in grammar.phrase(0) if end == len(premise.words)), None)
            if whole is None:
                return
            bound[premise.noun] = Along(steps=rel.of_noun(premise.noun), of=whole, noun=premise.noun)
            bound.update(dict.fromkeys(PRONOUNS, bound[premise.noun]))
        for reading in readings(question if not said else polished(question)):
            named = _named(look, reading.words)
            if not named and not user and not bound:
                continue
            when = self._when(look, reading, user)
            if when is not None:
                yield from Grammar(reading.words, named, user, when, bound).queries()

    def _when(self, look: Lookups, reading: Reading, user: frozenset[int]) -> When | None:
        if not reading.than:
            return NOW if reading.mode == "now" else When(mode=reading.mode)
        if all(w.low in CHANGE for w in reading.than):
            return When(mode="previous") if reading.mode == "before" else None
        than = Grammar(reading.than, _named(look, reading.than), user).nouns_to_end()
        return None if than is None else When(mode=reading.mode, than=than)

    def _decide(self, look: Lookups, walker: Walker, query: Query, text: str) -> Decision | None:
        reached = [r for r in walker.ends(query.node) if r.rows]
        kept = self._fitting(look, query, reached)
        found = [self._found(look, r, query) for r in kept]
        if not found:
            return None
        return decision_of(look, found, several=self._several(query.node, query), question=text)

    def _fitting(self, look: Lookups, query: Query, reached: list[Reached]) -> list[Reached]:
        """Those that may answer the question word, and are what its noun calls them."""
        noun = rel.singular(query.noun).split(" ")[-1]
        if noun in kinds.SETTLEMENTS | kinds.REGIONS:
            ways = [(r, within(look, r.entity, r.rows, noun)) for r in reached]
            return [replace(r, entity=way[0], rows=way[1], older=()) for r, way in ways if way is not None]
        reached = [own for r in reached if (own := _what_it_is(look, r, noun)) is not None]
        one = len({r.entity for r in reached}) == 1
        kept = []
        for r in reached:
            entity = look.entity(r.entity)
            relation = r.rows[-1].relation
            if says_nothing(entity.key, relation) or only_its_noun(entity.key, noun):
                continue
            if _beside_the_noun(query.node, entity, relation):
                continue
            if not kinds.may_be(look, entity, query.wanted):
                continue
            if noun and not _asks_role(query, noun):
                verdict = kinds.is_called(look, entity, query.noun, relation, one=one or self._functional(relation))
                if verdict is False:
                    continue
            kept.append(r)
        return kept

    def _found(self, look: Lookups, reached: Reached, query: Query) -> Found:
        text, last = _called(look, reached.entity), reached.rows[-1]
        beside = ""
        if query.wanted == "where" and reached.entity == last.tail:
            beside = placed(last, text, common=kinds.is_common(text))
        return Found(
            text=text, rows=reached.rows, context=reached.context, order=reached.order,
            conf=reached.conf, entity=reached.entity, older=tuple(_called(look, i) for i in reached.older),
            placed=beside,
        )  # fmt: skip

    def _several(self, node: Node, query: Query) -> bool:
        """Whether more than one answer is one answer: "which instruments", "who works there", but not "which book"."""
        if query.noun:
            return rel.is_plural(query.noun)
        if isinstance(node, Along) and node.noun:
            return rel.is_plural(node.noun)
        return query.wanted != "where" and isinstance(node, Along) and node.when.mode == "now"


def _what_it_is(look: Lookups, reached: Reached, noun: str) -> Reached | None:
    """ "What phone do I have?": not "your phone" but what that is said to be; None where nothing says it."""
    if not noun or not look.entity(reached.entity).key.endswith(f"'s {noun}"):
        return reached
    for relation in ("name", "is_a"):
        for row in look.rows(relation, heads=look.same(reached.entity)):
            if not row.negated and not look.entity(row.tail).key.endswith(noun):
                return replace(reached, entity=row.tail, rows=(*reached.rows, row))
    return None


def _beside_the_noun(node: Node, entity: Entity, relation: str) -> bool:
    """Whether a relation is too loose for the noun asked for: who has a brother has no boyfriend by that, and where
    somebody sits is nobody's address."""
    noun = rel.singular(node.noun).split(" ")[-1] if isinstance(node, Along) else ""
    if relation == "has" and role_name(noun):
        return kinds.is_common(entity.name) and role_name(entity.key.split(" ")[-1]) != role_name(noun)
    return relation == LOCATED and noun in _LASTING_PLACES and kinds.is_common(entity.name)


def _asks_role(query: Query, noun: str) -> bool:
    """ "Which children does he have": the noun is the relation."""
    return isinstance(query.node, Along) and rel.singular(query.node.noun) == noun


def _named(look: Lookups, words: tuple[Word, ...]) -> dict[tuple[int, int], frozenset[int]]:
    return look.named([w.text for w in words], MAX_NAME_WORDS)


def _called(look: Lookups, entity: int) -> str:
    """A name as it is said: a proper name before a description, "you" for the user."""
    own = look.entity(entity)
    if "'s " in own.key:
        names = [look.entity(i) for i in sorted(look.same(entity))]
        own = next((e for e in names if "'s " not in e.key and not kinds.is_common(e.name)), own)
    return spoken(own.name)
