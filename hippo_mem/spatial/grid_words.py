"""Moves in words: what a grid text asks for, in which alphabet, and the walk it tells.

In: a text. Out: the kind of question, the manner of its answer, letters U, D, L, R. Knows nothing of cells or boards.
"""

from __future__ import annotations

import re
from typing import Any, Literal

Asked = Literal["route", "length", "end", "possible", "none"]

_LETTERS = {
    **dict.fromkeys(("u", "up", "north", "n", "↑"), "U"),
    **dict.fromkeys(("d", "down", "south", "s", "↓"), "D"),
    **dict.fromkeys(("l", "left", "west", "w", "←"), "L"),
    **dict.fromkeys(("r", "right", "east", "e", "→"), "R"),
}
_WORD = r"up|down|left|right|north|south|east|west"
_MOVE = rf"(?:{_WORD}|[UDLRNSEW↑↓←→])"
_SEQUENCE = (
    rf"(?:[UDLR]{{1,}}|[NSEW]{{1,}}|[↑↓←→]+|{_MOVE}(?:(?:\s*(?:,|->|→|-|;|\band\b|\bthen\b)\s*|\s+)(?:then )?{_MOVE})*)"
)
TOLD = re.compile(
    rf"\b(?:answers?|routes?|paths?|solutions?|moves?|sequence|steps?|went|go|walked|took|trajectory|plan)\b"
    rf"\s*(?:is|are|was|were|:|=|->|=>|taken|of)?\s*(?:by )?[\"'`]?(?P<seq>{_SEQUENCE})[\"'`]?\s*(?=$|"
    rf"[.;,!?\n)]|\s+(?:and|where|from|to|which|reach|but|then|what|you)\b)",
    re.IGNORECASE,
)
LAST_LINE = re.compile(rf"(?:^|[\n:>=?.]\s*)[\"'`]?(?P<seq>{_SEQUENCE})[\"'`]?\s*\.?\s*$")
BUMP = re.compile(
    rf"\b(?:moving|going|stepping|move|go|step|tried|trying)(?: to (?:go|"
    rf"move))?\s+(?P<move>{_MOVE})\s+from\s+\(?(?P<at>[^)]*\))[^.;\n]*"
    r"\b(?:blocked|wall|fail(?:s|ed)?|obstacle|bump(?:s|ed)?|impossible|stopped)\b",
    re.IGNORECASE,
)
FAILED = re.compile(
    r"\b(?:fail(?:s|ed|ure)?|blocked|bumped|hit an?|crash(?:es|ed)?|stuck|did not reach|could not)\b", re.I
)


def asked_of(text: str) -> Asked:
    """What is asked of the grid: a route, its length, where a walk ends, whether there is a way; "none": nothing."""
    low = text.casefold()
    if re.search(r"\b(?:where (?:do|will|would|are|did) (?:you|i|it|he|she|the \w+) (?:end|be|now|land|finish|"
                 r"stop|arrive)|"
                 r"final (?:position|cell|location)|end up|which cell)", low):  # fmt: skip
        return "end"
    if re.search(
        r"\b(?:path|route)? ?length\b|how (?:many|long|far)|number of (?:moves|steps)|fewest (?:moves|steps)\?|"
        r"distance",
        low,
    ):
        return "length"
    if re.search(
        r"\b(?:is|are) (?:there|it possible|the goal reachable)|\bcan (?:you|i|one|it|the \w+) (?:reach|get)|reachable",
        low,
    ):
        return "possible"
    if re.search(r"\?|\b(?:find|give|respond|write|plan|navigate|compute|determine|list|shortest|what|output|"
                 r"provide|return|solve|"
                 r"tell|reply|get|go|answer with)\b", low):  # fmt: skip
        return "route"
    return "none"


def manner_of(text: str) -> dict[str, Any]:
    """The words and separators the text asks its route in; letters without a space where it does not say."""
    found: dict[str, Any] = {}
    low = text.casefold()
    if re.search(
        r"\b(?:words?\b[^.;\n]*\b)?(?:up|down)['\"]?\s*(?:,|/|or|and)[^.;\n]*\b(?:left|right|down)\b", low
    ) and not re.search(r"\b[UDLR](?:\s*[,/=:(]|\s+(?:is|for|means|or))", text):
        found = {"alphabet": ("left", "right", "up", "down"), "separator": ", "}
    elif re.search(r"\bN\s*(?:,|/|or|=)\s*[SEW]\b|\bNESW\b|\bNSEW\b", text):
        found = {"alphabet": ("W", "E", "N", "S")}
    elif re.search(r"\b(?:north|south|east|west)['\"]?\s*(?:,|/|or|and)[^.;\n]*\b(?:north|south|east|west)\b", low):
        found = {"alphabet": ("west", "east", "north", "south"), "separator": ", "}
    elif re.search(r"\barrows?\b|[←↑↓→]\s*,?\s*[←↑↓→]", low):
        found = {"alphabet": ("←", "→", "↑", "↓")}
    if re.search(r"\bno spaces?\b|without (?:any )?(?:spaces?|separators?)", low):
        found["separator"] = ""
    elif re.search(r"\bcomma[- ]?(?:separated)?\b|separated by (?:a )?commas?", low):
        found["separator"] = ", " if re.search(r"comma and (?:a )?space", low) else ","
    elif re.search(r"\bspace[- ]separated\b|separated by (?:a |single )?spaces?|with spaces", low):
        found["separator"] = " "
    return found


def letters(sequence: str) -> str:
    """Written moves as letters U, D, L, R: "up, right" -> "UR", "NNE" -> "UUR"; "" where a word is none."""
    found = []
    for token in re.findall(r"[^\W\d_]+|[←↑↓→]", sequence.casefold()):
        if token in ("and", "then"):
            continue
        if token in _LETTERS:
            found.append(_LETTERS[token])
        elif all(c in _LETTERS for c in token):
            found += [_LETTERS[c] for c in token]
        else:
            return ""
    return "".join(found)
