"""Who went from where to where, as told in sentences without directions, and what came after or before on the way.

In: sentences in the order they were told, and a question. Out: the places of a walker in order; the place asked for.
"Roderick left the bridge and went to the mill" is two places of Roderick's. A place that was passed twice stands for
its last passing. Ways with a direction ("I go east to the garden") are the map's (`walking.py`). Knows nothing of
stores.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from hippo_mem.spatial.names import key_of

_WHO = r"(?P<who>I|we|[A-Z][\w'-]+(?: [A-Z][\w'-]+)*)"
_GO = (
    r"(?:went|goes|go|walked|walks|walk|ran|runs|drove|drives|cycled|cycles|rode|rides|sailed|sails|flew|flies|"
    r"travel+ed|travels|moved on|moves on|moved|moves|headed|heads|hurried|hurries|came|comes|proceeded|proceeds|"
    r"continued|continues|marched|marches|strolled|strolls|journeyed|journeys|returned|returns|wandered|wanders)"
)
_AWAY = r"(?:on|back|over|down|up|across|straight|along|again|then|first|later)"
_PLACE = r"(?:the |a |an |my |our |his |her |their )?[A-Za-z][\w' -]{0,40}?"
_END = r"(?=[,.;!]|$| and | then | before | after | where | to | on | in | at | with | by )"
_FROM_TO = re.compile(
    rf"\b{_WHO} (?:{_AWAY} )*{_GO} (?:{_AWAY} )*from (?P<a>{_PLACE}) (?:in)?to(?:wards)? (?P<b>{_PLACE}){_END}"
)
_FROM_FIRST = re.compile(
    rf"\bFrom (?P<a>{_PLACE}),? {_WHO} (?:{_AWAY} )*{_GO} (?:{_AWAY} )*(?:in)?to(?:wards)? (?P<b>{_PLACE}){_END}"
)
_REACH = r"(?:reach(?:ed|es)?|enter(?:ed|s)?|visit(?:ed|s)?)"
_LEFT = re.compile(
    rf"\b{_WHO} (?:left|leaves) (?P<a>{_PLACE}),? (?:and |to )(?:{_AWAY} )*(?:{_GO}|{_REACH})"
    rf" (?:{_AWAY} )*(?:(?:in)?to(?:wards)? )?(?P<b>{_PLACE}){_END}"
)
_TO = re.compile(
    rf"\b{_WHO} (?:{_AWAY} )*(?:{_GO} (?:{_AWAY} )*(?:in)?to(?:wards)?|reached|reaches|entered|enters|visited|visits|"
    rf"arrived at|arrived in|arrives at) (?P<b>{_PLACE}){_END}"
)
_AFTER = re.compile(
    r"\bafter(?:wards?| that| leaving| visiting)?\b|\bnext\b|\b(?:go(?:es|ne)?|went) (?:on )?from\b|\bwhere to\b|"
    r"\bleft\b",
    re.IGNORECASE,
)
_BEFORE = re.compile(
    r"\bbefore\b|\bfrom where\b|\bwhere\b.*\bcome (?:to\b.*\b)?from\b|\bcame from\b|\bprior to\b|\bprevious\b",
    re.IGNORECASE,
)
_WANTED = re.compile(
    r"^(?:.*[.!] )?(?:where\b|from where\b|where to\b|"
    r"(?:to )?(?:which|what) (?:\w+ )?(?:place|location|spot|stop|building|room)\b)",
    re.IGNORECASE,
)
_TOLD_OUT_OF_ORDER = re.compile(r"\b(?:before|after|until|would|will|might|never|not|n't)\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One move of a walker. `start` is "" where it is not told; both are as told, determiners aside."""

    who: str
    start: str
    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The place after, or before, another on a walker's way. `place` is a key."""

    who: str
    kind: Literal["after", "before"]
    place: str


def legs_of(text: str) -> list[Leg]:
    """The moves that a sentence tells; none for a question, a denial, or one that tells them out of order."""
    if text.rstrip().endswith("?") or _TOLD_OUT_OF_ORDER.search(text):
        return []
    for pattern in (_FROM_TO, _FROM_FIRST, _LEFT, _TO):
        found = [
            Leg(who=m["who"], start=_bare(m["a"]) if "a" in pattern.groupindex else "", to=_bare(m["b"]))
            for m in pattern.finditer(text)
        ]
        if found:
            return found
    return []


def may_ask(question: str) -> bool:
    """Whether a question can be about a journey at all: cheap, and true for some that are not."""
    return bool(_WANTED.search(question) and (_AFTER.search(question) or _BEFORE.search(question)))


def asked_of(question: str, ways: dict[str, list[str]]) -> Asked | None:
    """What a question asks of the walkers that are known; None where it names none of them, or no place of theirs."""
    if not may_ask(question):
        return None
    who = next((w for w in sorted(ways, key=len, reverse=True) if re.search(rf"\b{re.escape(w)}\b", question)), None)
    if who is None:
        return None
    low = f" {' '.join(_WORD.findall(question.casefold()))} "
    named = {key_of(p) for p in ways[who]}
    there = sorted((k for k in named if f" {k} " in low), key=len, reverse=True)
    if not there or (len(there) > 1 and there[1] not in there[0]):
        return None
    if _BEFORE.search(question):
        return Asked(who=who, kind="before", place=there[0])
    if _AFTER.search(question):
        return Asked(who=who, kind="after", place=there[0])
    return None


def ways_of(texts: Iterable[str]) -> dict[str, list[str]]:
    """Every walker's places in the order they were told."""
    ways: dict[str, list[str]] = {}
    for text in texts:
        for leg in legs_of(text):
            way = ways.setdefault(leg.who, [])
            if leg.start and (not way or key_of(way[-1]) != key_of(leg.start)):
                way.append(leg.start)
            way.append(leg.to)
    return ways


def place_of(asked: Asked, way: Sequence[str]) -> str | None:
    """The place asked for: after the last passing of the named one, or before it; None where the way is not told."""
    at = max((i for i, place in enumerate(way) if key_of(place) == asked.place), default=-1)
    wanted = at + 1 if asked.kind == "after" else at - 1
    return way[wanted] if at >= 0 and 0 <= wanted < len(way) else None


def _bare(text: str) -> str:
    return re.sub(r"^(?:the|a|an) ", "", text.strip(), flags=re.IGNORECASE)
