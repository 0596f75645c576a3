"""What happened, as numbers and as typed events in a local JSONL file. Knows nothing of the memories' words.

Nothing leaves the machine. Text is written only where `with_text` asks for it.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

_log = logging.getLogger(__name__)

_FILE_MODE = 0o600  # even without text, when someone remembered something is private


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The running totals of a store. The names of `as_dict` are those of `metrics.json`."""

    retrieval_requests: int = 0
    gates_attempts: int = 0
    gates_accepts: int = 0
    gates_merged: int = 0
    store_size: int = 0

    @classmethod
    def of(cls, counters: Mapping[str, int], store_size: int) -> Counts:
        """From the store's counters; those that are not counts of ours are left out."""
        names = {f.name for f in dataclasses.fields(cls)}
        return cls(store_size=store_size, **{k: v for k, v in counters.items() if k in names and k != "store_size"})

    def since(self, earlier: Counts) -> Counts:
        """What was added after `earlier`; `store_size` stays absolute."""
        grown = {
            f.name: getattr(self, f.name) - getattr(earlier, f.name)
            for f in dataclasses.fields(self)
            if f.name != "store_size"
        }
        return Counts(store_size=self.store_size, **grown)

    def as_dict(self) -> dict[str, int]:
        """`{"retrieval.requests": …, "gates.attempts": …, "gates.accepts": …, "gates.merged": …, "store.size": …}`."""
        return {f.name.replace("_", ".", 1): getattr(self, f.name) for f in dataclasses.fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """One event went through the gate. `seconds` is its share of the call."""

    name: ClassVar[str] = "observed"
    kind: str
    trace_id: int | None
    score: float
    threshold: float
    n_chars: int
    seconds: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """One cue was answered by the store."""

    name: ClassVar[str] = "recalled"
    n_hits: int
    trace_ids: tuple[int, ...]
    seconds: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """Memories were deleted on request. By what they were chosen is said, the value is not."""

    name: ClassVar[str] = "forgotten"
    by: str
    n_traces: int
    seconds: float


class EventLog:
    """Appends events to a JSONL file (0600), one line each with time, run id, seed and configuration hash.

    Args:
        path: the file; None records nothing.
        with_text: write the words of memories and cues too.

    A log that cannot be written is reported once and given up: what it tells about is already safe on disk.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        run_id: str | None = None,
        seed: int | None = None,
        config_hash: str | None = None,
        with_text: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._frame = {"run_id": run_id, "seed": seed, "config_hash": config_hash}
        self._with_text = with_text
        self._clock = clock

    def emit(self, event: Observed | Recalled | Forgotten) -> None:
        """Append one event. Never raises for a disk that is full or read-only."""
        if self._path is None:
            return
        fields: dict[str, Any] = dataclasses.asdict(event)
        if not self._with_text:
            fields.pop("text", None)
        line = json.dumps({"event": event.name, "time": self._clock(), **self._frame, **fields}, ensure_ascii=False)
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, _FILE_MODE)
            try:
                os.write(handle, line.encode("utf-8", "backslashreplace") + b"\n")  # one write: lines never mix
            finally:
                os.close(handle)
        except OSError as error:
            _log.warning("cannot write %s (%s); no more events are recorded", self._path, error)
            self._path = None
