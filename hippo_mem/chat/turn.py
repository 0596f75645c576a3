"""One answer of a chat, while it comes and after: its text, what it rests on, what became of what the user said.

Knows nothing of how any of it was found.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from hippo_mem.freed_memory import give_back_freed_memory
from hippo_mem.lm.streaming import FinishReason, TextStream
from hippo_mem.types import Hit, Outcome, Recall

# Who answered: the graph of facts, the map of places, the reader over recalled episodes, the night's adapter in the
# weights, the language model in its own words, or a fixed reply (an acknowledgement, a greeting, "I do not know").
DecidedBy = Literal["graph", "map", "reader", "night", "model", "reply"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A memory that an answer rests on. Times are unix seconds; `score` is that of the recall."""

    trace_id: int
    text: str
    source: str
    time: float
    score: float | None = None


def source_of(hit: Hit) -> Source:
    """A recalled memory as a source."""
    told = hit.trace.provenance
    return Source(trace_id=hit.trace.id, text=hit.trace.text, source=told.source, time=told.time, score=hit.score)


class ChatTurn(Iterator[str]):
    """Iterate for pieces of the answer; `finish()` gives all of it. Known before the first piece:

    * `outcomes`: what became of the user's message: stored, merged, gated (with the reason), routed to graph or map.
    * `recall`: what the message brought back, None with memory off. `sources`: the memories the answer rests on, or
      that the model was shown. `path`: the steps by which the graph or the map decided.
    * `decided_by`: see `DecidedBy`; `memory`: whether memory was on.

    Known at the end: `text`, `finish_reason` ("stop", "length", "cancelled"), `n_tokens`, `first_token_s` and
    `seconds`, both counted from the call of `chat`. Everything that touches the store is done before the first piece:
    iterating only decodes, so another turn may be started meanwhile. `cancel()` may be called from any thread.
    """

    def __init__(
        self, *, decided_by: DecidedBy, stream: TextStream | str, memory: bool, began: float,
        outcomes: tuple[Outcome, ...] = (), recall: Recall | None = None, sources: tuple[Source, ...] = (),
        path: tuple[str, ...] = (), prompt: str = "", count: Callable[[str], int] = lambda text: len(text.split()),
    ) -> None:  # fmt: skip
        self.decided_by = decided_by
        self.memory = memory
        self.outcomes = outcomes
        self.recall = recall
        self.sources = sources
        self.path = path
        self.prompt = prompt
        self.text = ""
        self.finish_reason: FinishReason | None = None
        self.first_token_s: float | None = None
        self.seconds = 0.0
        self._began = began
        self._count = count
        self._stream = stream
        self._pieces = iter([stream]) if isinstance(stream, str) else stream
        self._cancelled = False

    def __next__(self) -> str:
        if self._cancelled and self.finish_reason is None and isinstance(self._stream, str):
            self._end("cancelled")
        if self.finish_reason is not None:
            raise StopIteration
        try:
            piece = next(self._pieces)
        except StopIteration:
            ended = None if isinstance(self._stream, str) else self._stream.finish_reason
            self._end(ended or "stop")
            raise
        if self.first_token_s is None:
            self.first_token_s = time.perf_counter() - self._began
        self.text += piece
        return piece

    def finish(self) -> str:
        """The whole answer, waiting for what has not come yet."""
        for _ in self:
            pass
        return self.text

    def cancel(self) -> None:
        """End after the token under way; what has come stands."""
        self._cancelled = True
        if not isinstance(self._stream, str):
            self._stream.cancel()

    def close(self) -> None:
        """Cancel, and let go of what decoding holds."""
        self.cancel()
        if not isinstance(self._stream, str):
            self._stream.close()
        if self.finish_reason is None:
            self._end("cancelled")

    @property
    def n_prompt_tokens(self) -> int:
        """Tokens of what the model read; for an answer it had no part in, of the conversation as it would have."""
        return self._count(self.prompt) if isinstance(self._stream, str) else self._stream.n_prompt_tokens

    @property
    def n_tokens(self) -> int:
        """Tokens of the answer so far."""
        return self._count(self.text) if isinstance(self._stream, str) else self._stream.n_tokens

    def _end(self, reason: FinishReason) -> None:
        self.finish_reason = reason
        self.seconds = time.perf_counter() - self._began
        give_back_freed_memory()  # 2 ms where nobody waits; a turn leaves up to 20 MB in pieces
