"""What the gate did not keep lately, for as long as this process runs: told to a person, never written to disk.

In: the outcomes of what was observed. Out: the refused ones, newest first. Knows nothing of why the gate refused them.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count

from hippo_mem.types import Event, Outcome

_KEPT = 200  # the older ones are let go


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One event that was not kept as an episode, and the gate's reason. `time` is when it was told, unix seconds."""

    id: int
    time: float
    event: Event
    outcome: Outcome


class Refusals:
    """The refusals of one open memory. Safe to share between threads."""

    def __init__(self) -> None:
        self._here: deque[Refusal] = deque(maxlen=_KEPT)
        self._ids = count(1)
        self._lock = threading.Lock()

    def note(self, events: Iterable[Event], outcomes: Iterable[Outcome], now: float) -> None:
        """Keep in mind those of the events that were refused."""
        with self._lock:
            for event, outcome in zip(events, outcomes, strict=True):
                if outcome.kind == "gated":
                    self._here.append(Refusal(id=next(self._ids), time=now, event=event, outcome=outcome))

    def all(self) -> list[Refusal]:
        """Newest first."""
        with self._lock:
            return list(reversed(self._here))

    def take(self, refusal_id: int) -> Refusal | None:
        """One of them, which is then no longer here; None where there is none."""
        with self._lock:
            found = next((r for r in self._here if r.id == refusal_id), None)
            if found is not None:
                self._here.remove(found)
            return found

    def put_back(self, refusal: Refusal) -> None:
        """Undo a `take`."""
        with self._lock:
            self._here.append(refusal)

    def drop(self, *, source: str | None = None, doc_id: str | None = None, everything: bool = False) -> None:
        """Let go of what is forgotten by the same choice."""
        with self._lock:
            left = [
                r for r in self._here
                if not (everything or (source is not None and r.event.source == source)
                        or (doc_id is not None and r.event.doc_id == doc_id))
            ]  # fmt: skip
            self._here.clear()
            self._here.extend(left)
