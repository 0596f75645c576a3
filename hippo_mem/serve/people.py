"""The open memories of a server, one a user: opened when first asked for, the idlest closed when there are many.

Also counts who is answering, so that no night begins in the middle of an answer. Knows nothing of HTTP.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path

from hippo_mem.errors import HippoError, StoreBusy, StoreMoved
from hippo_mem.home import data_home
from hippo_mem.memory import Hippo
from hippo_mem.types import check_id

log = logging.getLogger(__name__)


class _Resident:
    """One open memory, and how many use it now."""

    __slots__ = ("hippo", "n_users")

    def __init__(self, hippo: Hippo) -> None:
        self.hippo, self.n_users = hippo, 0


class People:
    """Who is here. Safe for many threads.

    Args:
        open_one: makes the memory of a user id.
        most: how many are kept open; beyond it the one idle for longest is closed.
    """

    def __init__(self, open_one: Callable[[str], Hippo], *, home: str | Path | None = None, most: int = 16) -> None:
        self._open, self._most = open_one, most
        self.root = data_home(home)
        self._here: OrderedDict[str, _Resident] = OrderedDict()
        self._lock = threading.Lock()
        self._answering = 0
        self._last_answer = 0.0  # on a clock that only grows
        self._closed = False

    @contextlib.contextmanager
    def memory(self, user: str) -> Iterator[Hippo]:
        """The user's memory, open for as long as the block. One that was restored meanwhile is opened anew for the
        next block.

        Raises: InputError for a bad user id; StoreBusy when every place is in use, or the server is closing.
        """
        check_id(user, "user")
        with self._lock:
            resident = self._enter(user)
        try:
            yield resident.hippo
        except StoreMoved:
            with self._lock:
                if self._here.get(user) is resident:
                    del self._here[user]
            raise
        finally:
            with self._lock:
                resident.n_users -= 1
                left = not resident.n_users and self._here.get(user) is not resident
            if left:
                resident.hippo.close()

    @contextlib.contextmanager
    def answering(self) -> Iterator[None]:
        """Around everything that generates: `quiet_s` counts from its end."""
        with self._lock:
            self._answering += 1
        try:
            yield
        finally:
            with self._lock:
                self._answering -= 1
                self._last_answer = time.monotonic()

    def quiet_s(self) -> float:
        """Seconds since the last answer ended; 0 while one is given."""
        with self._lock:
            return 0.0 if self._answering else time.monotonic() - self._last_answer

    def known(self) -> list[str]:
        """The users who have a store in this data home, open or not."""
        folder = self.root / "users"
        return sorted(p.name for p in folder.iterdir() if (p / "memory.sqlite").is_file()) if folder.is_dir() else []

    def prepare(self, user: str) -> None:
        """See that what answers this user is exported and checked, with their night in force; waits for nothing."""
        try:
            with self.memory(user) as hippo:
                hippo.prepare_engine()
        except HippoError as error:  # whoever asks next is told
            log.warning("cannot prepare an engine: %s", type(error).__name__)

    def close(self) -> None:
        """Close every memory."""
        with self._lock:
            self._closed = True
            while self._here:
                _, resident = self._here.popitem()
                resident.hippo.close()

    def _enter(self, user: str) -> _Resident:
        if self._closed:
            raise StoreBusy("the server is closing; start it again")
        resident = self._here.get(user)
        if resident is None:
            self._make_room()
            resident = self._here[user] = _Resident(self._open(user))
        self._here.move_to_end(user)
        resident.n_users += 1
        return resident

    def _make_room(self) -> None:
        while len(self._here) >= self._most:
            idle = next((name for name, r in self._here.items() if not r.n_users), None)
            if idle is None:
                raise StoreBusy(f"{self._most} memories are in use, the most this server opens; try again in a moment")
            self._here.pop(idle).hippo.close()
