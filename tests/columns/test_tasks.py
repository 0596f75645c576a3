"""Tasks are made of the images they say, and no image has two purposes."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hippo_columns.data import ImageSet
from hippo_columns.tasks import TaskSpec, build_tasks, describe
from hippo_mem.errors import ConfigError, InputError

A = TaskSpec(name="a", dataset="glyphs", classes=(0, 1))
B = TaskSpec(name="b", dataset="glyphs", classes=(7, 3))


def prime(kind: str, name: str = "ap", **values: object) -> TaskSpec:
    return TaskSpec(name=name, dataset="glyphs", kind=kind, consolidate_into="a", **values)  # type: ignore[arg-type]


@given(seed=st.integers(0, 2**31), val_share=st.floats(0.05, 0.5), cap=st.none() | st.integers(1, 500))
def test_no_image_has_two_purposes(glyphs: ImageSet, seed: int, val_share: float, cap: int | None):
    specs = [A, B, prime("heldout_samples"), prime("heldout_samples", "app"), prime("pair", "bp", classes=(4, 5))]
    tasks = build_tasks(specs, {"glyphs": glyphs}, seed=seed, val_share=val_share, max_train=cap, max_test=cap)
    splits = [set(split.index.tolist()) for t in tasks for split in (t.train, t.val, t.test)]
    assert all(not (one & other) for one, other in itertools.combinations(splits, 2))
    for task in tasks:
        assert int(task.train.index.max()) < glyphs.n_train <= int(task.test.index.min())
        assert int(task.val.index.max()) < glyphs.n_train
        assert cap is None or max(len(task.train), len(task.test)) <= cap


def test_the_second_class_of_the_pair_is_the_target(glyphs: ImageSet):
    (task,) = build_tasks([B], {"glyphs": glyphs})
    labels = glyphs.labels[task.train.index]
    assert set(labels.tolist()) == {3, 7}
    assert torch.equal(task.train.y == 1, labels == 3)
    assert torch.equal(task.train.x, glyphs.pixels[task.train.index].float() / 255)


def test_without_caps_every_image_of_the_pair_is_used(glyphs: ImageSet):
    (task,) = build_tasks([A], {"glyphs": glyphs}, val_share=0.1)
    n = int((glyphs.labels <= 1).sum())
    assert len(task.train) + len(task.val) + len(task.test) == n
    assert len(task.val) == round(0.1 * int((glyphs.labels[: glyphs.n_train] <= 1).sum()))
    assert describe([task]) == [
        f"a  glyphs 0/1: {len(task.train)} training, {len(task.val)} validation, {len(task.test)} test images"
    ]


def test_held_out_samples_are_the_other_half(glyphs: ImageSet):
    parent, held = build_tasks([A, prime("heldout_samples")], {"glyphs": glyphs})
    (alone,) = build_tasks([A], {"glyphs": glyphs})
    assert abs(len(parent.train) - len(held.train)) <= 1
    assert set(parent.train.index.tolist()) | set(held.train.index.tolist()) == set(alone.train.index.tolist())
    assert "held-out samples of a" in describe([parent, held])[1]


def test_permuted_images_are_the_parents_in_another_order(glyphs: ImageSet):
    specs = [A, prime("permuted"), prime("permuted", "app")]
    parent, one, other = build_tasks(specs, {"glyphs": glyphs})
    assert torch.equal(parent.test.index, one.test.index)
    assert torch.equal(parent.test.x.sort(dim=1).values, one.test.x.sort(dim=1).values)
    assert not torch.equal(parent.test.x, one.test.x)
    assert not torch.equal(one.test.x, other.test.x)
    # One order for all three purposes.
    order = torch.stack([(one.train.x == parent.train.x[:, [j]]).all(0) for j in range(64)]).int().argmax(1)
    assert torch.equal(one.test.x[:, order], parent.test.x)


def test_the_same_seed_gives_the_same_tasks(glyphs: ImageSet):
    first, again, other = (build_tasks([A, B], {"glyphs": glyphs}, seed=s)[0].train.index for s in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(
    ("specs", "words"),
    [
        ([], "there are no tasks"),
        ([A, A], "two tasks are called 'a'"),
        ([prime("pair")], "consolidates into 'a', which is no task"),
        ([A, prime("pair"), TaskSpec(name="x", kind="pair", consolidate_into="ap")], "which is a prime itself"),
        ([TaskSpec(name="x", kind="permuted")], "a prime has one"),
        ([A, prime("base")], "a base has no consolidate_into"),
        ([TaskSpec(name="x", classes=(4, 4))], r"two different classes, got \[4, 4\]"),
    ],
)
def test_specs_that_make_no_sense_are_refused(glyphs: ImageSet, specs: list[TaskSpec], words: str):
    with pytest.raises(ConfigError, match=words):
        build_tasks(specs, {"glyphs": glyphs})


def test_what_is_not_there_is_named(glyphs: ImageSet):
    with pytest.raises(InputError, match="task 'x' needs the set 'glyph'; did you mean 'glyphs'"):
        build_tasks([TaskSpec(name="x", dataset="glyph")], {"glyphs": glyphs})
    with pytest.raises(ConfigError, match="has no class 12"):
        build_tasks([TaskSpec(name="x", dataset="glyphs", classes=(1, 12))], {"glyphs": glyphs})
    with pytest.raises(ConfigError, match="max_train must be 1 or more, got 0"):
        build_tasks([A], {"glyphs": glyphs}, max_train=0)
    with pytest.raises(ConfigError, match="below 1, got 1"):
        build_tasks([A], {"glyphs": glyphs}, val_share=1.0)
