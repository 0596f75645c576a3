"""Leaky integrate-and-fire neurons under a constant current, all time steps at once.

In: one current per neuron, computed once (direct encoding). Out: the mean of its spikes over the steps, with a
surrogate gradient. Knows nothing of columns, tasks or where the current comes from.

    u[n] = beta * u[n-1] * (1 - s[n-1]) + I        u[-1] = 0
    s[n] = 1 if u[n] > threshold else 0            rate = mean of s over the steps
"""

from __future__ import annotations

import math
from typing import Any, Literal, get_args

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from hippo_mem.errors import ConfigError, nearest

Neuron = Literal["spiking", "graded"]
Surrogate = Literal["fast_sigmoid", "arctan"]

# The slopes that snnTorch has for the same two functions.
DEFAULT_SLOPE: dict[str, float] = {"fast_sigmoid": 25.0, "arctan": 2.0}


def lif_rate(
    current: Tensor,
    beta: Tensor,
    threshold: Tensor | float = 1.0,
    *,
    n_steps: int = 8,
    neuron: Neuron = "spiking",
    surrogate: Surrogate = "fast_sigmoid",
    slope: float | None = None,
) -> Tensor:
    """The mean of each neuron's spikes over `n_steps` steps of constant current [firing rate].

    Shapes: B samples, N neurons: current (B, N), beta (N,), threshold a number or (N,), result (B, N).
    Args:   beta: decay per step; used within 0..1. threshold: of the membrane potential, same unit as the current.
            neuron: "spiking", or "graded" with s = sigmoid(u - threshold) for comparison. surrogate: stands for the
            step's derivative at v = u - threshold: fast_sigmoid 1 / (1 + slope |v|)^2, arctan
            (slope / 2) / (1 + (pi / 2 * slope * v)^2). slope: None is 25 and 2.
    Returns: rates in 0..1, multiples of 1 / n_steps when spiking.
    Raises: ConfigError for fewer than one step, or an unknown neuron or surrogate.
    Source: LIF with reset to zero and direct encoding; fast sigmoid of Zenke & Ganguli 2018, arctan of Fang et al.
        2021. Equals snnTorch's `Leaky(reset_mechanism="zero")` in value and gradient: the reset itself passes no
        gradient when spiking. When graded the reset is part of the derivative, which is then exact.
    """
    if n_steps < 1:
        raise ConfigError(f"neurons need at least one time step, got n_steps={n_steps}")
    for kind, value, known in (("neuron", neuron, Neuron), ("surrogate", surrogate, Surrogate)):
        if value not in get_args(known):
            raise ConfigError(f"unknown {kind} {value!r}{nearest(str(value), get_args(known))}")
    limit = torch.as_tensor(threshold, dtype=current.dtype, device=current.device)
    steepness = DEFAULT_SLOPE[surrogate] if slope is None else slope
    rate: Tensor = _Unroll.apply(current, beta.clamp(0.0, 1.0), limit, n_steps, neuron, surrogate, steepness)
    return rate


class _Unroll(torch.autograd.Function):
    """All steps in one node: nothing is recorded per step, and the backward recursion is one operation a step.

    Saved: potentials and silences (1 - s), (T, B, N) each. Surrogate and carry are computed for all steps at once.
    """

    @staticmethod
    def forward(
        ctx: Any,
        current: Tensor,
        beta: Tensor,
        threshold: Tensor,
        n_steps: int,
        neuron: str,
        surrogate: str,
        slope: float,
    ) -> Tensor:
        u = current.new_empty((n_steps, *current.shape))
        silent = torch.empty_like(u)  # 1 - s
        carried = torch.empty_like(current)
        potentials, silences = u.unbind(0), silent.unbind(0)
        potentials[0].copy_(current)
        for n in range(n_steps):
            if n:
                torch.mul(potentials[n - 1], silences[n - 1], out=carried)
                torch.addcmul(current, carried, beta, out=potentials[n])
            if neuron == "spiking":
                torch.le(potentials[n], threshold, out=silences[n])
            else:
                torch.sub(threshold, potentials[n], out=silences[n]).sigmoid_()
        ctx.save_for_backward(u, silent, beta, threshold)
        ctx.neuron, ctx.surrogate, ctx.slope = neuron, surrogate, slope
        return silent.mean(0).neg_().add_(1.0)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        u, silent, beta, threshold = ctx.saved_tensors
        n_steps = len(u)
        if ctx.neuron == "spiking":
            slope = _surrogate_slope(u - threshold, ctx.surrogate, ctx.slope)
            carry = silent * beta
        else:
            slope = silent * (1.0 - silent)
            carry = (silent - u * slope) * beta
        # d_u[n] = d_s[n] s'(u[n]) + d_u[n+1] beta (1 - s[n]); d_s is the same at every step.
        d_spike = slope.mul_(grads[0] / n_steps)
        d_u = d_spike.clone() if ctx.needs_input_grad[2] else d_spike
        steps, carries = d_u.unbind(0), carry.unbind(0)
        for n in range(n_steps - 2, -1, -1):
            steps[n].addcmul_(steps[n + 1], carries[n])
        if ctx.needs_input_grad[2] and ctx.neuron == "graded":
            # The threshold also moves what a step carries on: d carry-over / d threshold = beta u s'.
            d_spike[:-1] += d_u[1:] * (u[:-1] * (silent[:-1] * (1.0 - silent[:-1])) * beta).neg_()
        d_beta = d_threshold = None
        if ctx.needs_input_grad[1]:
            d_beta = (u[:-1] * silent[:-1]).mul_(d_u[1:]).sum((0, 1))
        if ctx.needs_input_grad[2]:
            d_threshold = -d_spike.sum_to_size(threshold.shape) if threshold.dim() else -d_spike.sum()
        return d_u.sum(0), d_beta, d_threshold, None, None, None, None


def _surrogate_slope(v: Tensor, surrogate: str, slope: float) -> Tensor:
    """The derivative that stands for the step's, at v = u - threshold. Works in place on `v`."""
    if surrogate == "fast_sigmoid":
        return v.abs_().mul_(slope).add_(1.0).square_().reciprocal_()
    return v.mul_(math.pi / 2 * slope).square_().add_(1.0).reciprocal_().mul_(slope / 2)
