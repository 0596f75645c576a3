"""The file format of LoCoMo (Maharana et al. 2024): conversations of two speakers over many sessions, with questions
and the turns that answer them.

A file is one of the set by what is in it. A file of corrections beside it (rows with `question`, `cited_evidence`,
`correct_evidence` and `correct_answer`, as published by dial481/locomo-audit) replaces the evidence and the answer of
the questions it names. Knows nothing of memory.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hippo_eval.sets.folders import json_files, nothing_in
from hippo_mem.errors import StoreFormatError

CATEGORIES = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop", 5: "adversarial"}
ABSTAIN = 5  # the category that nothing answers
TurnId = tuple[int, int]  # session and turn, both from 1

_TURN = re.compile(r"D:?(\d+):(\d+)")
_SESSION = re.compile(r"session_(\d+)")
_SPOKEN_AT = "%I:%M %p on %d %B, %Y"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One thing said. `shows` describes a photo sent with it; `time` is that of its session, unix seconds (UTC)."""

    id: TurnId
    speaker: str
    text: str
    shows: str | None
    time: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question and the turns that answer it: `evidence` corrected, `published` as in the set itself.

    `answer` is corrected too, `published_answer` the set's own; both None for a question of category 5, which nothing
    in the conversation answers; `trap` is what it wrongly suggests.
    """

    text: str
    category: int
    evidence: tuple[TurnId, ...]
    published: tuple[TurnId, ...]
    answer: str | None = None
    published_answer: str | None = None
    trap: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """All sessions of two speakers in order, and what is asked about them."""

    key: str
    turns: tuple[Turn, ...]
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Locomo:
    """What a folder holds. `unknown_turns` are evidence ids that no conversation has; they cannot be found."""

    conversations: tuple[Conversation, ...]
    files: tuple[str, ...]
    n_corrected: int
    unknown_turns: tuple[str, ...]


def read_folder(folder: Path) -> Locomo:
    """Every conversation of every JSON file directly in a folder.

    Raises: InputError when there is none; StoreFormatError naming the file and what is wrong with it.
    """
    rows: list[tuple[Path, Mapping[str, Any]]] = []
    corrections: dict[tuple[str, int, str], Mapping[str, Any]] = {}
    used = []
    for file, items in json_files(folder):
        if all("conversation" in item and "qa" in item for item in items):
            rows += [(file, item) for item in items]
            used.append(file.name)
        elif all({"question", "category", "cited_evidence", "correct_evidence"} <= set(item) for item in items):
            corrections.update({_asked(i, i["cited_evidence"]): i for i in items})
            used.append(file.name)
    if not rows:
        raise nothing_in(folder, "locomo")
    unknown: list[str] = []
    conversations = [_conversation(file, at, row, corrections, unknown) for at, (file, row) in enumerate(rows)]
    corrected = sum(q.evidence != q.published for c in conversations for q in c.questions)
    return Locomo(
        conversations=tuple(conversations), files=tuple(used), n_corrected=corrected, unknown_turns=tuple(unknown)
    )


def _asked(row: Mapping[str, Any], evidence: Sequence[str]) -> tuple[str, int, str]:
    """What tells one question from another: questions have no id of their own."""
    return str(row["question"]), int(row["category"]), " ".join(map(str, evidence))


def _conversation(
    file: Path,
    at: int,
    row: Mapping[str, Any],
    corrections: Mapping[tuple[str, int, str], Mapping[str, Any]],
    unknown: list[str],
) -> Conversation:
    key = str(row.get("sample_id") or f"{file.stem}-{at + 1}")
    where = f"{file}, conversation {key}"
    try:
        turns = _turns(row["conversation"])
        there = {turn.id for turn in turns}
        questions = []
        for asked in row["qa"]:
            cited = asked.get("evidence") or []
            published = _ids(cited)
            corrected = corrections.get(_asked(asked, cited))
            evidence = published if corrected is None else _ids(corrected["correct_evidence"])
            category, key_answer = int(asked["category"]), asked.get("answer")
            if category == ABSTAIN or key_answer is None:
                answer = published_answer = None
            else:
                published_answer = str(key_answer)
                answer = str((corrected or {}).get("correct_answer") or published_answer)
            unknown += [f"{key} D{s}:{t}" for s, t in evidence if (s, t) not in there]
            questions.append(
                Question(
                    text=str(asked["question"]),
                    category=category,
                    evidence=tuple(i for i in evidence if i in there),
                    published=tuple(i for i in published if i in there),
                    answer=answer,
                    published_answer=published_answer,
                    trap=str(asked["adversarial_answer"]) if asked.get("adversarial_answer") is not None else None,
                )
            )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreFormatError(f"{where}: {type(error).__name__} {error}; is this LoCoMo's own format?") from error
    return Conversation(key=key, turns=turns, questions=tuple(questions))


def _turns(conversation: Mapping[str, Any]) -> tuple[Turn, ...]:
    turns = []
    sessions = sorted((int(m[1]), name) for name in conversation if (m := _SESSION.fullmatch(name)))
    for _, name in sessions:
        spoken = datetime.strptime(conversation[f"{name}_date_time"], _SPOKEN_AT).replace(tzinfo=UTC)
        for said in conversation[name]:
            (turn_id,) = _ids([said["dia_id"]])
            turns.append(
                Turn(
                    id=turn_id, speaker=str(said["speaker"]), text=str(said["text"]), shows=said.get("blip_caption"),
                    time=spoken.timestamp(),
                )
            )  # fmt: skip
    return tuple(turns)


def _ids(evidence: Sequence[str]) -> tuple[TurnId, ...]:
    """`["D8:6; D9:17", "D:11:26"]` -> ((8, 6), (9, 17), (11, 26)); each once, in order."""
    found = [(int(s), int(t)) for text in evidence for s, t in _TURN.findall(text)]
    return tuple(dict.fromkeys(found))
