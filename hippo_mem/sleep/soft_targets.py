"""What the model says before a night, kept as its most likely tokens: the measure of "nothing else got worse".

For each sequence and each position, the k likeliest next tokens of the frozen model and their probabilities. Training
pulls the adapted model towards them (on general prompts: anchors; on earlier nights' answers and on answers read with
memory ON: distillation). Knows nothing of where the sequences come from.

Source: knowledge distillation (Hinton et al. 2015); keeping a task by the old model's answers is Learning without
Forgetting
(Li & Hoiem 2016), and storing logits beside samples is DER (Buzzega et al. 2020). Differs: top-k only, renormalised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from hippo_mem.lm import AdapterUse, LanguageModel
from hippo_mem.sleep.packing import pack

_ROWS_AT_ONCE = 24  # packed rows a forward pass


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftSequence:
    """Tokens with targets for positions first..first+n-1 (the prediction *after* each of them).

    Shapes: n positions, k tokens. `tokens` ids; `top` (n, k) ids; `probabilities` (n, k), rows sum to 1.
    """

    tokens: tuple[int, ...]
    first: int
    top: torch.Tensor
    probabilities: torch.Tensor


@torch.no_grad()
def soft_targets(
    lm: LanguageModel, sequences: Sequence[tuple[Sequence[int], int]], k: int, *, adapter: AdapterUse = False
) -> list[SoftSequence]:
    """The model's top-k predictions over (tokens, first position) pairs.

    Args:
        sequences: tokens and the first position whose prediction is kept; the last kept is the last but one token's,
            or the last token's own where `first` is the last position.
        k: tokens kept a position, 1..vocabulary.
    """
    result: list[SoftSequence] = []
    with lm.speaking(adapter is not False):
        for at in range(0, len(sequences), _ROWS_AT_ONCE * 4):
            part = sequences[at : at + _ROWS_AT_ONCE * 4]
            packed = pack([tokens for tokens, _ in part], lm.dtype)
            hidden = lm.decoder(
                input_ids=packed.ids, attention_mask=packed.mask, position_ids=packed.positions, use_cache=False
            ).last_hidden_state
            for i, (tokens, first) in enumerate(part):
                # Renormalised over the top k, so the softmax over the whole vocabulary cancels out.
                values, top = lm.base.lm_head(packed.rows(hidden, i, first, len(tokens))).topk(k)
                result.append(
                    SoftSequence(tokens=tuple(tokens), first=first, top=top, probabilities=values.float().softmax(-1))
                )
    return result


def divergence(logits: torch.Tensor, target: SoftSequence, at: Sequence[int] | None = None) -> torch.Tensor:
    """Sum over positions of KL(target || model) restricted to the target's tokens.

    The model's probabilities are *not* renormalised over those tokens, so mass that leaves them costs as well.
    Shapes: logits (n, V) -> scalar, in nats; `at`: which of the target's positions the rows are, None for all.
    """
    p, top = target.probabilities, target.top
    if at is not None:
        p, top = p[list(at)], top[list(at)]
    q = logits.log_softmax(-1).gather(1, top)
    return (p * (p.clamp_min(1e-9).log() - q)).sum()
