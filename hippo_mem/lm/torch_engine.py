"""A loaded `LanguageModel` as an engine: eager attention with a cache of keys and values. Knows nothing of memories."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hippo_mem.lm.engine import AdapterUse, Reading, Said, room
from hippo_mem.lm.model import LanguageModel
from hippo_mem.lm.sampling import Sampling
from hippo_mem.lm.streaming import TextStream


class TorchEngine:
    """The model that sleeps, answering."""

    name = "torch"

    def __init__(self, lm: LanguageModel) -> None:
        self.lm = lm
        self.template = lm.template
        self.context = lm.context
        self._lock = threading.Lock()  # one forward pass at a time: the adapter is on or off for the whole model

    @property
    def reads(self) -> bool:
        """Whether there is an adapter that reads notes."""
        return self.lm.reads

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, with nothing added."""
        return self.lm.encode(text)

    def chat_prompt(self, user: str, *, system: str | None = None) -> str:
        """The text of one user turn up to where the assistant speaks."""
        return self.lm.chat_prompt(user, system=system)

    def speaks(self, texts: Sequence[str], use: AdapterUse = True) -> list[bool]:
        """Whether the night's adapter speaks for each text."""
        with self._lock:
            return self.lm.speaks(texts, use)

    def generate(self, prompts: Sequence[str], *, max_new_tokens: int = 24, adapter: AdapterUse = True) -> list[str]:
        """Greedy continuations, stripped, without the end of turn."""
        with self._lock:
            return self.lm.generate(prompts, max_new_tokens=max_new_tokens, adapter=adapter)

    def logprobs_many(
        self, pairs: Sequence[tuple[str, str]], *, adapter: AdapterUse | Reading = True
    ) -> list[list[float]]:
        """Log-probability of each token of each continuation after its prompt."""
        with self._lock:
            return self.lm.logprobs_many(pairs, adapter=adapter)

    def doubts(self, prompts: Sequence[str], *, unless: str) -> list[float]:
        """How likely the reading adapter is to begin so."""
        return self.lm.doubts(prompts, unless=unless)

    def read(self, prompts: Sequence[str], *, unless: str, max_new_tokens: int = 24) -> list[Said]:
        """Greedy continuations with the reading adapter that do not begin as `unless` does, and how likely both are."""
        with self._lock:
            return self.lm.read(prompts, unless=unless, max_new_tokens=max_new_tokens)

    def surprise(self, texts: Sequence[str], *, adapter: AdapterUse = False) -> list[float]:
        """Mean -log p of each text in nats per token."""
        with self._lock:
            return self.lm.surprise(texts, adapter=adapter)

    def stream(
        self, prompt: str, *, max_new_tokens: int = 256, sampling: Sampling | None = None, stop: Sequence[str] = (),
        adapter: AdapterUse = True,
    ) -> TextStream:  # fmt: skip
        """The continuation of a templated prompt, piece by piece."""
        ids = self.encode(prompt)
        limit = room(len(ids), self.context, max_new_tokens)
        (speaks,) = self.speaks([prompt], adapter)
        return TextStream(
            lambda: _TorchSession(self.lm, ids, speaks, self._lock), self.lm.decode, n_prompt=len(ids),
            ends=self.lm.end_tokens, sampling=sampling or Sampling(), max_new_tokens=limit, stop=stop,
        )  # fmt: skip


class _TorchSession:
    def __init__(self, lm: LanguageModel, ids: Sequence[int], speaks: bool, lock: threading.Lock) -> None:
        self._lm, self._speaks, self._lock = lm, speaks, lock
        self._cache: Any = None
        self._logits = self._forward(ids)

    def logits(self) -> NDArray[np.float32]:
        """(V,) of the token that comes next."""
        return self._logits

    def push(self, token: int) -> None:
        """Go on with `token`."""
        self._logits = self._forward([token])

    def close(self) -> None:
        """Let go of the cache."""
        self._cache = None

    @torch.inference_mode()
    def _forward(self, ids: Sequence[int]) -> NDArray[np.float32]:
        with self._lock, self._lm.speaking(self._speaks):
            out = self._lm.base(
                input_ids=torch.tensor([list(ids)]), past_key_values=self._cache, use_cache=True, logits_to_keep=1
            )
        self._cache = out.past_key_values
        logits: NDArray[np.float32] = out.logits[0, -1].float().numpy()
        return logits
