"""Ways that somebody went, or says one can go: "From the office I go east to the garden."

In: one sentence and where the walk is so far. Out: its legs, each from one place by one heading to another, and
where it has come to. A leg without a heading ("Mary went to the kitchen") says nothing of the map. Knows nothing of
other spatial sentences or of stores.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hippo_mem.spatial.names import place_name
from hippo_mem.spatial.vocabulary import HEADING, Relation, move_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One way: from `start` by the move of `relation` to `to`."""

    start: str
    relation: Relation
    to: str
    distance: float = 1.0


_GO = (
    r"go(?:es|ing)?|get(?= (?:there )?from)|went|walk(?:s|ed|ing)?|head(?:s|ed|ing)?|run(?:s|ning)?|ran|"
    r"mov(?:e|es|ed|ing)|travel(?:s|ed|led|ing|ling)?"
    r"|driv(?:e|es|ing)|drove|step(?:s|ped|ping)?|turn(?:s|ed|ing)?|proceed(?:s|ed|ing)?|continu(?:e|es|ed|ing)"
    r"|climb(?:s|ed|ing)?|sail(?:s|ed|ing)?|exit(?:s|ed|ing)?|leav(?:e|es|ing)|left(?= (?:the|from))"
)
_REACH = (
    r"(?:and (?:then )?)?(?:(?:i|you|we|he|she|they|one)(?: will|'ll| would)? )?"
    r"(?:reach(?:es|ed|ing)?|get(?:s)? to|got to|getting to|enter(?:s|ed)?|arriv(?:e|es|ed) (?:at|in)|ends? up "
    r"(?:in|at)|"
    r"ended up (?:in|at)|com(?:e|es) to|came to|find(?:s)?|(?:lead|take|bring)s? (?:me |you |one |us )?(?:to|into))"
)
_MARKER = re.compile(
    rf"\b(?:(?P<go>{_GO})|(?P<reach>(?:until |to ){_REACH}|{_REACH})|(?P<to>to|into|towards?)"
    rf"(?! the (?:{HEADING})\b| (?:{HEADING})\b)|(?P<from>from|out of)|(?:(?:to )?(?:the "
    rf")?(?P<dir>{HEADING}))(?! (?:of|side|wing|hand|gate|door|room|tower)\b))(?!\w)",
    re.IGNORECASE,
)
_AT = re.compile(
    r"^(?:i|you|we|he|she|they|[A-Z]\w+) (?:am|are|is|was|were|start(?:s|ed)?|begin(?:s)?|began|stand(?:s)?) "
    r"(?:out )?(?:in|at|from)\s+(?P<at>.+)$",
    re.IGNORECASE,
)
_TAIL = re.compile(
    r"(?:,|\b(?:and|then|i|you|we|he|she|they|one|can|will|by|just|simply|straight|to)\b|\s)+$", re.IGNORECASE
)
_COUNT = re.compile(
    r"(\d+(?:\.\d+)?|one|two|three|four|five|six)\s+(?:steps?|blocks?|meters?|metres?|m|rooms?)\b", re.I
)
_NUMBERS = {w: float(i) for i, w in enumerate("zero one two three four five six".split())}


def legs(sentence: str, here: str | None) -> tuple[list[Leg], str | None]:
    """The legs of one sentence, and where the walk has come to (None: unknown)."""
    if start := _AT.match(sentence):
        name = place_name(re.split(r",|\band\b", start["at"])[0])
        rest = re.split(r",|\band\b", start["at"], maxsplit=1)
        if name and len(rest) == 1:
            return [], name
        if name:
            here, sentence = name, rest[1].strip()
    marks = list(_MARKER.finditer(sentence))
    if not any(m["go"] or m["reach"] for m in marks) or not any(m["dir"] for m in marks):
        return [], here
    planned = sentence.casefold().startswith(("to get ", "to go "))  # the goal is named before the way
    origin, heading, goal, distance = here, None, None, 1.0
    moving = False
    found: list[Leg] = []
    for i, mark in enumerate(marks):
        end = marks[i + 1].start() if i + 1 < len(marks) else len(sentence)
        after = sentence[mark.end() : end]
        name = place_name(_TAIL.sub("", after))
        if mark["go"]:
            moving = True
            if re.match(r"leav|exit|left", mark["go"], re.IGNORECASE) and name:
                origin = name
        elif mark["from"] and name:
            origin = name
        elif mark["dir"]:
            if heading is not None:
                return found, None  # two headings before a place: what lies between is unknown
            heading = move_of(mark["dir"])
            if count := _COUNT.search(after):
                number = count[1].casefold()
                distance = _NUMBERS[number] if number in _NUMBERS else float(number)
        elif (mark["to"] or mark["reach"]) and name:
            moving = moving or mark["reach"] is not None
            if heading is None and not planned:
                origin = name  # gone there, nobody said which way
            else:
                goal = name
        if moving and origin and heading and goal:
            found.append(Leg(start=origin, relation=heading, to=goal, distance=distance))
            origin, heading, goal, distance = goal, None, None, 1.0
    return found, origin if found else here
