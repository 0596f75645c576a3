"""What a question asks of the graph, as a tree: who is named, and the relations to follow from there.

"Where does the person married to Ana's boss work?" is `Along(works at, Along(spouse, Along(boss, Known(Ana))))`. Plain
values: knows nothing of words, of facts or of how either was read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hippo_mem.relational.relation_words import Steps

Mode = Literal["now", "first", "previous", "before", "after"]


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """Which of the values that followed one another: the one that holds, the first, the one before or after `than`."""

    mode: Mode = "now"
    than: Node | None = None


NOW = When()


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Whom a name of the store stands for."""

    ids: frozenset[int]
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Along:
    """Those at the other end of a relation from `of`.

    `noun` is the noun of relation ("boss" of "Ana's boss"), `kind` the noun that says what they are ("company" of "the
    company Ana works for"); at most one of the two is set.
    """

    steps: Steps
    of: Node
    noun: str = ""
    kind: str = ""
    when: When = NOW


@dataclass(frozen=True, slots=True, kw_only=True)
class At:
    """The place where `of` is, as far as it was told or follows from who carries it."""

    of: Node
    when: When = NOW


Node = Known | Along | At


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A tree, what the question word asks for, and the noun after it ("town" of "in which town")."""

    node: Node
    wanted: Literal["who", "what", "where"]
    noun: str = ""
