import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo_mem.config import PriorityWeights
from hippo_mem.errors import ConfigError, InputError
from hippo_mem.replay import ReplayItem, priorities, priority, similarity_signatures
from hippo_mem.replay.items import excess, fading, saturating


def test_priority_is_the_weighted_mean_worked_by_hand() -> None:
    item = ReplayItem(id=1, payload=None, salience=0.8, usage=0.2, recency=0.6, novelty=0.5)
    # (0.5 * 0.8 + 0.3 * (0.2 + 0.6) / 2 + 0.2 * 0.5) / 1.0
    assert priority(item) == pytest.approx(0.62)
    # weights need not sum to 1: (1 * 0.8 + 1 * 0.4) / 2
    assert priority(item, PriorityWeights(salience=1, usage=1, novelty=0)) == pytest.approx(0.6)


@pytest.mark.parametrize("weights", [PriorityWeights(salience=-1), PriorityWeights(salience=0, usage=0, novelty=0)])
def test_impossible_weights_are_refused(weights: PriorityWeights) -> None:
    with pytest.raises(ConfigError, match="0 or more and not all 0"):
        priorities([], weights)


def test_used_lately_beats_used_long_ago() -> None:
    old = ReplayItem(id=1, payload=None, usage=0.5, recency=0.0)
    new = ReplayItem(id=2, payload=None, usage=0.5, recency=1.0)
    assert priority(new) > priority(old)


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, math.inf, "x"])
def test_a_score_outside_0_to_1_is_refused_by_name(value: float) -> None:
    with pytest.raises(InputError, match=r"'a'.*usage must be in 0\.\.1"):
        ReplayItem(id="a", payload=None, usage=value)


def test_rescored_keeps_the_rest_and_refuses_other_names() -> None:
    item = ReplayItem(id="a", payload={"x": 1}, memory="spatial", signature="s")
    again = item.rescored(usage=0.9)
    assert (again.usage, again.payload, again.memory, again.signature) == (0.9, {"x": 1}, "spatial", "s")
    with pytest.raises(InputError, match="no replay score named payload"):
        item.rescored(payload=0.5)


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9), st.integers(0, 10**9), st.floats(-1e9, 1e12))
def test_scores_from_raw_values_stay_in_0_to_1(score: float, tau: float, count: int, age: float) -> None:
    for value in (excess(score, tau), saturating(count), fading(age)):
        assert 0.0 <= value <= 1.0


def test_scores_at_their_fixed_points() -> None:
    assert excess(0.7, 0.7) == 0.5
    assert saturating(3) == 0.5
    assert fading(7 * 86_400) == pytest.approx(0.5)


def test_similar_vectors_share_a_signature() -> None:
    vectors = np.array([[1, 0], [0, 1], [0.99, 0.1], [0, 0], [0.1, 0.99], [0, 0]])
    groups = similarity_signatures(vectors, threshold=0.9)
    assert groups[0] == groups[2]
    assert groups[1] == groups[4]
    assert len({groups[0], groups[1], groups[3], groups[5]}) == 4  # zeros are like nothing, each other included
    with pytest.raises(InputError, match=r"shape \(N, d\)"):
        similarity_signatures([1.0, 2.0])
