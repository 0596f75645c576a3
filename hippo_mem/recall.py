"""From a cue to the memories it brings back [pattern completion's retrieval]. Knows nothing of answers or models.

Meaning (cosine of sentence vectors), words (BM25) and shared units of sparse keys are ranked apart, with whatever
rankings the caller adds (the graph's, the map's), and fused by reciprocal rank (Cormack, Clarke and Buettcher 2009).
Differs: weights, and an offset below the paper's 60, since a first rank by words says more than a twentieth one.
Filters apply before ranking, so `k` hits are `k` hits that pass.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hippo_mem.config import RecallConfig
from hippo_mem.embed import Embedder, rows_for
from hippo_mem.episodic import EpisodicStore
from hippo_mem.errors import InputError
from hippo_mem.text import soften
from hippo_mem.types import Hit, Recall, Where, check_time

__all__ = ["MAX_K", "Recaller", "Where", "check_k"]

Floats = NDArray[np.float32]

MAX_K = 1_000
_MIN_DEPTH = 32  # each ranking is read at least this deep, and 4 k


def check_k(k: int) -> None:
    """Refuse a number of hits that is none.

    Raises: InputError unless 1 <= k <= `MAX_K`.
    """
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= MAX_K:
        raise InputError(f"k must be 1 to {MAX_K}, got {k!r}")


class Recaller:
    """Answers cues from one store. `n_requests` counts them."""

    def __init__(self, store: EpisodicStore, embedder: Embedder, config: RecallConfig | None = None) -> None:
        self._store = store
        self._embedder = embedder
        self.config = config or RecallConfig()
        self.n_requests = 0

    def vector_of(self, cue: str) -> Floats | None:
        """What `recall` takes as the cue's vector, for a caller who wants it embedded beforehand: (d,), or None where
        nothing is looked for by it."""
        asked = soften(cue)
        wanted = asked and (self.config.dense or self.config.sparse)
        return rows_for(self._embedder.embed([asked]), [asked], self._embedder)[0] if wanted else None

    def recall(
        self,
        cue: str,
        k: int = 8,
        *,
        where: Where | None = None,
        as_of: float | None = None,
        extra: Mapping[str, Sequence[int]] | None = None,
        vector: Floats | None = None,
    ) -> Recall:
        """The best `k` memories for a cue, best first. Any text is a cue: none raises, a blank one brings nothing.

        Shapes: vector (d,).
        Args:
            cue: free text.
            k: 1..`MAX_K`.
            where: only memories that pass.
            as_of: what was true at this time (unix seconds); None means now.
            extra: further rankings to fuse: name -> ids of traces, best first. They are filtered like the others.
            vector: the cue's vector, where the caller has it; None embeds the cue.
        Returns: hits whose `score` is the fused one, the sum over rankings of weight / (offset + rank); `ranks` count
            from 1 and name who found the hit.
        Raises: InputError for a cue that is no text, `k` out of range, an `as_of` that is no time, a ranking that is
            named like one of ours, or a vector that is none.
        """
        check_k(k)
        check_time(as_of, "as_of")
        if clash := {"dense", "lexical", "sparse"}.intersection(extra or ()):
            raise InputError(f"an extra ranking cannot be called {min(clash)!r}; that is one of recall's own")
        started = time.perf_counter()
        self.n_requests += 1
        asked = soften(cue)
        vector = self.vector_of(cue) if vector is None else vector
        hits = self._hits(asked, k, where, as_of, extra or {}, vector) if asked else ()
        return Recall(cue=cue, hits=hits, seconds=time.perf_counter() - started)

    def _hits(
        self,
        cue: str,
        k: int,
        where: Where | None,
        as_of: float | None,
        extra: Mapping[str, Sequence[int]],
        vector: Floats | None,
    ) -> tuple[Hit, ...]:
        c = self.config
        depth = max(_MIN_DEPTH, 4 * k)
        unit = self._store.unit(vector) if vector is not None and (c.dense or c.sparse) else None
        rankings: dict[str, Sequence[int]] = {}
        weights = {"dense": c.dense_weight, "lexical": c.lexical_weight, "sparse": c.sparse_weight}
        cosines: dict[int, float] = {}
        with self._store.view() as view:
            allowed = view.passing(where, as_of)
            if unit is not None:
                unit = view.complete(unit, c, allowed)
            if unit is not None and c.dense:
                cosines = dict(view.dense(unit, depth, allowed))
                rankings["dense"] = list(cosines)
            if c.lexical:
                rankings["lexical"] = view.lexical(cue, depth, allowed)
            if unit is not None and c.sparse:
                rankings["sparse"] = view.sparse(unit, depth, allowed)
            for name, found in extra.items():
                rankings[name] = view.only(found, allowed)[:depth]

            ranks: dict[int, dict[str, int]] = {}
            scores: dict[int, float] = {}
            for name, ranking in rankings.items():
                weight = weights.get(name, c.extra_weight)
                for rank, trace_id in enumerate(ranking, start=1):
                    ranks.setdefault(trace_id, {})[name] = rank
                    scores[trace_id] = scores.get(trace_id, 0.0) + weight / (c.rank_offset + rank)
            best = sorted(scores, key=lambda i: (-scores[i], -cosines.get(i, -1.0), i))[:k]
            return tuple(
                Hit(trace=trace, score=scores[trace.id], ranks=ranks[trace.id], similarity=cosines.get(trace.id))
                for trace in self._store.get_many(best)
            )
