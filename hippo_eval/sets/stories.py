"""bAbI through the ordinary memory: every line told, every question asked at its place, answers counted.

    told up to the first question of each story ► asked ► told up to the second ► asked ► …

Stories never mix (one context key each), so many of them go forward together and what is told goes in one batch. The
gate is off, for every line is needed. Knows nothing of what a sentence or a question means.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from hippo_eval.answerers import Progress
from hippo_eval.metrics import normalize
from hippo_eval.sets.babi import Asking, Task, read_folder
from hippo_mem.types import Answer, Event, Outcome

_TOGETHER = 50  # stories that go forward together
_BEGAN = 1_577_836_800.0  # 2020-01-01; a line is told a minute after the one before it
_MINUTE = 60.0
_SHOWN = 20  # wrong answers kept a task


class StoryMemory(Protocol):
    """The part of a memory that a story needs."""

    def observe_many(self, events: Sequence[Event]) -> list[list[Outcome]]:
        """Take in events in order."""
        ...

    def answer_many(self, questions: Sequence[str], *, contexts: Sequence[str | None] | None = None) -> list[Answer]:
        """One answer a question, from its context alone."""
        ...


Open = Callable[[], AbstractContextManager[StoryMemory]]


def measure_stories(folder: Path, open_memory: Open, progress: Progress, *, limit: int | None = None) -> dict[str, Any]:
    """Figures of every bAbI file in a folder, each in a memory of its own.

    Args: limit: ask the first stories of each file, up to so many questions or the story that reaches them.

    Returns: `task_<N>` (or a file's stem): `accuracy`, `n`, `decided_by`, `wrong`; `files`; `not_babi`.
    Raises: InputError, StoreFormatError before anything is told.
    """
    tasks, others = read_folder(folder)
    tasks = [_first(task, limit) for task in tasks]
    rows: dict[str, list[dict[str, Any]]] = {}
    files = {}
    for task in tasks:
        with open_memory() as memory:
            asked = ask_task(task, memory, progress)
        rows.setdefault(task.key, []).extend(asked)
        files[task.file] = {"task": task.key, "n": len(asked), "accuracy": _share(asked)}
    return {**{key: _figures(asked) for key, asked in rows.items()}, "files": files, "not_babi": others}


def _first(task: Task, limit: int | None) -> Task:
    """The task's first stories, as many as hold `limit` questions."""
    if limit is None:
        return task
    stories: list[tuple[Asking, ...]] = []
    for story in task.stories:
        if sum(map(len, stories)) >= limit:
            break
        stories.append(story)
    return replace(task, stories=tuple(stories))


def ask_task(task: Task, memory: StoryMemory, progress: Progress) -> list[dict[str, Any]]:
    """Every question of one file with what was answered and what decided it."""
    rows: list[dict[str, Any]] = []
    for first in range(0, len(task.stories), _TOGETHER):
        stories = dict(enumerate(task.stories[first : first + _TOGETHER], start=first))
        lines = Counter[int]()
        for turn in range(max(len(story) for story in stories.values())):
            going = {number: story[turn] for number, story in stories.items() if turn < len(story)}
            events = []
            for number, asking in going.items():
                for text in asking.told:
                    lines[number] += 1
                    events.append(_event(text, number, lines[number]))
            if events:
                memory.observe_many(events)
            answers = memory.answer_many([a.question for a in going.values()], contexts=[_key(n) for n in going])
            rows += [_row(task, n, a, said) for (n, a), said in zip(going.items(), answers, strict=True)]
            progress(task.key, len(rows), task.n)
    return rows


def right(said: str, wanted: str) -> bool:
    """Whether two answers are the same: case and articles aside; a list needs the same items in the same order."""
    return [normalize(item) for item in said.split(",")] == [normalize(item) for item in wanted.split(",")]


def _key(story: int) -> str:
    return f"story-{story + 1}"


def _event(text: str, story: int, line: int) -> Event:
    return Event(text=text, source="narrator", time=_BEGAN + _MINUTE * line, context=_key(story), pin=True)


def _row(task: Task, story: int, asking: Asking, answer: Answer) -> dict[str, Any]:
    return {
        "file": task.file,
        "line": asking.line,
        "story": _key(story),
        "question": asking.question,
        "wanted": asking.answer,
        "said": answer.text,
        "right": right(answer.text, asking.answer),
        "decoding": answer.decoding,
        "decided_by": answer.details.get("decided_by", answer.source),
        "path": list(answer.details.get("path", ())),
    }


def _figures(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    decided = Counter(row["decided_by"] for row in rows)
    return {
        "accuracy": _share(rows),
        "n": len(rows),
        "decided_by": {
            name: {"n": n, "accuracy": _share([r for r in rows if r["decided_by"] == name])}
            for name, n in decided.most_common()
        },
        "wrong": [{k: v for k, v in row.items() if k != "right"} for row in rows if not row["right"]][:_SHOWN],
    }


def _share(rows: Sequence[dict[str, Any]]) -> float:
    return sum(bool(row["right"]) for row in rows) / len(rows)
