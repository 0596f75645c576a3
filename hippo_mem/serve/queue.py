"""How many answers are decoded at once, and how many may wait for it. Knows nothing of what an answer is."""

from __future__ import annotations

import asyncio
from types import TracebackType

from hippo_mem.errors import StoreBusy


class TooBusy(StoreBusy):
    """More wait than this server takes."""


class Queue:
    """An async context manager: inside, at most `at_once` run; `most_waiting` wait their turn, in order.

    Raises: TooBusy on entering when too many wait.
    """

    def __init__(self, at_once: int = 2, most_waiting: int = 64) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._most, self._waiting = most_waiting, 0

    async def __aenter__(self) -> Queue:
        if self._waiting >= self._most:
            raise TooBusy(f"{self._waiting} answers are waiting, the most this server takes; try again in a moment")
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._places.release()
