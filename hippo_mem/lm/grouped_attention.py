"""Attention over short rows with shared key heads, forward and backward in few batched products.

The library's eager attention copies every key head once per query head and keeps float32 scores; on rows of a few
hundred tokens those copies cost more than the products. Here the query heads that share a key head are stacked as
rows of one product instead. Equal to eager attention up to rounding. Knows nothing of models beyond the call signature
that transformers gives an attention function.

Shapes: R rows, T tokens, S tokens attended to (T and those in the cache), H query heads, K key heads, G = H / K, D head
width.
Source: grouped-query attention (Ainslie et al. 2023); the softmax gradient ds = p (dp - sum(dp p)).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers import AttentionInterface
from transformers.masking_utils import AttentionMaskInterface, eager_mask

NAME = "hippo_grouped"


class _GroupedAttention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: torch.Tensor, scale: float
    ) -> torch.Tensor:
        """q (R, H, T, D), k and v (R, K, S, D), mask (R or 1, 1, T, S) additive -> (R, T, H, D)."""
        rows, heads, length, width = q.shape
        shared, seen = k.shape[1], k.shape[2]
        group = heads // shared
        q = q.reshape(rows * shared, group * length, width)
        k = k.reshape(rows * shared, seen, width)
        v = v.reshape(rows * shared, seen, width)
        scores = torch.bmm(q, k.mT).mul_(scale).view(rows, heads, length, seen)
        p = scores.add_(mask).softmax(-1).view(rows * shared, group * length, seen)
        out = torch.bmm(p, v).view(rows, heads, length, width).transpose(1, 2)
        ctx.save_for_backward(q, k, v, p)
        ctx.scale, ctx.shape = scale, (rows, heads, shared, length, seen, width)
        return out.contiguous()

    @staticmethod
    def backward(ctx: Any, d_out: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        q, k, v, p = ctx.saved_tensors
        rows, heads, shared, length, seen, width = ctx.shape
        d = d_out.transpose(1, 2).reshape(rows * shared, -1, width)  # (R K, G T, D)
        dv = torch.bmm(p.mT, d)
        dp = torch.bmm(d, v.mT).mul_(p)  # p * dp
        ds = dp.sub_(p * dp.sum(-1, keepdim=True)).mul_(ctx.scale)
        dq = torch.bmm(ds, k)
        dk = torch.bmm(ds.mT, q)
        return (
            dq.view(rows, heads, length, width),
            dk.view(rows, shared, seen, width),
            dv.view(rows, shared, seen, width),
            None,
            None,
        )


def _attention(
    module: nn.Module, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor,
    attention_mask: torch.Tensor | None, scaling: float, **_: Any,
) -> tuple[torch.Tensor, None]:  # fmt: skip
    """The signature transformers calls: (R, H, T, D) and (R, K, S, D) -> (R, T, H, D)."""
    if attention_mask is None:
        raise ValueError("grouped attention needs a mask: without one every token would see those after it")
    result: torch.Tensor = _GroupedAttention.apply(query, key, value, attention_mask, scaling)
    return result, None


AttentionInterface.register(NAME, _attention)
AttentionMaskInterface.register(NAME, eager_mask)


def attend_grouped(model: nn.Module) -> bool:
    """From now on the model attends by this module; whether it does.

    Models that do more to the scores than add a mask (a soft cap, sinks) keep their own.
    """
    config: Any = model.config
    more = getattr(config, "attn_logit_softcapping", None) or any(
        n.endswith(".sinks") for n, _ in model.named_parameters()
    )
    if config._attn_implementation not in ("eager", "sdpa") or more:
        return False
    config._attn_implementation = NAME
    return True
