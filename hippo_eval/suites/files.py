"""Suites as files, ours or anyone's: one JSONL of what is told, one of what is asked.

    *_teach.jsonl   {"fact", "context_key"?, "time"?, "schema_fit"?}
                    or a solved task, {"prompt", "answer", "context_key"?, "time"?, "episode_id"?}
    *_test.jsonl    {"prompt", "answer", "context_key"?, "slot"?}

Keys that are not listed are passed over, for other programs put their own beside ours; a key that is missing or of
the wrong type is an error with its line, and so is a test line that carries its fact. A solved task is told in its
own words: the prompt, and on the next line "Answer:" and its answer. Knows nothing of how items are
made or scored.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hippo_eval.suites.items import Suite, TeachItem, TestItem
from hippo_eval.suites.leaks import refuse_leaks
from hippo_mem.errors import InputError, StoreFormatError
from hippo_mem.storage.jsonl import encode_jsonl, read_jsonl, write_atomic

_TEACH: dict[str, type] = {"fact": str, "context_key": str, "time": int, "schema_fit": bool}
_TEST: dict[str, type] = {"prompt": str, "answer": str, "context_key": str, "slot": str}
_SOLVED: dict[str, type] = {"prompt": str, "answer": str, "context_key": str, "time": int, "schema_fit": bool}
_REQUIRED = ("fact", "prompt", "answer")


def read_teach(path: str | Path) -> tuple[TeachItem, ...]:
    """What a file tells.

    Raises: InputError when there is no such file or it has no line; StoreFormatError naming file, line and key.
    """
    rows = read_jsonl(Path(path))
    items = tuple(_told(row, f"{path}, line {at}") for at, row in rows)
    if not items:
        raise InputError(f"{path} holds nothing to tell")
    return items


def _told(row: Mapping[str, Any], where: str) -> TeachItem:
    if "fact" in row or "prompt" not in row:
        return TeachItem(**_checked(row, _TEACH, ("fact",), where))
    solved = _checked(row, _SOLVED, ("prompt", "answer"), where)
    return TeachItem(fact=f"{solved.pop('prompt')}\nAnswer: {solved.pop('answer')}", **solved)


def read_test(path: str | Path) -> tuple[TestItem, ...]:
    """What a file asks.

    Raises: as `read_teach`.
    """
    items = []
    for at, row in read_jsonl(Path(path)):
        if "fact" in row:
            raise StoreFormatError(f"{path}, line {at}: a question must not carry its fact; is this the teach file?")
        items.append(TestItem(**_checked(row, _TEST, ("prompt", "answer"), f"{path}, line {at}")))
    if not items:
        raise InputError(f"{path} holds nothing to ask")
    return tuple(items)


def read_suite(teach: str | Path, test: str | Path) -> Suite:
    """Both halves as a suite named after the teach file. It has no seed: the files are the items.

    Raises: as `read_teach`; InputError when a question quotes the fact that answers it.
    """
    name = Path(teach).stem.removesuffix("_teach")
    suite = Suite(name=name, version=1, seed=0, teach=read_teach(teach), test=read_test(test))
    return refuse_leaks(suite, retold=False)


def encode_suite(suite: Suite) -> tuple[bytes, bytes]:
    """The bytes of both files, the same on any machine."""
    teach, test = (encode_jsonl(_plain(item) for item in half) for half in (suite.teach, suite.test))
    return teach, test


def digest(suite: Suite) -> str:
    """SHA-256 of both halves, 64 hex digits: what two machines compare to know that they ask the same."""
    return hashlib.sha256(b"\0".join(encode_suite(suite))).hexdigest()


def write_suite(suite: Suite, folder: str | Path, stem: str | None = None) -> tuple[Path, Path]:
    """Write `<stem>_teach.jsonl` and `<stem>_test.jsonl`, the suite's name by default. Returns both paths."""
    teach, test = (Path(folder) / f"{stem or suite.name}_{half}.jsonl" for half in ("teach", "test"))
    for path, data in zip((teach, test), encode_suite(suite), strict=True):
        write_atomic(path, data)
    return teach, test


def _plain(item: TeachItem | TestItem) -> dict[str, Any]:
    return {key: value for key, value in dataclasses.asdict(item).items() if value is not None}


def _checked(row: Mapping[str, Any], types: Mapping[str, type], required: Iterable[str], where: str) -> dict[str, Any]:
    missing = [key for key in required if row.get(key) is None]
    if missing:
        raise StoreFormatError(f"{where}: missing {', '.join(missing)}; there is {', '.join(sorted(row)) or 'nothing'}")
    known: dict[str, Any] = {}
    for key, kind in types.items():
        value = row.get(key)
        if value is None:
            continue
        if type(value) is not kind:
            raise StoreFormatError(f"{where}: {key} must be {kind.__name__}, got {value!r}")
        if key in _REQUIRED and isinstance(value, str) and not value.strip():
            raise StoreFormatError(f"{where}: {key} is empty")
        known[key] = value
    return known
