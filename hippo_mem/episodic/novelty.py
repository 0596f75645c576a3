"""How near each event of a batch is to what is comparable with it [CA1: the comparator].

In: the events' vectors and contexts in their order, and, as they are decided, which of them were stored. Out: for each
the cosine to its nearest, as if the events before it had been written one by one. The store is asked once for all of
them; among themselves they are compared a block of products at a time. Knows nothing of gates or of rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hippo_mem.episodic.view import View

Floats = NDArray[np.float32]

_BLOCK = 256  # events whose products with all before them are held: 256 x n floats


class BatchNovelty:
    """Nearest cosines of n events, asked for in their order.

    Shapes: n events, d width; `vectors` (n, d), rows of length 1.
    Args:
        view: the store before the first of the events.
        contexts: one an event; only those of exactly the same context are compared.
    """

    def __init__(self, view: View, vectors: Floats, contexts: Sequence[str | None]) -> None:
        self._vectors = vectors
        codes = {context: i for i, context in enumerate(dict.fromkeys(contexts))}
        self._contexts = np.array([codes[context] for context in contexts], dtype=np.int64)
        self._stored = np.zeros(len(contexts), dtype=bool)
        self._before = np.full(len(contexts), -np.inf, dtype=np.float32)
        for context, code in codes.items():
            here = self._contexts == code
            self._before[here] = view.nearest_cosines(vectors[here], view.comparable(context))
        self._block = np.empty((0, 0), dtype=np.float32)
        self._start = 0

    def nearest(self, i: int) -> float | None:
        """Cosine of event i to the nearest comparable trace, earlier events that were stored included; None without
        one."""
        if not 0 <= i - self._start < len(self._block):
            self._start = i
            end = i + _BLOCK
            self._block = self._vectors[i:end] @ self._vectors[:end].T  # (at most 256, end)
        comparable = self._stored[:i] & (self._contexts[:i] == self._contexts[i])
        among = self._block[i - self._start, :i][comparable]
        best = max(float(self._before[i]), float(among.max()) if len(among) else -np.inf)
        return None if best == -np.inf else best

    def stored(self, i: int) -> None:
        """Event i became a trace: later ones are compared with it."""
        self._stored[i] = True
