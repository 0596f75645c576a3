"""Greedy answers to prompts that begin alike: what they share is read once [prompt caching].

A long context puts the same facts before every question; read anew for each, they would be the whole cost of a run. The
answers are those of `LanguageModel.generate` up to rounding. Knows nothing of what the prompts are about.

Shapes in this file: B prompts, P shared tokens, S tokens of the longest rest, V vocabulary.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hippo_mem.lm import LanguageModel

_WORTH_IT = 96  # shared tokens below which the ordinary path is as quick
_SEAM = 4


class PrefixReader:
    """A model that remembers the last long beginning it has read. `generate` and the rest are as the model's."""

    def __init__(self, lm: LanguageModel) -> None:
        self._lm = lm
        self._ids: list[int] = []
        self._cache: Any = None

    def chat_prompt(self, user: str, *, system: str | None = None) -> str:
        """One user turn, templated."""
        return self._lm.chat_prompt(user, system=system)

    def encode(self, text: str) -> list[int]:
        """Token ids."""
        return self._lm.encode(text)

    def attach(self, folder: Any) -> None:
        """Put an adapter over the base; what was read before it is forgotten."""
        self._ids, self._cache = [], None
        self._lm.attach(folder)

    def generate(self, prompts: Sequence[str], *, max_new_tokens: int = 16, head: str = "") -> list[str]:
        """Greedy continuations, stripped, without the end of turn.

        Args: head: what every prompt begins with; it is read once for as long as it stays the same.
        """
        # The last tokens of the head may be others once something follows it.
        ids = self._lm.encode(head)[:-_SEAM] if head else []
        encoded = [self._lm.encode(p) for p in prompts] if len(ids) >= _WORTH_IT else []
        if not encoded or self._lm.adapter_dir is not None or any(e[: len(ids)] != ids for e in encoded):
            return self._lm.generate(prompts, max_new_tokens=max_new_tokens)
        if ids != self._ids:
            self._read(ids)
        return self._continue(encoded, max_new_tokens)

    def _read(self, ids: list[int]) -> None:
        import torch

        with torch.inference_mode():
            out = self._lm.decoder(input_ids=torch.tensor([ids]), use_cache=True)
        self._ids, self._cache = ids, out.past_key_values

    def _continue(self, encoded: Sequence[list[int]], max_new_tokens: int) -> list[str]:
        """Answers to prompts that begin with what has been read."""
        import torch

        shared = len(self._ids)
        pad = int(self._lm.tokenizer.pad_token_id)
        ends = _end_ids(self._lm)
        rests = [e[shared:] for e in encoded]
        width = max(len(r) for r in rests)
        ids = torch.full((len(rests), width), pad)
        mask = torch.ones((len(rests), shared + width), dtype=torch.long)
        for row, rest in enumerate(rests):
            ids[row, width - len(rest) :] = torch.tensor(rest)
            mask[row, shared : shared + width - len(rest)] = 0
        said: list[list[int]] = [[] for _ in rests]
        going = torch.ones(len(rests), dtype=torch.bool)
        with torch.inference_mode():
            cache = copy.deepcopy(self._cache)
            cache.batch_repeat_interleave(len(rests))
            positions = (mask.cumsum(1) - 1).clamp(min=0)[:, shared:]
            for _ in range(max_new_tokens):
                out = self._lm.decoder(
                    input_ids=ids, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True
                )
                token = self._lm.base.lm_head(out.last_hidden_state[:, -1].contiguous()).argmax(-1)  # (B,)
                for row in going.nonzero()[:, 0].tolist():
                    if int(token[row]) in ends:
                        going[row] = False
                    else:
                        said[row].append(int(token[row]))
                if not going.any():
                    break
                ids = torch.where(going, token, pad)[:, None]
                mask = torch.cat([mask, torch.ones((len(rests), 1), dtype=torch.long)], dim=1)
                positions = positions[:, -1:] + 1
        return [self._lm.tokenizer.decode(s, skip_special_tokens=True).strip() for s in said]


def _end_ids(lm: LanguageModel) -> frozenset[int]:
    """The tokens that end an answer."""
    ends = lm.base.generation_config.eos_token_id
    found = ends if isinstance(ends, list) else [ends]
    return frozenset(int(e) for e in (*found, lm.tokenizer.eos_token_id) if e is not None)
