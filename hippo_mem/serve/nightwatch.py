"""Lets each user's memory sleep by itself when its schedule says so, and never in the middle of an answer.

A thread that looks once in a while. Knows nothing of how a night is trained.
"""

from __future__ import annotations

import logging
import threading
import time

from hippo_mem.errors import HippoError
from hippo_mem.home import open_home
from hippo_mem.serve.bedroom import Bedroom
from hippo_mem.serve.people import People
from hippo_mem.sleep.schedule import read_schedule

log = logging.getLogger(__name__)
_QUIET_S = 60.0  # without an answer before a night begins


class Nightwatch:
    """Looks every `every_s` seconds; `look` does it once."""

    def __init__(self, people: People, bedroom: Bedroom, *, every_s: float = 30.0, quiet_s: float = _QUIET_S) -> None:
        self._people, self._bedroom, self._every_s, self._quiet_s = people, bedroom, every_s, quiet_s
        self._last: dict[str, float] = {}
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look."""
        self._thread = threading.Thread(target=self._watch, name="nightwatch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop looking."""
        self._end.set()
        if self._thread is not None:
            self._thread.join()

    def look(self, now: float | None = None) -> str | None:
        """Start the first night that is due, if none runs and nobody is being answered; returns whose."""
        if self._bedroom.running() is not None or self._people.quiet_s() < self._quiet_s:
            return None
        now = time.time() if now is None else now
        for user in self._people.known():
            try:
                schedule = read_schedule(open_home(self._people.root, user).schedule)
                with self._people.memory(user) as hippo:
                    if hippo.who_sleeps() is not None:
                        continue
                    waiting = hippo.n_waiting()
                    last = max([n.created for n in hippo.nights()] + [self._last.get(user, 0.0)], default=0.0) or None
                why = schedule.due(n_waiting=waiting, now=now, last_try=last)
                if why is not None:
                    self._last[user] = now
                    self._bedroom.start(user, why)
                    return user
            except HippoError as error:  # one user's damaged file must not keep the others awake
                log.warning("cannot look after one memory: %s", type(error).__name__)
        return None

    def _watch(self) -> None:
        while not self._end.wait(self._every_s):
            self.look()
