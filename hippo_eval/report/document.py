"""What a page says, without how it looks: blocks in order. Knows nothing of HTML, Markdown or figures.

Text is data: renderers escape it, so that a recalled memory cannot become markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Tone = Literal["plain", "good", "bad", "open", "quiet"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """Text of a table's cell that is drawn out: `tone` colors it, `title` explains it."""

    text: str
    tone: Tone = "plain"
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A section's title; `level` 2 or 3."""

    text: str
    level: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """A sentence or more."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Sentences that stand for themselves, each with its tone."""

    items: Sequence[tuple[Tone, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Other pages: (title, page without ending, what it is)."""

    pages: Sequence[tuple[str, str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of cells under a header. Columns of `left` are text, the others numbers."""

    header: Sequence[str]
    rows: Sequence[Sequence[str | Marked]]
    left: frozenset[int] = frozenset({0})
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A picture as an SVG element. `alt` says in words what it shows, `name` is its file's."""

    name: str
    svg: str
    alt: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plots:
    """Pictures side by side, as many as fit."""

    plots: Sequence[Plot]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One question with its answer. `steps` are lines of (label, text) that say how it came about."""

    title: str
    facts: Sequence[tuple[str, str]]
    steps: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """Blocks that are folded away under a summary."""

    summary: str
    blocks: Sequence[Block]


Block = Heading | Paragraph | Listing | Links | Table | Plots | Example | Details


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One page. `back` is the page it belongs to, without ending."""

    title: str
    lead: str
    blocks: Sequence[Block] = field(default_factory=tuple)
    back: str | None = None
