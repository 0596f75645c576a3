"""Greedy answers that mostly copy their prompt: what the prompt goes on with is guessed, and checked in one pass.

A token by itself costs about as much as eight: the weights come through memory once either way. The words are those of
plain greedy decoding up to rounding. Knows nothing of adapters, or of what prompts are about.

Source: prompt lookup decoding (Saxena 2023; LLMA, Yang et al. 2023, arXiv 2304.04487). Differs: rows of a batch take
what is right of their own guesses, and what was wrong stays in the cache behind the mask.

Shapes: B prompts, T tokens of the longest, G tokens guessed, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from typing import Any

import torch

_GUESSED = 7  # with the token before them eight rows a product, for which it costs what it does for one


@dataclass(slots=True)
class Copied:
    """One answer so far: its tokens with the one that ends it, their log-probability, and that of the token which was
    not to begin it, in nats."""

    avoided: float
    logprob: float = 0.0
    ids: list[int] = field(default_factory=list)


def copy_greedily(
    base: Any, ids: torch.Tensor, mask: torch.Tensor, *, ends: Set[int], avoid: int, fill: int, max_new_tokens: int
) -> list[Copied]:
    """The most likely token after token, until one of `ends`; the first is not `avoid`.

    Args:
        base: a causal language model of transformers.
        ids: (B, T), filled up on the left with `fill`; mask: (B, T), 0 where filled up.
    """
    prompts = [row[kept.bool()].tolist() for row, kept in zip(ids, mask, strict=True)]
    out = base(
        input_ids=ids, attention_mask=mask, position_ids=(mask.cumsum(1) - 1).clamp(min=0), use_cache=True,
        logits_to_keep=1,
    )  # fmt: skip
    cache, n_read = out.past_key_values, mask.sum(1)  # (B,)
    likely = out.logits[:, -1].float().log_softmax(-1)  # (B, V)
    copied = [Copied(avoided=value) for value in likely[:, avoid].tolist()]
    likely[:, avoid] = -torch.inf
    best, first = likely.max(-1)
    for one, token, value in zip(copied, first.tolist(), best.tolist(), strict=True):
        one.ids.append(token)
        one.logprob += value

    def going(one: Copied) -> bool:
        return one.ids[-1] not in ends and len(one.ids) < max_new_tokens

    while any(map(going, copied)):
        guesses = [_continued(p, c.ids) if going(c) else [] for p, c in zip(prompts, copied, strict=True)]
        new = [[c.ids[-1], *g] for c, g in zip(copied, guesses, strict=True)]
        width = max(map(len, new))
        tokens = torch.tensor([[*n, *[fill] * (width - len(n))] for n in new])
        fresh = torch.tensor([[1] * len(n) + [0] * (width - len(n)) for n in new])
        mask = torch.cat([mask, fresh], dim=1)
        out = base(
            input_ids=tokens, attention_mask=mask, position_ids=n_read[:, None] + torch.arange(width),
            past_key_values=cache, use_cache=True,
        )  # fmt: skip
        best, chosen = out.logits.float().log_softmax(-1).max(-1)  # (B, 1 + G)
        right = []
        for one, guess, said, values in zip(copied, guesses, chosen.tolist(), best.tolist(), strict=True):
            taken = 0
            while going(one):
                one.ids.append(said[taken])
                one.logprob += values[taken]
                taken += 1
                if taken > len(guess) or guess[taken - 1] != said[taken - 1]:
                    break
            right.append(taken)
        # A guess that was wrong is never looked at again; one that was right stands where it stands.
        n_right = torch.tensor(right)
        mask[:, -width:] = torch.arange(width) < n_right[:, None]
        n_read += n_right
    return copied


def _continued(prompt: Sequence[int], said: Sequence[int]) -> list[int]:
    """What may come next: what follows in the prompt where the last tokens said stand, the longest run of them first;
    of several such places the first."""
    for n in range(min(3, len(said)), 0, -1):
        run = list(said[-n:])
        for at in range(len(prompt) - n):
            if prompt[at : at + n] == run:
                return list(prompt[at + n : at + n + _GUESSED])
    return []
