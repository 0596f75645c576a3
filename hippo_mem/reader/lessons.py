"""Lessons for the reading adapter: a question, its own notes among others as a recall brings them, the words to copy.

In: written notes with questions. Out: (notes, question, answer or None), drawn anew each time. Knows nothing of models
or training.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hippo_mem.embed import Embedder
from hippo_mem.errors import InputError, StoreFormatError
from hippo_mem.reader.notes import MOST_NOTES, TRUTH, one_line
from hippo_mem.storage.jsonl import read_jsonl

_NEAR, _NEAREST = 24, 8  # notes of other threads that are like the question, and those taken most
_TAKEN_NEAR = 0.75  # how often another note is one of the nearest; else it is any
_UNTOLD = 0.06  # how often a question loses the note that answers it


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """Messages in the order they were told, and (question, answer) pairs; None where they do not tell."""

    told: tuple[str, ...]
    asked: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """One question over several notes, oldest first. `answer` None: they do not tell."""

    notes: tuple[str, ...]
    question: str
    answer: str | None


def load_threads(folder: Path, only: Collection[str] | None = None) -> list[Thread]:
    """All threads of the JSONL files of a folder: {"told": [...], "qa": [[question, answer or null], ...]}.

    Args: only: names of files without their ending; all by default.
    Raises: InputError when no such file is there; StoreFormatError naming the line, also for an answer whose words no
        message has.
    """
    files = sorted(f for f in folder.glob("*.jsonl") if only is None or f.stem in only)
    if not files or (only is not None and len(files) < len(set(only))):
        raise InputError(f"{folder} holds {[f.stem for f in files]} of {sorted(only) if only else '*.jsonl'}")
    threads = []
    for file in files:
        for at, row in read_jsonl(file):
            told, asked = row.get("told"), row.get("qa")
            if not isinstance(told, list) or not told or not isinstance(asked, list):
                raise StoreFormatError(f'{file}, line {at}: "told" must be a list of messages, "qa" one of pairs')
            text = one_line(" ".join(told)).casefold()
            for _, answer in asked:
                if answer is not None and answer not in TRUTH and answer.casefold() not in text:
                    raise StoreFormatError(f"{file}, line {at}: no message has the words {answer!r}")
            threads.append(Thread(told=tuple(told), asked=tuple((q, a) for q, a in asked)))
    return threads


class Lessons:
    """Draws lessons from threads. Vectors of all texts are computed once."""

    def __init__(self, threads: Sequence[Thread], embedder: Embedder, *, seed: int = 0) -> None:
        self._rng = random.Random(seed)
        self._texts = sorted({t for thread in threads for t in thread.told})
        self._pairs = [(thread, q, a) for thread in threads for q, a in thread.asked]
        vectors = embedder.embed(self._texts)
        likeness = embedder.embed([q for _, q, _ in self._pairs]) @ vectors.T
        self._near = np.argsort(-likeness, axis=1, kind="stable")[:, : _NEAR + MOST_NOTES]

    def __len__(self) -> int:
        return len(self._pairs)

    def epoch(self) -> list[Lesson]:
        """Every question once, in a new order and in new company."""
        lessons = [self._lesson(i) for i in range(len(self._pairs))]
        self._rng.shuffle(lessons)
        return lessons

    def _lesson(self, i: int) -> Lesson:
        rng = self._rng
        thread, question, answer = self._pairs[i]
        near = [self._texts[j] for j in self._near[i] if self._texts[j] not in thread.told][:_NEAR]
        others: list[str] = []
        for _ in range(rng.choice((0, 1, 2, 3, 3, 4, 4, 4) if len(thread.told) < 3 else (0, 1, 2, 2, 3))):
            other = rng.choice(near[:_NEAREST] if rng.random() < _TAKEN_NEAR else self._texts)
            if other not in thread.told and other not in others:
                others.append(other)
        notes = list(thread.told)
        if answer is not None and answer not in TRUTH and rng.random() < _UNTOLD:
            notes = [t for t in notes if answer.casefold() not in t.casefold()]
            others, answer = others or near[:2], None
        for other in others:  # a thread's own notes stay in their order
            notes.insert(rng.randint(0, len(notes)), other)
        return Lesson(notes=tuple(notes), question=question, answer=answer)
