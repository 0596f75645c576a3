"""What a sleep must leave as it was, and what it must not pretend to know.

`anchors.jsonl` holds general prompts and passages whose next-token distribution under the frozen base a night is
held to; `unknown.jsonl` holds questions about invented people and private matters that nobody told. In: nothing.
Out: tuples of texts, in file order. Knows nothing of models, losses, templates or of the sanity suite that
measures forgetting (the tests check that the two share no prompt and no subject with its relation).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal, get_args

from hippo_mem.sleep.anchors.rows import packaged_rows

AnchorKind = Literal["question", "cloze", "text", "instruction", "chat"]
UnknownKind = Literal["self", "person", "thing"]

__all__ = ["Anchor", "AnchorKind", "Unknown", "UnknownKind", "load_anchors", "load_unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """One text to hold. `question`, `instruction` and `chat` are a user's turn; `cloze` and `text` are raw text."""

    kind: AnchorKind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """One question without an answer. `topic` is what it is about: drop the entry once the user has told of it."""

    kind: UnknownKind
    topic: str
    text: str


@functools.cache
def load_anchors() -> tuple[Anchor, ...]:
    """All anchors, in file order.

    Raises: StoreFormatError naming the line, when the packaged file was damaged.
    """
    rows = packaged_rows(__name__, "anchors.jsonl", {"kind": get_args(AnchorKind), "text": ()})
    return tuple(Anchor(**row) for row in rows)  # type: ignore[arg-type]  # packaged_rows checked the kind


@functools.cache
def load_unknown() -> tuple[Unknown, ...]:
    """All questions nobody told the answer of, in file order.

    Raises: StoreFormatError naming the line, when the packaged file was damaged.
    """
    rows = packaged_rows(__name__, "unknown.jsonl", {"kind": get_args(UnknownKind), "topic": (), "text": ()})
    return tuple(Unknown(**row) for row in rows)  # type: ignore[arg-type]
