"""Cross-entropy over a large vocabulary for a few rows, with its gradient made in place.

The rows' logits are the largest thing of a training step; the library's path makes ten passes over them, this one half
as many, and keeps only the gradient of the states. Knows nothing of what the rows are.

Shapes: n rows, d width, V vocabulary.
Source: the gradient softmax(z) - onehot(y) of the cross-entropy; fusing it with the vocabulary head as in Wijmans et
al. 2024 (Cut Cross-Entropy, arXiv 2411.09009). Differs: no blocks, n is small here.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


class _VocabularyLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, rows: torch.Tensor, head: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """rows (n, d), head (V, d), targets (n,), weights (n,) -> weighted sum, and (n,) losses."""
        z = (rows @ head.T).float()
        total = z.logsumexp(-1)
        losses = total - z.gather(1, targets[:, None])[:, 0]
        z.sub_(total[:, None]).exp_()
        z[torch.arange(len(targets)), targets] -= 1.0
        z.mul_(weights[:, None])
        ctx.save_for_backward(z.to(rows.dtype) @ head)
        ctx.mark_non_differentiable(losses)
        return (losses * weights).sum(), losses

    @staticmethod
    def backward(ctx: Any, d_sum: torch.Tensor, _: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """The gradient of the states alone: the head is frozen."""
        (d_rows,) = ctx.saved_tensors
        return d_rows * d_sum.to(d_rows.dtype), None, None, None


def plain_head(model: nn.Module) -> torch.Tensor | None:
    """The vocabulary head's weight, None where there is more to it than a product (a bias, capped logits, a scale)."""
    head: Any = getattr(model, "lm_head", None)
    config: Any = getattr(model, "config", None)
    capped = any(getattr(config, name, None) for name in ("final_logit_softcapping", "logit_scale", "logits_scaling"))
    bias: Any = getattr(head, "bias", None)
    if type(head) is not nn.Linear or bias is not None or capped:
        return None
    weight: torch.Tensor = head.weight
    return weight


def vocabulary_loss(
    rows: torch.Tensor, head: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Weighted sum of the rows' cross-entropies (differentiable in `rows`), and each row's, in nats."""
    found: tuple[torch.Tensor, torch.Tensor] = _VocabularyLoss.apply(rows, head, targets, weights)
    return found
