"""What a question asks for, and which of a memory's words could answer it.

`asked` reads the question word ("where", "which color", "how many"); `fillers` gives the parts of a frame that
could stand in its place, `spans` every other phrase of the text. Knows nothing of scores, stores or models.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from hippo_mem.relational import lexicon as lex
from hippo_mem.relational import verbs
from hippo_mem.relational.frames import Frame
from hippo_mem.relational.phrases import is_person, is_time, phrase_tokens, shortest, text_of

Wanted = Literal[
    "who", "whose", "what", "where", "when", "count", "amount", "color", "age", "job", "name", "how_long", "why", "how",
    "how_often", "measure", "truth",
]  # fmt: skip

_NOUNS: dict[str, Wanted] = {}
for _wanted, _nouns in (
    ("where", "place location spot city town country street room venue area region village address site state"),
    ("when", "day time date month year period season hour weekday moment week decade part"),
    ("who", "person man woman individual guy people human someone somebody whom"),
    ("color", "color colour shade hue"),
    ("count", "number count amount quantity"),
    ("age", "age"),
    ("job", "job profession occupation trade work living career"),
    ("name", "name"),
):
    for _noun in _nouns.split():
        _NOUNS[_noun] = _wanted  # type: ignore[assignment]
_MEASURED = (
    "tall|high|far|big|large|heavy|fast|wide|deep|thick|warm|hot|cold|expensive|loud|strong|steep|small|late|early"
)
_WH = re.compile(
    r"\b(how many|how much|how old|how long|how often|how frequently|how come|why|"
    rf"how (?:{_MEASURED})|who|whom|whose|where|when|which|what|how)\b",
    re.IGNORECASE,
)
_ASKS_TRUTH = re.compile(
    r"^(?:is|are|am|was|were|do|does|did|have|has|had|can|could|will|would|should|must|"
    r"isn't|aren't|wasn't|don't|doesn't|didn't|haven't|hasn't|can't|won't)\b",
    re.IGNORECASE,
)
_DIRECT: dict[str, Wanted] = {
    "how many": "count", "how much": "amount", "how old": "age", "how long": "how_long", "who": "who", "whom": "who",
    "whose": "whose", "where": "where", "when": "when", "why": "why", "how come": "why", "how": "how",
    "how often": "how_often", "how frequently": "how_often",
    **{f"how {adjective}": "measure" for adjective in _MEASURED.split("|")},
}  # fmt: skip
_AFTER = re.compile(r"^\W*(?:(?:exact|precise|certain|kind of|sort of|type of)\s+)?([A-Za-z]+)", re.IGNORECASE)
_COPULA = re.compile(r"^\W*(?:is|was|are|were|'s)\s+(?:the|my|our|his|her|their|your)?\s*([A-Za-z]+)", re.IGNORECASE)
_NAMING = re.compile(r"\b(called|named|name)\b", re.IGNORECASE)
_JOB = re.compile(r"\b(for a living|job|profession|occupation|work as|earn)\b", re.IGNORECASE)
# Everyday words for one thing, so that a question in other words still meets its memory.
_CONCEPTS = {
    word: concept
    for concept, members in {
        "favorite": "favorite favourite favor like love prefer enjoy adore",
        "work": "work job profession occupation employ employment career living trade",
        "food": "food dish eat meal cuisine",
        "bear": "bear born birth birthplace",
        "mother": "mother mom mum mama", "father": "father dad papa",
        "live": "live reside residence home", "doctor": "doctor physician", "car": "car vehicle automobile",
        "phone": "phone mobile cellphone smartphone", "move": "move relocate", "buy": "buy purchase",
        "marry": "marry wedding marriage", "child": "child kid", "trip": "trip journey travel fly flight",
        "visit": "visit", "meet": "meet meeting", "begin": "begin start", "wear": "wear shoe",
        "intolerance": "intolerance intolerant", "allergy": "allergy allergic", "tall": "tall height",
        "heavy": "heavy weight weigh", "cost": "cost price",
    }.items()
    for word in members.split()
}  # fmt: skip
_ENTITIES = {
    "MONEY": "money", "PERSON": "person", "DATE": "time", "TIME": "time", "GPE": "place", "LOC": "place",
    "FAC": "place",
}  # fmt: skip
_STOP = lex.word_set(
    "best most kind sort type "
    "i me my mine myself we us our you your he him his she her it its they them their a an the this that these those "
    "am is are was were be been being do does did done have has had will would can could shall should may might must "
    "and or but so if then of to in on at for with about as by from not no n't 's ' what who whom whose how why when "
    "where which tell say know name please remind exactly certain item object thing person place time day somebody "
    "someone something somewhere get got happen remember forget give could there"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked for, and the question's own words: content lemmas, and the names among them."""

    wanted: Wanted
    words: frozenset[str]
    names: frozenset[str]
    prepositions: frozenset[str]
    noun: str  # the noun after "which", "what" or "how many"; empty where there is none
    first_person: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Filler:
    """A span that may answer: its text, its role in the memory ("who", "what", ..., "phrase"), whose frame."""

    text: str
    role: str
    kind: str = ""  # person | time | place | color | number | ""


