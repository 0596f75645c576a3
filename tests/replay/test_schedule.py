import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo_mem.errors import ConfigError
from hippo_mem.replay import ReplayItem, SpacedSchedule, interleave, order
from hippo_mem.replay.schedule import POLICIES, is_due


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("policy", POLICIES)
@given(weights=st.lists(st.floats(0, 1), max_size=30), noise=st.floats(0, 1), seed=st.integers(0, 99))
def test_every_policy_gives_each_item_at_most_once_and_repeats_under_a_seed(
    policy: str, weights: list[float], noise: float, seed: int
) -> None:
    array = np.array(weights)
    first = order(policy, array, rng(seed), noise_level=noise)
    assert first == order(policy, array, rng(seed), noise_level=noise)
    assert sorted(first) == list(range(len(weights)))  # in cycle 0 all are due under every policy


def test_priority_without_noise_is_most_important_first() -> None:
    assert order("priority", np.array([0.2, 0.9, 0.5]), rng()) == [1, 2, 0]


def test_full_noise_forgets_the_priorities() -> None:
    weights = np.array([1.0] + [0.0] * 9)
    first = Counter(order("priority", weights, rng(s), noise_level=1.0)[0] for s in range(400))
    assert first[0] < 80  # 40 expected by chance, 400 without noise


def test_spaced_expands_as_the_priority_falls() -> None:
    due = {p: [c for c in range(16) if is_due(p, c)] for p in (1.0, 0.5, 0.0)}
    assert due == {1.0: list(range(16)), 0.5: [0, 1, 3, 7, 15], 0.0: [0, 1, 4, 13]}
    assert order("spaced", np.array([0.0, 1.0, 0.5]), rng(), cycle=3) == [1, 2]


@pytest.mark.parametrize(
    ("policy", "noise", "cycle", "message"),
    [("prioritty", 0, 0, "did you mean 'priority'"), ("uniform", 1.5, 0, "noise_level"), ("spaced", 0, -1, "from 0")],
)
def test_impossible_settings_are_refused(policy: str, noise: float, cycle: int, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        order(policy, np.zeros(2), rng(), noise_level=noise, cycle=cycle)


def test_feedback_spacing_waits_longer_after_success_and_returns_after_failure() -> None:
    schedule = SpacedSchedule(growth=2.0, max_interval=4)
    assert schedule.due(["a", "b"], 0) == ["a", "b"]
    assert schedule.record("a", 0, recalled=True) == 1
    assert schedule.record("a", 1, recalled=True) == 3
    assert schedule.due(["a", "b"], 2) == ["b"]
    assert schedule.record("a", 3, recalled=True) == 7
    assert schedule.record("a", 7, recalled=True) == 11  # capped
    assert schedule.record("a", 11, recalled=False) == 12


def items(signatures: list[str | None]) -> list[ReplayItem[None]]:
    return [ReplayItem(id=i, payload=None, signature=s) for i, s in enumerate(signatures)]


def clashes(ordered: list[ReplayItem[None]]) -> int:
    pairs = itertools.pairwise(ordered)
    return sum(a.signature is not None and a.signature == b.signature for a, b in pairs)


@given(st.lists(st.sampled_from(["a", "b", "c", None]), max_size=40))
def test_interleaving_keeps_similar_items_apart_as_far_as_any_order_can(signatures: list[str | None]) -> None:
    given_items = items(signatures)
    ordered = interleave(given_items)
    assert sorted(i.id for i in ordered) == list(range(len(signatures)))
    counts = Counter(s for s in signatures if s is not None)
    largest = max(counts.values(), default=0)
    unavoidable = max(0, largest - (len(signatures) - largest) - 1)
    assert clashes(ordered) == unavoidable


def test_interleaving_leaves_a_good_order_as_it_is() -> None:
    given_items = items(["a", "b", "a", None, "c"])
    assert interleave(given_items) == given_items


def test_the_same_item_twice_is_similar_to_itself() -> None:
    a, b = items([None, None])
    assert [i.id for i in interleave([a, a, b])] == [0, 1, 0]
