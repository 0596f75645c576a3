"""From what a sentence says to the questions a night asks about it, each with its shortest answer.

Frames in, `Question`s out, in three disjoint sets of wordings (train, stop, verify). First-person sentences are
asked as their teller will ask ("What is my favorite color?"). What could not be framed is asked as a cloze. Knows
nothing of stores, models or training.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from hippo_mem.relational import lexicon as lex
from hippo_mem.relational.frames import Frame
from hippo_mem.relational.phrases import shortest
from hippo_mem.relational.wording import (
    Wording,
    agreement,
    be_form,
    genitive,
    head_noun,
    names_somebody,
    objective,
    past_third,
    possessive,
)
from hippo_mem.sleep import phrasings

Set = Literal["train", "stop", "verify"]
SETS: dict[Set, phrasings.Phrasings] = {
    "train": phrasings.TRAIN, "stop": phrasings.STOP, "verify": phrasings.VERIFY,
}  # fmt: skip
# Verbs of state: "What was had by me?" is not English.
_NO_PASSIVE = lex.word_set("have be want need mean cost fit weigh lack like love hate prefer enjoy become resemble")
_NUMBER = re.compile(r"^([A-Za-z-]+|[\d.,]+)\s+(.+)$")
_NAME_OF = re.compile(r"^(?:the )?name of (.+)$|^(.+?)(?:'s|\u2019s|') name$", re.IGNORECASE)
_FAVORITE = re.compile(r"^(my|our|his|her|their|.+?'s?) (?:favou?rite|preferred) (.+)$")
_OWNERS = {"my": "I", "our": "we", "his": "he", "her": "she", "their": "they"}
_AGE = re.compile(r"^(\S+(?: and a half)?)(?: years? old| years?)?$")
_PERSON_OBJECT = (
    ("Which thing", "Who"), ("which thing", "who"), ("What item", "Who"), ("something", "someone"), ("thing", "person"),
    ("What", "Who"), ("what", "who"), ("was it?", "was that?"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question of a night. `raw` prompts are plain text to be continued by a space and the answer; all others
    are put as a user's turn. `fact_id` is the id of the memory it asks about."""

    prompt: str
    answer: str
    slot: str
    set: Set
    fact_id: int = 0
    raw: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ask:
    """One thing to ask: a family of phrasings, the words for it, the answer and the slot it is counted under."""

    family: str
    slot: str
    answer: str
    wording: Wording
    person: bool = False  # the object is somebody: "what" becomes "who"


def questions(
    text: str, frames: Sequence[Frame], *, slots: Collection[str] | None = None, fact_id: int = 0
) -> list[Question]:
    """All questions about `text`, each wording once.

    Args:
        slots: ask only for these ("what", "where", "when", "who", "is", "name", "cloze"); None for all.
    """
    asks = [a for f in frames if not (f.negated and f.kind != "event") for a in _asks(f)]
    found: dict[tuple[str, bool], Question] = {}
    for ask in asks:
        if ask.answer:
            _put(found, ask, fact_id)
    prefix, rest = cloze(text, frames)
    if prefix:
        if not found:
            words = Wording(fields={"prefix": prefix})
            _put(found, _Ask(family="cloze", slot="cloze", answer=rest, wording=words), fact_id)
        for begun, end in _cuts(prefix, rest):
            found[begun, True] = Question(
                prompt=begun, answer=end, slot="cloze", set="train", fact_id=fact_id, raw=True
            )
    return [q for q in found.values() if not slots or q.slot in slots]


def _put(found: dict[tuple[str, bool], Question], ask: _Ask, fact_id: int) -> None:
    for name, sets in SETS.items():
        for phrasing in sets.get(ask.family.removesuffix("_there"), ()):
            if ask.family.endswith("_there") and "{where}" not in phrasing:
                continue  # "When did Alice go?" asks too little
            if ask.person and ask.slot == "what":
                for old, new in _PERSON_OBJECT:
                    phrasing = phrasing.replace(old, new)
            prompt = ask.wording.fill(phrasing)
            if prompt is not None and (prompt, False) not in found:
                found[prompt, False] = Question(
                    prompt=prompt, answer=ask.answer, slot=ask.slot, set=name, fact_id=fact_id
                )