def concept(word: str) -> str:
    """The word that stands for everyday words of one thing: "purchase" gives "buy"; others stand for themselves."""
    return _CONCEPTS.get(word, word)


def lemmas(doc: Any) -> frozenset[str]:
    """Content lemmas of a parsed text, lower case, spelled one way; a verb's irregular past meets its base."""
    found = set()
    for t in doc:
        word = t.lower_ if t.pos_ == "PROPN" else verbs.base_of(t.lower_, t.lemma_)
        if not (t.is_punct or t.is_space or t.lower_ in _STOP or word in _STOP):
            word = word.replace("colour", "color").replace("favour", "favor").replace("neighbour", "neighbor")
            found.add(concept(word))
            if word in lex.PETS:
                found.add("pet")
            if t.pos_ == "NOUN" and lex.is_trade(word):
                found.add("work")
    return frozenset(found)


def asked(doc: Any) -> Asked:
    """Read a parsed question."""
    text = doc.text
    found = list(_WH.finditer(text))
    # "When Tom sold the car, who was there?": the question proper follows the comma.
    later = [m for m in found if re.search(r"[,;:.]\s*(\w+\s+)?$", text[: m.start()])]
    start = later[-1] if later and found and found[0].start() == 0 and found[0][1].lower() == "when" else None
    match = start or (found[0] if found else None)
    wanted: Wanted = "what"
    noun = ""
    if match is not None:
        word, rest = match[1].lower(), text[match.end() :]
        if word in _DIRECT:
            wanted = _DIRECT[word]
            after = _AFTER.match(rest)
            if wanted == "how" and _NAMING.search(rest):
                wanted = "name"
            noun = after[1].lower() if after and wanted == "count" else ""
        else:
            after, copula = _AFTER.match(rest), _COPULA.match(rest)
            noun = _head_noun(doc, match.end(), after[1].lower()) if after else ""
            key = noun if noun in _NOUNS else copula[1].lower() if copula else ""
            if key not in _NOUNS:  # "What is the birth year of ...": the head of the first noun phrase
                key = next((c.root.lower_ for c in doc.noun_chunks if c.root.idx >= match.end()), "")
                key = key if copula and re.match(rf"\W*\w+\s+([\w']+\s+){{0,3}}{re.escape(key)}\b", rest) else ""
            wanted = _NOUNS.get(key, "what")
            if wanted in ("what", "name") and re.search(r"\b(person|one|man|woman) (who|that)\b", rest):
                wanted = "who"
            elif wanted == "what" and _NAMING.search(rest):
                wanted = "name"
            elif wanted == "what" and _JOB.search(rest):
                wanted = "job"
            if noun and not (noun in _NOUNS or _noun_like(doc, match.end())):
                noun = ""
    elif _ASKS_TRUTH.match(text):
        wanted = "truth"
    else:
        key = next((t.lower_ for t in doc if t.lower_ in _NOUNS), "")
        wanted = _NOUNS.get(key, "what")
    names = frozenset(t.lower_ for t in doc if t.pos_ == "PROPN" and t.lower_ not in _STOP and not is_time(t))
    loose = frozenset(t.lower_ for t in doc if t.pos_ == "ADP")
    first = any(t.lower_ in ("i", "my", "me", "we", "our", "us", "mine") for t in doc)
    # The word that only names the kind of answer ("color", "year") need not stand in the memory.
    words = frozenset(
        w
        for w in lemmas(doc)
        if (_NOUNS.get(w) != wanted or wanted == "job") and not (wanted == "name" and w == "call")
    )
    noun = "" if noun in names else noun  # "what Hamid buried": he is no kind of thing
    return Asked(wanted=wanted, words=words, names=names, noun=noun, first_person=first, prepositions=loose)


