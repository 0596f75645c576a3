"""What one clause states, as one tuple: head, relation, tail, and whether it is denied.

In: nothing. Out: `Tuple`, the value that extractors give and the graph takes, and the protocol of an extractor.
Knows nothing of parsers, of stores, or of which tuples contradict each other (`vocabulary.py` says that).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

Kind = Literal["person", "place", "thing", "time", "number", "user", "value"]
Pattern = Literal[
    "svo",
    "copular",
    "possessive",
    "appositive",
    "preposition",
    "passive",
    "conjunction",
    "movement",
    "holding",
    "label",
    "rule",
]

USER = "user"  # the head of what the first person says of itself
PATTERNS: tuple[Pattern, ...] = get_args(Pattern)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuple:
    """One statement: `head` stands in `relation` to `tail`.

    Names lose their article ("kitchen"), the first person is "user", and what is possessed carries its possessor:
    "my car" is "user's car" (told together with `(user's car, owner, user)`), "my sister" is "user's sister" (with
    `(user's sister, sister_of, user)`); "my sister Ana" is "Ana", with `(user's sister, name, Ana)` besides. A property
    is a relation of its bearer: `(user, favorite_color, blue)`, `(Zorvia, capital, Plim)`.
    `relation` is canonical snake case: a relation of `vocabulary.py` ("located_at", "has", "works_at", "is_a") or the
    verb's base form with its preposition for an event ("repair", "talk_to"). `negated` says the statement is denied.
    `place` and `time_text` are the clause's own words ("in the library", "on Tuesday"), empty where it has none.
    `conf` is in (0, 1]: 0.5 for each of two alternatives. `span` is the clause, `pattern` the rule that found it.
    """

    head: str
    relation: str
    tail: str
    head_kind: Kind = "thing"
    tail_kind: Kind = "thing"
    negated: bool = False
    place: str = ""
    time_text: str = ""
    conf: float = 1.0
    span: str = ""
    pattern: Pattern = "svo"


class TupleExtractor(Protocol):
    """Reads statements out of text. The same text gives the same tuples, in the order of the text."""

    def extract(self, text: str) -> list[Tuple]:
        """The tuples of one text; a pronoun may refer to an earlier sentence of the same text."""
        ...

    def extract_many(self, texts: Iterable[str]) -> list[list[Tuple]]:
        """The tuples of each text, read together where that is faster; nothing passes from one to another."""
        ...