def statements(text: str, frames: Sequence[Frame]) -> list[str]:
    """`text` itself first, then what it says in other orders."""
    found = [text.strip()]
    for frame in frames:
        if frame.negated:
            continue
        if frame.kind == "event":
            wording = _event_wording(frame)
            if frame.subject_kind == "thing" or frame.subject_plural:  # "It was the train who" is not English
                wording = replace(wording, fields={**wording.fields, "person": ""})
            full = bool(frame.object and frame.where and frame.when and frame.subject)
            family = phrasings.STATEMENTS if full else phrasings.SHORT_STATEMENTS["event" if frame.object else "go"]
        elif frame.attribute and frame.attribute_kind != "quality" and not _bare_kind(frame):
            wording = _be_wording(frame, attribute=frame.attribute)
            family = phrasings.SHORT_STATEMENTS["name" if frame.kind == "name" else "is"]
        else:
            continue
        bound = (p.replace("It was {who}", "It was {person}") for p in family)
        found += [s for s in map(wording.fill, bound) if s]
    kept: dict[str, str] = {}
    for statement in found:
        kept.setdefault(_key(statement), statement)
    return list(kept.values())


def ambiguous_cues(asked: Iterable[Question]) -> list[Question]:
    """The questions whose cue has one answer among all that are given; order kept.

    "What did Carol find?" goes when Carol found two things, "What did Carol find in the attic?" stays.
    """
    asked = list(asked)
    answers: dict[tuple[str, bool], set[str]] = defaultdict(set)
    for q in asked:
        answers[_key(q.prompt), q.raw].add(_key(q.answer))
    return [q for q in asked if len(answers[_key(q.prompt), q.raw]) == 1]


def _bare_kind(frame: Frame) -> bool:
    """Whether `A nurse is Carol` or `Red is my car` would come of turning the sentence round."""
    value = frame.attribute
    swaps = not re.match(r"(an?|not) ", value) and frame.subject_kind != "first"
    colored = value.lower() in lex.COLORS and not re.search(r"colou?r|favou?rite", frame.subject)
    spelled = value[0].islower() and any(c.isdigit() for c in value)  # a password keeps its case
    return not swaps or colored or spelled


def _key(text: str) -> str:
    return " ".join(w for w in re.sub(r"[^\w\s]", " ", text.casefold()).split() if w not in ("a", "an", "the"))


def cloze(text: str, frames: Sequence[Frame]) -> tuple[str, str]:
    """A statement cut before its last phrase, and that phrase; two empty strings where it is too short to cut."""
    line = text.strip().splitlines()[-1].strip() if text.strip() else ""
    if line.endswith("?"):
        return "", ""
    body = line.rstrip(" .!")
    ends = [shortest(f.when, "when") for f in frames] + [shortest(f.where, "where") for f in frames]
    ends += [p for f in frames for p in (f.object, f.attribute, *(c for _, c in f.complements))]
    fits = [e for e in ends if e and body.casefold().endswith(e.casefold()) and len(e) < len(body)]
    if fits:
        answer = body[len(body) - len(max(fits, key=len)) :]
    else:
        words = body.split(" ")
        if len(words) < 3:
            return "", ""
        cut = next((i for i in range(len(words) - 1, max(0, len(words) - 4), -1)
                    if words[i - 1].lower() in lex.PLACE_PREPOSITIONS | {"is", "are", "was", "the", "a", "an", "of"}),
                   len(words) - 1)  # fmt: skip
        answer = " ".join(words[cut:])
    prefix = body[: len(body) - len(answer)].rstrip()
    return (prefix, answer) if len(prefix.split()) >= 2 else ("", "")


def _cuts(prefix: str, rest: str) -> list[tuple[str, str]]:
    """Where the text may break off: before its last phrase, and before that phrase's last word."""
    begun, _, last = rest.rpartition(" ")
    return [(prefix, rest), *([(f"{prefix} {begun}", last)] if begun else [])]


