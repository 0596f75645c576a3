"""The words of a question, made ready for the grammar: possessives apart, phrases of time taken out.

Text in; `Reading`s out: the words that are left, and which of several values the words taken out ask for. Knows
nothing of names, relations or facts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from hippo_mem.relational import lexicon as lex
from hippo_mem.relational import verbs
from hippo_mem.relational.query import Mode

AUXILIARIES = lex.word_set(
    "is are was were am be been being do does did has have had will would can could shall should may might must"
)
BE = lex.word_set("is are was were am be been being")
HAVE = lex.word_set("has have had having")
DETERMINERS = lex.word_set("the a an this that these those some any")
POSSESSIVES = lex.word_set("my our")
PRONOUNS = lex.word_set("he she it they him her them his its their")
POINTING = lex.word_set("that this the his her their its")
# "before the move", "before he moved": the change itself, without what came after it.
CHANGE = lex.word_set(
    "the a that this his her their he she they it was moved moving move relocated relocating relocation changed change "
    "changing switch switching then last latest"
)
ADVERBS = lex.word_set("also just really already still now currently presently nowadays today actually usually")
_FRONTED = re.compile(
    r"^(?P<time>(?:just |right )?(?:before|after|until|prior to) .+?), (?P<main>(?:in |at |for |to )?"
    r"(?:who|what|which|where|whose)\b.+)$",
    re.IGNORECASE,
)
_NOW = re.compile(
    r"\b(?:now|currently|presently|nowadays|today|still|as of now|at the moment|at present|right now|these days)\b",
    re.IGNORECASE,
)
_FIRST = re.compile(
    r"\b(?:originally|initially|at first|to begin with|in the beginning|at the start|(?<!the )(?<!'s )(?<!my )first)\b"
    r"(?! (?:name|job|workplace|employer|boss|home|wife|husband|child)\b)",
    re.IGNORECASE,
)
_PREVIOUS = re.compile(
    r"\b(?:previously|formerly|in the past|earlier|used? to(?= \w)|before (?:that|this|then)|before$)", re.IGNORECASE
)
_THAN = re.compile(
    r"^(?P<main>.+?),? (?:just |right |immediately )?(?P<word>before|until|till|after|prior to) (?P<than>.+)$",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"'s\b|'(?=\s|$)|[^\s,;:!?\"()]+")
_SENTENCES = re.compile(r"(?<!\bDr)(?<!\bMr)(?<!\bMrs)(?<!\bMs)(?<!\bSt)[.;!]\s+")
_HAS = re.compile(
    r"^(?:so |and |well )?(?P<who>.+?) (?:has|have|had|has got|have got) (?:an?|one) (?P<noun>[a-z][a-z -]*)$",
    re.IGNORECASE,
)
_PARTICIPLES = {participle: base for base, (_, participle) in verbs.IRREGULAR.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One word as written, in lower case, and the base forms it can have as a verb."""

    text: str
    low: str
    bases: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One way to take the words of time in a question: what is left, and which value is asked for.

    `than` are the words of the value that it came before or after.
    """

    words: tuple[Word, ...]
    mode: Mode = "now"
    than: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Premise:
    """What is said before a question: of whom it speaks, and the noun of whom they are said to have ("boss")."""

    words: tuple[Word, ...]
    noun: str


def premises(text: str) -> tuple[list[Premise], str]:
    """The sentences before a question ("Ana has a boss; where does he live"), and the question itself."""
    *before, question = _SENTENCES.split(text)
    found = []
    for sentence in before:
        said = _HAS.match(sentence.strip())
        if said is None:
            return [], text
        found.append(Premise(words=words_of(said["who"]), noun=said["noun"].lower()))
    return found, question


def readings(text: str) -> Iterator[Reading]:
    """The ways to read a polished question, likeliest first."""
    if fronted := _FRONTED.match(text):
        text = f"{fronted['main']} {fronted['time']}"
    if previous := _PREVIOUS.search(text):
        yield Reading(words=words_of(_without(text, previous)), mode="previous")
        return
    if than := _THAN.match(text):
        word = than["word"].lower()
        mode: Mode = "after" if word == "after" else "before"
        yield Reading(words=words_of(_NOW.sub(" ", than["main"])), mode=mode, than=words_of(than["than"]))
    if first := _FIRST.search(text):
        yield Reading(words=words_of(_without(text, first)), mode="first")
    yield Reading(words=words_of(_NOW.sub(" ", text)))


def _without(text: str, found: re.Match[str]) -> str:
    return f"{text[: found.start()]} {text[found.end() :]}"


def words_of(text: str) -> tuple[Word, ...]:
    """`Tom's boss` gives `Tom`, `'s`, `boss`; a plural's or a name's bare apostrophe is `'s` too."""
    spaced = re.sub(r"(?<=\w)'s\b", " 's", text)
    spaced = re.sub(r"(?<=s)'(?=\s|$)", " 's", spaced)
    found = []
    for token in _TOKEN.findall(spaced):
        token = token.rstrip(".") if not re.match(r"^(?:[A-Z]\.)+$|^(?:Dr|Mr|Mrs|Ms|St)\.$", token) else token
        if token:
            low = token.lower()
            found.append(Word(text=token, low=low, bases=bases(low)))
    return tuple(found)


def bases(word: str) -> tuple[str, ...]:
    """Every base form of which `word` can be a form: "lives" gives "lives" and "live", "hidden" "hide"."""
    found = [word]
    known = verbs.base_of(word, "") or _PARTICIPLES.get(word, "")
    if known:
        found.append(known)
    if word.endswith("ies") and len(word) > 4:
        found.append(word[:-3] + "y")
    elif word.endswith("es") and len(word) > 3:
        found += [word[:-1], word[:-2]]
    elif word.endswith("s") and not word.endswith("ss") and len(word) > 2:
        found.append(word[:-1])
    for ending in ("ed", "ing"):
        if word.endswith(ending) and len(word) > len(ending) + 1:
            stem = word[: -len(ending)]
            found += [stem, stem + "e"]
            if len(stem) > 2 and stem[-1] == stem[-2]:
                found.append(stem[:-1])
            if stem.endswith("i"):
                found.append(stem[:-1] + "y")
            if stem.endswith("y") and ending == "ing":
                found.append(stem[:-1] + "ie")
    return tuple(dict.fromkeys(found))
