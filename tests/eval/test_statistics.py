"""Intervals and tests against values that can be worked out or looked up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hippo_eval.statistics import compare_right, compare_scores, holm, mcnemar, mean_interval
from hippo_mem.errors import InputError


def test_the_interval_of_a_share_is_near_the_normal_one():
    # the standard error of a share of 0.5 over 400 is 0.025; 1.96 of them either side
    found = mean_interval([0.0, 1.0] * 200)
    assert found.mean == 0.5
    assert (found.low, found.high) == (pytest.approx(0.451, abs=0.006), pytest.approx(0.549, abs=0.006))


def test_the_same_seed_gives_the_same_interval():
    values = [0.0, 1.0, 1.0, 0.5, 0.25]
    assert mean_interval(values, seed=3) == mean_interval(values, seed=3)


def test_questions_of_one_story_count_as_one():
    # 40 stories, all four questions of each right or wrong together: as sure as 40 questions are, half as sure as 160
    stories = [1.0] * 20 + [0.0] * 20
    questions = [s for s in stories for _ in range(4)]
    together = mean_interval(questions, groups=[i // 4 for i in range(160)])
    one_each = mean_interval(stories)
    as_if_free = mean_interval(questions)
    assert (together.n, together.n_groups) == (160, 40)
    assert together.high - together.low == pytest.approx(one_each.high - one_each.low, abs=0.02)
    assert together.high - together.low > 1.8 * (as_if_free.high - as_if_free.low)


def test_all_alike_is_not_certain():
    # Clopper-Pearson for 50 of 50: from 0.025 ** (1 / 50) = 0.9289 up
    found = mean_interval([1.0] * 50)
    assert (found.low, found.high) == (pytest.approx(0.9289, abs=1e-4), 1.0)
    assert stats.binomtest(50, 50).proportion_ci().low == pytest.approx(found.low)
    nothing = mean_interval([0.0] * 50)
    assert (nothing.low, nothing.high) == (0.0, pytest.approx(1 - 0.9289, abs=1e-4))
    assert mean_interval([1.0]).low == pytest.approx(0.025)


@pytest.mark.parametrize(
    ("values", "more", "message"),
    [
        ([], {}, "got 0 values"),
        ([1.0, float("nan"), float("inf")], {}, "2 of 3 scores are not finite"),
        ([1.0], {"level": 1.0}, "1.0 and 2000"),
        ([1.0, 0.0], {"groups": ["a"]}, "1 groups"),
    ],
)
def test_what_has_no_interval(values, more, message):
    with pytest.raises(InputError, match=message):
        mean_interval(values, **more)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_an_interval_holds_its_mean_and_stays_in_bounds(values, size):
    found = mean_interval(values, groups=[i // size for i in range(len(values))], resamples=200)
    assert -1e-9 <= found.low <= found.mean <= found.high <= 1 + 1e-9


def test_intervals_cover_as_often_as_they_say():
    # 300 samples of 50 stories with four questions each, right with probability 0.9, alike within a story
    # (beta-binomial, intraclass correlation 0.3). Binomial noise around 0.95 of 300: 0.925 is two errors below.
    rng = np.random.default_rng(0)
    covered, naive = 0, 0
    for _ in range(300):
        chances = rng.beta(0.9 * 7 / 3, 0.1 * 7 / 3, 50)
        values = (rng.random((50, 4)) < chances[:, None]).astype(float).ravel().tolist()
        found = mean_interval(values, groups=[i // 4 for i in range(200)], resamples=500)
        free = mean_interval(values, resamples=500)
        covered += found.low <= 0.9 <= found.high
        naive += free.low <= 0.9 <= free.high
    assert covered / 300 >= 0.925
    assert naive / 300 < 0.9  # which is why groups are resampled


def test_mcnemar_by_hand():
    # 1 lost, 5 gained: 2 * (C(6,0) + C(6,1)) / 2^6 = 14 / 64
    assert mcnemar(1, 5) == pytest.approx(14 / 64)
    assert mcnemar(5, 1) == mcnemar(1, 5)
    assert mcnemar(3, 3) == 1.0
    assert mcnemar(0, 0) == 1.0
    with pytest.raises(InputError, match="got -1 and 2"):
        mcnemar(-1, 2)


def test_two_presets_on_the_same_questions():
    # the first gets 8 of 10, the second 3 of 10, one of them alone: 1 lost, 6 gained, p = 2 * (1 + 7) / 2^7 = 0.125
    first = [True] * 8 + [False] * 2
    second = [True, True] + [False] * 7 + [True]
    found = compare_right(first, second)
    assert found.difference.mean == pytest.approx(0.5)
    assert found.flips is not None
    assert (found.flips.n_lost, found.flips.n_gained) == (1, 6)
    assert found.p == pytest.approx(0.125)
    assert found.difference.low < 0.5 < found.difference.high


def test_the_same_answers_differ_by_nothing_but_not_for_certain():
    right = [True, False] * 50
    found = compare_right(right, right)
    assert (found.difference.mean, found.p) == (0.0, 1.0)
    # with 100 pairs that all agree, at most 1 - 0.025 ** (1 / 100) = 0.0362 of all pairs do not
    assert (found.difference.low, found.difference.high) == (
        pytest.approx(-0.0362, abs=1e-4),
        pytest.approx(0.0362, abs=1e-4),
    )
    with pytest.raises(InputError, match="not pairs"):
        compare_scores([1.0], [1.0, 0.0])


def test_the_paired_bootstrap_agrees_with_the_t_test_where_that_holds():
    rng = np.random.default_rng(1)
    first = np.clip(rng.normal(0.55, 0.15, 120), 0, 1)
    second = np.clip(first - rng.normal(0.03, 0.15, 120), 0, 1)
    ours = compare_scores(first.tolist(), second.tolist())
    assert ours.p == pytest.approx(float(stats.ttest_rel(first, second).pvalue), abs=0.02)
    assert compare_scores(first.tolist(), first.tolist()).p == 1.0


def test_false_alarms_of_the_paired_bootstrap_are_as_rare_as_said():
    rng = np.random.default_rng(2)
    alarms = sum(
        compare_scores(rng.random(60).tolist(), rng.random(60).tolist(), resamples=300, seed=i).p < 0.05
        for i in range(200)
    )
    assert alarms / 200 <= 0.05 + 2 * (0.05 * 0.95 / 200) ** 0.5


def test_holm_by_hand():
    # sorted 0.01, 0.03, 0.04 times 3, 2, 1: 0.03, 0.06, 0.04, and the last is not below the one before it
    assert holm({"a": 0.04, "b": 0.01, "c": 0.03}) == pytest.approx({"a": 0.06, "b": 0.03, "c": 0.06})
    assert list(holm({"a": 0.04, "b": 0.01})) == ["a", "b"]
    assert holm({"a": 0.9, "b": 0.8}) == {"a": 1.0, "b": 1.0}
    assert holm({}) == {}
    with pytest.raises(InputError, match=r"lie in 0\.\.1"):
        holm({"a": 1.2})