# What is asked about one frame ------------------------------------------------------------------------------------


def _asks(frame: Frame) -> Iterable[_Ask]:
    return _event_asks(frame) if frame.kind == "event" else _be_asks(frame)


def _event_wording(frame: Frame, **extra: str) -> Wording:
    who = frame.subject
    stative = frame.base.split(" ")[0] in _NO_PASSIVE or frame.negated
    source = frame.where.startswith("from ") and not frame.object
    tail = " from" if source else ""
    fields = {
        "who": who, "who_object": objective(who), "base": frame.base + tail, "bare": (frame.bare or frame.base) + tail,
        "past": frame.past + tail, "past_third": past_third(frame) + tail,
        "participle": "" if stative else frame.participle, "what": objective(frame.object) if who else frame.object,
        "where": frame.where, "when": frame.when, "person": who, "thing": f" {frame.object}" if frame.object else "",
        **extra,
    }  # fmt: skip
    if source:
        fields["where"] = frame.where[5:]
    return Wording(
        fields=fields, agrees=agreement(who, frame.subject_plural), tense=frame.tense, do=frame.do,
        object_plural=frame.object_plural, object_first=frame.object == "I",
    )  # fmt: skip


def _event_asks(frame: Frame) -> Iterable[_Ask]:
    wording = _event_wording(frame)
    named = frame.subject_kind == "person" and frame.subject.lower() not in lex.PRONOUNS and not frame.negated
    where, when = shortest(frame.where, "where"), shortest(frame.when, "when")
    has_object = bool(frame.object)
    counted = _NUMBER.match(frame.object)
    count = bool(counted and frame.subject and lex.is_number(counted[1].lower()) and counted[1].lower() != "one")
    if counted and count:
        yield _Ask(family="count", slot="count", answer=counted[1], wording=_event_wording(frame, head=counted[2]))
    pet = frame.base in ("have", "own") and head_noun(frame.object) in lex.PETS
    if pet:
        yield _pet(frame.subject, frame.subject_plural, frame.object)
    cues = bool(where or when)
    if has_object and frame.subject and (cues or not (pet or (count and frame.base == "have"))):
        family = "what" if cues else "state"
        yield _Ask(family=family, slot="what", answer=frame.object if frame.object != "I" else "", wording=wording,
                   person=frame.object_kind == "person")  # fmt: skip
    if has_object and not frame.subject:
        yield from _done_asks(frame, wording, where, when)
        return
    if not frame.negated:
        yield _Ask(family="where" if has_object else "go_where", slot="where", answer=where, wording=wording)
        lasting = frame.when.startswith(("since ", "until ", "till "))
        goes = frame.where.startswith(("to ", "into ", "from "))
        family = "when" if has_object else "go_when_there" if goes else "go_when"
        yield _Ask(family=family, slot="when", answer="" if lasting else when, wording=wording)
    if named:
        yield _Ask(family="who" if has_object else "go_who", slot="who", answer=frame.subject, wording=wording)
    for preposition, phrase in frame.complements:
        if preposition == "as" and frame.base == "work":
            yield _job(frame, phrase)
        elif preposition in ("with", "to", "for", "from") and names_somebody(phrase):
            yield _Ask(family="whom", slot="whom", answer=phrase, wording=_event_wording(frame, prep=preposition))


def _done_asks(frame: Frame, wording: Wording, where: str, when: str) -> Iterable[_Ask]:
    """A passive whose doer is not told: what was done, where and when."""
    if frame.object != "I":
        yield _Ask(family="done_what", slot="what", answer=frame.object, wording=wording)
    yield _Ask(family="done_where", slot="where", answer=where, wording=wording)
    yield _Ask(family="done_when", slot="when", answer=when, wording=wording)


def _be_wording(frame: Frame, **extra: str) -> Wording:
    who = frame.subject
    agrees = agreement(who, frame.subject_plural)
    tense = "past" if frame.tense == "past" else "present"
    fields = {
        "who": who, "who_object": objective(who), "whose": possessive(who), "be": be_form(agrees, tense),
        "it": "they" if agrees == "plural" else "it", "other": genitive(who), **extra,
    }  # fmt: skip
    return Wording(fields=fields, agrees=agrees)


