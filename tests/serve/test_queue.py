"""Answers are decoded a few at a time, and a step that has begun is never left alone."""

from __future__ import annotations

import threading

import anyio
import pytest
from anyio import to_thread

from hippo_mem.serve.queue import Queue, TooBusy


def test_who_is_canceled_leaves_when_the_step_has_ended() -> None:
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def step() -> str:
        begun.set()
        go_on.wait(30)
        ended.set()
        return "a piece"

    async def main() -> None:
        queue = Queue(at_once=1)

        async def answer() -> None:
            async with queue:
                try:
                    await queue.decode(step)
                finally:  # here a turn is closed: nothing of it may run any more
                    assert ended.is_set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(answer)
            await to_thread.run_sync(begun.wait, 30)
            tasks.cancel_scope.cancel()
            go_on.set()
        queue.close()

    anyio.run(main)
    assert ended.is_set()


def test_who_waits_behind_too_many_is_told_so() -> None:
    async def main() -> None:
        queue = Queue(at_once=1, most_waiting=0)
        with pytest.raises(TooBusy, match="try again in a moment"):
            async with queue:
                pass

    anyio.run(main)
