"""Every figure of a report, worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo_columns.metrics import (
    accuracy_matrix,
    average_accuracy,
    backward_transfer,
    compare_errors,
    effective_columns,
    forgetting,
    mask_entropy,
    mask_overlap,
    mean_sem,
    occupancy,
    sleep_gain,
)
from hippo_mem.errors import InputError

# Three stages of training and a sleep (row 3), two of three tasks forgotten a little.
TASKS = ("a", "b", "c")
R = accuracy_matrix(
    [{"a": 0.98}, {"a": 0.90, "b": 0.96}, {"a": 0.80, "b": 0.97, "c": 0.99}, {"a": 0.95, "b": 0.94, "c": 0.98}], TASKS
)
LEARNED = (0, 1, 2)


def test_the_matrix_has_a_row_a_stage_and_gaps_where_nothing_is_known():
    assert R.shape == (4, 3)
    assert np.isnan(R[0, 1])
    assert R[3].tolist() == [0.95, 0.94, 0.98]
    with pytest.raises(InputError, match="stage 0 has a figure for 'x', the tasks are a, b, c"):
        accuracy_matrix([{"x": 0.5}], TASKS)
    with pytest.raises(InputError, match=r"an accuracy is 0\.\.1, got 98"):
        accuracy_matrix([{"a": 98}], TASKS)


def test_acc_bwt_and_forgetting_by_hand():
    assert average_accuracy(R) == pytest.approx((0.95 + 0.94 + 0.98) / 3)
    # a: .95-.98, b: .94-.96, c: .98-.99
    assert backward_transfer(R, LEARNED) == pytest.approx((-0.03 - 0.02 - 0.01) / 3)
    # a: .98-.95, b: .97-.94 (its best came after it was learned), c: .99-.98
    assert forgetting(R, LEARNED) == pytest.approx((0.03 + 0.03 + 0.01) / 3)
    # Before the sleep the last task has nothing to forget.
    assert backward_transfer(R[:3], LEARNED) == pytest.approx((0.80 - 0.98 + 0.97 - 0.96) / 2)
    assert forgetting(R[:3], LEARNED) == pytest.approx((0.18 - 0.01) / 2)
    assert backward_transfer(R[:1, :1], [0]) is None
    assert forgetting(R[:1, :1], [0]) is None


def test_a_guess_before_a_task_is_learned_is_not_forgotten():
    guessed = np.array([[0.9, 0.99], [0.9, 0.7], [0.9, 0.7]])
    assert forgetting(guessed, (0, 1)) == 0.0


def test_what_one_sleep_did():
    assert sleep_gain(R, 3) == pytest.approx([0.15, -0.03, -0.01])
    assert np.isnan(sleep_gain(R, 1)[2])
    with pytest.raises(InputError, match="row 0 of 4"):
        sleep_gain(R, 0)


def test_acc_needs_every_task():
    with pytest.raises(InputError, match="no figure for task 2"):
        average_accuracy(R[:2])
    with pytest.raises(InputError, match="learned_at"):
        forgetting(R, (0, 1))


def test_errors_are_compared_by_hand():
    truth = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
    before = np.array([1, 1, 0, 0, 0, 1, 1, 1, 1, 0])  # wrong at 0, 1, 9
    after_ = np.array([1, 0, 1, 0, 0, 1, 1, 1, 1, 0])  # wrong at 0, 2, 9
    found = compare_errors(before, after_, truth)
    assert (found.n, found.n_errors_before, found.n_errors_after, found.n_errors_both) == (10, 3, 3, 2)
    assert found.overlap == pytest.approx(2 / 3)
    assert found.agreement == pytest.approx(0.8)
    assert found.new_error_rate == pytest.approx(1 / 7)
    # c_obs = .8, c_exp = .7 * .7 + .3 * .3 = .58
    assert found.kappa == pytest.approx((0.8 - 0.58) / 0.42)


def test_the_edges_of_error_overlap():
    truth = np.zeros(4)
    none = compare_errors(truth, truth, truth)
    assert none.overlap is None
    assert none.kappa is None
    assert none.new_error_rate == 0.0
    new = compare_errors(truth, np.array([1, 0, 0, 0]), truth)
    assert new.overlap is None
    assert new.kappa == pytest.approx(0.0)
    cured = compare_errors(np.array([1, 0, 0, 0]), truth, truth)
    assert cured.overlap == 0.0
    all_wrong = compare_errors(np.ones(4), np.ones(4), truth)
    assert all_wrong.overlap == 1.0
    assert all_wrong.new_error_rate is None
    with pytest.raises(InputError, match="alike"):
        compare_errors(truth, truth[:2], truth)
    with pytest.raises(InputError):
        compare_errors([], [], [])


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=1))
def test_the_same_answers_have_the_same_errors(answers: list[tuple[bool, bool, bool]]):
    before, after, truth = (np.array(column) for column in zip(*answers, strict=True))
    same = compare_errors(before, before, truth)
    assert same.agreement == 1.0
    assert same.overlap in (None, 1.0)
    assert same.kappa is None or same.kappa == pytest.approx(1.0)
    one, other = compare_errors(before, after, truth), compare_errors(after, before, truth)
    assert one.agreement == other.agreement
    assert one.kappa is None or one.kappa == pytest.approx(other.kappa)
    assert one.kappa is None or -1 - 1e-9 <= one.kappa <= 1 + 1e-9


def test_masks_by_hand():
    assert mask_entropy([0, 1, 0]) == 0.0
    assert mask_entropy([0.25] * 4) == pytest.approx(math.log(4))
    assert mask_entropy([0.5, 0.5, 0, 0]) == pytest.approx(math.log(2))
    masks = {"a": [0.5, 0.5, 0, 0], "b": [0, 1, 0, 0], "c": [0, 0, 0, 1]}
    assert mask_overlap(masks) == {("a", "b"): 0.5, ("a", "c"): 0.0, ("b", "c"): 0.0}
    assert occupancy([masks["a"], masks["b"]], slice(0, 2)).tolist() == [0.25, 0.75]
    assert effective_columns([0.25, 0.75]) == pytest.approx(math.exp(-0.25 * math.log(0.25) - 0.75 * math.log(0.75)))
    assert effective_columns([1, 1, 1, 0]) == pytest.approx(3)
    with pytest.raises(InputError, match=r"sum 0\.5"):
        mask_entropy([0.5, 0.0])
    with pytest.raises(InputError, match="at least one task"):
        occupancy([], slice(0, 2))
    with pytest.raises(InputError, match="not all 0"):
        effective_columns([0, 0])


@given(st.lists(st.floats(0.001, 1), min_size=1, max_size=12))
def test_effective_columns_are_between_one_and_all(weights: list[float]):
    assert 1 - 1e-9 <= effective_columns(weights) <= len(weights) + 1e-9


def test_the_mean_over_seeds():
    found = mean_sem([0.9, 0.92, 0.94])
    assert (found.mean, found.n) == (pytest.approx(0.92), 3)
    assert found.sem == pytest.approx(0.02 / math.sqrt(3))
    assert mean_sem([0.5]).sem is None
    with pytest.raises(InputError):
        mean_sem([])
    with pytest.raises(InputError):
        mean_sem([0.5, math.nan])
