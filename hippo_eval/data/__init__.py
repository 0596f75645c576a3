"""The texts by which forgetting is measured: short general questions, and general prose.

`sanity.jsonl` holds prompts with the short answer that a small model plausibly knows; a sleep may not flip the ones
the base has right. `general_text.jsonl` holds paragraphs whose cross-entropy a sleep may not raise. In: nothing. Out:
tuples in file order. Knows nothing of models, scoring or sleep. Nothing here may resemble what a sleep is anchored
to (`hippo_mem/sleep/anchors`), else it would measure training: the tests check it.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal, get_args

from hippo_mem.sleep.anchors.rows import packaged_rows

SanityKind = Literal["cloze", "chat"]
Register = Literal[
    "encyclopedic", "news", "fiction", "how-to", "dialogue", "science", "history", "letter", "review", "technical"
]

__all__ = ["GeneralText", "Register", "SanityItem", "SanityKind", "load_general_text", "load_sanity"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SanityItem:
    """One general prompt. A `cloze` is raw text to be continued, a `chat` is a user's turn."""

    kind: SanityKind
    prompt: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneralText:
    """One paragraph of 60 to 120 words."""

    register: Register
    text: str


@functools.cache
def load_sanity() -> tuple[SanityItem, ...]:
    """The sanity suite, in file order.

    Raises: StoreFormatError naming the line, when the packaged file was damaged.
    """
    rows = packaged_rows(__name__, "sanity.jsonl", {"kind": get_args(SanityKind), "prompt": (), "answer": ()})
    return tuple(SanityItem(**row) for row in rows)  # type: ignore[arg-type]  # packaged_rows checked the kind


@functools.cache
def load_general_text() -> tuple[GeneralText, ...]:
    """The paragraphs, in file order.

    Raises: StoreFormatError naming the line, when the packaged file was damaged.
    """
    rows = packaged_rows(__name__, "general_text.jsonl", {"register": get_args(Register), "text": ()})
    return tuple(GeneralText(**row) for row in rows)  # type: ignore[arg-type]
