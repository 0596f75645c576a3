"""Vectors that are computed once, for texts that are told and asked many times. Knows nothing of what they say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hippo_mem.embed import Embedder, Vectors


class KeptVectors:
    """An embedder that keeps what it has embedded; otherwise the one it is given."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._kept: dict[str, Vectors] = {}

    @property
    def id(self) -> str:
        """The vector space."""
        return self._embedder.id

    @property
    def dim(self) -> int:
        """Its width."""
        return self._embedder.dim

    def embed(self, texts: Sequence[str]) -> Vectors:
        """`texts` -> (n, dim) float32, rows of length 1, in the order given."""
        new = [text for text in dict.fromkeys(texts) if text not in self._kept]
        if new:
            self._kept.update(zip(new, self._embedder.embed(new), strict=True))
        if not texts:
            return np.zeros((0, self.dim), dtype=np.float32)
        return np.stack([self._kept[text] for text in texts])
