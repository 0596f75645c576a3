"""How quickly answers came lately: medians of the last ones. Knows nothing of what was answered."""

from __future__ import annotations

import threading
from collections import deque
from statistics import median

from hippo_mem.chat import ChatTurn

_LAST = 100


class Pace:
    """Seconds to the first piece and to the end of the last answers, of everyone. Safe for many threads."""

    def __init__(self) -> None:
        self._first: deque[float] = deque(maxlen=_LAST)
        self._whole: deque[float] = deque(maxlen=_LAST)
        self._lock = threading.Lock()

    def note(self, turn: ChatTurn) -> None:
        """Count in a finished turn; one that was stopped before its first piece tells nothing."""
        if turn.first_token_s is not None and turn.finish_reason != "cancelled":
            with self._lock:
                self._first.append(turn.first_token_s)
                self._whole.append(turn.seconds)

    def medians(self) -> tuple[int, float, float] | None:
        """(answers, seconds to the first piece, seconds to the end); None before the first answer."""
        with self._lock:
            return (len(self._first), median(self._first), median(self._whole)) if self._first else None
