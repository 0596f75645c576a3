"""Attention over short packed rows with shared key heads, forward and backward in few batched products.

The library's eager attention copies every key head once per query head and keeps float32 scores; on rows of about a
hundred tokens those copies cost more than the products. Here the query heads that share a key head are stacked as
rows of one product instead. Equal to eager attention up to rounding. Knows nothing of models beyond the call signature
that transformers gives an attention function.

Shapes: R rows, T tokens, H query heads, K key heads, G = H / K, D head width.
Source: grouped-query attention (Ainslie et al. 2023); the softmax gradient ds = p (dp - sum(dp p)).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from transformers import AttentionInterface

NAME = "hippo_grouped"


class _GroupedAttention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: torch.Tensor, scale: float
    ) -> torch.Tensor:
        """q (R, H, T, D), k and v (R, K, T, D), mask (R, 1, T, T) additive -> (R, T, H, D)."""
        rows, heads, length, width = q.shape
        shared = k.shape[1]
        group = heads // shared
        q = q.reshape(rows * shared, group * length, width)
        k = k.reshape(rows * shared, length, width)
        v = v.reshape(rows * shared, length, width)
        scores = torch.bmm(q, k.mT).mul_(scale).view(rows, shared * group, length, length)
        p = scores.add_(mask).softmax(-1).view(rows * shared, group * length, length)
        out = torch.bmm(p, v).view(rows, heads, length, width).transpose(1, 2)
        ctx.save_for_backward(q, k, v, p)
        ctx.scale, ctx.shape = scale, (rows, heads, shared, length, width)
        return out.contiguous()

    @staticmethod
    def backward(ctx: Any, d_out: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        q, k, v, p = ctx.saved_tensors
        rows, heads, shared, length, width = ctx.shape
        d = d_out.transpose(1, 2).reshape(rows * shared, -1, width)  # (R K, G T, D)
        dv = torch.bmm(p.mT, d)
        dp = torch.bmm(d, v.mT).mul_(p)  # p * dp
        ds = dp.sub_(p * dp.sum(-1, keepdim=True)).mul_(ctx.scale)
        dq = torch.bmm(ds, k)
        dk = torch.bmm(ds.mT, q)
        return (
            dq.view(rows, heads, length, width),
            dk.view(rows, shared, length, width),
            dv.view(rows, shared, length, width),
            None,
            None,
        )


def _attention(
    module: nn.Module, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor,
    attention_mask: torch.Tensor | None, scaling: float, **_: Any,
) -> tuple[torch.Tensor, None]:  # fmt: skip
    """The signature transformers calls: (R, H, T, D) and (R, K, T, D) -> (R, T, H, D)."""
    if attention_mask is None:
        raise ValueError("grouped attention needs the packed rows' mask")
    result: torch.Tensor = _GroupedAttention.apply(query, key, value, attention_mask, scaling)
    return result, None


AttentionInterface.register(NAME, _attention)


@contextlib.contextmanager
def grouped_attention(model: nn.Module) -> Iterator[None]:
    """Within the block the model attends by this module; only calls with a 4-dimensional mask are allowed there.

    Models with attention-logit softcapping or their own attention keep it (their config says so).
    """
    config: Any = model.config
    before = config._attn_implementation
    plain = before in ("eager", "sdpa") and not getattr(config, "attn_logit_softcapping", None)
    if plain:
        config._attn_implementation = NAME
    try:
        yield
    finally:
        config._attn_implementation = before
