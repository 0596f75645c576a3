"""The file format of MMLU (Hendrycks et al. 2021): CSV files of four-way questions, one subject a file.

Rows are question, four choices, answer; the answer a letter A-D or a number 0-3; a header row may stand first. A file
whose name or folder says "dev" holds a subject's worked examples, one that says "test" or "val" the questions; where
neither does, a subject's shortest file of at most ten rows is its examples. A file is one of the set by what is in it.
Knows nothing of models.
"""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from hippo_eval.sets.folders import nothing_in
from hippo_mem.errors import StoreFormatError

LETTERS = ("A", "B", "C", "D")
_ANSWERS = {**{letter: i for i, letter in enumerate(LETTERS)}, **{str(i): i for i in range(4)}}
_SPLIT = re.compile(r"(?:^|[_\-. ])(dev|test|val|validation|auxiliary_train|train)$", re.IGNORECASE)
_FEW = 10
_COLUMNS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One question. `answer` is the index of the right choice, 0..3."""

    question: str
    choices: tuple[str, str, str, str]
    answer: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A subject's worked examples and its questions."""

    name: str
    shots: tuple[Choice, ...]
    questions: tuple[Choice, ...]


def read_folder(folder: Path) -> tuple[list[Subject], list[str]]:
    """Every subject below a folder that has questions, by name, and the files that are none of the set.

    Raises: InputError when there is none; StoreFormatError naming file and line of one that is damaged.
    """
    shots: dict[str, list[Choice]] = defaultdict(list)
    questions: dict[str, list[Choice]] = defaultdict(list)
    unsplit: dict[str, list[list[Choice]]] = defaultdict(list)
    others = []
    for file in sorted(folder.rglob("*.csv")):
        rows = _rows(file)
        if rows is None:
            others.append(file.relative_to(folder).as_posix())
            continue
        subject, split = _placed(file, folder)
        if split == "dev":
            shots[subject] += rows
        elif split in ("test", "val", "validation"):
            questions[subject] += rows
        elif split is None:
            unsplit[subject].append(rows)
    for subject, files in unsplit.items():
        for rows in sorted(files, key=len):
            if len(rows) <= _FEW and not shots[subject] and len(files) > 1:
                shots[subject] += rows
            else:
                questions[subject] += rows
    found = [
        Subject(name=name, shots=tuple(shots.get(name, ())), questions=tuple(rows))
        for name, rows in sorted(questions.items())
        if rows
    ]
    if not found:
        raise nothing_in(folder, "mmlu")
    return found, others


def _placed(file: Path, folder: Path) -> tuple[str, str | None]:
    """The subject of a file and which split it belongs to, by its name or its folders' names."""
    named = _SPLIT.search(file.stem)
    above = [part.casefold() for part in file.relative_to(folder).parts[:-1]]
    split = named[1] if named else next((p for p in reversed(above) if _SPLIT.fullmatch(p)), None)
    subject = file.stem[: named.start()] if named else file.stem
    return subject.casefold().replace(" ", "_").replace("-", "_") or "all", split.casefold() if split else None


def _rows(file: Path) -> list[Choice] | None:
    """The questions of a file; None when its first row is no question of four choices."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        return None
    found: list[Choice] = []
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            answer = _ANSWERS.get(row[-1].strip().upper()) if len(row) == _COLUMNS else None
            if answer is None:
                if not found and len(row) == _COLUMNS and row[-1].strip().casefold() in ("answer", "label", "target"):
                    continue
                if not found:
                    return None
                raise StoreFormatError(
                    f"{file}, line {reader.line_num}: a row is a question, four choices and an answer (A-D or 0-3), "
                    f"got {len(row)} cells ending in {row[-1][:20]!r}"
                )
            a, b, c, d = (cell.strip() for cell in row[1:5])
            found.append(Choice(question=row[0].strip(), choices=(a, b, c, d), answer=answer))
    except csv.Error as error:
        raise StoreFormatError(f"{file}, line {reader.line_num}: {error}") from error
    return found or None
