"""Memories that were told to go, and the moment in which that can be taken back; after it they are gone for good.

The moment belongs to the server, not to a page: a page that is closed meanwhile changes nothing. A server that stops
lets them go at once. Knows nothing of pages.
"""

from __future__ import annotations

import logging
import threading
import time

from hippo_mem.errors import HippoError
from hippo_mem.serve.people import People

log = logging.getLogger(__name__)
MOMENT_S = 8.0


class Leaving:
    """The memories that are about to go, of every user. Safe for many threads."""

    def __init__(self, people: People, *, moment_s: float = MOMENT_S) -> None:
        self._people, self.moment_s = people, moment_s
        self._timers: dict[tuple[str, int], tuple[threading.Timer, float]] = {}
        self._going: set[threading.Thread] = set()
        self._lock = threading.Lock()

    def begin(self, user: str, trace_id: int) -> None:
        """Let a memory go when the moment is over. Told twice, the first one counts."""
        with self._lock:
            if (user, trace_id) in self._timers:
                return
            timer = threading.Timer(self.moment_s, self._end, (user, trace_id))
            timer.name, timer.daemon = f"forgetting {trace_id}", True
            self._timers[user, trace_id] = timer, time.monotonic() + self.moment_s
            timer.start()

    def take_back(self, user: str, trace_id: int) -> bool:
        """Keep it; False where it is too late."""
        with self._lock:
            found = self._timers.pop((user, trace_id), None)
        if found is not None:
            found[0].cancel()
        return found is not None

    def of(self, user: str) -> dict[int, float]:
        """The memories of `user` that are about to go -> seconds left."""
        now = time.monotonic()
        with self._lock:
            return {trace_id: max(0.0, at - now) for (u, trace_id), (_, at) in self._timers.items() if u == user}

    def close(self) -> None:
        """Let all of them go now: their users said so. Returns when they have gone."""
        with self._lock:
            waiting, going = list(self._timers), list(self._going)
            for timer, _ in self._timers.values():
                timer.cancel()
        for user, trace_id in waiting:
            self._end(user, trace_id)
        for thread in going:
            thread.join()

    def _end(self, user: str, trace_id: int) -> None:
        here = threading.current_thread()
        with self._lock:
            if self._timers.pop((user, trace_id), None) is None:
                return  # taken back at the last moment
            self._going.add(here)
        try:
            with self._people.memory(user) as hippo:
                hippo.forget(trace_id=trace_id)
        except HippoError as error:  # it is still there, and is shown again
            log.warning("a memory could not be deleted: %s", type(error).__name__)
        finally:
            with self._lock:
                self._going.discard(here)
