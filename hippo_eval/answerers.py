"""Who is taught and asked: a memory of ours, or a baseline over the bare model.

Both take the same items and give the same records, so the runner need not know which it holds. Knows nothing of
scores or files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

from hippo_eval.settings import EvalConfig
from hippo_eval.suites.items import TeachItem, TestItem
from hippo_mem.config import SleepConfig
from hippo_mem.embed import Embedder
from hippo_mem.types import Answer, Event, Outcome

Progress = Callable[[str, int, int], None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """How many events met the gate, how many it let in, and how many of those were known already."""

    attempts: int = 0
    accepts: int = 0
    merged: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One answer with how it was made: the texts it could read, and whether a store was asked for them."""

    text: str
    decoding: str
    source: Literal["memory", "weights", "prompt"]
    recalled: tuple[str, ...] = ()
    requests: int = 0


class Answerer(Protocol):
    """What the runner needs."""

    def teach(self, items: Sequence[TeachItem], progress: Progress) -> Taught:
        """Tell every item once, in order of time."""
        ...

    def ask(self, items: Sequence[TestItem], progress: Progress) -> list[Asked]:
        """Ask every question; answers in the same order."""
        ...


class Model(Protocol):
    """The part of `hippo_mem.lm.LanguageModel` that a baseline uses."""

    def chat_prompt(self, user: str, *, system: str | None = None) -> str:
        """One user turn, templated."""
        ...

    def encode(self, text: str) -> list[int]:
        """Token ids."""
        ...

    def generate(self, prompts: Sequence[str], *, max_new_tokens: int = 16) -> list[str]:
        """Greedy continuations."""
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
        self, questions: Sequence[str], *, contexts: Sequence[str | None] | None = None, memory: bool = True, k: int = 8
    ) -> list[Answer]:
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


class MemoryAnswerer:
    """A memory that is told one event at a time, as a user would, and asked in batches."""

    def __init__(self, memory: Memory, config: EvalConfig) -> None:
        self.memory = memory
        self._config = config

    def teach(self, items: Sequence[TeachItem], progress: Progress) -> Taught:
        """Observe every item; a gate that is switched off is a pin."""
        attempts = accepts = merged = 0
        for done, item in enumerate(in_order(items), start=1):
            event = Event(
                text=item.fact,
                source=f"eval-{self._config.suite}",
                context=self._context(item.context_key),
                pin=not self._config.gating_enabled,
            )
            for outcome in self.memory.observe_many([event])[0]:
                if outcome.kind == "routed":  # what facts and places were understood passes no gate
                    continue
                attempts += 1
                accepts += outcome.kind != "gated"
                merged += outcome.kind == "merged"
            progress("tell", done, len(items))
        return Taught(attempts=attempts, accepts=accepts, merged=merged)

    def ask(self, items: Sequence[TestItem], progress: Progress) -> list[Asked]:
        """Answer with memory ON, or from the weights when `memory_off`."""
        asked: list[Asked] = []
        on = not self._config.memory_off and self._config.retrieval.enabled
        for batch in batches(items, self._config.batch_size):
            answers = self.memory.answer_many(
                [i.prompt for i in batch],
                contexts=[self._context(i.context_key) for i in batch],
                memory=on,
                k=self._config.retrieval.k,
            )
            for answer in answers:
                recall = answer.recall if on else None
                asked.append(
                    Asked(
                        text=answer.text,
                        decoding=answer.decoding,
                        source=answer.source,
                        recalled=tuple(h.trace.text for h in recall.hits) if recall else (),
                        requests=int(recall is not None),
                    )
                )
            progress("ask", len(asked), len(items))
        return asked

    def _context(self, key: str | None) -> str | None:
        return key if self._config.isolate == "key" else None


class BaselineAnswerer:
    """The bare model, with nothing, with the nearest facts, or with all facts in its prompt.

    Nothing is gated or stored: facts are a list, and looking into it counts as no retrieval of a store.
    """

    def __init__(self, model: Model, config: EvalConfig, embedder: Callable[[], Embedder]) -> None:
        self._model = model
        self._config = config
        self._embedder = embedder
        self._facts: list[TeachItem] = []

    def teach(self, items: Sequence[TeachItem], progress: Progress) -> Taught:
        """Keep the facts, where the preset lets the model read any."""
        if self._config.long_context.enabled or self._config.retrieval.enabled:
            self._facts = in_order(items)
        progress("tell", len(items), len(items))
        return Taught()

    def ask(self, items: Sequence[TestItem], progress: Progress) -> list[Asked]:
        """Greedy answers to the prompts."""
        evidence = self._evidence(items)
        prompts = [self._prompt(i.prompt, e) for i, e in zip(items, evidence, strict=True)]
        said: list[str] = []
        for batch in batches(prompts, self._config.batch_size):
            said += self._model.generate(batch, max_new_tokens=self._config.max_new_tokens)
            progress("ask", len(said), len(items))
        return [
            Asked(text=s.strip(), decoding="greedy", source="prompt" if e else "weights", recalled=e)
            for s, e in zip(said, evidence, strict=True)
        ]

    def _prompt(self, question: str, evidence: Sequence[str]) -> str:
        user = "\n".join([*evidence, "", question]) if evidence else question
        if self._config.use_chat_template:
            return self._model.chat_prompt(user, system=self._config.system_prompt)
        return f"{self._config.system_prompt}\n\n{user}\n" if self._config.system_prompt else f"{user}\n"

    def _evidence(self, items: Sequence[TestItem]) -> list[tuple[str, ...]]:
        if self._config.long_context.enabled:
            return self._newest(items)
        if self._config.retrieval.enabled:
            return self._nearest(items)
        return [()] * len(items)

    def _visible(self, item: TestItem) -> list[int]:
        everything = self._config.isolate == "none" or item.context_key is None
        return [i for i, f in enumerate(self._facts) if everything or f.context_key == item.context_key]

    def _newest(self, items: Sequence[TestItem]) -> list[tuple[str, ...]]:
        """The facts that fit, counted from the newest back, in order of time."""
        lengths = [len(self._model.encode(f.fact + "\n")) for f in self._facts]
        found = []
        for item in items:
            chosen: list[int] = []
            room = self._config.long_context.max_tokens
            for i in reversed(self._visible(item)):
                room -= lengths[i]
                if room < 0:
                    break
                chosen.append(i)
            found.append(tuple(self._facts[i].fact for i in reversed(chosen)))
        return found

    def _nearest(self, items: Sequence[TestItem]) -> list[tuple[str, ...]]:
        """The k facts of highest cosine, nearest first."""
        if not self._facts:
            return [()] * len(items)
        embedder = self._embedder()
        facts = embedder.embed([f.fact for f in self._facts])
        similarity = embedder.embed([i.prompt for i in items]) @ facts.T
        found = []
        for row, item in zip(similarity, items, strict=True):
            visible = sorted(self._visible(item), key=lambda i: -float(row[i]))
            found.append(tuple(self._facts[i].fact for i in visible[: self._config.retrieval.k]))
        return found


def in_order(items: Sequence[TeachItem]) -> list[TeachItem]:
    """By time where it is given; items without one keep their place before those with one."""
    return sorted(items, key=lambda i: float("-inf") if i.time is None else i.time)


def batches(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """`items` in runs of at most `size`."""
    return [items[i : i + size] for i in range(0, len(items), size)]
