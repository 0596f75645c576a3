"""Unfinished work of one cell, so that a run that was stopped goes on where it was.

    <cell>/.work/state.json     the stamp, and what each finished stage came to
    <cell>/.work/items.jsonl    the questions answered so far, a call after the other
    <cell>/.work/home/          the memory under evaluation

A call that was cut off is asked again. Work under another stamp is thrown away. Knows nothing of what the stages are.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hippo_eval.cells import ItemRow, Phase
from hippo_mem.home import make_folder
from hippo_mem.storage.jsonl import append_jsonl, encode_jsonl, read_appended, write_atomic

WORK = ".work"


class Checkpoint:
    """The work folder of one cell.

    Args:
        folder: the cell's.
        stamp: what the work is for.
    Raises: StorageFull when nothing can be written there.
    """

    def __init__(self, folder: Path, stamp: str) -> None:
        self._folder = folder / WORK
        self._state: dict[str, Any] = {"stamp": stamp}
        found = self._read()
        if found is not None and found.get("stamp") == stamp:
            self._state = found
        else:
            shutil.rmtree(self._folder, ignore_errors=True)
        make_folder(self._folder)
        self._write()

    @property
    def home(self) -> Path:
        """Where the memory under evaluation lives."""
        return self._folder / "home"

    @property
    def resumed(self) -> bool:
        """Whether an earlier process did part of the work."""
        return len(self._state) > 1 or self._items.is_file()

    def get(self, stage: str) -> Any:
        """What a finished stage came to; None where it has not finished."""
        return self._state.get(stage)

    def put(self, stage: str, result: Any) -> None:
        """A stage has finished."""
        self._state[stage] = result
        self._write()

    def begin_anew(self) -> None:
        """Throw away the memory: it was told only in part."""
        shutil.rmtree(self.home, ignore_errors=True)

    def rows(self, phase: Phase, calls: Sequence[range]) -> list[ItemRow]:
        """The answers of a phase that is asked in these calls, whole calls only; what was cut off goes."""
        told = read_appended(self._items)
        found: list[ItemRow] = []
        with contextlib.suppress(TypeError, KeyError):  # from a row that is no answer on, all are asked again
            found.extend(map(ItemRow.from_dict, told))
        kept = [r for r in found if r.phase == phase]
        whole = kept[: max((c.stop for c in calls if c.stop <= len(kept)), default=0)]
        if len(found) < len(told) or len(whole) < len(kept):
            others = [r for r in found if r.phase != phase]
            write_atomic(self._items, encode_jsonl(r.to_dict() for r in (*others, *whole)))
        return whole

    def add(self, rows: Sequence[ItemRow]) -> None:
        """The answers of one call, on disk when this returns."""
        append_jsonl(self._items, (r.to_dict() for r in rows))

    def clear(self) -> None:
        """The cell is finished."""
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _items(self) -> Path:
        return self._folder / "items.jsonl"

    def _read(self) -> dict[str, Any] | None:
        try:
            found = json.loads((self._folder / "state.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def _write(self) -> None:
        write_atomic(self._folder / "state.json", json.dumps(self._state, default=str).encode())
