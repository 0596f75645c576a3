"""What the network promises whoever trains on it."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hippo_columns.config import NetworkConfig
from hippo_columns.lif import lif_rate
from hippo_columns.network import ColumnNetwork, Context, Part, logits
from hippo_mem.errors import ConfigError, InputError

SMALL = NetworkConfig(n_inputs=9, prompt_dim=3, n_columns=5, n_base_columns=3, n_hidden=4)


def test_the_graded_neuron_has_its_exact_gradient():
    generator = torch.Generator().manual_seed(0)
    current = (torch.randn(3, 4, generator=generator, dtype=torch.float64) * 2).requires_grad_()
    beta = torch.rand(4, generator=generator, dtype=torch.float64).mul(0.8).add(0.1).requires_grad_()
    threshold = torch.rand(4, generator=generator, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda i, b, t: lif_rate(i, b, t, n_steps=5, neuron="graded"), (current, beta, threshold)
    )


def test_a_higher_threshold_costs_what_the_same_lower_potential_would_cost():
    # Without memory (beta 0) moving the threshold up is moving the current down.
    current = torch.randn(6, 5, generator=torch.Generator().manual_seed(1)).requires_grad_()
    threshold = torch.full((5,), 0.3).requires_grad_()
    lif_rate(current, torch.zeros(5), threshold, n_steps=4).sum().backward()
    assert current.grad is not None
    assert threshold.grad is not None
    torch.testing.assert_close(threshold.grad, -current.grad.sum(0))


@given(st.integers(0, 1000), st.integers(1, 12))
def test_rates_are_whole_spikes_over_steps(seed: int, n_steps: int):
    generator = torch.Generator().manual_seed(seed)
    rate = lif_rate(torch.randn(4, 6, generator=generator) * 2, torch.rand(6, generator=generator), n_steps=n_steps)
    assert float(rate.min()) >= 0
    assert float(rate.max()) <= 1
    torch.testing.assert_close(rate * n_steps, (rate * n_steps).round(), atol=1e-5, rtol=0)


def test_impossible_neurons_are_refused_with_the_nearest_name():
    current, beta = torch.zeros(1, 1), torch.zeros(1)
    with pytest.raises(ConfigError, match="at least one time step"):
        lif_rate(current, beta, n_steps=0)
    with pytest.raises(ConfigError, match="did you mean 'spiking'"):
        lif_rate(current, beta, neuron="spikng")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="unknown surrogate"):
        lif_rate(current, beta, surrogate="box")  # type: ignore[arg-type]


def test_a_prompt_beside_the_image_is_one_longer_input():
    network = ColumnNetwork(SMALL, seed=3)
    x, query = torch.rand(4, 9), torch.randn(3)
    part = Part(bank="base", alpha=torch.ones(3) / 3)
    found = network.rates(x, query, part)
    weight = torch.cat([network.base.input_weight, network.base.prompt_weight], dim=2).flatten(0, 1)
    joined = torch.cat([x, query.expand(4, 3)], dim=1)
    current = joined @ weight.T + network.base.bias.flatten()
    torch.testing.assert_close(found.flatten(1), lif_rate(current, network.base.beta.flatten(), surrogate="arctan"))


def test_columns_outside_the_context_have_no_part_in_answer_or_gradient():
    network = ColumnNetwork(SMALL, seed=0)
    x = torch.rand(6, 9)
    some = Context(query=torch.ones(3), parts=(Part(bank="base", alpha=torch.ones(1), start=1),))
    padded = Context(query=torch.ones(3), parts=(Part(bank="base", alpha=torch.tensor([0.0, 1.0, 0.0])),))
    answer = network(x, some)
    torch.testing.assert_close(answer, network(x, padded))
    answer.sum().backward()
    gradient = network.base.input_weight.grad
    assert gradient is not None
    assert gradient[1].any()
    assert not gradient[0].any()
    assert not gradient[2].any()
    assert network.novel.input_weight.grad is None


def test_a_frozen_part_answers_and_gets_no_gradient():
    network = ColumnNetwork(SMALL, seed=0)
    own = Part(bank="novel", alpha=torch.tensor([0.5]))
    parent = Part(bank="base", alpha=torch.tensor([0.5]), start=2, frozen=True)
    x = torch.rand(6, 9)
    both = network(x, Context(query=torch.zeros(3), parts=(own, parent)))
    alone = network(x, Context(query=torch.zeros(3), parts=(own,)))
    assert not torch.equal(both, alone)
    both.sum().backward()
    assert network.novel.input_weight.grad is not None
    assert network.base.input_weight.grad is None


def test_answers_do_not_depend_on_the_batch_size():
    network = ColumnNetwork(SMALL, seed=0)
    x = torch.rand(37, 9)
    torch.testing.assert_close(logits(network, x, network.whole(), batch_size=5), network(x, network.whole()).detach())


def test_contexts_that_do_not_fit_are_refused():
    network = ColumnNetwork(SMALL)
    x = torch.rand(1, 9)
    with pytest.raises(InputError, match="without columns"):
        network(x, Context(query=torch.zeros(3)))
    with pytest.raises(InputError, match=r"columns 2\.\.3 of bank 'novel', which has 2"):
        network(x, Context(query=torch.zeros(3), parts=(Part(bank="novel", alpha=torch.ones(2), start=2),)))
    with pytest.raises(InputError, match="did you mean 'novel'"):
        network(x, Context(query=torch.zeros(3), parts=(Part(bank="nowel", alpha=torch.ones(2)),)))
