"""Procedures told in words: "To make tea, first boil the water, then add the leaves. Finally, pour it."

In: a text. Out: a `Procedure`: its goal and its steps in order; None for a text that gives no instructions. A story
("First Mary went home, then she slept") is none: steps are told as orders, or to "you". Knows nothing of stores.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hippo_mem.relational import verbs
from hippo_mem.text import STOP_WORDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Procedure:
    """What is done, in which steps. `goal` is "" where the text does not name it."""

    goal: str
    steps: tuple[str, ...]


_MARK = re.compile(
    r"(?:^|(?<=[\s,.;:]))(?:(?P<first>first(?:ly| of all)?|to start(?: with)?|start by|begin by)|"
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
               r"80}?)[,:]\s*$", re.IGNORECASE),
)  # fmt: skip
_SUBJECT = re.compile(
    r"^(?:(?:you|i|we)(?: always| usually)?(?: (?:must|need to|have to|should|can))?|please|always) ", re.IGNORECASE
)
_FINITE = frozenset("is was has had went goes did does got came gets comes will are were".split())
_ASKED = re.compile(
    r"^(?:how (?:do|can|should|would|to)(?: (?:you|i|we|one))?|what are the steps (?:to|for)|tell me how (?:to|i)|"
    r"what is the (?:procedure|recipe|routine) (?:to|for)) (?P<goal>.+?)[?.!\s]*$",
    re.IGNORECASE,
)


def read_procedure(text: str) -> Procedure | None:
    """The procedure a text tells; None where it tells none. Never raises."""
    text = text.strip()
    if text.endswith("?"):
        return None
    marks = list(_MARK.finditer(text))
    numbered = [m for m in marks if m["n"]]
    if len(numbered) >= 2:
        marks = numbered
    elif not marks or not marks[0]["first"]:
        return None
    if len(marks) < 2:
        return None
    steps = []
    for i, mark in enumerate(marks):
        end = marks[i + 1].start() if i + 1 < len(marks) else len(text)
        step = re.sub(r"(?:[\s,;.]|\band\b)+$", "", text[mark.end() : end]).strip()
        step = _SUBJECT.sub("", step)
        if not step or not _ordered(step):
            return None
        steps += [part for part in re.split(r"\.\s+", step) if part]
    before = text[: marks[0].start()]
    goal = next((m["goal"] for pattern in _GOAL if (m := pattern.match(before.strip() + (" " if before else "")))), "")
    return Procedure(goal=goal.strip(), steps=tuple(steps))


def asked_goal(question: str) -> str | None:
    """What a question wants done: "How do you make tea?" -> "make tea"; None for other questions."""
    match = _ASKED.match(question.strip())
    return match["goal"].strip() if match else None


def goal_key(goal: str) -> str:
    """What stays of a goal when articles and other small words change; "making tea" is "make tea"."""
    words = [w.strip(".,;:!?'\"") for w in goal.casefold().split()]
    return " ".join(_base(w) for w in words if w and w not in STOP_WORDS)


def _base(word: str) -> str:
    if word.endswith("ing") and len(word) > 5:
        stem = word[:-3]
        return stem[:-1] if len(stem) > 2 and stem[-1] == stem[-2] and stem[-1] not in "ls" else stem
    return word[:-1] if word.endswith("e") and len(word) > 3 else word


def _ordered(step: str) -> bool:
    """Whether the step is an order: it begins with a verb's base form, not with a subject or a past form."""
    word, *rest = step.split()
    first = word.strip(",;:").casefold()
    if not first.isalpha() or first in STOP_WORDS or (rest and rest[0] in _FINITE):
        return False
    return first in verbs.IRREGULAR or not verbs.is_past(first)
