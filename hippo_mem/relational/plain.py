"""Plain sentences, read left to right: a name, a verb, a thing, and phrases of place and time.

"Marta repaired the brass compass in the boathouse on Friday morning." A statistical parser stumbles over rare names
and nouns in just these; this grammar accepts a sentence only when it accounts for every word of it, and then it is
preferred. Knows nothing of frames or questions.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from spacy.tokens import Span

from hippo_mem.relational import lexicon as lex
from hippo_mem.relational import verbs
from hippo_mem.relational.lexicon import COMPOUND_PREPOSITIONS, DATIVE_VERBS, NOT_PLACES

_DETERMINERS = lex.word_set("the a an my our his her their your this that these those some another every each")
_STOPPERS = frozenset(
    "that who which whom whose to but or because while when where if than as not never n't 's ' \" , ; : ( ) - -- so "
    "and then".split()
)
_PARTICLES = lex.word_set("up down off out over away back through")
_OTHER_PREPOSITIONS = lex.word_set("with for without about like despite except per via")
_PREPOSITIONS = (lex.PLACE_PREPOSITIONS | lex.TIME_PREPOSITIONS | _OTHER_PREPOSITIONS) - {"past", "down", "up", "off"}
_TIME_OPENERS = lex.word_set("last next this every each")
_COMPLEX = lex.word_set("be have do name call make elect appoint consider use let get keep go come")
_DAY = re.compile(r"^(?:\d{1,4}(?:st|nd|rd|th)?|the|of)$")
_PRONOUN_SUBJECTS = frozenset({"I", "We", "He", "She", "They", "You"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """The parts of a plain sentence, as written; `verb` is the surface form."""

    subject: str
    verb: str
    base: str
    object: str
    where: str
    when: str
    complements: tuple[tuple[str, str], ...]


def read_plain(sentence: Span, base_of: Callable[[str], str]) -> Plain | None:
    """The parts of `sentence`, or None unless every word of it is accounted for. `base_of` unbends a past form."""
    words = [t.text for t in sentence]
    tags = [t.tag_ for t in sentence]
    while words and words[-1] in (".", "!", "..."):
        words.pop()
        tags.pop()
    if not 3 <= len(words) <= 30:
        return None
    at = _subject_end(words)
    if at == 0 or at >= len(words):
        return None
    base = _verb(words[at], tags[at], base_of)
    if not base or base in _COMPLEX:
        return None
    tail, tail_tags = words[at + 1 :], tags[at + 1 :]
    if any(t.startswith(("VB", "MD", "RP", "WP", "WDT", "WRB"))
           for _, t in _clear_verbs(tail, tail_tags)):  # fmt: skip
        return None
    if any(w.lower() in _STOPPERS and w.lower() != "and" for w in tail) or (tail and tail[0].lower() in _PARTICLES):
        return None
    return _tail(" ".join(words[:at]), words[at], base, tail)


def _clear_verbs(words: list[str], tags: list[str]) -> list[tuple[str, str]]:
    """Words that are tagged as verbs and do not follow a determiner or an adjective in a noun phrase."""
    found = []
    open_phrase = False
    for word, tag in zip(words, tags, strict=True):
        if word.lower() in _DETERMINERS:
            open_phrase = True
        elif word.lower() in _PREPOSITIONS or word.lower() == "and":
            open_phrase = False
        elif not open_phrase:
            found.append((word, tag))
    return found


def _subject_end(words: list[str]) -> int:
    if words[0] in _PRONOUN_SUBJECTS:
        return 1
    at = 0
    while at < len(words) and at < 4 and words[at][:1].isupper() and words[at][1:].replace("-", "").islower():
        low = words[at].lower()
        if low in _DETERMINERS or low in lex.PRONOUNS or low in _PREPOSITIONS or (at == 0 and low in lex.DATED_ADVERBS):
            return 0
        at += 1
    return at if at <= 3 else 0


def _verb(word: str, tag: str, base_of: Callable[[str], str]) -> str:
    """The base of a past form; empty for anything else (the present is left to the parser: it needs the lemma)."""
    low = word.lower()
    if word == low and verbs.is_past(low) and tag not in ("VB", "VBP", "VBZ"):
        return base_of(low)
    return ""


def _tail(subject: str, verb: str, base: str, tail: list[str]) -> Plain | None:
    lows = [w.lower() for w in tail]
    cuts = [i for i in range(len(tail)) if _opens(lows, i)]
    object_words = tail[: cuts[0]] if cuts else tail
    if not _is_noun_phrase(object_words) or _two_objects(object_words):
        return None
    where: list[str] = []
    when: list[str] = []
    others: list[tuple[str, str]] = []
    for start, end in zip(cuts, [*cuts[1:], len(tail)][: len(cuts)], strict=True):
        words = tail[start:end]
        role = _role(words, base)
        if role is None:
            return None
        if role == "when":
            when.append(" ".join(words))
        elif role == "where":
            where.append(" ".join(words))
        else:
            others.append((words[0].lower(), " ".join(words[1:])))
    return Plain(subject=subject, verb=verb, base=base, object=" ".join(object_words),
                 where=" ".join(where), when=" ".join(when), complements=tuple(others))  # fmt: skip


def _opens(lows: list[str], i: int) -> bool:
    """Whether a phrase of place or time begins at word `i`."""
    word = lows[i]
    if word in lex.DATED_ADVERBS:
        return True
    if lows[i + 2 : i + 3] == ["ago"] or lows[i + 1 : i + 2] == ["ago"]:
        return lows[i + 2 : i + 3] == ["ago"] and lex.is_time_word(lows[i + 1])
    if word in _TIME_OPENERS and i + 1 < len(lows) and lex.is_time_word(lows[i + 1]):
        return not (i and lows[i - 1] in _PREPOSITIONS)
    if word not in _PREPOSITIONS and word != "next":
        return False
    if word == "next" and lows[i + 1 : i + 2] != ["to"]:
        return False
    # the "of" and "to" inside "in front of", "next to" do not open a new phrase
    return not any(
        lows[k : k + len(p)] == p and k < i < k + len(p)
        for p in (c.split() for c in COMPOUND_PREPOSITIONS)
        for k in range(max(0, i - len(p)), i)
    )


def _is_noun_phrase(words: list[str]) -> bool:
    """An object: empty, a name, or words of which only the first may be a determiner, and no adverb."""
    lows = [w.lower() for w in words]
    if any(w in _DETERMINERS and i and lows[i - 1] not in ("and", "of", "all", "both") for i, w in enumerate(lows)):
        return False
    if any(
        w.endswith("ly")
        and w not in lex.MONTHS
        and w not in ("family", "lily", "belly", "jelly", "fly", "bully", "ally")
        for w in lows
    ):
        return False
    if lows and lows[-1] in lex.PLACE_ADVERBS - {"outside", "inside", "home"}:
        return False
    return len(words) <= 10 and not (lows and lows[0] in lex.PRONOUNS - _DETERMINERS - {"it", "them"})


def _two_objects(words: list[str]) -> bool:
    """`Tom milk`: a name and more is a receiver and a thing, which this grammar leaves to the parser."""
    return len(words) > 1 and words[0][:1].isupper() and not all(w[:1].isupper() for w in words)


def _role(words: list[str], base: str) -> str | None:
    lows = [w.lower() for w in words]
    if lows[0] in lex.DATED_ADVERBS:
        return "when" if len(words) == 1 else None
    if lows[-1] == "ago" and len(words) == 3:
        return "when"
    if lows[0] in _TIME_OPENERS and lex.is_time_word(lows[1]):
        return "when"
    if len(words) < 2 or not _is_noun_phrase(words[1:]):
        return None
    compound = next((c for c in COMPOUND_PREPOSITIONS if " ".join(lows).startswith(c + " ")), "")
    if compound:
        return "where"
    if lows[0] in lex.GOVERNED.get(base, ()):
        return None
    head = lows[lows.index("of") - 1] if "of" in lows[1:] else lows[-1]
    clock = bool(lex.CLOCK.match(head)) and lows[0] == "at"
    dated = any(w in lex.MONTHS for w in lows) and all(w in lex.MONTHS or _DAY.match(w) for w in lows[1:])  # "May 24"
    if lows[0] in lex.TIME_PREPOSITIONS and (lex.is_time_word(head) or clock or dated):
        return "when"
    if lows[0] in lex.ALWAYS_TIME | {"before", "after"}:
        return "when"
    named = words[1][:1].isupper()
    if lows[0] in ("to", "from", "by", "of", "about") and (named or base in DATIVE_VERBS or head in lex.KIN):
        return None
    if lows[0] in lex.PLACE_PREPOSITIONS and head not in NOT_PLACES and (lows[1] in _DETERMINERS or named):
        return "where"
    return "other" if lows[0] in _OTHER_PREPOSITIONS else None
