"""What learning and sleep leave alone, change, and refuse."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hippo_columns import measure
from hippo_columns.data import ImageSet
from hippo_columns.fit import SampleCounter, TrainingError, fit, shuffled
from hippo_columns.optimizer import ColumnAdam, ParameterGroup
from hippo_columns.rehearsal import DynamicRehearsal, Member, StaticRehearsal
from hippo_columns.sleep import SleepReport, groups_of, sleep, teacher_of
from hippo_mem.errors import SleepError
from tests.columns.small import Learner, small_config


def learner(folder: Path, images: ImageSet, stage: str = "4", **changes: Any) -> Learner:
    return Learner(small_config(folder, stage, **changes), images)


def slept(who: Learner, **given: Any) -> SleepReport:
    return sleep(
        who.network, who.controller, who.tasks, who.config, generator=who.generator, counter=who.counter, **given
    )


def accuracy(who: Learner, task: str, asked_as: str) -> float:
    return measure.answers(who.network, who.controller, who.tasks[task].test, asked_as=asked_as).accuracy


def test_a_scale_of_zero_keeps_bits_and_moments():
    weight = torch.nn.Parameter(torch.ones(3, 2))
    scales = [1.0, 0.0, 0.5]
    optimizer = ColumnAdam([ParameterGroup(parameters=(weight,), lr=0.1, scale=lambda: scales)])
    for _ in range(3):
        optimizer.zero_grad()
        weight.sum().backward()
        optimizer.step()
    # Under a constant gradient a step of Adam is the rate, whatever the gradient's size.
    assert weight[0].tolist() == pytest.approx([0.7, 0.7], abs=1e-4)
    assert weight[1].tolist() == [1.0, 1.0]
    assert weight[2].tolist() == pytest.approx([0.85, 0.85], abs=1e-4)
    scales[0], scales[1] = 0.0, 1.0
    optimizer.zero_grad()
    weight.sum().backward()
    optimizer.step()
    assert weight[1].tolist() == pytest.approx([0.9, 0.9], abs=1e-4)  # its first step, not its fourth


def test_the_optimizer_is_adamw_where_all_scales_are_one():
    generator = torch.Generator().manual_seed(0)
    mine = torch.nn.Parameter(torch.randn(4, 3, generator=generator))
    theirs = torch.nn.Parameter(mine.detach().clone())
    ours = ColumnAdam([ParameterGroup(parameters=(mine,), lr=0.01, weight_decay=0.3, scale=lambda: [1.0] * 4)])
    reference = torch.optim.AdamW([theirs], lr=0.01, weight_decay=0.3)
    for _ in range(5):
        for parameter, optimizer in ((mine, ours), (theirs, reference)):
            optimizer.zero_grad()
            parameter.square().sum().backward()
            optimizer.step()
    torch.testing.assert_close(mine, theirs)


def test_training_on_nothing_or_into_infinity_is_an_error():
    weight = torch.nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    generator = torch.Generator().manual_seed(0)
    with pytest.raises(TrainingError, match="no batch"):
        fit(shuffled(0, 4, generator), lambda b: weight.sum(), optimizer, counter=SampleCounter())
    with pytest.raises(TrainingError, match="the loss was inf in batch 1 of 2"):
        fit(shuffled(8, 4, generator), lambda b: weight.sum() * float("inf"), optimizer, counter=SampleCounter())


def test_samples_are_counted_and_a_limit_is_kept():
    weight = torch.nn.Parameter(torch.ones(1))
    counter = SampleCounter()
    done = fit(
        shuffled(10, 4, torch.Generator().manual_seed(0)), lambda b: weight.sum(), torch.optim.SGD([weight], lr=0.1),
        counter=counter, max_samples=7,
    )  # fmt: skip
    assert (done.n_samples, done.n_batches) == (8, 2)  # no third batch is begun
    assert (counter.n_samples, counter.n_batches) == (8, 2)


@pytest.mark.parametrize("stage", ["4", "5A1", "5B1"])
def test_tasks_are_learned_each_in_its_bank(stage: str, glyph_folder: Path, glyphs: ImageSet):
    who = learner(glyph_folder, glyphs, stage)
    who.learn("task1", "task2", "task1p", "task2p")
    assert all(accuracy(who, task, task) > 0.85 for task in who.tasks)
    n_base = who.config.network.n_base_columns
    assert all((int(who.controller.mask(t).argmax()) >= n_base) == t.endswith("p") for t in who.tasks)
    epochs = who.config.training.epochs
    assert who.counter.n_samples == epochs * sum(len(t.train) for t in who.tasks.values())


def test_base_rows_and_readout_keep_every_bit_when_the_base_is_frozen_during_novel_tasks(
    glyph_folder: Path, glyphs: ImageSet
):
    who = learner(glyph_folder, glyphs, "5A1", training__base_lr_scale_during_novel=0.0)
    who.learn("task1", "task2")
    before = {name: value.clone() for name, value in who.network.state_dict().items()}
    prompts = who.controller.prompts.embedding.detach().clone()
    who.learn("task1p")
    after = who.network.state_dict()
    for name in before:
        assert torch.equal(before[name], after[name]) is not name.startswith("novel."), name
    assert torch.equal(prompts[:2], who.controller.prompts.embedding[:2])
    assert not torch.equal(prompts[2], who.controller.prompts.embedding[2])


def test_a_rate_that_changes_nothing_is_an_error(glyph_folder: Path, glyphs: ImageSet):
    who = learner(glyph_folder, glyphs, training__lr=1e-60)
    with pytest.raises(TrainingError, match="changed no weight"):
        who.learn("task1")


@pytest.mark.parametrize("replay", ["static", "dynamic"])
@pytest.mark.parametrize("temperature", [0.1, 2.0])
def test_a_sleep_moves_primes_to_their_parents_and_leaves_the_teacher_alone(
    replay: str, temperature: float, glyph_folder: Path, glyphs: ImageSet
):
    who = learner(glyph_folder, glyphs, sleep__replay=replay, sleep__temperature=temperature)
    who.learn("task1", "task2", "task1p", "task2p")
    without = accuracy(who, "task1p", "task1")
    teacher = teacher_of(who.network, who.controller)
    as_it_was = [copy.deepcopy(part.state_dict()) for part in teacher]
    report = slept(who, teacher=teacher)
    for part, state in zip(teacher, as_it_was, strict=True):
        assert all(torch.equal(value, state[name]) for name, value in part.state_dict().items())
    assert report.groups == {"task1": ("task1", "task1p"), "task2": ("task2", "task2p")}
    assert accuracy(who, "task1p", "task1") > max(0.85, without + 0.1)
    assert all(accuracy(who, task, task.removesuffix("p")) > 0.8 for task in who.tasks)
    assert report.verified
    assert report.n_samples == sum(int(c.sum()) for c in report.counts.values())
    if replay == "static":
        assert all(set(counts) == {3} for counts in report.counts.values())
    else:
        assert all(counts.min() >= 1 for counts in report.counts.values())
        assert len(report.biases) == report.n_epochs == 3


def test_without_labels_a_sleep_sees_no_labels(glyph_folder: Path, glyphs: ImageSet):
    def weights(labels_turned: bool) -> torch.Tensor:
        who = learner(glyph_folder, glyphs)
        who.learn("task1", "task1p")
        if labels_turned:
            for task in who.tasks.values():
                task.train.y.mul_(-1).add_(1)
        slept(who)
        return who.network.base.input_weight.detach()

    assert torch.equal(weights(False), weights(True))


def test_only_what_was_trained_sleeps(glyph_folder: Path, glyphs: ImageSet):
    who = learner(glyph_folder, glyphs)
    with pytest.raises(SleepError, match="no base task was trained"):
        slept(who)
    who.learn("task1p")
    assert groups_of(who.controller) == {}
    who.learn("task1")
    assert groups_of(who.controller) == {"task1": ("task1", "task1p")}
    assert set(slept(who).counts) == {"task1", "task1p"}


def test_a_sleep_that_changes_no_weight_is_an_error(glyph_folder: Path, glyphs: ImageSet):
    who = learner(glyph_folder, glyphs, sleep__lr=1e-30, masking__lr=1e-30)
    who.learn("task1")
    with pytest.raises(SleepError, match="changed no weight"):
        slept(who)


def test_sleep_sees_no_more_of_the_day_than_its_buffer(glyph_folder: Path, glyphs: ImageSet):
    who = learner(glyph_folder, glyphs, sleep__buffer_per_task=20, sleep__max_samples=50)
    who.learn("task1", "task1p")
    report = slept(who)
    assert {name: len(counts) for name, counts in report.counts.items()} == {"task1": 20, "task1p": 20}
    assert 50 <= report.n_samples < 50 + who.config.sleep.batch_size


@pytest.mark.parametrize("stage", ["4", "5B1"])
def test_promotion_frees_the_column_and_the_parent_answers(stage: str, glyph_folder: Path, glyphs: ImageSet):
    who = learner(glyph_folder, glyphs, stage)
    who.learn("task1", "task2", "task1p")
    column = int(who.controller.mask("task1p").argmax()) - who.config.network.n_base_columns
    slept(who)
    before = who.network.novel.input_weight.detach().clone()
    freed = who.controller.promote("task1p", who.network, who.generator)
    assert column in freed
    changed = (before != who.network.novel.input_weight).flatten(1).any(1)
    assert {int(k) for k in changed.nonzero().flatten()} == set(freed)
    assert torch.equal(who.controller.mask("task1p"), who.controller.mask("task1"))
    assert who.controller.occupied("task2p")["novel"] == [0.0] * 4
    if stage == "5B1":
        assert who.controller.position("task1p") not in who.controller.router.owners


def test_the_mean_of_two_columns_is_read_by_a_residual_prime(glyph_folder: Path, glyphs: ImageSet):
    who = learner(glyph_folder, glyphs, masking__mode="residual")
    who.learn("task1", "task2")
    parent = who.network.base.input_weight[0].detach().clone()
    who.learn("task1p")
    assert torch.equal(parent, who.network.base.input_weight[0])
    mask = who.controller.mask("task1p")
    assert mask[0] == mask[who.config.network.n_base_columns] == 0.5
    assert accuracy(who, "task1p", "task1p") > 0.85


def members(n: int = 40) -> list[Member]:
    def one(name: str, parent: str, query: list[float]) -> Member:
        return Member(
            name=name, parent=parent, x=torch.zeros(n, 1), y=torch.zeros(n), target=torch.full((n,), 0.5),
            query=torch.tensor(query),
        )  # fmt: skip

    return [one("a", "a", [1, 0]), one("ap", "a", [1, 0.2]), one("b", "b", [-1, 0])]


def count(batches: list[Any]) -> dict[str, int]:
    found = {"a": 0, "ap": 0, "b": 0}
    for batch in batches:
        found[batch.member.name] += len(batch)
    return found


def test_static_rehearsal_passes_over_everything_and_more_often_over_primes(glyph_folder: Path):
    config = small_config(glyph_folder, sleep__held_out_replay=2, sleep__epochs=3).sleep
    rehearsal = StaticRehearsal(members(), config, torch.Generator().manual_seed(0))
    assert count(list(rehearsal.epoch(0))) == {"a": 40, "ap": 120, "b": 40}
    assert rehearsal.n_planned == 3 * 200


def test_dynamic_rehearsal_warms_primes_up_then_bases_then_the_worst(glyph_folder: Path):
    config = small_config(glyph_folder, sleep__replay="dynamic", sleep__dynamic__prime_warmup=1.5).sleep
    rehearsal = DynamicRehearsal(members(), config, torch.Generator().manual_seed(0))
    first = list(rehearsal.epoch(0))
    assert count(first) == {"a": 40 + 24, "ap": 60 + 24, "b": 40 + 24}  # 40 % and 20 % of 40 are 24
    names = [batch.member.name for batch in first]
    assert set(names[:4]) == {"ap"}  # 60 samples in batches of 16
    assert set(names[4:10]) == {"a", "b"}
    assert count(list(rehearsal.epoch(1))) == {"a": 64, "ap": 24, "b": 64}
    assert rehearsal.n_planned == 60 + 3 * (80 + 72)


def test_a_struggling_prompt_brings_more_of_what_resembles_it(glyph_folder: Path):
    config = small_config(glyph_folder, sleep__replay="dynamic").sleep
    rehearsal = DynamicRehearsal(members(), config, torch.Generator().manual_seed(0))
    batch = next(rehearsal.epoch(0))
    assert [rehearsal.wants_gradient() for _ in range(10)] == [False] * 4 + [True] + [False] * 4 + [True]
    rehearsal.tell_gradient(batch, 2.5)
    assert rehearsal.queues["ap"].bias == pytest.approx(0.5)
    assert rehearsal.queues["a"].bias == pytest.approx(0.5 / np.sqrt(1.04))
    assert rehearsal.queues["b"].bias == 0.0
    assert rehearsal.queues["ap"].counts == (16, 12)
    off = small_config(glyph_folder, sleep__replay="dynamic", sleep__dynamic__gradient_similarity_influence=0.0).sleep
    assert not any(DynamicRehearsal(members(), off, torch.Generator()).wants_gradient() for _ in range(20))


def test_ranking_by_excess_forgives_what_the_teacher_leaves_open(glyph_folder: Path):
    for rank_by, wanted in (("excess", 0.0), ("loss", float(np.log(2)))):
        config = small_config(glyph_folder, sleep__replay="dynamic", sleep__dynamic__rank_by=rank_by).sleep
        rehearsal = DynamicRehearsal(members(), config, torch.Generator().manual_seed(0))
        batch = next(rehearsal.epoch(0))
        rehearsal.tell_losses(batch, torch.full((len(batch),), float(np.log(2))))
        queue = rehearsal.queues[batch.member.name]
        assert queue.losses.values[batch.positions.numpy()] == pytest.approx(wanted, abs=1e-6)
