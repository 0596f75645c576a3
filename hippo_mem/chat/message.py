"""What a chat message does: what it states, what it asks or wants, or that it only keeps company.

A message may do several of these; its sentences are told apart one by one. Words and the parser's tags decide, no
language model. Knows nothing of stores.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from hippo_mem.relational import lexicon as lex
from hippo_mem.relational.frames import FrameParser
from hippo_mem.relational.unasking import polished
from hippo_mem.text import has_content

SentenceKind = Literal["statement", "question", "request", "social"]

_REMEMBER = re.compile(
    r"^(?:(?:please|ok|okay|so|hey|and)[\s,]+)*(?:(?:can|could|would|will) you (?:please )?)?"
    r"(?:(?:please )?(?:remember|note|memorize|keep in mind|bear in mind|take note|make a note|don'?t forget)"
    r"(?: this| it| for me)?\s*(?:that\b|:|,)?)\s+(?=\S+\s+\S)",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"^(?:(?:so|and|but|ok|okay|hey|hi|hello|well|now|oh|please|thanks|thank you|great|also|then|by the way)\b"
    r"[\s,!.]*)+",
    re.IGNORECASE,
)
_WH = re.compile(
    r"^(?:(?:in|at|on|to|for|from|with|of|by|about|near|since|until|under|during)\s+)?"
    r"(?:who|whom|whose|what|which|where|when|why|how)(?:'(?:s|re|d|ll|ve))?\b",
    re.IGNORECASE,
)
# "When I was ten we moved": a clause, not a question, when its subject stands before its verb and a comma follows.
_CLAUSE = re.compile(r"^(?:when|where|what|who|how|which|why)(?:ever)?\b[^?]*$", re.IGNORECASE)
_AUXILIARY = re.compile(
    r"^(?:is|are|was|were|am|do|does|did|has|have|had|can|could|will|would|should|shall|may|might|must|"
    r"isn't|aren't|wasn't|weren't|don't|doesn't|didn't|haven't|hasn't|can't|couldn't|won't|wouldn't|shouldn't)\s+"
    r"(?:i|you|he|she|it|we|they|there|the|a|an|my|your|his|her|its|our|their|this|that|these|those|any|anyone|[A-Z])",
)
_INVERTED = re.compile(
    r"^(?:(?:what|which|whose|how)\s+\w+\s+|\w+\s+)"
    r"(?:is|are|was|were|am|do|does|did|has|have|had|can|could|will|would|should)\b",
    re.IGNORECASE,
)
_ASKED_FOR = re.compile(
    r"^(?:let me know|i(?:'d| would) like you to|i (?:want|need) you to|i(?:'d| would) like to know)\b", re.I
)
_POINTS_BACK = re.compile(r"\b(?:it|that|this|them|these|those|me|us)\b", re.IGNORECASE)
# Verbs that, said to an assistant without a subject, ask it for something; "Buy milk" is a note to oneself.
_SPEECH_ACTS = lex.word_set(
    "tell write give explain describe list show help translate summarize summarise suggest recommend say sing "
    "compose draft rewrite rephrase paraphrase correct proofread fix calculate compute solve compare define name "
    "outline create generate invent imagine pretend answer repeat recite convert count find search continue finish "
    "talk teach brainstorm plan analyze analyse classify spell pick choose guess ask read open stop"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One message read.

    Args:
        told: the sentences that state something, in the user's words; "" for none.
        asked: the last question, with what frames it taken off; "" for none.
        wanted: whether the message asks for something that is no question ("Write a poem").
        skipped: sentences with content that state nothing to keep.
        pin: whether the user said to remember it.
    """

    text: str
    told: str = ""
    asked: str = ""
    wanted: bool = False
    skipped: tuple[str, ...] = ()
    pin: bool = False

    @property
    def social(self) -> bool:
        """Whether it neither states, asks nor wants anything."""
        return not (self.told or self.asked or self.wanted)


def read_message(text: str, parser: FrameParser) -> Said:
    """Read one user message; any text is accepted."""
    told: list[str] = []
    skipped: list[str] = []
    asked, wanted, pin = "", False, False
    for line in text.splitlines():
        for sentence in parser.doc(line).sents if line.strip() else ():
            words = sentence.text.strip()
            if reminder := _REMEMBER.match(words):
                rest = words[reminder.end() :]
                if not _is_question(rest):
                    told.append(rest[:1].upper() + rest[1:])
                    pin = True
                    continue
            kind = _kind(sentence, words)
            if kind == "statement":
                told.append(words)
            elif kind == "question":
                asked = _LEAD.sub("", words) or words
                skipped.append(words)
            elif kind == "request":
                wanted = True
                skipped.append(words)
    if asked and not wanted:
        asked = _as_question(asked)
    return Said(text=text, told=" ".join(told), asked=asked, wanted=wanted, skipped=tuple(skipped), pin=pin)


def _kind(sentence: Any, words: str) -> SentenceKind:
    core = _LEAD.sub("", words)
    if not core:
        return "social"
    if _is_question(core) or _is_question(words):
        return "question" if has_content(words) or _WH.match(core) else "social"
    if not has_content(words):
        return "social"
    if _ASKED_FOR.match(core) or _is_request(sentence, core):
        return "question" if _WH.match(polished(core)) else "request"
    return "statement"


def _is_question(words: str) -> bool:
    if words.rstrip("\"')]} ").endswith("?"):
        return True
    core = _LEAD.sub("", words)
    if core.endswith("!"):
        return False
    plain = polished(core)
    if plain != core.rstrip("?.! ").strip() and _WH.match(plain):  # "Tell me where Ana lives."
        return True
    if _WH.match(core):
        return not ("," in core and _CLAUSE.match(core) and not _inverted(core))
    return _AUXILIARY.match(core[:1].lower() + core[1:]) is not None


def _inverted(core: str) -> bool:
    """Whether an auxiliary follows the question word at once or after one noun: "Where is", "Which city did"."""
    return _INVERTED.match(core) is not None


def _is_request(sentence: Any, core: str) -> bool:
    first = re.match(r"[A-Za-z']+", core)
    token = next((t for t in sentence if t.text == first[0]), None) if first else None
    if token is None or any(c.dep_.startswith("nsubj") for c in token.children):
        return False
    # "Open questions remain." has a noun or an adjective there; "Read it yesterday" a past tense.
    if token.lower_ in _SPEECH_ACTS:
        return token.tag_ in ("VB", "VBP", "UH") or token.dep_ == "ROOT"
    # "Make it shorter": done to what was said. "Buy milk" stays a note.
    return token.tag_ == "VB" and _POINTS_BACK.search(core) is not None


def _as_question(words: str) -> str:
    """A typed question as recall and reader expect it: it ends in a question mark."""
    return words.rstrip(" .!?") + "?"
