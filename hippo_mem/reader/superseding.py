"""Of two memories that say the same with another value, the newer counts.

In: memories with their words and likeliest spans. Out: which are out of date. Knows nothing of how spans were found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hippo_mem.relational.lexicon import word_set

# Words of a correction: they make no other statement of what they stand in.
_CORRECTING = word_set(
    "actually sorry correction scratch wait now wrong mistake instead mean update anymore longer long new change "
    "switch again since yesterday today recently really"
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


def outdated(readings: Sequence[Reading], asked: frozenset[str]) -> Mapping[int, int]:
    """The memories that a newer one of the same statement replaces, each with that one."""
    found: dict[int, int] = {}
    latest = sorted(readings, key=lambda r: (r.told, r.order), reverse=True)
    for i, newer in enumerate(latest):
        for older in latest[i + 1 :]:
            if older.memory not in found and _same_statement(newer, older, asked):
                found[older.memory] = newer.memory
    return found


def _same_statement(newer: Reading, older: Reading, asked: frozenset[str]) -> bool:
    if newer.spoken == older.spoken or newer.role != older.role:
        return False
    if newer.words & asked != older.words & asked:
        return False
    shared = newer.words & older.words
    if not shared:
        return False
    left = newer.words - shared - newer.spoken - _CORRECTING, older.words - shared - older.spoken - _CORRECTING
    return all(len(words) <= _MOST_APART for words in left)
