"""One answer under way, and what it holds: a place in the queue, the open memory, the decoding.

For everything that answers people, an API or a page. Knows nothing of how the answer is sent.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from anyio import CancelScope, to_thread

from hippo_mem.chat import ChatTurn
from hippo_mem.serve.callers import House
from hippo_mem.serve.queue import Queue


class UnderWay:
    """A started turn. Call `close` at the end, whatever happened; a turn that is not finished is cancelled."""

    def __init__(self, held: contextlib.AsyncExitStack, turn: ChatTurn, queue: Queue) -> None:
        self._held, self.turn, self._queue = held, turn, queue

    @classmethod
    async def begin(
        cls, house: House, user: str, messages: Sequence[Mapping[str, str]], **settings: Any
    ) -> UnderWay:  # fmt: skip
        """Wait for a place, keep what was said, find what memory knows; decoding has not begun.

        Args: settings: as `Hippo.chat` takes them.
        Raises: TooBusy, and what `Hippo.chat` raises.
        """
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(house.answering)
            hippo = await to_thread.run_sync(stack.enter_context, house.people.memory(user))
            stack.enter_context(house.people.answering())
            turn = await to_thread.run_sync(lambda: hippo.chat(list(messages), **settings))
            stack.callback(turn.close)
            return cls(stack.pop_all(), turn, house.answering)

    async def pieces(self) -> AsyncIterator[str]:
        """The answer piece by piece, each decoded in a thread."""
        while (piece := await self._queue.decode(lambda: next(self.turn, None))) is not None:
            if piece:
                yield piece

    async def close(self) -> None:
        """Give back what is held."""
        with CancelScope(shield=True):
            await self._held.aclose()
