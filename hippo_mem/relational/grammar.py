"""From the words of a question to the trees they can mean, without a tagger: names of the store and a few forms.

In: words, and which spans of them are names. Out: every `Query` that accounts for all the words. The grammar knows
where a noun phrase, a clause with a gap and a possessive can stand; what a verb or a noun of relation means is
`relation_words`', and which tree has facts behind it is for the one who walks it. Knows nothing of facts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from hippo_mem.relational import lexicon as lex
from hippo_mem.relational import relation_words as rel
from hippo_mem.relational.query import NOW, Along, At, Known, Node, Query, When
from hippo_mem.relational.question_words import (
    ADVERBS,
    AUXILIARIES,
    BE,
    DETERMINERS,
    HAVE,
    POINTING,
    POSSESSIVES,
    PRONOUNS,
    Word,
)
from hippo_mem.relational.vocabulary import MOVING, role_name
from hippo_mem.text import STOP_WORDS

MAX_NAME_WORDS = 7
_MAX_TREES = 24
_WH = lex.word_set("who whom whose what which where")
_RELATIVE = lex.word_set("who whom that which")
_PREPOSITIONS = lex.PLACE_PREPOSITIONS | lex.word_set("of with for about as from to by")
_PARTICLES = lex.word_set("up down off out away back over")
_AGES = {"former": "previous", "previous": "previous", "old": "previous", "ex": "previous", "last": "previous",
         "first": "first", "original": "first", "current": "now", "present": "now", "new": "now"}  # fmt: skip
_WHOLE_NOUNS = ("place of birth", "date of birth", "line of work", "country of birth", "city of birth")
_SETTLING = lex.word_set("move relocate emigrate migrate")
_LEAVING = {"lives_in": lex.word_set("city town village country place state region"),
            "works_at": lex.word_set("company firm employer job workplace place")}  # fmt: skip
_LIVING = frozenset(
    {("do",), ("do", "for", "a", "living"), ("do", "for", "work"), ("do", "professionally"), ("do", "for", "a", "job")}
)
_WHERE_NOUNS = lex.word_set(
    "city town place country room street village location area building state neighborhood neighbourhood region spot "
    "county province island harbor harbour port"
)
_LIVES = rel.expanded([("lives_in", False)])
_PLACED = rel.expanded([("located_at", False)])

Ends = list[tuple[Node, int]]
Gaps = list[tuple[rel.Steps, int, When]]


class Grammar:
    """One reading of a question.

    Args:
        words: the question's, without those of time.
        named: spans of the words, `(start, end)`, and the entities they stand for.
        user: the entities that "I" stands for.
        when: which value is asked for.
        bound: pronouns and nouns ("that boss") that an earlier sentence gave a meaning.
    """

    def __init__(
        self,
        words: Sequence[Word],
        named: Mapping[tuple[int, int], frozenset[int]],
        user: frozenset[int],
        when: When = NOW,
        bound: Mapping[str, Node] | None = None,
    ) -> None:
        self._bound = bound or {}
        self._words = words
        self._low = [w.low for w in words]
        self._named = named
        self._user = user
        self._when = when
        self._n = len(words)
        self._phrases: dict[int, Ends] = {}

    # -- whole questions

    def queries(self) -> list[Query]:
        """Every tree that accounts for all the words."""
        found: list[Query] = []
        for query in self._queries():
            if query not in found:
                found.append(query)
            if len(found) >= _MAX_TREES:
                break
        return found

    def nouns_to_end(self) -> Node | None:
        """The longest noun phrase that the words end with."""
        for start in range(self._n):
            for node, end in self.phrase(start):
                if end == self._n:
                    return node
        return None

    def _queries(self) -> Iterator[Query]:
        at = 0
        preposition = ""
        if self._word(0) in _PREPOSITIONS and self._word(1) in _WH:
            preposition, at = self._word(0), 1
        wh = self._word(at)
        if wh == "how" and self._word(at + 1) == "old" and self._word(at + 2) in BE:
            for node, end in self.phrase(at + 3):
                if end == self._n:
                    yield Query(node=self._timed(self._role("age", node)), wanted="what")
            return
        if wh not in _WH:
            return
        at += 1
        if self._word(at) == "'s":  # "who's"
            at += 1
        if wh == "whose":
            yield from self._whose(at)
            return
        longest = 3 if wh in ("what", "which") else 0
        for size in range(longest + 1):
            kind = self._low[at : at + size]
            if size and (not self._noun_like(at + size - 1) or (size > 1 and not self._noun_like(at))):
                break
            noun = " ".join(kind)
            where = wh == "where" or (bool(kind) and rel.singular(kind[-1]) in _WHERE_NOUNS)
            wanted = "where" if where else "who" if wh in ("who", "whom") else "what"
            if kind and rel.singular(kind[-1]) in ("person", "man", "woman"):
                wanted = "who"
            for node in self._asked(at + size, preposition, where=where, noun=noun):
                yield Query(node=self._timed(node), wanted=wanted, noun=noun)  # type: ignore[arg-type]

    def _asked(self, at: int, preposition: str, *, where: bool, noun: str) -> Iterator[Node]:
        first = self._word(at)
        if not first:
            return
        if not preposition and not (where and not noun):
            for node, end in self._subject_gap(at):
                if end == self._n:
                    yield node
        if first in AUXILIARIES:
            for node, end in self.phrase(at + 1):
                if first in BE and end == self._n:
                    yield from self._is(node, where=where, noun=noun)
                if first in BE and where and self._tail(end) in (("in",), ("at",), ("on",)):
                    yield from self._is(node, where=True, noun=noun)
                for steps, stop, when in self._gap(end, preposition, where, be=first in BE, have=first in HAVE,
                                                   noun=noun):  # fmt: skip
                    if stop == self._n:
                        yield Along(steps=steps, of=node, when=when)
                if not where and not noun and self._tail(end) in _LIVING:
                    yield self._role("job", node)
        for node, end in self._object_gap(at, preposition, where, noun=noun):  # "tell me where Ana lives"
            if end == self._n:
                yield node

    def _is(self, node: Node, *, where: bool, noun: str) -> Iterator[Node]:
        """ "Where is Ana's boss?", "Who is Ana's boss?"; who somebody named is, is not asked of the graph."""
        if where:
            yield At(of=node)
            if isinstance(node, Along) and node.noun and rel.is_place_noun(node.noun):
                yield node
        elif not isinstance(node, Known):
            yield node

    def _whose(self, at: int) -> Iterator[Query]:
        """ "Whose sister is Eva?" """
        for noun, end, when in self._nouns(at):
            if self._word(end) in BE:
                for node, stop in self.phrase(end + 1):
                    if stop == self._n:
                        steps = rel.turned(rel.of_noun(noun))
                        yield Query(node=Along(steps=steps, of=node, when=when), wanted="who")

    def _timed(self, node: Node) -> Node:
        """The tree with the question's time on the relation asked for."""
        if self._when is NOW or isinstance(node, Known):
            return node
        return replace(node, when=self._when) if node.when is NOW else node

    # -- noun phrases

    def phrase(self, at: int) -> Ends:
        """The noun phrases that begin at a word: each with the position after it."""
        if at not in self._phrases:
            self._phrases[at] = []  # a phrase that would begin with itself has no other beginning
            self._phrases[at] = self._longer(self._simple(at))
        return self._phrases[at]

    def _simple(self, at: int) -> Ends:
        word = self._word(at)
        if not word:
            return []
        found: Ends = []
        if word in self._bound and word in PRONOUNS:
            return [(self._bound[word], at + 1)]
        if word in POINTING and self._word(at + 1) in self._bound:
            return [(self._bound[self._word(at + 1)], at + 2)]
        if word in ("i", "me", "we", "us") and self._user:
            return [(Known(ids=self._user, name="user"), at + 1)]
        if word in POSSESSIVES and self._user:
            user = Known(ids=self._user, name="user")
            return [(self._role(n, user, when), end) for n, end, when in self._nouns(at + 1)]
        start = at + (word in DETERMINERS)
        for end in range(min(self._n, start + MAX_NAME_WORDS), start, -1):
            ids = self._named.get((start, end))
            if ids and not (end == start + 1 and self._low[start] in STOP_WORDS):
                found.append((Known(ids=ids, name=" ".join(w.text for w in self._words[start:end])), end))
                break
        if word in ("whoever", "whomever"):
            return self._subject_gap(at + 1) + self._object_gap(at + 1, "", False)
        if word == "where":  # "where Ana works is in"
            return self._object_gap(at + 1, "", True)
        if word == "what" or word in PRONOUNS:
            return found
        for noun, end, when in self._nouns(start):
            if self._word(end) == "of":
                found += [(self._role(noun, node, when), stop) for node, stop in self.phrase(end + 1)]
            found += [(self._of_kind(node, noun), stop) for node, stop in self._modified(end)]
        return found

    def _longer(self, simple: Ends) -> Ends:
        """With every possessive that follows: "Ana's boss's husband"."""
        found: Ends = []
        waiting = list(simple)
        while waiting and len(found) < 4 * _MAX_TREES:
            node, at = waiting.pop(0)
            if (node, at) in found:
                continue
            found.append((node, at))
            if self._word(at) == "'s":
                waiting += [(self._role(n, node, when), end) for n, end, when in self._nouns(at + 1)]
            elif isinstance(node, Along) and node.noun and self._words[at - 1].text.islower():
                for end in range(min(self._n, at + 4), at, -1):  # "my sister Ana"
                    if (ids := self._named.get((at, end))) and self._words[at].text[:1].isupper():
                        name = " ".join(w.text for w in self._words[at:end])
                        waiting.append((Known(ids=ids, name=name), end))
                        break
        return found

    def _nouns(self, at: int) -> Iterator[tuple[str, int, When]]:
        """Up to three words that can be a noun of relation, with the adjective of time before it."""
        when = NOW
        first = self._word(at)
        if first in _AGES and self._noun_like(at + 1):
            when = NOW if _AGES[first] == "now" else When(mode=_AGES[first])  # type: ignore[arg-type]
            yield from ((n, e, when) for n, e, _ in self._nouns(at + 1))
            if _AGES[first] == "now":
                return
        if first.startswith("ex-"):
            yield first.removeprefix("ex-"), at + 1, When(mode="previous")
        if " ".join(self._low[at : at + 3]) in _WHOLE_NOUNS:
            yield " ".join(self._low[at : at + 3]), at + 3, NOW
        for end in range(at + 1, min(self._n, at + 3) + 1):
            if not self._noun_like(end - 1):
                return
            yield " ".join(self._low[at:end]), end, NOW

    def _noun_like(self, at: int) -> bool:
        word = self._word(at)
        if not word or word in STOP_WORDS or word in _PREPOSITIONS or word in AUXILIARIES or word in _WH:
            return False
        return word != "'s" and word[0].isalpha() and self._words[at].text.islower()

    def _role(self, noun: str, of: Node, when: When = NOW) -> Node:
        return Along(steps=rel.of_noun(noun), of=of, noun=noun, when=when)

    def _of_kind(self, node: Node, noun: str) -> Node:
        return replace(node, kind=noun) if isinstance(node, Along) and not node.noun and not node.kind else node

    def _modified(self, at: int) -> Ends:
        """What may follow the noun of "the company ...": a clause with a gap, a participle, "with"."""
        word = self._word(at)
        found: Ends = []
        if word in _RELATIVE:
            found = self._subject_gap(at + 1) + self._object_gap(at + 1, "", False)
        elif word == "where":
            found = self._object_gap(at + 1, "", True)
        elif word == "whose":
            for noun, end, when in self._nouns(at + 1):
                steps = rel.turned(rel.of_noun(noun))
                if self._word(end) in BE:
                    found += [(Along(steps=steps, of=node, when=when), e) for node, e in self.phrase(end + 1)]
                found += [(Along(steps=steps, of=node, when=when), e) for node, e in self._subject_gap(end)]
        elif word in _PREPOSITIONS and self._word(at + 1) in ("which", "whom"):
            found = self._object_gap(at + 2, word, False)
        elif word == "with":
            found = [(Along(steps=rel.turned(rel.of_verb("have")), of=node), e) for node, e in self.phrase(at + 1)]
        elif word:
            found = self._predicate(at) if word.endswith(("ing", "ed", "en", "wn", "ught", "ade", "old")) or (
                len(self._words[at].bases) > 1
            ) else []  # fmt: skip
            found += self._object_gap(at, "", False)  # "the company Ana works for"
            found += [(node, end) for node, end in self._object_gap(at, "", True) if (node, end) not in found]
        return [(node, end) for node, end in found if not isinstance(node, Known)]

    # -- clauses with a gap

    def _subject_gap(self, at: int) -> Ends:
        """The one who "owns the lamp", "is married to Ana", "is Ana's boss"."""
        at, last = self._past_auxiliaries(at)
        found: Ends = []
        if last in BE:
            found += [(node, end) for node, end in self.phrase(at) if not isinstance(node, Known)]
            found += self._predicate(at)
            word = self._word(at)
            if word in _PREPOSITIONS:
                steps = rel.of_verb("be", "from") if word == "from" else _PLACED
                found += [(Along(steps=rel.turned(steps), of=node), end) for node, end in self.phrase(at + 1)]
            return found
        if last in HAVE:
            found += self._light(at, "have")
            found += [(Along(steps=rel.turned(rel.of_verb("have")), of=node), e) for node, e in self.phrase(at)]
        verb_word = self._words[at] if at < self._n else None
        if verb_word is None or not self._verb_like(at):
            return found
        for base in verb_word.bases:
            found += self._light(at + 1, base)
            for verb, end in self._particles(base, at + 1):
                preposition, stop = self._preposition(end)
                for p, e in dict.fromkeys(((preposition, stop), ("", end))):
                    steps = rel.turned(rel.of_verb(verb, p))
                    found += [(Along(steps=steps, of=node), last_) for node, last_ in self.phrase(e)]
        return _unique(found)

    def _predicate(self, at: int) -> Ends:
        """What follows "is": "married to Ana", "taught by Ana", "working at the clinic", "in charge of it"."""
        found: Ends = []
        for words, relation in rel.PREDICATES.items():
            if tuple(self._low[at : at + len(words)]) == words:
                steps = rel.turned(rel.expanded([(relation.lstrip("-"), relation.startswith("-"))]))
                found += [(Along(steps=steps, of=node), e) for node, e in self.phrase(at + len(words))]
        word = self._words[at] if at < self._n else None
        if word is None or not self._verb_like(at):
            return found
        for steps, end in self._described(word, at):
            found += [(Along(steps=rel.turned(steps), of=node), e) for node, e in self.phrase(end)]
        return _unique(found)

    def _described(self, word: Word, at: int) -> Iterator[tuple[rel.Steps, int]]:
        """From the subject of "is <participle or adjective> <preposition>" on."""
        preposition, end = self._preposition(at + 1)
        for verb, stop in ((v, e) for b in word.bases for v, e in self._particles(b, at + 1)):
            p, e = self._preposition(stop)
            if word.low.endswith("ing"):
                yield rel.of_verb(verb, p), e
                if p:
                    yield rel.of_verb(verb, ""), stop
            elif p:
                yield rel.of_verb(verb, p, passive=True), e
        if preposition:
            yield rel.of_predicate(word.low, preposition), end
            if role_name(rel.singular(word.low)) and preposition in ("of", "with", "to", "at", "on", "for"):
                yield rel.turned(rel.of_noun(word.low)), end

    def _object_gap(self, at: int, preposition: str, where: bool, *, noun: str = "") -> Ends:
        """What "Ana works for", whom "Ana is married to", where "Ana lives"."""
        if self._word(at) in _RELATIVE | _WH | AUXILIARIES:
            return []
        found: Ends = []
        for node, end in self.phrase(at):
            for steps, stop, when in self._gap(end, preposition, where, noun=noun):
                found.append((Along(steps=steps, of=node, when=when), stop))
        return _unique(found)

    def _gap(
        self, at: int, preposition: str, where: bool, *, be: bool = False, have: bool = False, noun: str = ""
    ) -> Gaps:
        """The verb groups at a word whose object, or the object of whose preposition, is asked for."""
        start = at
        at, last = self._past_auxiliaries(at)
        be = last in BE if last else be
        have = last in HAVE if last else have
        found: Gaps = []
        word = self._words[at] if at < self._n else None
        inverted = start == at and not last
        if be and (where or preposition) and (not inverted or preposition):
            found.append((_PLACED if preposition != "from" else rel.of_verb("be", "from"), at, NOW))
        if word is None:
            return found
        if be:
            if word.low in _PREPOSITIONS and not preposition:
                steps = rel.of_verb("be", "from") if word.low == "from" else _PLACED
                found.append((steps, at + 1, NOW))
            for words, relation in rel.PREDICATES.items():
                if tuple(self._low[at : at + len(words)]) == words:
                    steps = rel.expanded([(relation.lstrip("-"), relation.startswith("-"))])
                    found.append((steps, at + len(words), NOW))
            found += [(steps, end, NOW) for steps, end in self._described(word, at)]
            determined = at + (word.low in DETERMINERS)
            for role, end, when in self._nouns(determined):
                if role_name(rel.singular(role.split(" ")[-1])):
                    p, stop = self._preposition(end)
                    if p or preposition in ("of", "to", "for", "with", "at"):
                        found.append((rel.turned(rel.of_noun(role)), stop, when))
            if not word.low.endswith("ing"):
                for base in word.bases if self._verb_like(at) else ():
                    if where or preposition:
                        found.append((self._anywhere(base, preposition, passive=True), at + 1, NOW))
                    elif base in ("call", "name"):
                        found.append((rel.of_verb(base), at + 1, NOW))
                return found
        if have:
            found += self._light_gap(at, "have", preposition, where)
        if not self._verb_like(at):
            return found
        for base in word.bases:
            found += self._light_gap(at + 1, base, preposition, where)
            for verb, end in self._particles(base, at + 1):
                found += self._verb_gap(verb, end, preposition, where, noun)
        return found

    def _verb_gap(self, verb: str, end: int, preposition: str, where: bool, noun: str) -> Gaps:
        found: Gaps = []
        own, stop = self._preposition(end)
        if verb in _SETTLING or verb.split("_")[0] in _SETTLING:
            if own.endswith("from") or preposition == "from" or verb.endswith(("_away", "_out")):
                past = When(mode="previous")
                return [(((*_LIVES[0], ("move_from", False), ("moved_from", False)),), stop if own else end, past)]
            if where or own in ("to", "into"):
                return [((*_LIVES, (("moved_to", False),)), stop if own else end, NOW)]
        if verb in ("leave", "quit"):
            for relation, kinds in _LEAVING.items():
                if rel.singular(noun) in kinds:
                    found.append((rel.expanded([(relation, False)]), end, When(mode="previous")))
        if own:
            found.append((rel.of_verb(verb, own), stop, NOW))
        if where and verb in MOVING - _SETTLING and not preposition and not own:
            return found  # where somebody went is for what happened
        if where or (preposition and not own):
            found.append((self._anywhere(verb, preposition), end, NOW))
        if not preposition:
            found.append((rel.of_verb(verb, ""), end, NOW))
        return found

    def _anywhere(self, verb: str, preposition: str, *, passive: bool = False) -> rel.Steps:
        """The relations of a verb with any preposition of place, the given one first."""
        places = [p for p in rel.PLACE_PREPOSITIONS if p != preposition]
        if preposition and preposition not in rel.PLACE_PREPOSITIONS:
            places = []
        tiers: list[list[rel.Step]] = [[], []]
        for p in filter(None, [preposition, *places]):
            steps = rel.of_verb(verb, p, passive=passive)
            for tier, some in zip(tiers, steps, strict=False):
                tier += [s for s in some if s not in tier]
        return tuple(tuple(t) for t in tiers if t)

    def _light(self, at: int, base: str) -> Ends:
        """ "has a job at the clinic": who does."""
        noun, end = self._light_noun(at)
        preposition, stop = self._preposition(end)
        steps = rel.light(base, noun, preposition) if noun and preposition else None
        if steps is None:
            return []
        return [(Along(steps=rel.turned(steps), of=node), e) for node, e in self.phrase(stop)]

    def _light_gap(self, at: int, base: str, preposition: str, where: bool) -> Gaps:
        noun, end = self._light_noun(at)
        own, stop = self._preposition(end)
        steps = rel.light(base, noun, own or preposition) if noun and (own or preposition or where) else None
        return [(steps, stop if own else end, NOW)] if steps is not None else []

    def _light_noun(self, at: int) -> tuple[str, int]:
        at += self._word(at) in DETERMINERS | POSSESSIVES | PRONOUNS
        return (self._low[at], at + 1) if at < self._n and self._noun_like(at) else ("", at)

    # -- words

    def _word(self, at: int) -> str:
        return self._low[at] if 0 <= at < self._n else ""

    def _tail(self, at: int) -> tuple[str, ...]:
        return tuple(self._low[at:])

    def _past_auxiliaries(self, at: int) -> tuple[int, str]:
        """The position after auxiliaries and adverbs, and the last auxiliary."""
        last = ""
        while self._word(at) in AUXILIARIES | ADVERBS | {"not", "never"}:
            word = self._word(at)
            last = word if word in AUXILIARIES else last
            at += 1
        return at, last

    def _verb_like(self, at: int) -> bool:
        word = self._word(at)
        return bool(word) and word[0].isalpha() and word not in STOP_WORDS | _PREPOSITIONS | DETERMINERS and (
            self._words[at].text.islower()
        )  # fmt: skip

    def _particles(self, base: str, at: int) -> Iterator[tuple[str, int]]:
        if self._word(at) in _PARTICLES:
            yield f"{base}_{self._word(at)}", at + 1
        yield base, at

    def _preposition(self, at: int) -> tuple[str, int]:
        two = " ".join(self._low[at : at + 2])
        if two in ("next to", "close to", "out of", "away from"):
            return two, at + 2
        word = self._word(at)
        return (word, at + 1) if word in _PREPOSITIONS else ("", at)


def _unique(found: Ends) -> Ends:
    kept: Ends = []
    for item in found:
        if item not in kept:
            kept.append(item)
    return kept
