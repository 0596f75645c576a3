"""Filling a phrasing with the parts of a sentence, so that the result is English.

Phrasings are written in the past of a third person singular ("What did {who} {base}?"). `Wording.fill` bends
auxiliaries, agreement and pronouns to the sentence at hand ("What do I want to visit?", "Where were the keys
hidden?"), or says None where the phrasing does not apply. Knows nothing of which phrasings there are.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from hippo_mem.relational import lexicon as lex
from hippo_mem.relational import verbs
from hippo_mem.relational.frames import Frame

Agreement = Literal["first", "plural", "third"]
_PLAIN = {"does": "do", "has": "have", "likes": "like", "loves": "love", "comes": "come", "works": "work"}
_OBJECTS = {"I": "me", "we": "us", "he": "him", "she": "her", "they": "them"}
_POSSESSIVES = {"I": "my", "we": "our", "you": "your", "he": "his", "she": "her", "they": "their"}
_OPTIONAL = frozenset({"thing"})  # fields that may be empty
# Phrasings of a point in time do not suit what happens again and again ("every morning").
_POINT = re.compile(r"\b(day|date|period|time|happen|where was that|when was that)\b", re.IGNORECASE)


def possessive(noun: str) -> str:
    """`Ana` gives `Ana's`, `my parents` `my parents'`, `I` `my`."""
    if noun in _POSSESSIVES:
        return _POSSESSIVES[noun]
    return noun + ("'" if noun.endswith("s") and not noun[:1].isupper() else "'s")


def objective(noun: str) -> str:
    """The form after a preposition: `I` gives `me`."""
    return _OBJECTS.get(noun, noun)


def agreement(subject: str, plural: bool) -> Agreement:
    """How verbs agree with `subject`."""
    return "first" if subject == "I" else "plural" if plural or subject in ("we", "you", "they") else "third"


def be_form(agrees: Agreement, tense: str) -> str:
    """`am`, `are`, `is`, `was` or `were`."""
    if tense == "past":
        return "were" if agrees == "plural" else "was"
    return {"first": "am", "plural": "are", "third": "is"}[agrees]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """The fields of one sentence and what its verbs must agree with."""

    fields: Mapping[str, str]
    agrees: Agreement = "third"
    tense: Literal["past", "present", "other"] = "present"
    do: str = "did"
    object_plural: bool = False
    object_first: bool = False

    def fill(self, phrasing: str) -> str | None:
        """The sentence, or None where it lacks a field that `phrasing` names or cannot be put so."""
        names = {name for _, name, _, _ in string.Formatter().parse(phrasing) if name}
        if any(not self.fields.get(name) and name not in _OPTIONAL for name in names):
            return None
        bent = self._bend(phrasing)
        if bent is None:
            return None
        text = re.sub(r"\s+", " ", bent.format_map({n: self.fields.get(n, "") for n in _names(bent)})).strip()
        text = re.sub(r" ([?.,;:])", r"\1", text)
        return text[0].upper() + text[1:]

    def _bend(self, text: str) -> str | None:  # order matters: each rule works on what the earlier ones left
        object_be = be_form("first" if self.object_first else "plural" if self.object_plural else "third", self.tense)
        if self.tense != "past" and _POINT.search(text) and _is_event(text):
            return None
        if self.tense == "other" and re.search(r"\{participle\}|(was|were) \{(what|who)\}", text):
            return None
        if self.tense == "present" and re.search(r"was \{who\} \{(where|when)\}", text):
            return None
        if re.search(r"\{what\} when \{who\}", text) and self.object_first:
            return None
        text = text.replace("was {what}", f"{object_be} {{what}}").replace("{what} was", f"{{what}} {object_be}")
        if self.object_plural:
            text = text.replace("{past} it?", "{past} them?")
        text = text.replace("was {who}", f"{be_form(self.agrees, self.tense)} {{who}}")
        text = text.replace("did {who} {base}", f"{self.do} {{who}} {{bare}}")
        if self.tense != "past":
            text = (
                text.replace("was what?", "is what?")
                .replace("What was the", "What is the")
                .replace("was it", "is it")
                .replace("Who did it?", "Who does it?")
            )
            text = text.replace("was {participle}", "is {participle}")
        text = re.sub(r"\b(by|of|for|find|to) \{who\}", r"\1 {who_object}", text)
        # Only the one who acts is asked for: the verb agrees with "who", not with the subject.
        text = re.sub(r"\b(who|Who|someone|Someone|that|one who) \{past\}", r"\1 {past_third}", text)
        if self.agrees != "third":
            be = be_form(self.agrees, "present")
            text = re.sub(r"(?<!of )\{(who|owner)\} is\b", rf"{{\1}} {be}", text)
            text = re.sub(r"\bis \{(who|owner)\}", rf"{be} {{\1}}", text)
            for third, plain in _PLAIN.items():
                text = re.sub(rf"\{{(who|owner)\}} {third}\b", rf"{{\1}} {plain}", text)
                if third in ("does", "has"):
                    text = re.sub(rf"\b{third} \{{(who|owner)\}}", rf"{plain} {{\1}}", text)
        return text


def _names(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def _is_event(text: str) -> bool:
    return "{past}" in text or "{base}" in text or "{participle}" in text


def past_third(frame: Frame) -> str:
    """The finite verb of a frame as it stands after `who`: `love` gives `loves`, `have lived` `has lived`."""
    first, _, rest = frame.past.partition(" ")
    rest = f" {rest}" if rest else ""
    if first in ("am", "are"):
        return "is" + rest
    if first == "were":
        return "was" + rest
    if first in ("have", "do"):
        return verbs.third_person(first) + rest
    if frame.tense == "present" and frame.do == "do":
        return verbs.third_person(first) + rest
    return frame.past


def genitive(noun: str) -> str:
    """`the capital of Zorvia` gives `Zorvia's capital` and back; empty where there is no such pair."""
    match = re.match(r"^the (\S+(?: \S+)?) of ((?:the )?[A-Z][\w' -]*|(?:my|our|his|her|their) .+)$", noun)
    if match:
        return f"{possessive(match[2])} {match[1]}"
    match = re.match(r"^(.+?)'s (\S+(?: \S+)?)$", noun)
    return f"the {match[2]} of {match[1]}" if match and "favorite" not in match[2] else ""


def names_somebody(phrase: str) -> bool:
    """Whether a phrase is a name or describes a human being."""
    words = phrase.split(" ")
    return words[0][:1].isupper() or words[-1] in lex.KIN | lex.PLURAL_KIN or lex.is_trade(words[-1])


def head_noun(phrase: str) -> str:
    """The last word of a noun phrase, lower case."""
    words = phrase.lower().split(" ")
    return words[-1] if words else ""
