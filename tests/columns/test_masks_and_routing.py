"""Masks stay in their banks, prompts stay the same, owners keep their columns."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import hippo_columns
from hippo_columns.config import KeyQueryConfig
from hippo_columns.controller import Controller
from hippo_columns.masks import FixedMasks, entropy, imbalance, overlap
from hippo_columns.prompts import LearnedPrompts, hashed_prompt
from hippo_columns.routing import KeyQueryRouter, Seat
from hippo_mem.errors import InputError
from tests.columns.small import small_config


def test_a_hashed_prompt_is_the_same_in_every_process():
    found = hashed_prompt("task1", 4)
    assert found.tolist() == pytest.approx(
        [-1.4570690393447876, 0.4527153968811035, 0.7485088109970093, 0.8028637170791626]
    )
    code = "from hippo_columns.prompts import hashed_prompt as h; print(h('task1', 4).tolist())"
    root = str(Path(next(iter(hippo_columns.__path__))).parent)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={"PYTHONPATH": root, "PYTHONHASHSEED": "7", "PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert done.stdout.strip() == str(found.tolist())
    assert not torch.equal(hashed_prompt("task2", 4), found)
    many = hashed_prompt("long", 4000)
    assert float(many.mean()) == pytest.approx(0, abs=0.06)
    assert float(many.std()) == pytest.approx(1, abs=0.05)
    with pytest.raises(InputError, match="needs a text"):
        hashed_prompt("", 4)


@given(st.floats(0.001, 5), st.floats(0, 20), st.integers(0, 99), st.sampled_from(["4", "5B0"]))
def test_a_mask_sums_to_one_in_its_bank_and_is_nothing_outside(
    temperature: float, spread: float, seed: int, stage: str
):
    config = small_config("images", stage, masking__temperature=temperature, masking__init_std=spread)
    controller = Controller(config, torch.Generator().manual_seed(seed))
    n_base = config.network.n_base_columns
    for task in controller.names:
        mask = controller.mask(task)
        inside = mask[n_base:] if task.endswith("p") else mask[:n_base]
        assert float(inside.sum()) == pytest.approx(1, abs=1e-5)
        assert float(mask.sum()) == pytest.approx(1, abs=1e-5)
        assert bool(((mask == 0) | (mask >= config.masking.min_share * 0.999)).all())


def test_what_masks_cost_worked_by_hand():
    half = torch.tensor([0.5, 0.5, 0.0, 0.0])
    assert float(entropy(half)) == pytest.approx(math.log(2))
    assert float(imbalance(half)) == pytest.approx(0.0625)
    assert float(overlap(half, [torch.tensor([1.0, 0, 0, 0]), torch.tensor([0, 0, 1.0, 0])])) == pytest.approx(0.25)
    assert float(overlap(half, [])) == 0.0
    other = torch.tensor([1.0, 0, 0, 0], requires_grad=True)
    mine = half.clone().requires_grad_()
    overlap(mine, [other]).backward()
    assert other.grad is None


def test_a_prompt_that_knows_its_inputs_moves_with_them_and_has_length_one():
    prompts = LearnedPrompts(
        2, 5, n_inputs=6, scale=0.8, train_projection=True, generator=torch.Generator().manual_seed(0)
    )
    before = prompts.query(0).detach()
    prompts.tell_inputs(0, torch.rand(10, 6))
    assert not torch.allclose(prompts.query(0), before)
    assert float(prompts.query(0).detach().norm()) == pytest.approx(1)
    prompts.query(0).sum().backward()
    assert prompts.projection is not None
    assert prompts.projection.grad is not None
    assert prompts.embedding.grad is not None
    assert prompts.embedding.grad[0].any()
    assert not prompts.embedding.grad[1].any()


def router(**changes: float) -> KeyQueryRouter:
    seats = [Seat(bank="base", start=0, n_columns=3)] * 2 + [Seat(bank="novel", start=3, n_columns=2)]
    found = KeyQueryRouter(seats, 4, KeyQueryConfig(owner_batches=3, **changes), torch.Generator().manual_seed(0))
    with torch.no_grad():
        found.keys.copy_(torch.eye(5, 4))
    return found


def test_shares_are_the_softmax_of_key_and_query_at_the_banks_temperature():
    found = router()
    query = torch.tensor([0.4, 0.1, 0.0, 0.0])
    assert found.alpha(0, query).tolist() == pytest.approx(torch.softmax(query[:3] / 0.2, 0).tolist())
    novel = torch.tensor([0.0, 0.0, 0.0, 0.1])
    assert found.alpha(2, novel).tolist() == pytest.approx(torch.softmax(torch.tensor([0.1, 0.0]) / 0.05, 0).tolist())


def test_a_column_that_wins_often_enough_is_owned_and_others_keep_away():
    found = router()
    query = torch.tensor([1.0, 0.0, 0.0, 0.0])
    found.batch_done(0, 0, 0.9)
    found.batch_done(0, 0, 0.7)  # below the owner's share: the row begins anew
    found.batch_done(0, 0, 0.9)
    found.batch_done(0, 0, 0.9)
    assert found.owners == {}
    free = found.alpha(1, query)
    found.batch_done(0, 0, 0.9)
    assert found.owners == {0: 0}
    # The score of 1 is worth nothing to others now, and 1.5 to the owner.
    assert found.alpha(1, query).tolist() == pytest.approx([1 / 3] * 3)
    assert found.alpha(0, query)[0].item() > free[0].item()
    found.release(0, 0, torch.Generator().manual_seed(1))
    assert found.owners == {}
    assert found.keys[0].tolist() != [1, 0, 0, 0]


def test_the_margin_lock_costs_what_is_missing_of_the_margin():
    found = router(margin=0.2, margin_weight=0.5, base_regularization=0.0)
    query = torch.tensor([0.35, 0.3, 0.0, 0.0])
    assert found.penalty(0, query, found.alpha(0, query), {}).item() == 0.0  # nobody owns anything
    found.owners[0] = 0
    assert found.penalty(0, query, found.alpha(0, query), {}).item() == pytest.approx(0.5 * (0.2 - 0.05))
    sure = torch.tensor([0.9, 0.3, 0.0, 0.0])
    assert found.penalty(0, sure, found.alpha(0, sure), {}).item() == 0.0


def test_queries_of_base_tasks_are_held_apart_and_novel_masks_made_sharp():
    found = router(base_regularization=0.1, novel_entropy_weight=0.5)
    query, other = torch.tensor([1.0, 0.0, 0.0, 0.0]), torch.tensor([1.0, 1.0, 0.0, 0.0])
    cost = found.penalty(0, query, found.alpha(0, query), {1: (other, found.alpha(1, other))})
    assert cost.item() == pytest.approx(0.1 / math.sqrt(2))
    away = found.penalty(0, query, found.alpha(0, query), {1: (-other, found.alpha(1, other))})
    assert away.item() == 0.0
    alpha = found.alpha(2, torch.zeros(4))
    assert found.penalty(2, torch.zeros(4), alpha, {}).item() == pytest.approx(0.5 * math.log(2))


def test_the_next_free_column_is_claimed_on_arrival_and_given_back():
    masks = FixedMasks(["base", "base", "novel", "novel"], [3, 3, 1, 1], reuse=True)
    assert masks.alpha(1, torch.zeros(1)).tolist() == [1, 0, 0]  # asked, not claimed
    assert [masks.claim(0), masks.claim(1), masks.claim(0), masks.claim(2)] == [0, 1, 0, 0]
    with pytest.raises(InputError, match="has 1 columns and needs 2"):
        masks.claim(3)
    masks.release(2, 0, torch.Generator())
    assert masks.claim(3) == 0
    with pytest.raises(InputError, match="bank 'base' has 1 columns"):
        FixedMasks(["base", "base"], [1, 1], reuse=False)
