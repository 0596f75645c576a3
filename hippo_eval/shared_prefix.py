"""Greedy answers to prompts that begin alike: what they share is read once [prompt caching].

A long context puts the same facts before every question; read anew for each, they would be the whole cost of a run. The
answers are those of `LanguageModel.generate` up to rounding. Knows nothing of what the prompts are about.

Source: one copy of the shared keys and values for all prompts, as in Hydragen (Juravsky et al. 2024, arXiv 2402.05099);
here by a mask over one row.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hippo_mem.lm import LanguageModel

_WORTH_IT = 96  # shared tokens below which the ordinary path is as quick
_SEAM = 4
_PASS_TOKENS = 256  # of the rests a pass: every row of scores is as long as all that is held


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
        """Answers to prompts that begin with what has been read: all rows stand in one sequence behind it, and each
        sees what is shared and itself."""
        import torch

        shared = len(self._ids)
        rests = [e[shared:] for e in encoded]
        ends = self._lm.end_tokens
        said: list[list[int]] = [[] for _ in rests]
        with torch.inference_mode():
            line = _OneLine(self._lm, copy.deepcopy(self._cache), shared, len(rests))
            latest: dict[int, int] = {}
            for rows in _of_about(rests, _PASS_TOKENS):
                latest |= line.read({row: rests[row] for row in rows})
            for _ in range(max_new_tokens):
                going = {row: [token] for row, token in latest.items() if token not in ends}
                for row, tokens in going.items():
                    said[row] += tokens
                if not going:
                    break
                latest = line.read(going)
        return [self._lm.tokenizer.decode(s, skip_special_tokens=True).strip() for s in said]


class _OneLine:
    """Texts one behind the other in one row of a cache; none sees another."""

    def __init__(self, lm: LanguageModel, cache: Any, shared: int, n_texts: int) -> None:
        import torch

        self._lm, self._cache = lm, cache
        self._owners = torch.full((shared,), -1)  # of each column; -1 is everybody's
        self._lengths = [shared] * n_texts

    def read(self, texts: Mapping[int, Sequence[int]]) -> dict[int, int]:
        """Go on with each text by its number; the token that most likely comes next in each."""
        import torch

        ids = [token for tokens in texts.values() for token in tokens]
        owners = torch.tensor([text for text, tokens in texts.items() for _ in tokens])
        positions: list[int] = []
        last: list[int] = []  # of each text among `ids`
        for text, tokens in texts.items():
            at = self._lengths[text]
            self._lengths[text] += len(tokens)
            positions += range(at, self._lengths[text])
            last.append(len(positions) - 1)
        before = len(self._owners)
        self._owners = torch.cat([self._owners, owners])
        seen = (self._owners == -1)[None] | (self._owners[None] == owners[:, None])
        seen &= torch.arange(len(self._owners))[None] <= before + torch.arange(len(ids))[:, None]
        dtype = self._lm.dtype
        mask = torch.zeros(seen.shape, dtype=dtype).masked_fill(~seen, torch.finfo(dtype).min)
        out = self._lm.decoder(
            input_ids=torch.tensor([ids]), attention_mask=mask[None, None], position_ids=torch.tensor([positions]),
            past_key_values=self._cache, use_cache=True,
        )  # fmt: skip
        following = self._lm.base.lm_head(out.last_hidden_state[0, last]).argmax(-1).tolist()
        return dict(zip(texts, following, strict=True))


def _of_about(texts: Sequence[Sequence[int]], n_tokens: int) -> Iterator[list[int]]:
    """Numbers of texts that have at most so many tokens together, or of one alone."""
    together: list[int] = []
    held = 0
    for i, text in enumerate(texts):
        if together and held + len(text) > n_tokens:
            yield together
            together, held = [], 0
        together.append(i)
        held += len(text)
    if together:
        yield together
