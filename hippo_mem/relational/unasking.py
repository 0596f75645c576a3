"""From a question to the statement that would answer it, with a mark where the answer stands.

"Where does my sister work?" becomes "my sister works at Zorban", so that the extractor that read what was told reads
what is asked, in the same relations. Works on parsed questions; knows nothing of facts or stores.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from hippo_mem.relational import lexicon as lex
from hippo_mem.relational import verbs

MARK = "Zorban"
TIME_MARK = "1871"
NUMBER_MARK = "97"
Wanted = Literal["who", "what", "where", "when", "age", "whose", "truth"]

_WH = re.compile(
    r"^(?P<prep>(?:in|at|on|to|for|from|with|of|by|about|near|into)\s+)?"
    r"(?P<wh>who|whom|whose|what|which|where|when|how old)\b(?:'s\b)?\s*",
    re.IGNORECASE,
)
_OPENERS = re.compile(
    r"^(?:(?:so|and|but|ok|okay|hey|hi|well|now|please|hello)[\s,]+)*"
    r"(?:(?:can|could|would|will) you (?:please )?(?:tell|remind) me|(?:please )?(?:tell|remind) me|"
    r"do you (?:know|remember|recall)|i (?:wonder|forgot|want to know|need to know))[\s,]+",
    re.IGNORECASE,
)
_CLOSERS = re.compile(
    r"[\s,]+(?:now|right now|currently|at the moment|these days|nowadays|again|please|today|as of now)\s*$",
    re.IGNORECASE,
)
_CONTRACTED = re.compile(r"^(who|what|where|when|how old)['\u2019](s|re)\b", re.IGNORECASE)
_BEFORE_TIME = re.compile(
    r"^(?P<prep>in|on|at|to|with|from|into|for|about) "
    r"(?P<time>(?:every|each|on \w+days?\b|in the (?:morning|evening)).*)$",
    re.I,
)
_AUXILIARIES = lex.word_set("is are was were am do does did has have had can could will would should may might must")
_VERB_TAGS = frozenset({"VB", "VBG", "VBN", "VBP", "VBD"})
_NOT_MAIN = frozenset({"relcl", "acl", "amod", "advcl", "aux", "auxpass", "compound"})
_BE = lex.word_set("is are was were am")
_TO = lex.word_set("go move travel walk run return fly drive journey come head relocate")
_AT = lex.word_set("work study meet")
_WHERE_NOUNS = lex.word_set(
    "city town place country room street village location area building state neighborhood neighbourhood region spot"
)
_WHEN_NOUNS = lex.word_set("year day month date time season")
_LIVING = re.compile(r"\b(?:do|does|did) (?P<who>.+?) do(?: (?:for a living|for work|for a job|professionally))$", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unasked:
    """One way to say the answer: the statement with its mark, what is asked for, and the kind-of-thing noun."""

    statement: str
    wanted: Wanted
    noun: str = ""  # "city" of "which city"
    mark: str = MARK


def polished(question: str) -> str:
    """The question without what only frames it: "Can you tell me where Ana lives now?" gives "where Ana lives"."""
    text = re.sub(r"\s+", " ", question).strip().rstrip("?.! ").strip()
    text = text.replace("\u2019", "'")
    text = _OPENERS.sub("", text, count=1)
    text = _CLOSERS.sub("", text)
    text = re.sub(r"\b(?:now|currently|right now) (?=\w+ing\b)", "", text)
    return _CONTRACTED.sub(lambda m: f"{m[1]} {'is' if m[2] == 's' else 'are'}", text)


def unask(doc: Any) -> list[Unasked]:
    """The statements that would answer a parsed, polished question, likeliest first; empty where none is seen."""
    text = doc.text
    match = _WH.match(text)
    if match is None:
        return _truth(doc)
    wh = match["wh"].lower()
    preposition = (match["prep"] or "").strip().lower()
    rest = text[match.end() :]
    if text[match.end("wh") : match.end("wh") + 2] == "'s":
        rest = f"is {rest}"
    wanted: Wanted = {"whom": "who", "which": "what", "how old": "age"}.get(wh, wh)  # type: ignore[assignment]
    if wh == "whose":
        return _whose(rest)
    noun = ""
    if wh in ("what", "which"):
        if living := _LIVING.match(rest):
            return [Unasked(statement=f"{living['who']}'s job is {MARK}" if living["who"].lower() not in ("i", "we")
                            else f"My job is {MARK}", wanted="what", noun="job")]  # fmt: skip
        noun, rest = _kind_noun(doc, match.end(), rest)
        if noun in _WHERE_NOUNS:
            wanted = "where"
        elif noun in _WHEN_NOUNS and preposition in ("", "in", "on", "at"):
            wanted = "when"
        elif noun in ("person", "people") or (noun and noun in lex.KIN):
            wanted = "who"
    return [
        Unasked(statement=s, wanted=wanted, noun=noun, mark=m) for s, m in _statements(doc, rest, wanted, preposition)
    ]


def _kind_noun(doc: Any, at: int, rest: str) -> tuple[str, str]:
    """("city", "does Ana live in") of what follows "which" in "which city does Ana live in"."""
    words = rest.split(" ")
    for i, word in enumerate(words[:4]):
        if i and (word.lower() in _AUXILIARIES or _is_finite(doc, at, i)):
            return words[i - 1].lower(), " ".join(words[i:])
        if not i and (word.lower() in _AUXILIARIES or _is_finite(doc, at, 0)):
            return "", rest
    return "", rest


def _is_finite(doc: Any, at: int, i: int) -> bool:
    tokens = [t for t in doc if t.idx >= at]
    return i < len(tokens) and tokens[i].tag_ in ("VBD", "VBZ", "VBP", "MD")


def _statements(doc: Any, rest: str, wanted: Wanted, preposition: str) -> list[tuple[str, str]]:
    words = rest.split(" ")
    first = words[0].lower() if words else ""
    if not first:
        return []
    offset = doc.text.rfind(rest) if rest else 0
    if first not in _AUXILIARIES:
        if wanted in ("where", "when", "age"):  # "where Ana lives", after "tell me"
            return _placed(rest, wanted, preposition)
        return [(f"{MARK} {rest}", MARK), *(_gapped(rest, wanted, preposition) if preposition else [])]
    tail = " ".join(words[1:])
    if not tail:
        return []
    verb = _main_verb(doc, offset + len(words[0]), first)
    if first in _BE and (verb is None or verb.tag_ not in ("VBG", "VBN")):
        return _copular(first, tail, wanted, preposition, doc)
    if verb is None:
        # "Who has the football?", "Who did it?": the auxiliary is the verb itself.
        return (
            [(f"{MARK} {rest}", MARK)] if wanted in ("who", "what") and first in ("has", "have", "had", "did") else []
        )
    start, end = verb.idx, verb.idx + len(verb.text)
    before = doc.text[offset + len(words[0]) : start].strip()
    after = doc.text[end:].strip()
    if not before:  # "What is growing in the garden?", "Who is working there?"
        return [(f"{MARK} {rest}", MARK)]
    return _inflected(first, before, verb, after, wanted, preposition)


def _main_verb(doc: Any, at: int, auxiliary: str = "") -> Any:
    """The verb that an auxiliary before position `at` helps; None where the auxiliary stands alone."""
    later = [t for t in doc if t.idx >= at]
    for token in later:
        if token.tag_ in _VERB_TAGS and token.dep_ not in _NOT_MAIN:
            return token
    if auxiliary in ("do", "does", "did"):  # "What does Ana like": the tagger takes the verb for a preposition
        for i, token in enumerate(later):
            if i and token.pos_ not in ("DET", "PRON", "ADJ", "NOUN", "PROPN", "PART", "NUM", "PUNCT"):
                return token
    return None


def _inflected(
    auxiliary: str, subject: str, verb: Any, after: str, wanted: Wanted, preposition: str
) -> list[tuple[str, str]]:
    base = verb.lemma_.lower() if verb.tag_ not in ("VBD", "VBN") else verb.text.lower()
    if auxiliary == "does":
        finite = verbs.third_person(verb.text.lower())
    elif auxiliary == "did":
        finite = verbs.past(verb.text.lower())
    elif auxiliary == "do":
        finite = verb.text.lower()
    else:
        finite = f"{auxiliary} {verb.text}"
        base = verb.lemma_.lower()
    return _filled(subject, finite, base, after, wanted, preposition)


def _filled(
    subject: str, finite: str, base: str, after: str, wanted: Wanted, preposition: str
) -> list[tuple[str, str]]:
    """The statement of a subject, a verb and what follows, the mark where its kind belongs."""
    stem = f"{subject} {finite}"
    if wanted == "when":
        return [(f"{stem} {after} in {TIME_MARK}".replace("  ", " "), TIME_MARK)]
    last = after.rsplit(" ", 1)[-1].lower() if after else ""
    stranded = last in lex.PLACE_PREPOSITIONS | {"for", "with", "to", "about", "of"}
    if stranded:
        return [(f"{stem} {after} {MARK}", MARK)]
    if (early := _BEFORE_TIME.match(after)) is not None:  # "What do I write in every evening?"
        return [(f"{stem} {early['prep']} {MARK} {early['time']}", MARK)]
    if preposition:
        return [(f"{stem} {after} {preposition} {MARK}".replace("  ", " "), MARK)]
    if wanted == "where":
        preferred = "to" if base in _TO else "at" if base in _AT else "in"
        others = [p for p in ("in", "at") if p != preferred]
        return [(f"{stem} {after} {p} {MARK}".replace("  ", " "), MARK) for p in (preferred, *others)]
    particle, _, more = after.partition(" ")
    if particle.lower() in ("up", "down", "off", "out", "away", "back"):
        return [(f"{stem} {particle} {MARK} {more}".strip(), MARK)]
    return [(f"{stem} {MARK} {after}".strip(), MARK)]


def _copular(be: str, tail: str, wanted: Wanted, preposition: str, doc: Any) -> list[tuple[str, str]]:
    if wanted == "age":
        return [(f"{tail} {be} {NUMBER_MARK} years old", NUMBER_MARK)]
    if wanted == "when":
        return [(f"{tail} {be} in {TIME_MARK}", TIME_MARK)]
    if wanted == "where":
        subject, predicate = _parted(tail, doc)
        split = [(f"{subject} {be} {predicate} in {MARK}", MARK)] if predicate else []
        return [*split, (f"{tail} {be} {preposition or 'in'} {MARK}", MARK)]
    last = tail.rsplit(" ", 1)[-1].lower()
    if last in ("from", "at", "in", "on", "with", "near", "to", "for", "of", "about"):
        subject, predicate = _parted(tail.rsplit(" ", 1)[0], doc)
        return [(f"{subject} {be} {predicate} {last} {MARK}".replace("  ", " "), MARK)]
    if (found := re.match(r"^(.+) (called|named)$", tail)) is not None:
        return [(f"{found[1]} {be} {found[2]} {MARK}", MARK)]
    if preposition:
        return [(f"{tail} {be} {preposition} {MARK}", MARK)]
    said = [(f"{MARK} {be} {tail}", MARK), (f"{tail} {be} {MARK}", MARK)]
    return said if wanted == "who" else said[::-1]


def _parted(tail: str, doc: Any) -> tuple[str, str]:
    """("the letter", "hidden") of "the letter hidden"; the second is empty where nothing is said of the first."""
    last = doc[-1] if doc[-1].tag_ != "IN" and doc[-1].tag_ != "TO" and doc[-1].tag_ != "RP" else doc[-2]
    words = tail.split(" ")
    if last.tag_ in ("VBN", "VBD", "JJ", "VBG") and len(words) > 1 and last.text == words[-1]:
        return " ".join(words[:-1]), words[-1]
    return tail, ""


def _placed(rest: str, wanted: Wanted, preposition: str) -> list[tuple[str, str]]:
    """ "where Ana lives": already in the order of a statement."""
    if wanted == "where":
        return [(f"{rest} {p} {MARK}", MARK) for p in ([preposition] if preposition else ["in", "at", "to"])]
    return [(f"{rest} in {TIME_MARK}", TIME_MARK)] if wanted == "when" else []


def _gapped(rest: str, wanted: Wanted, preposition: str) -> list[tuple[str, str]]:
    return [(f"{rest} {preposition} {MARK}", MARK)]


def _whose(rest: str) -> list[Unasked]:
    found = re.match(r"^(?P<noun>[\w ]+?) (?P<be>is|are|was|were) (?P<who>.+)$", rest)
    if found is None:
        return []
    return [Unasked(statement=f"{found['who']} {found['be']} {MARK}'s {found['noun']}", wanted="whose")]


def _truth(doc: Any) -> list[Unasked]:
    """ "Does Ana like cheese?" gives "Ana likes cheese"."""
    text = doc.text
    first, _, tail = text.partition(" ")
    low = first.lower()
    if low not in _AUXILIARIES or not tail:
        return []
    if low in ("do", "does", "did"):
        verb = _main_verb(doc, len(first), low)
        if verb is None:
            return []
        before = text[len(first) : verb.idx].strip()
        after = text[verb.idx + len(verb.text) :].strip()
        forms: dict[str, Callable[[str], str]] = {"does": verbs.third_person, "did": verbs.past, "do": str}
        if not before:
            return []
        return [Unasked(statement=f"{before} {forms[low](verb.text.lower())} {after}".strip(), wanted="truth")]
    end = _subject_end(doc, len(first))
    ends = [end] if end is not None else []
    words = tail.split(" ")
    ends += [len(first) + 1 + len(" ".join(words[:i])) for i in range(1, min(4, len(words)))]
    said = dict.fromkeys(f"{text[len(first) : e].strip()} {low} {text[e:].strip()}".strip() for e in ends)
    return [Unasked(statement=s, wanted="truth") for s in said]


def _subject_end(doc: Any, at: int) -> int | None:
    subject = next((t for t in doc if t.idx >= at and t.dep_ in ("nsubj", "nsubjpass")), None)
    if subject is None:
        return None
    tokens = [
        t
        for t in subject.subtree
        if t.dep_ not in ("prep",)
        and not any(a.dep_ == "prep" and a.i > subject.i for a in t.ancestors if a in list(subject.subtree))
    ]
    last = max(tokens, key=lambda t: t.i)
    return int(last.idx + len(last.text))
