"""Which token comes next, from logits. Knows nothing of models or text.

Shapes: V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hippo_mem.errors import InputError

# As the OpenAI API bounds it: above 2 a small model writes noise.
MAX_TEMPERATURE = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How to choose: temperature 0 takes the most likely token; else a draw from the most likely tokens that together
    have `top_p` of the probability (nucleus sampling, Holtzman et al. 2020). The same seed draws the same tokens.

    `repetition_penalty` above 1 makes tokens that the answer has already used less likely (Keskar et al. 2019, eq. 1);
    differs: tokens of the prompt are not counted, since answers take words from it.

    Raises: InputError when a value is out of its range.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.temperature <= MAX_TEMPERATURE:
            raise InputError(f"temperature must be between 0 and {MAX_TEMPERATURE:g}, got {self.temperature}")
        if not 0.0 < self.top_p <= 1.0:
            raise InputError(f"top_p must be above 0 and at most 1, got {self.top_p}")
        if not 1.0 <= self.repetition_penalty <= 2.0:
            raise InputError(f"repetition_penalty must be between 1 and 2, got {self.repetition_penalty}")


class Sampler:
    """Chooses token after token; holds the generator of one answer."""

    def __init__(self, sampling: Sampling) -> None:
        self._settings = sampling
        self._rng = np.random.default_rng(sampling.seed)
        self._used: set[int] = set()

    def choose(self, logits: NDArray[np.float32]) -> int:
        """(V,) logits -> the id of the next token."""
        token = self._draw(self._penalized(logits))
        self._used.add(token)
        return token

    def _penalized(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        penalty = self._settings.repetition_penalty
        if penalty == 1.0 or not self._used:
            return logits
        used = list(self._used)
        scores = logits.copy()
        scores[used] = np.where(scores[used] > 0, scores[used] / penalty, scores[used] * penalty)
        return scores

    def _draw(self, logits: NDArray[np.float32]) -> int:
        settings = self._settings
        if settings.temperature == 0.0:
            return int(logits.argmax())
        scaled = logits.astype(np.float64) / settings.temperature
        scores = np.exp(scaled - scaled.max())
        scores /= scores.sum()
        if settings.top_p < 1.0:
            order = np.argsort(-scores, kind="stable")
            before = np.cumsum(scores[order]) - scores[order]
            scores[order[before >= settings.top_p]] = 0.0  # the first token is always in
            scores /= scores.sum()
        return int(np.searchsorted(np.cumsum(scores), self._rng.random(), side="right").clip(max=len(scores) - 1))
