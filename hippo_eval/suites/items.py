"""The items of a suite: what is taught, and what is asked.

The two live in separate files so that no test prompt can hold its answer's fact. Knows nothing of how items
are generated, answered or scored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Profile = Literal["easy", "default", "hard"]
PROFILES: tuple[Profile, ...] = ("easy", "default", "hard")


@dataclass(frozen=True, slots=True, kw_only=True)
class TeachItem:
    """One thing to be told. `time` is an order (any unit), `schema_fit` belongs to the semantic suite."""

    fact: str
    context_key: str | None = None
    time: int | None = None
    schema_fit: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TestItem:
    """One question, its shortest true answer, the session it belongs to, and the kind of question (`slot`)."""

    prompt: str
    answer: str
    context_key: str | None = None
    slot: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Both halves with the stamp that makes them repeatable.

    `flush`: the session ends between telling and asking. What only a context window or a running process holds is
    gone by then; what is on disk, or in the weights, is there.
    """

    name: str
    version: int
    seed: int
    teach: tuple[TeachItem, ...]
    test: tuple[TestItem, ...]
    profile: Profile = "default"
    flush: bool = False
