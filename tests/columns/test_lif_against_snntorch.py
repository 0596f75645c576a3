"""Our neuron is snnTorch's `Leaky` with reset to zero, in value and in gradient."""

from __future__ import annotations

import pytest
import snntorch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from snntorch import surrogate
from torch import Tensor

from hippo_columns.lif import lif_rate

N_STEPS = 8


def theirs(current: Tensor, beta: Tensor, threshold: float, gradient: object, n_steps: int) -> Tensor:
    """The mean spike of snnTorch's neuron under the same current at every step."""
    neuron = snntorch.Leaky(
        beta=beta, threshold=threshold, spike_grad=gradient, reset_mechanism="zero", learn_beta=True
    )
    membrane = torch.zeros_like(current)
    neuron.beta = torch.nn.Parameter(beta)
    spikes = []
    for _ in range(n_steps):
        spike, membrane = neuron(current, membrane)
        spikes.append(spike)
    rate = torch.stack(spikes).mean(0)
    weight = torch.arange(1.0, rate.numel() + 1).view_as(rate) / rate.numel()
    (rate * weight).sum().backward()
    assert neuron.beta.grad is not None
    return torch.cat([rate.detach().flatten(), current.grad.flatten(), neuron.beta.grad.flatten()])


def ours(current: Tensor, beta: Tensor, threshold: float, name: str, n_steps: int) -> Tensor:
    beta = beta.clone().requires_grad_()
    rate = lif_rate(current, beta, threshold, n_steps=n_steps, surrogate=name)  # type: ignore[arg-type]
    weight = torch.arange(1.0, rate.numel() + 1).view_as(rate) / rate.numel()
    (rate * weight).sum().backward()
    assert beta.grad is not None
    return torch.cat([rate.detach().flatten(), current.grad.flatten(), beta.grad.flatten()])


@pytest.mark.parametrize(
    ("name", "gradient"),
    [("fast_sigmoid", surrogate.fast_sigmoid(slope=25)), ("arctan", surrogate.atan(alpha=2.0))],
)
@settings(deadline=None)
@given(seed=st.integers(0, 2**31), threshold=st.sampled_from([0.5, 1.0, 2.0]), n_steps=st.integers(1, N_STEPS))
def test_rates_and_gradients_are_those_of_snntorch(
    name: str, gradient: object, seed: int, threshold: float, n_steps: int
):
    generator = torch.Generator().manual_seed(seed)
    current = torch.randn(5, 7, generator=generator)
    beta = torch.rand(7, generator=generator)
    found = ours(current.clone().requires_grad_(), beta, threshold, name, n_steps)
    wanted = theirs(current.clone().requires_grad_(), beta, threshold, gradient, n_steps)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6)


def test_a_spike_train_worked_by_hand():
    # u: 0.4, 0.36+0.4=0.76, 0.684+0.4=1.084 > 1 spikes, reset: 0.4, 0.76, 1.084 spikes, ...
    rate = lif_rate(torch.tensor([[0.4]]), torch.tensor([0.9]), 1.0, n_steps=6)
    assert rate.item() == pytest.approx(2 / 6)
    membrane, spikes = 0.0, 0
    for _ in range(6):
        membrane = 0.9 * membrane + 0.4
        if membrane > 1:
            membrane, spikes = 0.0, spikes + 1
    assert spikes == 2


def test_a_potential_at_the_threshold_does_not_spike_in_either():
    current, beta = torch.tensor([[1.0]]), torch.zeros(1)
    assert lif_rate(current, beta, 1.0, n_steps=3).item() == 0.0
    spike, _ = snntorch.Leaky(beta=beta, threshold=1.0, reset_mechanism="zero")(current, torch.zeros(1, 1))
    assert spike.item() == 0.0
