"""From the parts of one clause to the tuples it states, in the vocabulary's relations.

In: `Statement`s in reading order and the pronouns of their text. Out: `Tuple`s. What changes the world is drawn out:
who goes somewhere is there, who takes something has it, who drops it has it no more. Knows nothing of parsers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from hippo_mem.relational import lexicon as lex
from hippo_mem.relational import vocabulary as voc
from hippo_mem.relational.nouns import Named, bare, head_noun, identity, property_of, read_noun
from hippo_mem.relational.pronouns import Pronouns
from hippo_mem.relational.relation_words import light_relation
from hippo_mem.relational.statements import Phrase, Placed, Statement
from hippo_mem.relational.tuples import USER, Kind, Pattern, Tuple

_DIRECTIONS = {
    **{f"{w} of": f"{w}_of" for w in ("north", "south", "east", "west", "northeast", "northwest", "southeast",
                                      "southwest", "left", "right")},
    "above": "above", "below": "below", "over": "above", "beneath": "below",
}  # fmt: skip
_INTO = lex.word_set("to into in at inside onto home")
_THITHER = lex.word_set("to from into onto toward towards off through")
_HOME = lex.word_set("home upstairs downstairs outside inside abroad indoors outdoors overseas")
_AGE = re.compile(r"^([\w-]+)(?: (?:years?|months?|weeks?)(?: old)?)?$", re.IGNORECASE)
_HAVING_LIGHT = voc.LIGHT_NOUNS | lex.word_set(
    "breakfast lunch dinner supper meal drink coffee tea party meeting conversation chat fun time look problem trouble "
    "baby fight argument talk date picnic barbecue need"
)
_TO_SOMEBODY = re.compile(r"(.+?) to ((?:[A-Z]|(?:my|his|her|our|their|your) \w)[^,]*|me|him|her|us|them)$")
_RELEASED = voc.PUTTING - lex.word_set("park keep store hide hang plant bury lay set")
_CARRIED = lex.word_set("move bring carry take transfer deliver send return drive")
_PLACE_NOUNS = lex.word_set(
    "office kitchen house home school building room bedroom bathroom garden hallway park city town country village "
    "hospital library museum station airport hotel shop store restaurant cafe bar pub church gym theater theatre "
    "cinema beach garage cellar attic basement apartment flat market bank farm forest island lobby studio factory "
    "warehouse stadium pool campus classroom party meeting street balcony playground university college clinic harbor"
)
_LINKING = lex.word_set("become seem remain stay get feel look sound appear turn go grow")
_PLIED = re.compile(r"^(?:\S+ )?(\w+) as (.+)$")
_CHRISTENING = lex.word_set("christen baptize baptise nickname entitle title")
_STAFF = re.compile(r"^(?:staff|payroll) of (.+)$")
_HOMES = lex.word_set("home residence domicile")
_LEARNERS = lex.word_set("student pupil apprentice trainee")
_EVERY = re.compile(r"\b(every|each|usually|often|always|sometimes|never|daily|weekly|on \w+days)\b", re.IGNORECASE)
# Where somebody was once is not where they are, and what will be is not so yet.
_LONG_AGO = re.compile(r"\b(?:last (?!night)|ago\b)|\b(?:19|20)\d\d\b|^once\b", re.IGNORECASE)
_LATER = re.compile(r"\b(?:next|soon|starting|from|later)\b|\b(?:19|20)\d\d\b", re.IGNORECASE)
_NOT_YET = frozenset("lives_in works_at works_as studies_at is is_a name has owns job".split())


@dataclass(slots=True)
class Reader:
    """Turns the statements of one text into tuples, in order; keeps what the pronouns may stand for."""

    pronouns: Pronouns

    def read(self, statements: Iterable[Statement]) -> list[Tuple]:
        """All tuples of `statements`, each once."""
        found: dict[tuple[str, str, str, bool], Tuple] = {}
        for statement in statements:
            self.pronouns.next_clause()
            for made in self._one(statement):
                if made.head and made.tail and made.head != made.tail:
                    found.setdefault((made.head, made.relation, made.tail, made.negated), made)
        return list(found.values())

    def _names(self, phrases: Iterable[Phrase], said: Statement, *, subject: bool = False) -> list[Named]:
        named: list[Named] = []
        for phrase in phrases:
            for n in read_noun(phrase, self._resolve, said.speaker, subject=subject):
                named.append(n)
                self.pronouns.mention((n.name,), n.kind, subject=subject, plural=n.plural)
        if len(named) > 1:
            self.pronouns.mention(tuple(n.name for n in named), named[0].kind, subject=subject, plural=True)
        return named

    def _resolve(self, pronoun: str, subject: bool, possessive: bool) -> tuple[str, ...]:
        return self.pronouns.resolve(pronoun, subject=subject, possessive=possessive)

    def _one(self, said: Statement) -> Iterator[Tuple]:
        said = _with_receiver(said)
        clause = _Clause(said=said, subjects=self._names(said.subjects, said, subject=True))
        clause.agents = self._names(said.agents, said, subject=True)
        clause.objects = self._names(said.objects, said)
        clause.complements = [(p, self._names(p.phrases, said)) for p in said.complements]
        clause.places = [(p, self._names(p.phrases, said)) for p in said.places]
        clause.attributes = [(p, n) for p in said.attributes for n in read_noun(p, self._resolve, said.speaker)]
        made = [t for t in clause.tuples() if said.mood != "planned" or not _is_not_yet(t)]
        used = {name for t in made for name in (t.head, t.tail)}
        states = [s for n in clause.mentioned() for s in n.states]
        called = {t.head for t in made if t.relation == "name" and any(r.head == t.tail for r in made)}
        states = [s for s in states if not (s.head in called and s.relation.endswith("_of"))]
        owner = clause.subjects[0].name if clause.subjects and said.verb in ("have", "own", *voc.TAKING) else ""
        got = {n.name for n in clause.objects if n.indefinite} if owner else set()
        states = [
            replace(s, head=f"{owner}'s {s.head}")
            if s.head in got and (s.relation, s.pattern) == ("name", "label")
            else s
            for s in states
        ]
        naming = {s.head for s in states if s.relation == "name"}
        yield from made
        yield from clause.introduced()
        yield from (s for s in states if s.head in used | naming or s.tail in used)


@dataclass(slots=True)
class _Clause:
    """One clause with its phrases named."""

    said: Statement
    subjects: list[Named]
    objects: list[Named] = None  # type: ignore[assignment]
    agents: list[Named] = None  # type: ignore[assignment]
    complements: list[tuple[Placed, list[Named]]] = None  # type: ignore[assignment]
    places: list[tuple[Placed, list[Named]]] = None  # type: ignore[assignment]
    attributes: list[tuple[Phrase, Named]] = None  # type: ignore[assignment]

    def mentioned(self) -> Iterator[Named]:
        yield from (*self.subjects, *self.agents, *self.objects)
        for _, named in (*self.complements, *self.places):
            yield from named

    def introduced(self) -> Iterator[Tuple]:
        """`This is my colleague Farid`, and the members of a group that somebody has."""
        if self.said.verb == "be" and [p.text.lower() for p in self.said.subjects] in (["this"], ["that"]):
            yield from (s for _, n in self.attributes if n.proper for s in n.states)
        if self.said.verb == "have":
            for owner in self.subjects:
                for n in self.objects:
                    yield from (self.state(m, f"{n.role}_of", owner, "appositive") for m in n.members)

    # -- making one tuple

    def state(self, head: Named | str, relation: str, tail: Named | str, pattern: Pattern, *, place: str | None = None,
              negated: bool | None = None, tail_kind: Kind = "value", alternatives: bool = False) -> Tuple:  # fmt: skip
        """One statement with the clause's time, place and certainty."""
        said = self.said
        head_kind: Kind = head.kind if isinstance(head, Named) else "user" if head == USER else "thing"
        kind: Kind = tail.kind if isinstance(tail, Named) else tail_kind
        denied = said.negated or said.ended if negated is None else negated
        half = alternatives and not denied
        return Tuple(
            head=head.name if isinstance(head, Named) else head, relation=relation,
            tail=tail.name if isinstance(tail, Named) else tail, head_kind=head_kind, tail_kind=kind, negated=denied,
            place=self._place_text() if place is None else place, time_text=" ".join(said.times),
            conf=0.5 if half or said.mood == "possible" else 1.0, span=said.span, pattern=pattern,
        )  # fmt: skip

    def _place_text(self) -> str:
        """The place as told; "there" is left out: it is where the one who acts already is."""
        return " ".join(p.text for p, _ in self.places if p.text.lower() != "there")

    @property
    def _happened(self) -> bool:
        return self.said.mood == "told" and not self.said.negated

    # -- the kinds of clause

    def tuples(self) -> Iterator[Tuple]:
        said = self.said
        if said.existence or (said.verb == "be" and not said.passive and not self.objects):
            yield from self._being()
        elif said.passive and not self.agents:
            yield from self._undergone()
        else:
            if said.passive:
                self.objects, self.subjects = self.subjects, self.agents
            yield from self._doing("passive" if said.passive else None)

    def _being(self) -> Iterator[Tuple]:
        said = self.said
        many: Pattern = "conjunction" if len(self.subjects) > 1 else "copular"
        for subject in self.subjects:
            yield from self._is(subject, many)
            for placed, named in self.places:
                yield from self._is_at(subject, placed, named)
            for placed, named in self.complements:
                mutual = self._mutual_role(placed)
                for n in named:
                    relation = f"{mutual}_of" if mutual else _is_relation(said, placed.preposition)
                    yield self.state(subject, relation, n, "preposition")
            if said.times and not (self.places or self.attributes or said.qualities):
                relation = property_of(subject.noun) if subject.owner else ""
                when = _bare_time(" ".join(said.times))
                if relation:
                    yield replace(self.state(subject.owner, relation, when, many, tail_kind="time"), time_text="")
                else:
                    yield replace(self.state(subject, "date", when, many, tail_kind="time"), time_text="")

    def _mutual_role(self, placed: Placed) -> str:
        """ "is friends with Bo": the role that a plural names, empty for any other complement."""
        if placed.preposition != "with" or not self.said.attributes:
            return ""
        phrase = self.said.attributes[0]
        return voc.role_name(head_noun(phrase.single)) if phrase.single else ""

    def _is(self, subject: Named, pattern: Pattern) -> Iterator[Tuple]:
        said = self.said
        relation = property_of(subject.noun) if subject.owner else ""
        for quality in said.qualities:
            if any(p.phrases for p in said.complements):
                continue
            if relation:
                yield self.state(subject.owner, relation, quality, pattern)
            elif re.search(r"\b(years?|months?|weeks?) old$", quality) or (
                subject.kind in ("person", "user") and (quality.isdigit() or lex.is_number(quality.lower()))
            ):
                yield self.state(subject, "age", quality, pattern, tail_kind="number")
            else:
                yield self.state(subject, "is", quality, pattern, alternatives=said.alternatives)
        for phrase, value in self.attributes:
            if not any(self._mutual_role(placed) for placed, _ in self.complements):
                yield from self._equals(subject, relation, phrase, value, pattern)

    def _equals(self, subject: Named, relation: str, phrase: Phrase, value: Named, pattern: Pattern) -> Iterator[Tuple]:
        said = self.said
        role = voc.role_name(head_noun(subject.noun)) if subject.owner else ""
        if phrase.label and value.indefinite and not relation:  # "was a guy named Desmond"
            yield self.state(subject, "name", bare(phrase.label), "label", tail_kind=subject.kind)
            yield replace(self.state(subject, "is_a", value, pattern), tail_kind="thing")
            return
        if relation:
            yield self.state(subject.owner, relation, value, pattern)
        elif subject.owner and role and value.proper and not value.owner:
            yield self.state(subject.name, "name", value, pattern)
            yield self.state(value, f"{role}_of", subject.owner, pattern)
        elif subject.name in (USER, said.speaker, "this") and value.proper and not value.owner and not value.indefinite:
            yield self.state(subject, "name", value, pattern)
        elif subject.proper and not value.owner and value.proper and head_noun(value.name) in lex.COLORS:
            yield self.state(subject, "is", value, pattern)
        elif value.owner or not (value.indefinite or phrase.single):
            for made in identity(subject.name, subject.kind, value, said.span):
                yield replace(made, negated=said.negated or said.ended, time_text=" ".join(said.times),
                              pattern=pattern)  # fmt: skip
        else:
            yield self.state(subject, "is_a", phrase.single or value.name, pattern)

    def _is_at(self, subject: Named, placed: Placed, named: list[Named]) -> Iterator[Tuple]:
        preposition = placed.preposition.lower()
        if preposition in ("from", "about", "for"):
            yield from (self.state(subject, "from", n, "preposition", place="") for n in named)
            return
        trades = {head_noun(n.noun or n.name) for _, n in self.attributes if lex.is_trade(head_noun(n.noun or n.name))}
        plied = "studies_at" if trades & _LEARNERS else "works_at" if trades else "located_at"
        relation = _DIRECTIONS.get(preposition, plied)
        if subject.owner and relation == "located_at" and named and head_noun(subject.noun) in _HOMES:
            for n in named:
                made = self.state(subject.owner, "lives_in", n, "preposition", place="", tail_kind="place")
                yield replace(made, head_kind="user" if subject.owner == USER else "person", tail_kind="place")
            return
        several = placed.alternatives or self.said.alternatives
        if preposition in _HOME or not named:
            where = preposition if preposition in _HOME else ""
            if where:
                yield self.state(subject, relation, where, "preposition", place=placed.text, tail_kind="place")
            return
        for n in named:
            if relation == "located_at" and (staff := _STAFF.match(n.name)):
                yield self.state(subject, "works_at", bare(staff[1]), "preposition", place="", tail_kind="thing")
                continue
            made = self.state(subject, relation, n, "preposition", place=placed.text, alternatives=several)
            yield replace(made, tail_kind="place" if n.kind == "thing" and relation == "located_at" else n.kind)

    def _undergone(self) -> Iterator[Tuple]:
        """A passive that does not say who did it."""
        said = self.said
        verb = "_".join(filter(None, (said.participle, said.particle.replace(" ", "_"))))
        for subject in self.subjects:
            any_found = False
            for placed, named in (*self.places, *self.complements):
                for n in named:
                    any_found = True
                    known = voc.canonical(said.verb, placed.preposition)
                    relation = known if known != f"{said.verb}_{placed.preposition}" else f"{verb}_{placed.preposition}"
                    if said.verb in voc.PUTTING and placed.preposition not in _THITHER and self._happened:
                        relation = "located_at"
                    yield self.state(subject, relation, n, "passive", place=placed.text)
                    if self._is_carried(subject, placed, n):
                        made = self.state(subject, "located_at", n, "movement", place=placed.text)
                        yield replace(made, tail_kind="place")
            for k, when in enumerate(said.times):
                preposition, _, rest = when.partition(" ")
                dated = rest and preposition in lex.TIME_PREPOSITIONS | {"to"}
                if said.verb in ("bear",) or (not any_found and dated):
                    any_found = True
                    relation = "born_on" if said.verb == "bear" else f"{verb}_{preposition}"
                    whole = " ".join((rest, *said.times[k + 1 :])) if preposition == "to" else _bare_time(when)
                    made = self.state(subject, relation, whole, "passive", tail_kind="time")
                    yield replace(made, time_text="", place="")
            for label in said.attributes:  # "was christened Milo"; "am left-handed" and "was elected" name nobody
                any_found = True
                if voc.canonical(said.verb) == "name" or said.verb in _CHRISTENING:
                    yield self.state(subject, "name", bare(label.text), "label", tail_kind=subject.kind)
            if self.objects:  # "was awarded a medal"
                any_found = True
                yield from (self.state(subject, f"{verb}", n, "passive") for n in self.objects)
                if said.verb in voc.GIVING and self._happened:
                    yield from (self.state(subject, "has", n, "holding") for n in self.objects)
            if not any_found:
                yield self.state(subject, "is", verb.replace("_", " "), "passive")

    def _is_carried(self, subject: Named, placed: Placed, to: Named) -> bool:
        """ "The key was moved to the shed": it is there now."""
        goes = self.said.verb in _CARRIED and placed.preposition in ("to", "into", "onto")
        return goes and self._happened and subject.kind != "person" and to.kind not in ("time", "number", "person")

    def _doing(self, forced: Pattern | None) -> Iterator[Tuple]:
        said = self.said
        if said.verb == "be" and not said.passive:
            return  # "is off to do it": neither what is what nor an event
        verb = "_".join(filter(None, (said.verb, said.particle.replace(" ", "_"), said.chain.replace(" ", "_"))))
        many: Pattern = "conjunction" if len(self.subjects) > 1 or len(self.objects) > 1 else "svo"
        pattern = forced or many
        become = said.verb in ("become",) and not said.chain
        for subject in self.subjects:
            if light := [made for thing in self.objects for made in self._light(subject, thing)]:
                yield from light
                continue
            for phrase, value in self.attributes:  # "became a judge"
                yield from self._equals(subject, "", phrase, value, "copular")
            for quality in said.qualities:
                if said.verb in _LINKING and not said.chain:
                    yield self.state(subject, "is", quality, "copular")
            for thing in self.objects:
                if become:
                    yield self.state(subject, "is_a", thing, "copular")
                    if lex.is_trade(head_noun(thing.name)):  # and no longer what it was before
                        yield replace(self.state(subject, "works_as", thing, "copular"), tail_kind="thing")
                    continue
                yield self.state(subject, self._relation(verb, thing), thing, pattern,
                                 alternatives=said.alternatives)  # fmt: skip
            yield from self._phrases(subject, verb)
            kept = said.verb in ("keep", "store", "hide") and said.mood == "habit" and not said.negated
            if self._happened or kept:
                yield from self._effects(subject, verb)

    def _light(self, subject: Named, thing: Named) -> Iterator[Tuple]:
        """ "has a job at the clinic", "makes her home in Lund", "has Ana as a boss": verb and noun are one relation."""
        said = self.said
        if said.chain or said.passive:
            return
        if (plied := _PLIED.match(thing.name)) and light_relation(said.verb, plied[1], "as"):
            yield self.state(subject, "works_as", bare(plied[2]), "preposition", place="", tail_kind="thing")
            return
        for placed, named in (*self.places, *self.complements):
            relation = light_relation(said.verb, head_noun(thing.noun or thing.name), placed.preposition.lower())
            if relation:
                for n in named:
                    yield self.state(subject, relation, n, "preposition", place="")
            elif placed.preposition == "as" and said.verb == "have" and thing.kind in ("person", "thing"):
                for n in named:
                    if role := voc.role_name(head_noun(n.noun or n.name)):
                        yield self.state(thing, f"{role}_of", subject, "svo", place="")

    def _relation(self, verb: str, thing: Named) -> str:
        relation = voc.canonical(verb)
        if relation == "name":  # "I call my father" names nobody: whose name is told is a label of the object
            return "telephone" if verb == "call" else "choose_name_of"
        if relation == "has" and head_noun(thing.name) in _HAVING_LIGHT:
            return verb
        if voc.state_only(relation) and self.said.mood != "habit":
            return verb
        return relation

    def _phrases(self, subject: Named, verb: str) -> Iterator[Tuple]:
        """What the prepositional phrases of an event state besides it."""
        said = self.said
        any_found = bool(self.objects)
        for placed, named in self.complements:
            any_found = any_found or bool(named)
            relation = voc.canonical(verb, placed.preposition)
            for n in named:
                yield self.state(subject, relation, n, "preposition")
        moving = (verb in voc.MOVING or said.verb in voc.MOVING) and not self.objects
        for placed, named in self.places:
            away = placed.preposition.split(" ")[-1] in _THITHER
            known = voc.canonical(verb, placed.preposition)
            away = away and not (said.passive and placed.preposition == "from")
            listed = known != f"{verb}_{'_'.join(placed.preposition.split())}"
            if (any_found and not (away or listed or moving)) or placed.text.lower() == "there":
                continue
            any_found = any_found or bool(named)
            if not named and placed.preposition in _HOME:
                relation = voc.canonical(verb, "in") if listed or verb == "live" else verb
                yield self.state(subject, relation, placed.preposition, "preposition", place="", tail_kind="place")
            for n in named:
                made = self.state(subject, known, n, "preposition", place=placed.text if listed else "",
                                  alternatives=placed.alternatives or said.alternatives)  # fmt: skip
                yield replace(made, tail_kind="place" if n.kind == "thing" else n.kind)
        lasting = verb in ("die",)
        if said.times and (not any_found or lasting) and not (said.qualities or self.attributes):
            for when in said.times[:1]:
                preposition, _, rest = when.partition(" ")
                whole = " ".join((when, *said.times[1:]))
                dated = preposition.lower() in lex.TIME_PREPOSITIONS and bool(rest)
                relation = "died_on" if lasting else voc.canonical(verb, preposition.lower() if dated else "")
                if not dated and not lex.is_time_word(when.split(" ")[-1].lower()):
                    continue
                made = self.state(subject, relation, _bare_time(whole), "preposition", tail_kind="time")
                yield replace(made, time_text="")

    def _effects(self, subject: Named, verb: str) -> Iterator[Tuple]:
        """Where people and things are, and who has what, after the event."""
        said = self.said
        if said.chain:
            return
        goals = [(p, n) for p, named in self.places for n in named if _is_goal(p)]
        homes = [p for p, named in self.places if not named and p.preposition in _HOME]
        moving = (verb in voc.MOVING or said.verb in voc.MOVING) and not self.objects
        if moving and not goals and said.verb in ("move", "relocate"):  # a town, even if it looks like a name
            goals = [
                (p, n) for p, named in self.complements for n in named if p.preposition == "to" and n.name[:1].isupper()
            ]
        if moving and not _EVERY.search(" ".join(said.times)):
            yield from self._arrival(subject, goals, homes)
        receivers = [n for p, named in self.complements if p.preposition == "to" for n in named]
        receivers += [  # "gave the drill back to me"
            n for p, named in self.places if p.preposition == "to" for n in named if n.kind in ("person", "user")
        ]
        for thing in self.objects:
            noun = head_noun(thing.name)
            if noun in voc.LIGHT_NOUNS or thing.kind in ("time", "number"):
                continue
            if verb == "leave" and (noun in _PLACE_NOUNS or thing.kind == "place"):
                yield self.state(subject, "located_at", thing, "movement", negated=True, place="")
                continue
            if thing.kind == "person" or property_of(thing.noun) or noun in ("job", "work"):
                continue
            giving = said.verb in voc.GIVING or verb in voc.GIVING
            lasting = said.verb != "bring" or any(p.text.startswith("back") for p, _ in self.places)
            if verb in voc.DROPPING or (giving and receivers and lasting) or (
                verb in _RELEASED and self.places
            ):  # fmt: skip
                yield self.state(subject, "has", thing, "holding", negated=True, place="")
            elif verb in voc.TAKING and not (verb in ("find", "keep", "carry", "win") and said.mood == "habit"):
                yield self.state(subject, "has", thing, "holding", place="")
            if giving and receivers:
                yield from (replace(self.state(r, "has", thing, "holding", place="")) for r in receivers)
            putting = said.verb in voc.PUTTING
            for placed, n in [(p, n) for p, named in self.places for n in named]:
                if (putting and placed.preposition not in ("from", "off")) or (
                    said.verb in _CARRIED and placed.preposition in ("to", "into")
                ):
                    made = self.state(thing, "located_at", n, "holding", place=placed.text)
                    yield replace(made, tail_kind="place")

    def _arrival(self, subject: Named, goals: list[tuple[Placed, Named]], homes: list[Placed]) -> Iterator[Tuple]:
        said = self.said
        for placed, n in goals:
            settling = said.verb in ("move", "relocate") and n.name[:1].isupper() and "'s" not in n.name
            relation = "lives_in" if settling else "located_at"
            if n.kind == "time" or (not settling and _LONG_AGO.search(" ".join(said.times))):
                continue  # "last summer we went to Spain": nobody is there still
            made = self.state(subject, relation, n, "movement", place=placed.text,
                              alternatives=placed.alternatives or said.alternatives)  # fmt: skip
            yield replace(made, tail_kind="place")
        for placed in homes[:1]:
            yield self.state(subject, "located_at", placed.preposition, "movement", place=placed.text,
                             tail_kind="place")  # fmt: skip


