"""Tokens to text while they come: whole characters only, and nothing from a stop string on.

Knows nothing of models beyond a session that gives logits and takes tokens.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from hippo_mem.errors import InputError
from hippo_mem.lm.sampling import Sampler, Sampling

FinishReason = Literal["stop", "length", "cancelled"]
Decode = Callable[[Sequence[int]], str]
_BROKEN = "\ufffd"  # what a decoder writes for the bytes of a character that is not complete
MAX_STOPS = 16


class Session(Protocol):
    """One text under way in a model."""

    def logits(self) -> NDArray[np.float32]:
        """(V,) of the token that comes next."""
        ...

    def push(self, token: int) -> None:
        """Go on with `token`."""
        ...

    def close(self) -> None:
        """Let go of the text's memory."""
        ...


class Pieces:
    """Token ids in, text out as soon as it is certain: half characters wait, and so does what may begin a stop string.

    Args: stop: texts of at least one character; the output ends before the first that occurs, wherever tokens part it.
    """

    def __init__(self, decode: Decode, stop: Iterable[str] = ()) -> None:
        self._decode = decode
        self._stop = tuple(stop)
        self._ids: list[int] = []
        self._from, self._read = 0, 0  # the window that is decoded again, and how much of it was given out
        self._held = ""
        self._begun = False
        self.stopped = False

    def add(self, token: int) -> str:
        """The text that has become certain with this token, "" for none yet."""
        self._ids.append(token)
        known = self._decode(self._ids[self._from : self._read])
        text = self._decode(self._ids[self._from :])
        if text.endswith(_BROKEN):
            return ""
        self._from, self._read = self._read, len(self._ids)
        return self._certain(text[len(known) :])

    def finish(self) -> str:
        """The text that was still held; a last character that never became whole is left out."""
        known = self._decode(self._ids[self._from : self._read])
        rest = self._decode(self._ids[self._from :])[len(known) :].rstrip(_BROKEN)
        text = self._certain(rest) + self._held
        self._held = ""
        return text

    def _certain(self, text: str) -> str:
        if self.stopped:
            return ""
        held = self._held + text
        if not self._begun:  # an answer does not begin with white space
            held = held.lstrip()
            self._begun = bool(held)
        ends = [at for s in self._stop if (at := held.find(s)) >= 0]
        if ends:
            self.stopped, self._held = True, ""
            return held[: min(ends)]
        keep = max((_overlap(held, s) for s in self._stop), default=0)
        self._held = held[len(held) - keep :] if keep else ""
        return held[: len(held) - keep]


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` with which `stop` begins."""
    return next((n for n in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:n])), 0)


class TextStream(Iterator[str]):
    """An answer under way: iterate for pieces of text. `text`, `n_tokens` and the times are of what has come so far;
    `finish_reason` is None until the end. `cancel` may be called from any thread; no token is computed after it.
    """

    def __init__(
        self, start: Callable[[], Session], decode: Decode, *, n_prompt: int, ends: frozenset[int], sampling: Sampling,
        max_new_tokens: int, stop: Sequence[str] = (),
    ) -> None:  # fmt: skip
        if max_new_tokens < 1:
            raise InputError(f"max_new_tokens must be at least 1, got {max_new_tokens}")
        if len(stop) > MAX_STOPS or not all(stop):
            raise InputError(f"stop takes at most {MAX_STOPS} texts of at least one character, got {list(stop)!r}")
        self.n_prompt_tokens = n_prompt
        self.n_tokens = 0
        self.text = ""
        self.finish_reason: FinishReason | None = None
        self.first_token_s: float | None = None
        self.seconds = 0.0
        self._cancelled = threading.Event()
        self._pieces = self._run(start, Pieces(decode, stop), ends, Sampler(sampling), max_new_tokens)

    def __next__(self) -> str:
        piece = next(self._pieces)
        self.text += piece
        return piece

    def cancel(self) -> None:
        """End after the token under way."""
        self._cancelled.set()

    def close(self) -> None:
        """Let go of what the answer holds. An answer that was iterated to its end has done so itself."""
        self.cancel()
        with suppress(ValueError):  # another thread is inside: it ends by itself after the token under way
            self._pieces.close()  # type: ignore[attr-defined]
        self.finish_reason = self.finish_reason or "cancelled"

    def _run(
        self, start: Callable[[], Session], pieces: Pieces, ends: frozenset[int], sampler: Sampler, limit: int
    ) -> Iterator[str]:
        began = time.perf_counter()
        reason: FinishReason = "length"
        session: Session | None = None
        try:
            if self._cancelled.is_set():
                reason = "cancelled"
                return
            session = start()
            while self.n_tokens < limit:
                token = sampler.choose(session.logits())
                if self.first_token_s is None:
                    self.first_token_s = time.perf_counter() - began
                if token in ends:
                    reason = "stop"
                    break
                self.n_tokens += 1
                if piece := pieces.add(token):
                    yield piece
                if pieces.stopped:
                    reason = "stop"
                    break
                if self._cancelled.is_set():
                    reason = "cancelled"
                    break
                if self.n_tokens < limit:
                    session.push(token)
            if reason != "cancelled" and (piece := pieces.finish()):
                yield piece
            if pieces.stopped:
                reason = "stop"
        except GeneratorExit:
            reason = "cancelled"
            raise
        finally:
            self.finish_reason = reason
            self.seconds = time.perf_counter() - began
            if session is not None:
                session.close()
