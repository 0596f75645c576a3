"""Procedures told in words: "To make tea, first boil the water, then add the leaves. Finally, pour it."

In: a text. Out: a `Procedure`: its goal and its steps in order; None for a text that gives no instructions. A story
("First Mary went home, then she slept") is none: steps are told as orders, or to "you". Knows nothing of stores.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from hippo_mem.relational import verbs
from hippo_mem.text import STOP_WORDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Procedure:
    """What is done, in which steps. `goal` is "" where the text does not name it."""

    goal: str
    steps: tuple[str, ...]


_MARK = re.compile(
    r"(?:^|(?<=[\s,.;:]))(?:(?P<first>first(?:ly| of all)?|to (?:start|begin) with|to (?:start|begin)(?=,)|"
    r"(?:start|begin) by)|"
    r"(?P<later>(?:and )?(?:then|next|afterwards|"
    r"after that|finally|lastly|second(?:ly)?|third(?:ly)?|in the end|last of all))|(?P<n>(?:step\s*)?\d{1,"
    r"2}\s*[.):]))[,:]?\s+",
    re.IGNORECASE,
)
_GOAL = (
    re.compile(r"^(?:in order )?to (?P<goal>[a-z][^.:;?\n]{2,80}?)[,:]\s*(?:you (?:must|need to|have to|"
               r"should) )?$", re.IGNORECASE),
    re.compile(r"^(?:this is |here is |that is )?how (?:to|i|you|we) (?P<goal>[a-z][^.:;?\n]{2,"
               r"80}?)[,:.\n]\s*$", re.IGNORECASE),
    re.compile(r"^(?:the )?(?:steps|recipe|procedure|instructions?|routine) (?:for|to) (?P<goal>[^.:;?\n]{2,"
               r"80}?)(?: is| are)?[,:.\n]\s*$", re.I),
    re.compile(r"^(?:when|whenever|if) (?:you|i|we) (?:want to |need to )?(?P<goal>[^.:;?\n]{2,"
               r"80}?)[,:]\s*(?:(?:you|i|we)(?: always| usually)?\s*)?$", re.IGNORECASE),
    re.compile(r"^(?P<goal>[a-z]+ing [^.:;?\n]{2,80}?) (?:takes|needs|has|goes|works|is done) [^.:;?\n]{2,40}[,:.]\s*$",
               re.IGNORECASE),
)  # fmt: skip
_SUBJECT = re.compile(
    r"^(?:(?:you|i|we)(?: always| usually)?(?: (?:must|need to|have to|should|can))?|please|always) ", re.IGNORECASE
)
_EDGES = ".,;:!?'\"()[]“”‘’"
# "To make tea, boil the water, then ...": the first step stands without a mark.
_OPENING = re.compile(r"^(?:in order )?to (?P<goal>[a-z][^.:;?\n]{2,80}?), (?P<step>[^.:;?\n]+)$", re.IGNORECASE)
_POINTS = re.compile(r"\s*(?:;|->|=>|\u2192|\n\s*(?:[-*\u2022]\s*)?)\s*")
_COMMAS = re.compile(r",\s*(?:and\s+)?|\s+and\s+")
_LEAST_LISTED = 3  # fewer orders in a row are an aside, not a procedure
# What follows a goal without being part of it: "to make tea you always do the same".
_TAIL = re.compile(r"[,\s]+(?:you|i|we|one|people|it)\b.*$", re.IGNORECASE)
_FINITE = frozenset("is was has had went goes did does got came gets comes will are were".split())


def read_procedure(text: str) -> Procedure | None:
    """The procedure a text tells; None where it tells none. Never raises."""
    text = text.strip()
    if text.endswith("?"):
        return None
    marks = list(_MARK.finditer(text))
    numbered = [m for m in marks if m["n"]]
    if len(numbered) >= 2:
        marks = numbered
    elif not marks:
        return _listed(text)
    before = text[: marks[0].start()]
    opening = None if numbered or marks[0]["first"] else _OPENING.match(before.rstrip(" ,.;"))
    if len(marks) < (1 if opening else 2) or (not numbered and not opening and not marks[0]["first"]):
        return _listed(text)
    said = [opening["step"]] if opening else []
    for i, mark in enumerate(marks):
        end = marks[i + 1].start() if i + 1 < len(marks) else len(text)
        said.append(text[mark.end() : end])
    steps = _steps(said)
    if steps is None:
        return None
    return Procedure(goal=opening["goal"] if opening else _goal(before), steps=steps)


def _steps(said: Sequence[str]) -> tuple[str, ...] | None:
    """The orders in pieces of text; None where one is no order."""
    steps: list[str] = []
    for piece in said:
        step = _SUBJECT.sub("", re.sub(r"(?:[\s,;.]|\band\b)+$", "", piece).strip())
        if not step or not _ordered(step):
            return None
        steps += [_plain(part) for part in re.split(r"\.\s+", step) if part]
    return tuple(steps)


def _goal(before: str) -> str:
    """The goal that the words before the first step name; "" where they name none."""
    before = before.strip() + (" " if before else "")
    return next((_TAIL.sub("", m["goal"]).strip() for pattern in _GOAL if (m := pattern.match(before))), "")


def _listed(text: str) -> Procedure | None:
    """A goal and a colon, then orders in a row: "To brew it: heat the milk; add cocoa; stir"."""
    intro, colon, rest = text.partition(":")
    goal = _goal(f"{intro}:") if colon else ""
    if not goal:
        return None
    for joint in (_POINTS, _COMMAS):
        said = [piece for piece in joint.split(rest) if piece.strip()]
        if len(said) >= _LEAST_LISTED and (steps := _steps(said)) is not None:
            return Procedure(goal=goal, steps=steps)
    return None


def stems(text: str) -> tuple[str, ...]:
    """The words of a text that carry it, each without its ending: "making the tea" and "made tea" are both ("mak",
    "tea")."""
    words = (w.strip(_EDGES) for w in text.casefold().replace("\u2019", "'").split())
    return tuple(_stem(w) for w in words if w and w not in STOP_WORDS)


def _stem(word: str) -> str:
    """A word without -ing, -ed and a silent e; irregular pasts by their base."""
    word = word.removesuffix("'s")
    base = verbs.base_of(word, "")
    if base:
        word = base
    elif word.endswith("ying") and len(word) <= 5:  # tying, lying
        word = word[:-4] + "ie"
    elif word.endswith("ing") and len(word) > 5:
        word = _single(word[:-3])
    elif word.endswith("ied"):
        word = word[:-3] + ("ie" if len(word) <= 4 else "y")
    elif word.endswith("ed") and len(word) > 4 and verbs.is_past(word):
        word = _single(word[:-2])
    return word[:-1] if word.endswith("e") and len(word) > 2 else word


def _single(stem: str) -> str:
    """`stirr` -> `stir`; `press` and `fill` stay."""
    return stem[:-1] if len(stem) > 3 and stem[-1] == stem[-2] and stem[-1] not in "lsz" else stem


def _plain(step: str) -> str:
    """A step as an order within a sentence: its capital was the sentence's."""
    return step[0].lower() + step[1:] if step[1:2].islower() else step


def _ordered(step: str) -> bool:
    """Whether the step is an order: it begins with a verb's base form, not with a subject or a past form."""
    word, *rest = step.split()
    first = word.strip(",;:").casefold()
    if not first.isalpha() or first in STOP_WORDS or (rest and rest[0] in _FINITE):
        return False
    return first in verbs.IRREGULAR or not verbs.is_past(first)