def _be_asks(frame: Frame) -> Iterable[_Ask]:
    wording, who = _be_wording(frame), frame.subject
    if who.lower() in lex.PRONOUNS - {"i", "we", "you"} or not who:
        return
    if frame.where:
        source = frame.where.startswith("from ")
        yield _Ask(family="be_from" if source else "be_where", slot="where", answer=shortest(frame.where, "where"),
                   wording=wording)  # fmt: skip
    if frame.when and not frame.attribute:
        yield _Ask(family="be_when", slot="when", answer=shortest(frame.when, "when"), wording=wording)
    value = frame.attribute
    if not value:
        return
    naming = _NAME_OF.match(who)
    favorite = _FAVORITE.match(who)
    if frame.kind == "name" or (naming and who.lower() != "my name"):
        called = who if frame.kind == "name" or naming is None else naming[1] or naming[2]
        fields = {"who": called, "whose": possessive(called), "who_object": called}
        yield _Ask(family="name", slot="name", answer=value, wording=Wording(fields=fields))
        if frame.subject_kind == "person":
            yield _Ask(family="is_who", slot="name", answer=value, wording=_be_wording(frame))
        if frame.kind == "name" and head_noun(called) in lex.PETS and called.startswith(("my ", "our ")):
            owner, _, rest = called.partition(" ")
            yield _pet(_OWNERS[owner], False, f"a {rest}")
        return
    if who.lower() == "my name":
        yield _Ask(family="own_name", slot="name", answer=value, wording=wording)
    elif favorite:
        yield _Ask(family="is", slot="is", answer=value, wording=wording)
        yield _Ask(family="favorite", slot="is", answer=value, wording=_favorite(frame, favorite[1], favorite[2]))
    elif value.split(" ")[-1].lower() in lex.COLORS and "color" not in who.lower():
        yield _Ask(family="color", slot="is", answer=value, wording=wording)
    elif frame.subject_kind in ("person", "first") and (years := _AGE.match(value)) and lex.is_number(years[1].lower()):
        yield _Ask(family="age", slot="is", answer=years[1], wording=wording)
    elif re.match(r"an? ", value) and lex.is_trade(head_noun(value)) and frame.subject_kind != "thing":
        yield _job(frame, value)
    elif frame.subject_kind != "first" and frame.attribute_kind == "person":
        family = "is_who" if frame.subject_kind == "person" else "is"
        yield _Ask(family=family, slot="is", answer=value, wording=wording)
        if value.split(" ")[0] in ("my", "our", "the") or "'s " in value:  # "Sarah is my best friend"
            swapped = Wording(fields={"who": value, "be": be_form("third", frame.tense)})
            yield _Ask(family="is_who", slot="who", answer=who, wording=swapped)
    elif frame.attribute_kind != "quality":
        yield _Ask(family="is", slot="is", answer=value, wording=wording)


def _favorite(frame: Frame, owner_word: str, head: str) -> Wording:
    owner = _OWNERS.get(owner_word, re.sub(r"'s?$", "", owner_word))
    plural = owner in ("we", "they")
    fields = {"owner": owner, "owner_object": objective(owner), "whose": owner_word, "head": head,
              "be": be_form("plural" if frame.subject_plural else "third", frame.tense)}  # fmt: skip
    return Wording(fields=fields, agrees=agreement(owner, plural))


def _job(frame: Frame, job: str) -> _Ask:
    who = frame.subject
    agrees = agreement(who, frame.subject_plural)
    fields = {"who": who, "whose": possessive(who), "who_be": who}
    wording = Wording(fields=fields, agrees=agrees)
    return _Ask(family="job", slot="job", answer=job, wording=wording)


def _pet(owner: str, plural: bool, pet: str) -> _Ask:
    fields = {"owner": owner, "owner_object": objective(owner), "whose": possessive(owner)}
    return _Ask(family="pet", slot="what", answer=pet, wording=Wording(fields=fields, agrees=agreement(owner, plural)))
