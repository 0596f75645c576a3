"""Who is taught and asked: what the runner needs of a memory of ours, or of a baseline over the bare model.

Both take the same items and give the same records, so the runner need not know which it holds. Asking never changes
what is asked: no answerer counts a question as use. Knows nothing of scores or files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

from hippo_eval.cells import HitRow
from hippo_eval.suites.items import TeachItem, TestItem
from hippo_mem.config import SleepConfig
from hippo_mem.types import Answer, Event, Outcome

Progress = Callable[[str, int, int], None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """How many events met the gate, how many it let in, and how many of those were known already; `told` has a line an
    event."""

    attempts: int = 0
    accepts: int = 0
    merged: int = 0
    told: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One answer with how it was made: the texts it could read, and whether a store was asked for them."""

    text: str
    decoding: str
    source: Literal["memory", "weights", "prompt"]
    decided_by: str | None = None
    path: tuple[str, ...] = ()
    hits: tuple[HitRow, ...] = ()
    requests: int = 0
    latency_ms: float = 0.0
    n_in_call: int = 1
    prompt_tokens: int | None = None
    generated_tokens: int | None = None
    context_tokens: int | None = None

    @property
    def recalled(self) -> tuple[str, ...]:
        """The texts it could read, best first."""
        return tuple(hit.text for hit in self.hits)


class Answerer(Protocol):
    """What the runner needs. `batch` is how many questions a call takes; the first `alone` are asked one by one, so
    that the time of a single question is known."""

    batch: int
    alone: int

    def teach(self, items: Sequence[TeachItem], progress: Progress) -> Taught:
        """Tell every item once, in order of time."""
        ...

    def flush(self) -> None:
        """The session ends: what only a context window held is gone."""
        ...

    def ask(self, items: Sequence[TestItem], *, memory: bool = True) -> list[Asked]:
        """Ask these questions in one call; answers in the same order. `memory` False: the weights alone."""
        ...


class Model(Protocol):
    """The part of a language model that a baseline uses."""

    def chat_prompt(self, user: str, *, system: str | None = None) -> str:
        """One user turn, templated."""
        ...

    def encode(self, text: str) -> list[int]:
        """Token ids."""
        ...

    def generate(self, prompts: Sequence[str], *, max_new_tokens: int = 16, head: str = "") -> list[str]:
        """Greedy continuations; every prompt begins with `head`, which need be read only once."""
        ...

    def attach(self, folder: Path) -> None:
        """Put an adapter over the base."""
        ...


class Memory(Protocol):
    """The part of `hippo_mem.memory.Hippo` that is evaluated."""

    def observe_many(self, events: Sequence[Event]) -> list[list[Outcome]]:
        """What became of each event."""
        ...

    def answer_many(
        self, questions: Sequence[str], *, contexts: Sequence[str | None] | None = None, memory: bool = True,
        k: int = 16, touch: bool = True,
    ) -> list[Answer]:  # fmt: skip
        """One answer a question."""
        ...

    def sleep(self, config: SleepConfig | None = None, *, progress: Progress | None = None) -> Any:
        """One night."""
        ...

    def save(self, dir: str | Path, session_id: str) -> Any:
        """Write the store as an experiment store."""
        ...

    def load(self, dir: str | Path, session_id: str) -> Any:
        """Read an experiment store into this memory."""
        ...

    def status(self) -> dict[str, Any]:
        """Counts of what is stored."""
        ...

    def close(self) -> None:
        """Let go of the files."""
        ...


def in_order(items: Sequence[TeachItem]) -> list[TeachItem]:
    """By time where it is given; items without one keep their place before those with one."""
    return sorted(items, key=lambda i: float("-inf") if i.time is None else i.time)


def calls(total: int, batch: int, alone: int) -> list[range]:
    """Which of `total` questions go into each call: the first `alone` by themselves, then `batch` at a time."""
    first = min(alone, total)
    ones = [range(i, i + 1) for i in range(first)]
    return ones + [range(i, min(i + batch, total)) for i in range(first, total, batch)]


def batches(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """`items` in runs of at most `size`."""
    return [items[i : i + size] for i in range(0, len(items), size)]
