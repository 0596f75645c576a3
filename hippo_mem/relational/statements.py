"""The parts of one clause as an extractor read them, before names and relations are settled.

Both extractors give `Statement`s, `stating.py` turns them into tuples. Plain values; knows nothing of how they were
read or of what becomes of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hippo_mem.relational.tuples import Kind

# "told": it happened or is the case; "habit": simple present or progressive; "planned": will, wants to;
# "possible": may, might, would
Mood = Literal["told", "habit", "planned", "possible"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """One noun phrase as written, with what its apposition says of it.

    `label` is its name ("a cat named Milo", "my boss, Ana"), `described` a description after it ("Eva, the mayor of
    Lund"). `single` is the singular of the phrase where it is a plural ("architects"), else empty.
    """

    text: str
    kind: Kind = "thing"
    plural: bool = False
    label: str = ""
    described: str = ""
    single: str = ""
    named: bool = False  # a proper name
    members: tuple[str, ...] = ()  # "two brothers, Jonas and Felix"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A phrase of place or another complement: its preposition, what it governs, and the words as told."""

    preposition: str
    phrases: tuple[Phrase, ...]
    text: str
    alternatives: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One clause. `verb` is a base form; empty tuples and strings stand for what the clause does not say.

    `quality` is a predicate adjective with its measure ("too salty", "six years old"), `attribute` a predicate noun.
    `speaker` is who says "I" in this clause, "user" unless it is quoted.
    """

    subjects: tuple[Phrase, ...]
    verb: str
    verb_text: str = ""
    participle: str = ""
    particle: str = ""
    chain: str = ""
    objects: tuple[Phrase, ...] = ()
    agents: tuple[Phrase, ...] = ()
    complements: tuple[Placed, ...] = ()
    places: tuple[Placed, ...] = ()
    times: tuple[str, ...] = ()
    qualities: tuple[str, ...] = ()
    attributes: tuple[Phrase, ...] = ()
    negated: bool = False
    passive: bool = False
    existence: bool = False
    alternatives: bool = False
    ended: bool = False  # "used to", "no longer"
    mood: Mood = "told"
    speaker: str = "user"
    span: str = ""
