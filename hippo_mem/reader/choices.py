"""Questions that offer two things: which of them a memory speaks of, and which it puts first.

In: a question and what was told. Out: the options as the question spells them. Knows nothing of scores or models.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from hippo_mem.relational.lexicon import word_set

_WORD = re.compile(r"[\w'-]+")
_MAX_WORDS = 4  # of an option
_FUNCTION_WORDS = word_set(
    "i me my we our you the a an in at on of to for do does did is am are was were have has it and "
    "rather more most prefer"
)
_AHEAD = re.compile(
    r"\b(?:than|over|to|instead of|rather than|more than|better than|not)\b", re.IGNORECASE
)  # between the one that is put first and the other
_BETTER = re.compile(r"\b(?:prefer\w*|favou?r\w*|rather|sooner|more|better|would choose|over|instead)\b", re.IGNORECASE)
_WORSE = re.compile(r"\b(?:less|worse|dislike\w*|hate\w*|can't stand|not as|not so)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """The words before and after the "or" of a question; where an option begins and ends is for the memory to show."""

    before: tuple[str, ...]
    after: tuple[str, ...]

    def spoken_of(self, told: str) -> tuple[str, ...]:
        """Those of the two options that the told words hold; the one put first alone, where it is put first."""
        low = f" {' '.join(_words(told))} "
        first = _longest(low, [self.before[-n:] for n in range(1, _MAX_WORDS + 1)])
        second = _longest(low, [self.after[:n] for n in range(1, _MAX_WORDS + 1)])
        if not first or not second or first == second:
            return tuple(o for o in (first, second) if o)
        at = {o: low.index(f" {o.casefold()} ") for o in (first, second)}
        ahead, behind = sorted(at, key=lambda o: at[o])
        between = low[at[ahead] + len(ahead) + 1 : at[behind] + 1]
        if _AHEAD.search(between) and _BETTER.search(low):
            return (ahead,) if not _WORSE.search(low) else (behind,)
        return (first, second)


def offered(question: Any) -> Offer | None:
    """The offer of a parsed question, "Do I prefer trains or planes?"; None for one that offers nothing."""
    at = next((t.i for t in question if t.lower_ == "or"), 0)
    if not at or not question.text.rstrip().endswith("?"):
        return None
    verb = max((t.i for t in question if t.i < at - 1 and t.pos_ in ("VERB", "AUX")), default=-1)
    before = _WORD.findall(question[verb + 1 : at].text)
    after = _WORD.findall(question[at + 1 :].text)
    if not before or not after or len(after) > _MAX_WORDS:
        return None
    return Offer(before=tuple(before), after=tuple(after))


def _words(text: str) -> list[str]:
    return [w.casefold() for w in _WORD.findall(text)]


def _longest(told: str, ways: list[tuple[str, ...]]) -> str:
    """The longest of the ways to cut an option that stands in what was told; a function word alone is none."""
    found = [" ".join(w) for w in ways if f" {' '.join(w).casefold()} " in told]
    return max((f for f in found if f.split(" ")[0].casefold() not in _FUNCTION_WORDS), key=len, default="")
