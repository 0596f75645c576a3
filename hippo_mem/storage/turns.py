"""A lock that is given in the order in which it was asked for. Knows nothing of what it guards.

An ordinary lock goes to whoever runs when it is let go: a thread that lets go and asks again a hundred times in a row
(a question that looks up many facts) keeps another, which only wants one look, waiting all that while.
"""

from __future__ import annotations

import threading
from collections import deque
from types import TracebackType

_new_lock = threading.Lock


class Turns:
    """A reentrant lock, first come, first served; a context manager."""

    def __init__(self) -> None:
        self._state = threading.Lock()  # of the fields below, never held for long
        self._owner: int | None = None
        self._depth = 0
        self._waiting: deque[threading.Lock] = deque()

    def __enter__(self) -> Turns:
        me = threading.get_ident()
        if self._owner == me:  # nobody else writes this number
            self._depth += 1
            return self
        with self._state:
            if self._owner is None:
                self._owner, self._depth = me, 1
                return self
            turn = _new_lock()
            turn.acquire()
            self._waiting.append(turn)
        try:
            turn.acquire()  # let go by who had the lock before, which is then ours
        except BaseException:  # an interrupt while waiting
            with self._state:
                if turn in self._waiting:
                    self._waiting.remove(turn)
                else:
                    self._pass_on()
            raise
        self._owner, self._depth = me, 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._owner != threading.get_ident():
            raise RuntimeError("a lock can be let go only by the thread that has it")
        self._depth -= 1
        if not self._depth:
            with self._state:
                self._pass_on()

    def _pass_on(self) -> None:
        if self._waiting:
            self._owner = 0  # nobody's thread: between two turns, so that nobody steps in
            self._waiting.popleft().release()
        else:
            self._owner = None