def _head_noun(doc: Any, at: int, first: str) -> str:
    """ "intolerance" of "what food intolerance do I have": the last of the nouns that follow the question word."""
    tokens = [t for t in doc if t.idx >= at and t.lower_ == first][:1]
    if first in _NOUNS or not tokens or tokens[0].pos_ not in ("NOUN", "PROPN", "ADJ"):
        return first
    last = tokens[0]
    while last.i + 1 < len(doc) and last.nbor().pos_ == "NOUN" and last.nbor().lower_ not in _NOUNS:
        last = last.nbor()
    return str(last.lower_)


def _noun_like(doc: Any, at: int) -> bool:
    token = next((t for t in doc if t.idx > at), None)
    return token is not None and token.pos_ in ("NOUN", "PROPN", "ADJ")


def fillers(frame: Frame) -> Iterable[Filler]:
    """The parts of a frame in their shortest form, each with its role."""
    if frame.subject:
        role = "topic" if frame.kind != "event" and frame.attribute and frame.subject_kind != "person" else "who"
        yield Filler(text=frame.subject, role=role, kind="person" if frame.subject_kind == "person" else "")
    if frame.object:
        yield Filler(text=frame.object, role="what", kind="person" if frame.object_kind == "person" else "")
    if frame.attribute:
        role = "name" if frame.kind == "name" else "is"
        yield Filler(text=frame.attribute, role=role, kind="person" if frame.attribute_kind == "person" else "")
    if frame.where:
        yield Filler(text=shortest(frame.where, "where"), role="where", kind="place")
    if frame.when:
        yield Filler(text=shortest(frame.when, "when"), role="when", kind="time")
    for preposition, phrase in frame.complements:
        yield Filler(text=phrase, role=preposition)


def spans(doc: Any) -> Iterable[Filler]:
    """Every noun phrase, entity, number and color word of a parsed text, at most six words each."""
    for chunk in doc.noun_chunks:
        if chunk.root.pos_ == "PRON":
            continue
        text = text_of(phrase_tokens(chunk.root)) if len(chunk) > 6 else text_of(list(chunk))
        if text and len(text.split()) <= 6:
            kind = "time" if is_time(chunk.root) else "person" if is_person(chunk.root) else ""
            yield Filler(text=text, role="phrase", kind=kind)
    for entity in doc.ents:
        if len(entity) <= 6:
            yield Filler(text=entity.text, role="phrase", kind=_ENTITIES.get(entity.label_, ""))
    for token in doc:
        if token.lower_ in lex.COLORS:
            yield Filler(text=token.text, role="phrase", kind="color")
        elif token.like_num or token.lower_ in lex.NUMBER_WORDS:
            yield Filler(text=token.text, role="phrase", kind="number")
        elif token.dep_ == "poss" and token.pos_ in ("PROPN", "NOUN"):
            yield Filler(text=text_of(phrase_tokens(token, [c for c in token.children if c.dep_ == "case"])),
                         role="owner", kind="owner")  # fmt: skip
        elif token.tag_ == "NNP" and token.ent_type_ == "":
            yield Filler(text=token.text, role="phrase", kind="person")
