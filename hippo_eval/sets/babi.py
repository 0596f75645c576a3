"""The file format of bAbI (Weston et al. 2015): numbered lines; after a question its answer and supporting lines.

    1 Mary moved to the bathroom.
    2 Where is Mary? <tab>bathroom<tab>1

A line number that does not rise begins a new story. A file is one of the set by what is in it, whatever its name.
Knows nothing of what the sentences mean.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from hippo_eval.sets.folders import nothing_in
from hippo_mem.errors import StoreFormatError

_LINE = re.compile(r"^(\d+)\s+(\S.*)$")
_NUMBER = re.compile(r"(?:qa|task)[-_ ]?(\d{1,2})(?!\d)|^(\d{1,2})(?!\d)", re.IGNORECASE)
# The published titles, for files named by them alone.
_TITLES = (
    "single-supporting-fact", "two-supporting-facts", "three-supporting-facts", "two-arg-relations",
    "three-arg-relations", "yes-no-questions", "counting", "lists-sets", "simple-negation", "indefinite-knowledge",
    "basic-coreference", "conjunction", "compound-coreference", "time-reasoning", "basic-deduction",
    "basic-induction", "positional-reasoning", "size-reasoning", "path-finding", "agents-motivations",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One question, where it stands in its story: `told` are the lines since the question before it.

    `line` counts from 1 in the file; `supports` are line numbers of the story.
    """

    told: tuple[str, ...]
    question: str
    answer: str
    supports: tuple[int, ...]
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One file: its stories in order, each a list of questions with what is told before them.

    `key` is `task_17` where the name says which task it is, else the file's stem.
    """

    key: str
    file: str
    stories: tuple[tuple[Asking, ...], ...]

    @property
    def n(self) -> int:
        """How many questions."""
        return sum(len(story) for story in self.stories)


def read_folder(folder: Path) -> tuple[list[Task], list[str]]:
    """Every bAbI file directly in a folder, by task, and the names of the files that are none.

    Raises: InputError when there is none; StoreFormatError naming file and line of one that is damaged.
    """
    tasks, others = [], []
    for file in sorted(p for p in folder.iterdir() if p.is_file()):
        text = _text(file)
        if text is None:
            others.append(file.name)
        else:
            tasks.append(Task(key=key_of(file.name), file=file.name, stories=_stories(text, file)))
    if not tasks:
        raise nothing_in(folder, "babi")
    return sorted(tasks, key=lambda t: (_order(t.key), t.file)), others


def key_of(name: str) -> str:
    """`qa17_positional-reasoning_test.txt` -> `task_17`; a name that says no task -> its stem."""
    stem = name.rsplit(".", 1)[0] if "." in name.lstrip(".") else name
    if found := _NUMBER.search(stem):
        return f"task_{int(found[1] or found[2])}"
    plain = stem.lower().replace("_", "-")
    titled = [i for i, title in enumerate(_TITLES, start=1) if title in plain]
    numbers = [int(n) for n in re.findall(r"(?<![\w.])\d{1,2}(?![\w.])", plain.replace("-", " "))]
    for meant in (titled, [n for n in numbers if 1 <= n <= len(_TITLES)]):
        if len(meant) == 1:
            return f"task_{meant[0]}"
    return stem


def _order(key: str) -> tuple[int, str]:
    number = key.removeprefix("task_")
    return (int(number), "") if number.isdigit() else (len(_TITLES) + 1, key)


def _text(file: Path) -> str | None:
    """The file's text when it begins as a story does and asks something, else None."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        return None
    first = next((line for line in text.splitlines() if line.strip()), "")
    numbered = _LINE.match(first)
    return text if numbered and int(numbered[1]) == 1 and "\t" in text else None


def _stories(text: str, file: Path) -> tuple[tuple[Asking, ...], ...]:
    stories: list[list[Asking]] = []
    told: list[str] = []
    last = 0
    for at, raw in enumerate(text.splitlines(), start=1):
        if not raw.strip():
            continue
        found = _LINE.match(raw)
        if found is None:
            raise StoreFormatError(f"{file}, line {at}: a line begins with its number, got {raw[:60]!r}")
        number = int(found[1])
        if number <= last or not stories:
            stories.append([])
            told = []
        last = number
        text_of, *columns = (part.strip() for part in found[2].split("\t"))
        if not columns:
            told.append(text_of)
            continue
        supports = columns[1].split() if len(columns) > 1 else []
        if not text_of or not columns[0] or len(columns) > 2 or not all(s.isdigit() for s in supports):
            raise StoreFormatError(
                f"{file}, line {at}: a question is followed by its answer and the numbers of its lines, got {columns}"
            )
        stories[-1].append(
            Asking(told=tuple(told), question=text_of, answer=columns[0], supports=tuple(map(int, supports)), line=at)
        )
        told = []
    return tuple(tuple(story) for story in stories if story)
