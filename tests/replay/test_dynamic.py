from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo_mem.errors import ConfigError, InputError
from hippo_mem.replay import DynamicReplay, LossSampler, RunningLoss, excess, interleave_queues


def test_the_running_loss_worked_by_hand() -> None:
    losses = RunningLoss(3, ema=0.5)
    assert losses.values.tolist() == [1, 1, 1]
    losses.update([0], [4.0])
    assert losses.values.tolist() == [4, 4, 4]  # unseen counts as the worst seen
    losses.update([0, 1, 1], [2.0, 1.0, 3.0])  # 0.5 * 4 + 0.5 * 2; mean of 1 and 3
    assert losses.values.tolist() == [3, 2, 3]
    assert losses.seen.tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("indices", "values", "message"),
    [
        ([0], [1.0, 2.0], "1 indices but 2 losses"),
        ([3], [1.0], r"range 0\.\.2"),
        ([0], [np.nan], "finite"),
        ([0], [-1.0], "finite"),
    ],
)
def test_bad_losses_are_refused(indices: list[int], values: list[float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        RunningLoss(3).update(indices, values)


def test_probabilities_worked_by_hand() -> None:
    sampler = LossSampler(2, power=1.0, floor=0.2, ema=0.0)
    sampler.update([0, 1], [3.0, 1.0])
    # 0.8 * 3/4 + 0.1 and 0.8 * 1/4 + 0.1
    assert sampler.probabilities.tolist() == pytest.approx([0.7, 0.3])
    needy = LossSampler(2, power=1.0, floor=0.0, ema=0.0, need=[1, 3])
    needy.update([0, 1], [3.0, 1.0])
    assert needy.probabilities.tolist() == pytest.approx([0.5, 0.5])


@given(st.integers(1, 30), st.integers(0, 90), st.integers(0, 5))
def test_draws_are_distinct_until_all_were_drawn(n: int, k: int, seed: int) -> None:
    drawn = LossSampler(n, seed=seed).draw(k)
    assert drawn == LossSampler(n, seed=seed).draw(k)
    assert len(drawn) == k
    counts = Counter(drawn)
    assert max(counts.values(), default=0) - min((counts[i] for i in range(n)), default=0) <= 1


def test_hard_samples_are_drawn_more_often_and_easy_ones_still_come() -> None:
    sampler = LossSampler(10, seed=3)
    sampler.update(range(10), [5.0] + [0.01] * 9)
    counts = Counter(i for _ in range(500) for i in sampler.draw(2))
    assert counts[0] > 2 * max(counts[i] for i in range(1, 10))
    assert min(counts[i] for i in range(10)) > 10


def test_first_draws_follow_the_probabilities() -> None:
    sampler = LossSampler(3, power=1.0, floor=0.0, seed=0)
    sampler.update([0, 1, 2], [6.0, 3.0, 1.0])
    counts = Counter(sampler.draw(1)[0] for _ in range(4000))
    assert [counts[i] / 4000 for i in range(3)] == pytest.approx([0.6, 0.3, 0.1], abs=0.03)


def test_nothing_to_draw_and_nothing_left_to_learn() -> None:
    assert LossSampler(0).draw(0) == []
    with pytest.raises(InputError, match="cannot draw 1 of 0"):
        LossSampler(0).draw(1)
    learned = LossSampler(4, floor=0.0)
    learned.update(range(4), [0.0] * 4)
    assert sorted(learned.draw(4)) == [0, 1, 2, 3]


@pytest.mark.parametrize("wrong", [{"power": -1}, {"floor": 2}, {"ema": 1.0}, {"need": [1.0]}, {"need": [-1, 1, 1]}])
def test_impossible_sampling_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        LossSampler(3, **wrong)  # type: ignore[arg-type]


def test_the_worst_part_is_always_selected() -> None:
    replay = DynamicReplay(10, top_percent=20, extra_percent=25, seed=1)
    replay.update(range(10), np.arange(10.0))
    assert replay.counts == (2, 2)  # round(2.0) and round(2.5)
    for _ in range(20):
        chosen = replay.select()
        assert set(chosen[:2]) == {8, 9}
        assert len(chosen) == len(set(chosen)) == 4
    assert replay.select() != DynamicReplay(10, seed=2).select()


@given(
    st.integers(1, 60), st.floats(0, 100), st.floats(0, 100), st.floats(-3, 12), st.lists(st.floats(0, 9), max_size=60)
)
def test_a_plan_has_its_sizes_and_no_sample_twice(
    n: int, top: float, extra: float, struggle: float, losses: list[float]
) -> None:
    replay = DynamicReplay(n, top, extra, seed=3)
    replay.update(range(min(n, len(losses))), losses[:n])
    replay.nudge(abs(struggle), 1.0)
    n_top, n_extra = replay.counts
    chosen = replay.select()
    assert n_top == round(top / 100 * n)
    assert n_extra == min(round(extra / 100 * n * (1 + replay.bias)), n - n_top)
    assert len(chosen) == len(set(chosen)) == n_top + n_extra
    assert set(chosen) <= set(range(n))
    left_out = [replay.losses.values[i] for i in range(n) if i not in chosen[:n_top]]
    assert not n_top or not left_out or min(replay.losses.values[i] for i in chosen[:n_top]) >= max(left_out)


def test_the_floor_keeps_learned_samples_coming() -> None:
    replay = DynamicReplay(10, top_percent=0, extra_percent=10, prob_floor=0.5, seed=0)
    replay.update(range(10), [1.0] + [0.0] * 9)
    counts = Counter(i for _ in range(4000) for i in replay.select())
    # 0.5 * 1 + 0.05 for the one that is hard, 0.05 for each of the others
    assert counts[0] / 4000 == pytest.approx(0.55, abs=0.03)
    assert all(counts[i] / 4000 == pytest.approx(0.05, abs=0.02) for i in range(1, 10))


def test_a_nudge_changes_how_many_come_and_fades() -> None:
    replay = DynamicReplay(100, top_percent=40, extra_percent=20)
    assert replay.counts == (40, 20)
    replay.nudge(2.5, similarity=1.0, influence=0.2)  # bias 0.5
    assert replay.counts == (40, 30)
    assert len(replay.select()) == 70
    replay.nudge(2.5, similarity=-1.0)  # what points away changes nothing
    assert replay.bias == 0.5
    replay.decay(0.9)
    assert replay.bias == pytest.approx(0.45)
    replay.nudge(1000.0, similarity=1.0)
    assert replay.bias == 2.0
    assert replay.losses.values.tolist() == [1.0] * 100
    replay.nudge(1000.0, similarity=1.0, influence=-1.0)
    assert replay.counts == (40, 10)
    for struggle, similarity in ((np.nan, 1.0), (-1.0, 1.0), (1.0, np.inf)):
        with pytest.raises(InputError, match="finite struggle"):
            replay.nudge(struggle, similarity)
    with pytest.raises(ConfigError, match="factor in"):
        replay.decay(1.5)


def test_a_sample_the_teacher_is_unsure_of_does_not_stay_worst() -> None:
    # Answered exactly as the teacher answers, 0.5 costs ln 2 and 0.9 costs 0.325 nats, and neither can be lower.
    targets = np.array([0.5, 0.9, 0.0, 1.0])
    best = np.array([np.log(2.0), -(0.9 * np.log(0.9) + 0.1 * np.log(0.1)), 0.0, 0.0])
    assert excess(best, targets) == pytest.approx([0, 0, 0, 0], abs=1e-12)
    assert excess(best + np.array([0.1, 0.2, 0.3, 0.4]), targets) == pytest.approx([0.1, 0.2, 0.3, 0.4])
    with pytest.raises(InputError, match=r"targets in 0\.\.1"):
        excess([1.0], [1.5])


@given(st.lists(st.lists(st.integers(), max_size=8), max_size=5), st.integers(0, 9))
def test_queues_take_turns_and_keep_their_own_order(queues: list[list[int]], seed: int) -> None:
    tagged = [[(q, i, value) for i, value in enumerate(queue)] for q, queue in enumerate(queues)]
    merged = interleave_queues(tagged, seed)
    assert len(merged) == sum(map(len, queues))
    for q, queue in enumerate(tagged):
        assert [entry for entry in merged if entry[0] == q] == queue
