"""How many answers are decoded at once, how many may wait for it, and the threads that decode. Knows nothing of what an
answer is.

Decoding takes whole cores for seconds, everything else milliseconds: where the system lets threads differ, those that
decode stand behind the others, so that a recall does not wait for an answer.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TypeVar

from anyio import CancelScope

from hippo_mem.errors import StoreBusy

_BEHIND = 10  # of the 19 steps a thread can be put back: it gets a tenth of a core that another one wants
T = TypeVar("T")


class TooBusy(StoreBusy):
    """More wait than this server takes."""


class Queue:
    """An async context manager: inside, at most `at_once` run; `most_waiting` wait their turn, in order.

    Raises: TooBusy on entering when too many wait.
    """

    def __init__(self, at_once: int = 2, most_waiting: int = 64) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._most, self._waiting = most_waiting, 0
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="hippo-decode", initializer=_stand_behind)

    async def decode(self, step: Callable[[], T]) -> T:
        """Run a step of decoding in one of the threads for it. For whoever is inside.

        Whoever is canceled meanwhile leaves when the step has ended: nobody takes its answer apart before.
        """
        running = asyncio.get_running_loop().run_in_executor(self._threads, step)
        with CancelScope(shield=True):
            await asyncio.wait([running])
        return running.result()

    def close(self) -> None:
        """Start no step any more; one that runs ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)

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


def _stand_behind() -> None:
    if sys.platform == "linux":  # elsewhere a priority is the whole process's
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _BEHIND)