def _is_not_yet(planned: Tuple) -> bool:
    """Whether what is planned would be told as a state of now: "Tom will be my boss"; a date is one of what will be."""
    if planned.relation in _NOT_YET or planned.relation.endswith("_of"):
        return True
    return planned.relation == "located_at" and _LATER.search(planned.time_text) is not None


def _with_receiver(said: Statement) -> Statement:
    """ "Lent the spare key to Ben": whoever is given something is no part of it, as the parser sometimes has it."""
    if said.verb not in voc.GIVING or len(said.objects) != 1 or said.complements:
        return said
    (thing,) = said.objects
    if (found := _TO_SOMEBODY.match(thing.text)) is None:
        return said
    receiver = Placed(preposition="to", phrases=(Phrase(text=found[2], kind="person"),), text=f"to {found[2]}")
    return replace(said, objects=(replace(thing, text=found[1]),), complements=(receiver,))


def _is_goal(placed: Placed) -> bool:
    return placed.preposition.split(" ")[-1].lower() in _INTO


def _is_relation(said: Statement, preposition: str) -> str:
    quality = said.qualities[0].split(" ")[-1].lower() if said.qualities else ""
    if quality == "married" and preposition == "to":
        return "spouse"
    if not quality:
        return {"from": "from", "like": "like"}.get(preposition, f"is_{preposition}")
    return f"{quality}_{'_'.join(preposition.split())}"


def _bare_time(when: str) -> str:
    """`on the 3rd of June` gives `3rd of June`; what tells a stretch ("since 2010") stays."""
    first, _, rest = when.partition(" ")
    return bare(rest) if rest and first.lower() in ("on", "in", "at") else bare(when)
