"""Of two memories that say the same with another value, the newer counts.

In: memories with their words and likeliest spans. Out: which are out of date. Knows nothing of how spans were found.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from hippo_mem.relational.lexicon import word_set

# Words of a correction: they make no other statement of what they stand in.
_CORRECTING = word_set(
    "actually sorry correction scratch wait now wrong mistake instead mean update anymore longer long new change "
    "switch again since yesterday today recently really"
)
_IN_COMMON = 2  # content words of what is corrected
_CORRECTION = re.compile(
    r"\b(?:i was (?:wrong|mistaken)|actually|correction|my mistake|i (?:mis\w+|meant)|scratch that|in fact|"
    r"got (?:it|that) wrong|rather than|instead of|not .{2,60}? but|no longer|sorry)\b|, not \w",
    re.IGNORECASE,
)
_MOST_APART = 1  # content words that either has besides the value and the question's own


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One memory's likeliest answer: `words` are the memory's content words, `spoken` the answer's, `role` its part."""

    memory: int
    told: float  # when, unix seconds
    order: int  # of two told at one time the later has the higher one
    role: str
    words: frozenset[str]
    spoken: frozenset[str]
    corrects: bool = False  # whether it says of itself that it puts something right


def corrects(text: str) -> bool:
    """Whether a memory says of itself that it puts something right."""
    return _CORRECTION.search(text) is not None


def outdated(readings: Sequence[Reading], asked: frozenset[str]) -> frozenset[int]:
    """The memories that a newer one of the same statement replaces."""
    latest = sorted(readings, key=lambda r: (r.told, r.order), reverse=True)
    return frozenset(older.memory for newer, older in combinations(latest, 2) if _same_statement(newer, older, asked))


def _same_statement(newer: Reading, older: Reading, asked: frozenset[str]) -> bool:
    if newer.spoken == older.spoken:
        return False
    if newer.corrects and not older.corrects:  # "not in the barn but in the shed, that is where Ana hid the key"
        return len(newer.words & asked) >= len(older.words & asked) and len(newer.words & older.words) >= _IN_COMMON
    if newer.role != older.role:
        return False
    if newer.words & asked != older.words & asked:
        return False
    shared = newer.words & older.words
    if not shared:
        return False
    left = newer.words - shared - newer.spoken - _CORRECTING, older.words - shared - older.spoken - _CORRECTING
    return all(len(words) <= _MOST_APART for words in left)
