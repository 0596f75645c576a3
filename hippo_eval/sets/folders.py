"""Where a set lies on this machine, and where its original is. Knows nothing of what is in it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from hippo_mem.errors import InputError, StoreFormatError, nearest

T = TypeVar("T")

ORIGINS = {
    "babi": "bAbI v1.2 (Weston et al. 2015, CC BY 3.0): https://research.facebook.com/downloads/babi/",
    "locomo": "LoCoMo (Maharana et al. 2024, CC BY-NC 4.0): data/locomo10.json of "
    "https://github.com/snap-research/locomo",
    "counterfact": "CounterFact (Meng et al. 2022, MIT): counterfact.json of https://rome.baulab.info/data/dsets/ , or "
    "counterfact-edit.json of https://github.com/zjunlp/EasyEdit",
    "mmlu": "MMLU (Hendrycks et al. 2021, MIT): data.tar of https://github.com/hendrycks/test , unpacked",
    "known_facts": "known_1000 (Meng et al. 2022, MIT): known_1000.json of https://rome.baulab.info/data/dsets/",
}


def check_set(name: str) -> str:
    """The name of a set, if there is one.

    Raises: InputError with the nearest one.
    """
    if name not in ORIGINS:
        raise InputError(f"no set {name!r}{nearest(name, ORIGINS)}")
    return name


def data_folder(name: str, data: str | Path | None) -> Path:
    """The folder of a set: `data`, else `$HIPPO_DATA/<name>`.

    Raises: InputError saying where the original is, when there is no such folder.
    """
    root = os.environ.get("HIPPO_DATA")
    if data is None and root is None:
        raise InputError(f"say where {name} lies: --data DIR, or HIPPO_DATA with a folder {name}. {ORIGINS[name]}")
    folder = Path(data).expanduser() if data is not None else Path(str(root)).expanduser() / name
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder. {ORIGINS[name]}")
    return folder


def nothing_in(folder: Path, name: str) -> InputError:
    """The error of a folder without a file of the set; it names what is there instead."""
    inside = sorted(p.name + ("/" if p.is_dir() else "") for p in folder.iterdir())
    there = f"there is {', '.join(inside[:8])}{', …' if len(inside) > 8 else ''}" if inside else "it is empty"
    return InputError(f"{folder} holds no file of {name}; {there}. {ORIGINS[name]}")


def json_files(folder: Path) -> Iterator[tuple[Path, list[dict[str, Any]]]]:
    """Every JSON file directly in a folder that holds objects, as a list of them: a file's one object, or its list.

    Raises: StoreFormatError for a file that is not JSON.
    """
    for file in sorted(folder.glob("*.json")):
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise StoreFormatError(f"{file} is not JSON: {error}") from error
        rows = [found] if isinstance(found, dict) else found
        if isinstance(rows, list) and rows and all(isinstance(row, dict) for row in rows):
            yield file, rows


def check_limit(limit: int | None) -> int | None:
    """Raises: InputError for a limit below 1."""
    if limit is not None and limit < 1:
        raise InputError(f"--limit must be 1 or more, got {limit}")
    return limit


def spread(items: Sequence[T], limit: int | None) -> list[T]:
    """At most `limit` items, evenly spaced, the first among them; all of them for None."""
    if limit is None or len(items) <= limit:
        return list(items)
    return [items[i * len(items) // limit] for i in range(limit)]
