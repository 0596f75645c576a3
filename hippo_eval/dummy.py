"""A model and a memory without weights, by the name "dummy": the whole harness runs in a second.

The dummy reads: of the sentences it may see it takes the one that shares most words with the question, and answers
with the longest run of words in it that the question does not have, less its prepositions. Its memory keeps sentences;
its adapter is the list of sentences it learned. Wiring is what it tests; a figure it gives says nothing of any model.
Knows nothing of suites or scores.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hippo_mem.config import SleepConfig
from hippo_mem.errors import SleepError, StoreFormatError
from hippo_mem.storage.experiment import load_session, save_session
from hippo_mem.storage.jsonl import write_atomic
from hippo_mem.types import Answer, Event, Hit, Outcome, Provenance, Recall, Salience, Trace

NAME = "dummy"
LEARNED = "dummy_sentences.json"
_UNKNOWN = "I don't know."
_PREPOSITIONS = ("in", "at", "on", "behind", "beside", "near", "under")


class DummyModel:
    """Answers from the lines of the prompt above the question, else from the attached adapter, else not at all."""

    def __init__(self) -> None:
        self._learned: list[str] = []

    def chat_prompt(self, user: str, *, system: str | None = None) -> str:
        """The user's turn as it is: nothing here reads instructions."""
        return user

    def encode(self, text: str) -> list[int]:
        """One number a word."""
        return [len(word) for word in text.split()]

    def generate(self, prompts: Sequence[str], *, max_new_tokens: int = 16, head: str = "") -> list[str]:
        """At most `max_new_tokens` words each."""
        said = []
        for prompt in prompts:
            *evidence, question = prompt.strip().splitlines()
            answer = read([e for e in evidence if e.strip()] or self._learned, question)
            said.append(" ".join(answer.split()[:max_new_tokens]))
        return said

    def attach(self, folder: Path) -> None:
        """Learn the sentences of an adapter folder.

        Raises: StoreFormatError when it holds none.
        """
        file = Path(folder) / LEARNED
        if not file.is_file():
            raise StoreFormatError(f"{folder} holds no adapter of the dummy model ({LEARNED} is missing)")
        self._learned = list(json.loads(file.read_text(encoding="utf-8")))


class DummyMemory:
    """Keeps what it is told, once; recalls by shared words within the context.

    Args: file: where it is kept from one process to the next; None keeps it nowhere.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._traces: list[Trace] = []
        self._learned: list[str] = []
        self._file = file
        self._told: list[tuple[str, str | None, str]] = []
        if file is not None and file.is_file():
            kept = json.loads(file.read_text(encoding="utf-8"))
            for text, context, source in kept["told"]:
                self._observe(Event(text=text, context=context, source=source))
            self._learned = kept["learned"]

    def _keep(self) -> None:
        if self._file is not None:
            write_atomic(self._file, json.dumps({"told": self._told, "learned": self._learned}).encode())

    def observe_many(self, events: Sequence[Event]) -> list[list[Outcome]]:
        """Store each event that is new in its context, merge the others."""
        outcomes = [[self._observe(event)] for event in events]
        self._keep()
        return outcomes

    def _observe(self, event: Event) -> Outcome:
        self._told.append((event.text, event.context, event.source))
        for trace in self._traces:
            if (trace.text, trace.context_key) == (event.text, event.context):
                return Outcome(kind="merged", text=event.text, trace_id=trace.id)
        number = len(self._traces) + 1
        at = event.time if event.time is not None else 1_577_836_800.0 + number  # 2020-01-01, then a second each
        salience = Salience(surprise=0.0, novelty=1.0, reward=False, pin=event.pin, score=1.0, threshold=0.5)
        told = Provenance(text_span=event.text, source=event.source, time=at)
        self._traces.append(
            Trace(
                id=number, text=event.text, slots={}, tags=(), context_key=event.context, salience=salience,
                provenance=told, created=at, valid_from=at,
            )
        )  # fmt: skip
        return Outcome(kind="stored", text=event.text, trace_id=number, salience=salience)

    def answer_many(
        self, questions: Sequence[str], *, contexts: Sequence[str | None] | None = None, memory: bool = True,
        k: int = 16, touch: bool = True,
    ) -> list[Answer]:  # fmt: skip
        """With memory the recalled sentences are read, without it those learned asleep."""
        keys = contexts if contexts is not None else [None] * len(questions)
        return [self._answer(q, key, memory, k) for q, key in zip(questions, keys, strict=True)]

    def _answer(self, question: str, context: str | None, memory: bool, k: int) -> Answer:
        if not memory:
            return Answer(text=read(self._learned, question), decoding="greedy", source="weights")
        visible = [t for t in self._traces if context is None or t.context_key == context]
        best = sorted(visible, key=lambda t: -shared(t.text, question))[:k]
        hits = tuple(Hit(trace=t, score=float(shared(t.text, question))) for t in best)
        text = read([h.trace.text for h in hits], question)
        return Answer(text=text, decoding="span", source="memory", recall=Recall(cue=question, hits=hits))

    def sleep(
        self, config: SleepConfig | None = None, *, progress: Callable[[str, int, int], None] | None = None
    ) -> Any:
        """Learn every stored sentence by heart."""
        self._learned = [t.text for t in self._traces]
        self._keep()
        return {"model": NAME, "traces": len(self._learned)}

    def save(self, dir: str | Path, session_id: str) -> Any:
        """Write the experiment store."""
        return save_session(dir, session_id, self._traces, model=NAME)

    def load(self, dir: str | Path, session_id: str) -> Any:
        """Take the traces of an experiment store in place of its own."""
        self._traces = list(load_session(dir, session_id).traces)
        return len(self._traces)

    def status(self) -> dict[str, Any]:
        """How many traces there are."""
        return {"traces": len(self._traces)}

    def close(self) -> None:
        """Nothing is open."""


def dummy_consolidate(traces: Sequence[Trace], out_dir: Path) -> dict[str, Any]:
    """Write the dummy's adapter: the sentences themselves.

    Raises: SleepError when there is nothing to learn.
    """
    if not traces:
        raise SleepError("nothing to learn: no traces")
    sentences = list(dict.fromkeys(t.text for t in traces))
    write_atomic(out_dir / "adapter_config.json", json.dumps({"peft_type": "DUMMY"}).encode())
    write_atomic(out_dir / LEARNED, json.dumps(sentences, ensure_ascii=False).encode())
    return {"model": NAME, "traces": len(sentences)}


def shared(text: str, question: str) -> int:
    """Words that both have."""
    return len(set(_words(text)) & set(_words(question)))


def read(texts: Sequence[str], question: str) -> str:
    """The longest run of words that the question lacks, from the sentence nearest to it; a refusal without one."""
    best = max(texts, key=lambda t: shared(t, question), default="")
    asked = set(_words(question))
    runs: list[list[str]] = [[]]
    for word in best.split():
        if word.strip(".,;:!?").casefold() in asked:
            runs.append([])
        else:
            runs[-1].append(word)
    longest = max(runs, key=len)
    while longest and longest[0] in _PREPOSITIONS:
        longest = longest[1:]
    return " ".join(longest).strip(".,;:!?") or _UNKNOWN


def _words(text: str) -> list[str]:
    return [w for w in (w.strip(".,;:!?").casefold() for w in text.split()) if w]
