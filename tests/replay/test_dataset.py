import itertools
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo_mem.config import MixConfig, ReplayConfig
from hippo_mem.errors import ConfigError, InputError
from hippo_mem.replay import ReplayDataset, ReplayItem
from hippo_mem.replay.dataset import quotas, shares
from hippo_mem.replay.schedule import POLICIES


def items(**counts: int) -> list[ReplayItem[int]]:
    return [
        ReplayItem(id=i, payload=i, memory=memory, salience=(i % 10) / 10)
        for memory, n in counts.items()
        for i in range(n)
    ]


def by_memory(drawn: list[ReplayItem[Any]]) -> dict[str, int]:
    return dict(Counter(i.memory for i in drawn))


def test_the_mix_is_60_30_10() -> None:
    data = ReplayDataset(items(episodic=50, relational=50, spatial=50))
    assert by_memory(data.draw(1000)) == {"episodic": 600, "relational": 300, "spatial": 100}


def test_an_empty_memory_gives_its_share_away() -> None:
    data = ReplayDataset(items(episodic=50, relational=50))
    assert by_memory(data.draw(900)) == {"episodic": 600, "relational": 300}
    assert by_memory(ReplayDataset(items(spatial=5)).draw(10)) == {"spatial": 10}
    assert ReplayDataset([]).draw(10) == []


def test_a_cycle_brings_every_item_and_repeats_the_small_memory() -> None:
    data = ReplayDataset(items(episodic=20, relational=5, spatial=1))
    drawn = data.draw()
    assert len({i.key for i in drawn}) == 26
    assert by_memory(drawn) == {"episodic": 21, "relational": 10, "spatial": 3}  # 34 draws at 60/30/10


def test_max_items_bounds_a_cycle_and_keeps_the_most_important() -> None:
    data = ReplayDataset(items(episodic=100), ReplayConfig(max_items=10))
    assert {i.salience for i in data.draw()} == {0.9}


def test_memories_take_turns() -> None:
    drawn = ReplayDataset(items(episodic=60, relational=30, spatial=10)).draw()
    for start in range(0, 90, 20):
        assert len({i.memory for i in drawn[start : start + 20]}) == 3


def test_no_item_stands_next_to_one_of_its_signature() -> None:
    same = [ReplayItem(id=i, payload=i, salience=0.9, signature="Marta") for i in range(5)]
    others = [ReplayItem(id=10 + i, payload=i, salience=0.1, signature=i) for i in range(5)]
    drawn = ReplayDataset([*same, *others]).draw()
    assert all(a.signature != b.signature for a, b in itertools.pairwise(drawn))


@pytest.mark.parametrize("policy", POLICIES)
def test_the_same_seed_gives_the_same_draws_and_another_one_others(policy: Any) -> None:
    config = ReplayConfig(policy=policy, cycles=3, noise_level=0.5)
    source = items(episodic=30, relational=10)
    first = [i.key for i in ReplayDataset(source, config, seed=7)]
    assert first == [i.key for i in ReplayDataset(source, config, seed=7)]
    assert first != [i.key for i in ReplayDataset(source, config, seed=8)]


def test_iterating_twice_starts_over_and_cycles_differ() -> None:
    data = ReplayDataset(items(episodic=30), ReplayConfig(policy="uniform", cycles=2))
    drawn = [i.id for i in data]
    assert drawn == [i.id for i in data]
    assert len(drawn) == 60
    assert drawn[:30] != drawn[30:]
    assert list(ReplayDataset(items(episodic=3), ReplayConfig(cycles=0))) == []


def test_one_memory_does_not_change_the_order_of_another() -> None:
    alone = ReplayDataset(items(episodic=20), ReplayConfig(policy="uniform"), seed=1).draw()
    beside = ReplayDataset(items(episodic=20, spatial=4), ReplayConfig(policy="uniform"), seed=1).draw()
    episodic = [i.id for i in beside if i.memory == "episodic"]
    assert episodic[:20] == [i.id for i in alone]


def test_spaced_replays_the_important_ones_most_often() -> None:
    source = [
        ReplayItem(id=i, payload=i, salience=i / 10, usage=i / 10, recency=i / 10, novelty=i / 10) for i in range(11)
    ]
    data = ReplayDataset(source, ReplayConfig(policy="spaced", cycles=8))
    counts = Counter(i.id for i in data)
    assert counts[10] == 8
    assert counts[5] == 4  # cycles 0, 1, 3, 7
    assert counts[0] == 3  # cycles 0, 1, 4
    for _ in range(8):
        cycle = data.draw()
        assert len({i.id for i in cycle}) == len(cycle)


def test_spaced_fills_a_request_from_the_memories_that_have_something_due() -> None:
    data = ReplayDataset(items(episodic=2, relational=20, spatial=1), ReplayConfig(policy="spaced"))
    assert by_memory(data.draw(10)) == {"episodic": 2, "relational": 7, "spatial": 1}


def test_the_statistics_say_what_was_drawn() -> None:
    data = ReplayDataset(items(episodic=6, relational=3, spatial=1), ReplayConfig(cycles=2))
    data.draw()
    data.draw(20)
    plain = data.stats.to_dict()
    assert plain["samples"] == 30
    assert plain["cycles"] == 2
    assert plain["per_cycle"] == [10, 20]
    assert plain["per_memory"] == {"episodic": 18, "relational": 9, "spatial": 3}
    assert plain["shares"] == {"episodic": 0.6, "relational": 0.3, "spatial": 0.1}
    assert (plain["distinct"], plain["policy"]) == (10, "priority")


def test_memories_of_other_names_share_equally() -> None:
    data = ReplayDataset(items(task_a=5, task_b=50))
    assert by_memory(data.draw(10)) == {"task_a": 5, "task_b": 5}


def test_impossible_settings_and_items_are_refused() -> None:
    with pytest.raises(ConfigError, match="max_items >= 1"):
        ReplayDataset([], ReplayConfig(max_items=0))
    with pytest.raises(ConfigError, match="noise_level"):
        ReplayDataset([], ReplayConfig(noise_level=2))
    with pytest.raises(ConfigError, match="mix shares"):
        ReplayDataset([], ReplayConfig(mix=MixConfig(spatial=-1)))
    with pytest.raises(InputError, match="share the id 0"):
        ReplayDataset([*items(episodic=1), *items(episodic=1)])
    with pytest.raises(InputError, match="cannot draw -1"):
        ReplayDataset([]).draw(-1)


@given(
    st.integers(0, 500),
    st.dictionaries(st.sampled_from("abcd"), st.floats(0, 10), min_size=1),
    st.dictionaries(st.sampled_from("abcd"), st.integers(0, 9), min_size=1),
)
def test_quotas_sum_to_the_request_and_stay_within_one_of_the_share(
    n: int, mix: dict[str, float], available: dict[str, int]
) -> None:
    share = shares(mix, available)
    counts = quotas(n, share)
    if not any(available.values()):
        assert set(counts.values()) <= {0}
        return
    assert sum(share.values()) == pytest.approx(1.0)
    assert sum(counts.values()) == n
    assert all(abs(counts[m] - n * share[m]) < 1 + 1e-6 for m in counts)
    assert all(counts[m] == 0 for m, there in available.items() if not there)
