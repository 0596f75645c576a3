"""Why, how, how often and how much, as a told sentence says it: spans that no part of a frame holds.

In: a parsed sentence. Out: `Filler`s with the roles "why", "how", "often" and "measure", shortest form first told.
Knows nothing of questions or scores.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from hippo_mem.relational import lexicon as lex
from hippo_mem.relational.asking import Filler
from hippo_mem.relational.phrases import is_time, phrase_tokens, text_of

_BECAUSE = re.compile(
    r"\b(?:because of|because|due to|thanks to|owing to|on account of|as a result of)\s+([^.;!?]+)", re.IGNORECASE
)
_GIVING_REASON = lex.word_set("since as")
_RIDDEN = lex.word_set("foot horseback")
_MEANS = lex.word_set("by via without")
_SPANS = "day|week|month|year|night|hour|minute|morning|evening|afternoon|weekend|fortnight|summer|winter|spring|autumn"
_NAMED_SPANS = "|".join((*(f"{d}s?" for d in sorted(lex.DAYS)), *sorted(lex.MONTHS), "time"))
_OFTEN = re.compile(
    rf"\b(?:(?:once|twice|thrice|(?:[\w-]+ )?[\w-]+ times) (?:a|an|per|every|each) (?:[\w-]+ )?(?:{_SPANS})\b|"
    rf"(?:every|each) (?:[\w-]+ )??(?:(?:{_SPANS})s?|{_NAMED_SPANS})\b(?:(?:,| and|,? or) (?:{_NAMED_SPANS})\b)*|"
    r"(?:daily|weekly|monthly|yearly|annually|hourly|nightly|never|always|rarely|seldom|sometimes|occasionally)\b)",
    re.IGNORECASE,
)
_UNITS = "|".join(
    """kg kilos? kilograms? grams? g mg milligrams? ml cl l lit(?:er|re)s? m met(?:er|re)s? cm mm centimet(?:er|re)s? km
    kilomet(?:er|re)s? miles? feet foot ft inch(?:es)? in yards? pounds? lbs? stones? ounces? oz tons? tonnes? euros?
    dollars? bucks quid pence cents? francs? crowns? yen hours? minutes? mins? seconds? days? weeks? months? years?
    degrees? percent points? mph kmh km/h watts? volts? k grand cups? glasses? spoons? spoonfuls? teaspoons?
    tablespoons? slices? drops? pills? tablets? units? calories steps pages""".split()
)
_WORDS_FOR_NUMBERS = "|".join(sorted(lex.NUMBER_WORDS, key=len, reverse=True))
_ROUGHLY = "half|quarter|hundred|thousand|million|dozen|couple"
_MEASURE = re.compile(
    r"(?<![\w.])(?:[$\u20ac\u00a3]\s?)?"
    rf"(?:[-+\u2212]?\d+(?:[.,]\d+)*|(?:half )?an?(?= (?:{_ROUGHLY}))|half|"
    rf"(?:{_WORDS_FOR_NUMBERS})(?:[- ](?:and[ ])?(?:{_WORDS_FOR_NUMBERS}))*)"
    rf"(?:\s?[%\u20ac$\u00a3\u00b0]C?|[ ]?(?:an?[ ])?(?:{_UNITS})\b(?![-']))?"
    r"(?:[ ](?:and a half|(?:a|per) (?:day|week|month|year|night|piece|person|hour)|an hour)\b)?(?![\w])",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"(?<![\w])\+?\d[\d/ .-]{5,}\d(?![\w])")
_CODE = re.compile(r"(?<![\w])(?=[\w#*/.-]*\d)(?=[\w#*/.-]*[A-Za-z#*])[\w][\w#*/.-]*[\w#*](?![\w])")


def adjuncts(sentence: Any) -> Iterator[Filler]:
    """The fillers of one sentence that say why, how, how often and how much."""
    yield from _reasons(sentence)
    yield from _manners(sentence)
    for match in _OFTEN.finditer(sentence.text):
        yield Filler(text=match[0], role="often", kind="often")
    for match in _DIGITS.finditer(sentence.text):
        yield Filler(text=match[0].strip(" .-"), role="code", kind="number")
    for match in _CODE.finditer(sentence.text):
        yield Filler(text=match[0], role="code", kind="code")
    for match in _MEASURE.finditer(sentence.text):
        text = match[0].strip()
        whole = text.replace(",", "").replace(".", "").isdigit() or text.lower() in lex.NUMBER_WORDS
        yield Filler(text=text, role="measure", kind="number" if whole else "measure")


def _reasons(sentence: Any) -> Iterator[Filler]:
    for match in _BECAUSE.finditer(sentence.text):
        yield Filler(text=match[1].strip(" ,"), role="why", kind="reason")
    for token in sentence:
        if token.dep_ == "mark" and token.lower_ in _GIVING_REASON and token.head.dep_ == "advcl":
            clause = [t for t in token.head.subtree if t.i > token.i]
            if clause and not any(is_time(t) for t in clause[:1]):
                yield Filler(text=text_of(clause).strip(" .,!"), role="why", kind="reason")
        elif (
            token.dep_ in ("advcl", "xcomp")
            and token.tag_ == "VB"
            and any(c.lower_ == "to" and c.dep_ == "aux" for c in token.children)
            and any(c.dep_ in ("dobj", "prep", "advmod") and token.head.i < c.i < token.i for c in token.head.children)
        ):
            yield Filler(text=text_of(list(token.subtree)).strip(" .,!"), role="purpose", kind="reason")  # fmt: skip


def _manners(sentence: Any) -> Iterator[Filler]:
    for token in sentence:
        head = token.head
        if token.dep_ == "prep" and token.lower_ in _MEANS and head.pos_ in ("VERB", "AUX"):
            if any(not is_time(c) for c in token.children if c.dep_ in ("pobj", "pcomp")):
                yield Filler(text=text_of(phrase_tokens(token)).strip(" .,!"), role="how", kind="manner")
        elif token.dep_ == "prep" and token.lower_ == "on" and any(c.lower_ in _RIDDEN for c in token.children):
            yield Filler(text=text_of(phrase_tokens(token)), role="how", kind="manner")
        elif token.dep_ in ("advcl", "xcomp", "prep") and token.tag_ == "VBG" and token.i > head.i and not any(
            c.dep_ in ("nsubj", "mark") for c in token.children
        ) and any(c.dep_ == "dobj" and c.i < token.i for c in head.children):  # fmt: skip
            later = [c for c in token.subtree if c.dep_ == "prep" and any(is_time(p) for p in c.children)]
            yield Filler(text=text_of(phrase_tokens(token, later)).strip(" .,!"), role="how", kind="manner")
        elif token.dep_ in ("oprd", "acomp", "ccomp") and token.pos_ == "ADJ" and head.lemma_.lower() != "be":
            yield Filler(text=text_of(phrase_tokens(token)).strip(" .,!"), role="how", kind="manner")
        elif token.dep_ == "advmod" and token.i > head.i and head.pos_ == "VERB" and (
            token.lower_.endswith("ly") or token.pos_ == "ADJ"
        ) and not is_time(token) and not _OFTEN.fullmatch(token.text):  # fmt: skip
            yield Filler(text=token.text, role="how", kind="manner")
