"""Questions answered by the statement that would answer them, read as what is told is read.

A question becomes a statement with a mark (`unasking`), the extractor reads that, and what stands at the mark is looked
up: in the relation asked for, in those that say the same, or in the words of place and time a fact was told with. Every
content word of the question must be accounted for: a wrong answer costs more than none. Knows nothing of trees of
relations, of ranking or of language models.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from hippo_mem.relational import lexicon as lex
from hippo_mem.relational.accounting import accounted, stems
from hippo_mem.relational.containment import within
from hippo_mem.relational.dates import DATE, HOUR, asked_for
from hippo_mem.relational.decisions import Found
from hippo_mem.relational.entities import Entity, entity_key
from hippo_mem.relational.fact_rows import FactRow
from hippo_mem.relational.frames import FrameParser
from hippo_mem.relational.kinds import REGIONS, SETTLEMENTS, is_common
from hippo_mem.relational.lookups import Lookups, only_its_noun, says_nothing, spoken
from hippo_mem.relational.phrases import shortest
from hippo_mem.relational.placing import placed
from hippo_mem.relational.timeline import HOLDING, is_state
from hippo_mem.relational.tuples import Tuple, TupleExtractor
from hippo_mem.relational.unasking import Unasked, unask
from hippo_mem.relational.vocabulary import INVERSE, KIN_CLASS
from hippo_mem.relational.whereabouts import LOCATED, runs, torn

_ALSO: dict[str, tuple[str, ...]] = {
    "has": ("owns", "-owner"), "owns": ("-owner", "has"), "owner": ("-owns", "-has"), "owner_of": ("-owner", "owns"),
    "carry": ("has",), "hold": ("has",), "possess": ("has",), "get": ("has",), "take": ("has",),
    "job": ("works_as", "profession", "occupation", "is_a"), "works_as": ("job", "is_a"),
    "profession": ("job", "works_as", "is_a"), "occupation": ("job", "works_as", "is_a"),
    "spouse": ("wife_of", "husband_of", "-wife_of", "-husband_of"), "wife_of": ("spouse", "-husband_of"),
    "husband_of": ("spouse", "-wife_of"), "located_at": ("located_in",), "employer": ("works_at",),
    "address": ("lives_in",), "hometown": ("from",), "works_at": ("work_at", "employer"), "studies_at": ("study_at",),
}  # fmt: skip
_KIND_NOUNS: dict[str, frozenset[str]] = {
    "works_at": lex.word_set("company firm employer organization organisation place office business"),
    "speaks": lex.word_set("language languages"),
    "studies": lex.word_set("subject major field"),
    "studies_at": lex.word_set("school university college"),
    "plays": lex.word_set("instrument sport game"),
}
_PLACES = frozenset({"located_at", "lives_in", "born_in", "died_in", "from", "works_at", "studies_at", "located_in"})
_PLACE_NOUNS = lex.word_set("city town country place room street village location area building state spot region")
# What a noun phrase says of itself ("my sister" is mine) is no part of what is asked.
_STRUCTURE = frozenset({"possessive", "appositive", "label"})
_EFFECTS = frozenset({"holding", "movement"})
_WAS = re.compile(r"(?:did|was|were|had)\b|(?:has|have)\b.*\bever\b", re.IGNORECASE)
_BEFORE = re.compile(r" before\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """A question as read: its polished words, and each statement that would answer it with the tuples it makes."""

    text: str
    ways: tuple[tuple[Unasked, tuple[Tuple, ...]], ...]
    verbs: frozenset[str]


class ByStatement:
    """Reads questions as statements and answers them from facts.

    Args:
        extractor: the one that reads what is told.
        parser: reads the question.
        functional: whether a relation has one tail at a time.
    """

    def __init__(self, extractor: TupleExtractor, parser: FrameParser, functional: Callable[[str], bool]) -> None:
        self._extractor = extractor
        self._parser = parser
        self._functional = functional

    def read(self, text: str) -> Asking:
        """What a polished question asks, without looking at any fact."""
        doc = self._parser.doc(text)
        ways = unask(doc)
        told = self._extractor.extract_many([f"{way.statement[0].upper()}{way.statement[1:]}." for way in ways])
        return Asking(
            text=text,
            ways=tuple((way, tuple(tuples)) for way, tuples in zip(ways, told, strict=True) if tuples),
            # A short question's verb is at times taken for a noun ("Where does Ana's boss live?"): the root counts.
            verbs=stems(w for t in doc if t.pos_ in ("VERB", "AUX") or t.dep_ == "ROOT" for w in (t.text, t.lemma_)),
        )  # fmt: skip

    def answers(self, look: Lookups, asking: Asking) -> tuple[Unasked, list[Found]] | None:
        """The first way to read the question that facts answer, and those answers."""
        if _BEFORE.search(asking.text):
            return None  # what was before is for who knows what followed what
        for way, tuples in asking.ways:
            found = [self._in_kind(look, way, f) for f in self._one_way(look, asking, way, tuples)]
            if kept := [f for f in found if f is not None]:
                return way, kept
        return None

    def _in_kind(self, look: Lookups, way: Unasked, found: Found) -> Found | None:
        """ "Which city does Ana work in?": from the clinic she works at on to where that is, as far as facts go."""
        if way.noun not in SETTLEMENTS | REGIONS or found.entity is None:
            return found
        place = within(look, found.entity, found.rows, way.noun)
        if place is None or place[0] == found.entity:
            return found
        entity, rows = place
        return replace(found, text=spoken(look.entity(entity).name), rows=rows, entity=entity, older=(),
                       conf=min(found.conf, *(r.conf for r in rows)))  # fmt: skip

    def _one_way(self, look: Lookups, asking: Asking, way: Unasked, tuples: Sequence[Tuple]) -> list[Found]:
        if way.wanted == "truth":
            return self._truth(look, asking, tuples)
        marked = [t for t in tuples if way.mark in (t.head + " " + t.tail + " " + t.place + " " + t.time_text)]
        plain = [
            t for t in tuples if t not in marked and t.relation not in _STRUCTURE and not t.relation.endswith("_of")
        ]
        deeds = [t for t in marked if t.pattern not in _EFFECTS or t.relation in (LOCATED, "lives_in")]
        if way.wanted == "where":  # "Where did Mary go?": where that left her, before all the places she went to
            deeds.sort(key=lambda t: t.pattern not in _EFFECTS)
        for t in deeds or marked:
            if t.negated or (way.mark in t.head and way.mark in t.tail):
                continue
            rest = [o for o in (*deeds, *plain) if o is not t and o.pattern not in _EFFECTS
                    and way.mark not in o.place + o.time_text]  # fmt: skip
            conditions = [o for o in rest if not _structural(o)]
            found = self._fill(look, asking, way, t, conditions)
            if found:
                return found
        return []

    def _fill(self, look: Lookups, asking: Asking, way: Unasked, t: Tuple, conditions: Sequence[Tuple]) -> list[Found]:
        mark = way.mark
        if mark in t.tail:
            if t.tail.strip() != mark and way.wanted not in ("age", "when"):
                return []
            if t.relation == LOCATED and way.wanted == "where":
                return self._whereabouts(look, asking, way, t)
            if t.relation == DATE and way.wanted == "when":
                return self._appointed(look, asking, way, t, conditions)
            return self._ends(look, asking, way, t, conditions, at_tail=True)
        if mark in t.head:
            return self._ends(look, asking, way, t, conditions, at_tail=False) if t.head == mark else []
        return self._circumstance(look, asking, way, t, conditions)

    def _ends(
        self,
        look: Lookups,
        asking: Asking,
        way: Unasked,
        t: Tuple,
        conditions: Sequence[Tuple],
        *,
        at_tail: bool,
    ) -> list[Found]:
        """What stands at the other end of the relation."""
        name = t.head if at_tail else t.tail
        ids = look.ids(name)
        if not ids:
            return []
        relations = _ways_to_say(t.relation)
        if way.noun and t.relation == "is" and at_tail:
            relations = [(way.noun, False), *relations]
        for relation, turned in relations:
            rows = look.rows(relation, heads=ids) if at_tail != turned else look.rows(relation, tails=ids)
            rows = [r for r in rows if not r.negated]
            if relation == HOLDING and not at_tail:
                rows = _last_of_each_context(rows)
            rows = [r for r in rows if self._accounted(look, asking, way, t, r, conditions)]
            ends = [(r, r.tail if at_tail != turned else r.head) for r in rows]
            answers = [self._as_answer(look, way, name, ids, r, t.relation, end) for r, end in ends]
            found = [f for f in answers if f is not None]
            if found and at_tail and self._functional(relation):
                return self._with_older(look, found, relation, ids)
            if found:
                return found
        return []

    def _appointed(
        self, look: Lookups, asking: Asking, way: Unasked, t: Tuple, conditions: Sequence[Tuple]
    ) -> list[Found]:
        """The day or the hour at which something is, whichever is asked for; both where it is when."""
        whole = replace(way, noun="")
        dates, hours = (
            {f.context: f for f in self._ends(look, asking, whole, _relation(t, relation), conditions, at_tail=True)}
            for relation in (DATE, HOUR)
        )
        found = []
        for context in {**dates, **hours}:
            date, hour = dates.get(context), hours.get(context)
            newest = max(filter(None, (date, hour)), key=lambda f: f.order)
            text = asked_for(
                way.noun, date.text if date else "", hour.text if hour else "", hour_is_newer=newest is hour
            )
            told = [f for f in (date, hour) if f is not None]
            if text:
                found.append(replace(newest, text=text, rows=tuple(dict.fromkeys(r for f in told for r in f.rows))))
        return found

    def _as_answer(
        self, look: Lookups, way: Unasked, name: str, ids: frozenset[int], row: FactRow, asked: str, entity: int
    ) -> Found | None:
        end = look.entity(entity)
        if not _of_kind(way, end.name, end.kind, row.relation, asked):
            return None
        if entity_key(end.name) == entity_key(name) or says_nothing(end.key, row.relation):
            return None
        if only_its_noun(end.key, way.noun):
            return None
        beside = _placed(row, end) if way.wanted == "where" and entity == row.tail else ""
        return Found(text=spoken(end.name), rows=(*look.description(name, ids), row), context=row.context_key,
                     order=row.order, conf=row.conf, entity=entity, placed=beside)  # fmt: skip

    def _with_older(self, look: Lookups, found: list[Found], relation: str, ids: frozenset[int]) -> list[Found]:
        history = look.rows(relation, heads=ids, history=True)
        said = {f.text for f in found}
        older = [spoken(look.entity(r.tail).name) for r in history if not r.negated and not r.holds(look.as_of)]
        kept = tuple(dict.fromkeys(o for o in older if o not in said))[:3]
        first, *others = found
        return [Found(text=first.text, rows=first.rows, context=first.context, order=first.order, conf=first.conf,
                      entity=first.entity, older=kept), *others]  # fmt: skip

    def _circumstance(
        self, look: Lookups, asking: Asking, way: Unasked, t: Tuple, conditions: Sequence[Tuple]
    ) -> list[Found]:
        """Where or when something was done: the words the fact was told with."""
        heads, tails = look.ids(t.head), look.ids(t.tail)
        if not heads or not tails:
            return []
        found = []
        for row in look.rows(t.relation, heads=heads, tails=tails):
            told = row.place if way.mark in t.place else row.time_text
            if told and not row.negated and self._accounted(look, asking, way, t, row, conditions):
                role = "where" if way.mark in t.place else "when"
                text = re.sub(r"^(?:the|a|an) ", "", shortest(told, role)).rstrip(" .!")
                found.append(Found(text=text, rows=(*look.description(t.head, heads), row), context=row.context_key,
                                   order=row.order, conf=row.conf))  # fmt: skip
        return found if len({f.text.lower() for f in found}) == 1 else []

    def _whereabouts(self, look: Lookups, asking: Asking, way: Unasked, t: Tuple) -> list[Found]:
        ids = look.ids(t.head)
        if not ids:
            return []
        found = []
        for context, told in look.stays(ids).items():
            known = [s for s in told if look.as_of is None or s.since[0] <= look.as_of]
            if not known or known[-1].place is None or torn(known):
                continue
            last = known[-1]
            assert last.place is not None
            place = look.entity(last.place)
            past = [look.entity(s.place).name for s in runs(known)[-2::-1] if s.place is not None]
            older = tuple(dict.fromkeys(spoken(p) for p in past if p != place.name))[:3]
            if not self._accounted(look, asking, way, t, last.because[-1], (), others=last.because):
                continue
            found.append(Found(text=spoken(place.name), rows=(*look.description(t.head, ids), *last.because),
                               context=context, order=last.because[-1].order, conf=last.conf, entity=last.place,
                               older=older, placed=_placed(last.because[-1], place)))  # fmt: skip
        if not found:
            return self._ends(look, asking, way, _relation(t, "located_in"), (), at_tail=True)
        return found

    def _truth(self, look: Lookups, asking: Asking, tuples: Sequence[Tuple]) -> list[Found]:
        """ "yes" for what is stated, "no" for what is denied or ruled out."""
        stated = [t for t in tuples if t.pattern not in _EFFECTS or t.relation == LOCATED]
        deeds = [t for t in stated if not _structural(t)] or stated
        if not deeds:
            return []
        answers: list[Found] = []
        for t in deeds:
            answer = self._holds(look, asking, t, deeds)
            if answer is None:
                return []
            answers.append(answer)
        denied = [a for a in answers if a.text == "no"]
        return denied[:1] or answers[:1]

    def _holds(self, look: Lookups, asking: Asking, t: Tuple, conditions: Sequence[Tuple]) -> Found | None:
        heads, tails = look.ids(t.head), look.ids(t.tail)
        if not heads:
            return None
        way = Unasked(statement="", wanted="truth")
        asks_of_the_past = _WAS.match(asking.text) is not None
        if t.relation == LOCATED:
            return self._is_there(look, t, heads, tails)
        for relation, turned in _ways_to_say(t.relation):
            one, other = (tails, heads) if turned else (heads, tails)
            lasts = self._functional(relation)
            for row in look.rows(relation, heads=one, tails=other):
                if self._accounted(look, asking, way, t, row, conditions):
                    if row.negated and asks_of_the_past:
                        told = look.rows(relation, heads=one, tails=other, history=True) if not t.negated else ()
                        if (was := next((r for r in told if not r.negated), None)) is not None:  # it ended, so it was
                            return Found(text="yes", rows=(*look.description(t.head, heads), was),
                                         context=was.context_key, order=row.order, conf=was.conf)  # fmt: skip
                        if is_state(relation):
                            return None  # over, or never so: the one who told it knows
                    text = "no" if row.negated != t.negated else "yes"
                    return Found(text=text, rows=(*look.description(t.head, heads), row), context=row.context_key,
                                 order=row.order, conf=row.conf)  # fmt: skip
            past = look.rows(relation, heads=one, tails=other, history=True) if lasts and not turned else ()
            for row in past:
                others = [o for o in conditions if o is not t]
                if not row.negated and self._accounted(look, asking, way, t, row, others):
                    newer = look.rows(relation, heads=heads)[:1]  # what took its place
                    if newer:
                        text = "yes" if t.negated or asks_of_the_past else "no"
                        return Found(text=text, rows=(row, *newer), context=row.context_key,
                                     order=newer[0].order, conf=newer[0].conf)  # fmt: skip
        opposite = {"likes": "dislikes", "dislikes": "likes"}.get(t.relation)
        for row in look.rows(opposite, heads=heads, tails=tails) if opposite and tails else ():
            if not row.negated and self._accounted(look, asking, way, t, row, conditions):
                return Found(text="no", rows=(row,), context=row.context_key, order=row.order, conf=row.conf)
        return None

    def _is_there(self, look: Lookups, t: Tuple, heads: frozenset[int], tails: frozenset[int]) -> Found | None:
        best: Found | None = None
        for context, told in look.stays(heads).items():
            known = [s for s in told if look.as_of is None or s.since[0] <= look.as_of]
            if not known:
                continue
            last = known[-1]
            if last.place is None and not any(r.negated and r.tail in tails for r in last.because):
                continue
            if torn(known):
                continue
            there = last.place is not None and last.place in tails
            # Elsewhere means "no" only among places of one kind that people were told to be in.
            if not there and last.place is not None and not self._alike(look, last.place, tails):
                continue
            order = last.because[-1].order
            if best is None or order > best.order:
                text = "yes" if there != t.negated else "no"
                best = Found(text=text, rows=last.because, context=context, order=order, conf=last.conf)
        return best

    def _alike(self, look: Lookups, place: int, asked: frozenset[int]) -> bool:
        """Whether two places are rooms of one house, as far as facts show: common nouns where somebody was."""
        if not asked or look.entity(place).name[:1].isupper():
            return False
        return all(not look.entity(i).name[:1].isupper() and look.rows(LOCATED, tails=[i], history=True) for i in asked)

    def _accounted(
        self,
        look: Lookups,
        asking: Asking,
        way: Unasked,
        t: Tuple,
        row: FactRow,
        conditions: Sequence[Tuple],
        others: Sequence[FactRow] = (),
    ) -> bool:
        return accounted(look, asking.text, asking.verbs, way.noun, t, (row, *others), conditions)


def _placed(row: FactRow, place: Entity) -> str:
    return placed(row, spoken(place.name), common=is_common(place.name))


def _structural(t: Tuple) -> bool:
    return t.pattern in _STRUCTURE or t.relation == "name" or (t.relation.endswith("_of") and "'s " in t.head)


def _relation(t: Tuple, relation: str) -> Tuple:
    return replace(t, relation=relation)


def _ways_to_say(relation: str) -> list[tuple[str, bool]]:
    """Relations in which the same may have been told, and whether head and tail change places in them."""
    found: list[tuple[str, bool]] = [(relation, False)]
    if relation in INVERSE:
        found.append((INVERSE[relation], True))
    for other in _ALSO.get(relation, ()):
        found.append((other.removeprefix("-"), other.startswith("-")))
    if relation.endswith("_of"):
        found.append((relation.removesuffix("_of"), True))
        kin = KIN_CLASS.get(relation)
        if kin and INVERSE.get(kin) == kin and kin != relation:
            found.append((relation, False))
    else:
        found.append((f"{relation}_of", True))
    return list(dict.fromkeys(found))


def _of_kind(way: Unasked, name: str, kind: str, relation: str, asked: str) -> bool:
    """Whether an entity may answer: a person who is asked for, a color where a color is."""
    noun = way.noun.rstrip("s") if way.noun not in ("", "*") else way.noun
    low = name.lower()
    if relation == "is_a" and asked in ("job", "works_as", "profession", "occupation"):
        return lex.is_trade(low.split(" ")[-1])
    if way.wanted == "who":
        return kind in ("person", "user") or (kind == "thing" and name[:1].isupper())
    if way.wanted == "where":
        # A small town can be taken for a person ("Lund"); where the relation names a place, it is one.
        return (relation in _PLACES and relation != LOCATED) or kind not in ("person", "number")
    if way.wanted == "when":
        return kind in ("time", "number", "value", "thing")
    if noun in ("", "*"):
        return noun == "*" or kind not in ("person", "user") or relation in ("name", "is", "works_as", asked)
    if noun in ("color", "colour", "shade"):
        return any(w in lex.COLORS for w in low.split(" "))
    if noun in _PLACE_NOUNS:
        return relation in _PLACES or kind == "place"
    if noun in _KIND_NOUNS.get(relation, ()) or way.noun in _KIND_NOUNS.get(relation, ()):
        return True
    # "which animal": only what is called so, or what the relation itself names
    return low.split(" ")[-1].rstrip("s") == noun or noun in relation.split("_") or noun == "job"


def _last_of_each_context(rows: Sequence[FactRow]) -> list[FactRow]:
    """Of several who have one thing, the one told last, in each context; those told together stay together."""
    newest: dict[str | None, FactRow] = {}
    for row in rows:
        if row.context_key not in newest or row.order > newest[row.context_key].order:
            newest[row.context_key] = row
    return list(newest.values())
