"""From a cue to the memories it brings back [pattern completion's retrieval]. Knows nothing of answers or models.

Meaning (cosine of sentence vectors) and words (BM25) are ranked apart and fused by reciprocal rank (Cormack, Clarke
and Buettcher 2009). Filters apply before ranking, so `k` hits are `k` hits that pass.
"""

from __future__ import annotations

import time

from hippo_mem.embed import Embedder
from hippo_mem.episodic import EpisodicStore
from hippo_mem.errors import InputError
from hippo_mem.text import soften
from hippo_mem.types import Hit, Recall, Where

__all__ = ["MAX_K", "Recaller", "Where"]

MAX_K = 1_000
_RANK_OFFSET = 60  # the constant of the paper: first ranks count more, but no single ranking decides alone
_MIN_DEPTH = 32  # each ranking is read at least this deep, and 4 k


class Recaller:
    """Answers cues from one store. `n_requests` counts them."""

    def __init__(self, store: EpisodicStore, embedder: Embedder) -> None:
        self._store = store
        self._embedder = embedder
        self.n_requests = 0

    def recall(self, cue: str, k: int = 8, *, where: Where | None = None, as_of: float | None = None) -> Recall:
        """The best `k` memories for a cue, best first. Any cue is a cue: no text raises, a blank one brings nothing.

        Args:
            cue: free text.
            k: 1..`MAX_K`.
            where: only memories that pass.
            as_of: what was true at this time (unix seconds); None means now.
        Returns: hits whose `score` is the fused one, at most 2 / 61; `ranks` count from 1 and name who found the hit.
        Raises: InputError for `k` out of range.
        """
        if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= MAX_K:
            raise InputError(f"k must be 1 to {MAX_K}, got {k!r}")
        started = time.perf_counter()
        self.n_requests += 1
        asked = soften(cue)
        hits = self._hits(asked, k, where, as_of) if asked else ()
        return Recall(cue=cue, hits=hits, seconds=time.perf_counter() - started)

    def _hits(self, cue: str, k: int, where: Where | None, as_of: float | None) -> tuple[Hit, ...]:
        depth = max(_MIN_DEPTH, 4 * k)
        [vector] = self._embedder.embed([cue])
        allowed = self._store.select(where, as_of)
        dense = self._store.nearest(vector, depth, allowed)
        lexical = self._store.lexical(cue, depth, allowed)

        cosines = dict(dense)
        ranks: dict[int, dict[str, int]] = {}
        for name, found in (("dense", [i for i, _ in dense]), ("lexical", lexical)):
            for rank, trace_id in enumerate(found, start=1):
                ranks.setdefault(trace_id, {})[name] = rank
        scores = {i: sum(1.0 / (_RANK_OFFSET + rank) for rank in found.values()) for i, found in ranks.items()}
        best = sorted(scores, key=lambda i: (-scores[i], -cosines.get(i, -1.0), i))[:k]
        return tuple(
            Hit(trace=trace, score=scores[trace.id], ranks=ranks[trace.id], similarity=cosines.get(trace.id))
            for trace in self._store.get_many(best)
        )
