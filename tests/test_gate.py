import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo_mem.config import GateConfig
from hippo_mem.gate import Decision, Gate, GateState

nats = st.floats(0.0, 20.0)
cosines = st.none() | st.floats(-1.0, 1.0)


def decide(gate: Gate, state: GateState | None = None, **given: object) -> Decision:
    values: dict[str, object] = {
        "surprise": 5.0,
        "nearest": None,
        "duplicate": False,
        "has_content": True,
        "state": state or GateState(),
    }
    return gate.decide(**(values | given))  # type: ignore[arg-type]


@given(st.lists(nats, min_size=2, max_size=40))
def test_running_moments_equal_the_plain_ones(values: list[float]) -> None:
    state = GateState()
    for value in values:
        state = state.seen(value)
    assert state.n == len(values)
    assert state.mean == pytest.approx(statistics.fmean(values), abs=1e-9)
    assert state.deviation == pytest.approx(statistics.stdev(values), abs=1e-6)


def test_the_score_is_the_weighted_sum() -> None:
    gate = Gate(GateConfig(alpha=2.0, beta=3.0, gamma=5.0, delta=7.0))
    state = GateState()
    for value in [4.0, 6.0] * 10:
        state = state.seen(value)
    z = (6.0 - 5.0) / state.deviation
    assert gate.score(6.0, 0.5, True, True, state=state) == pytest.approx(2 * z + 3 * 0.5 + 5 + 7)
    assert gate.score(6.0, 0.5, False, False) == pytest.approx(1.5)  # nothing seen yet: surprise has no part


def test_the_first_event_is_written() -> None:
    decision = decide(Gate())
    assert decision.verdict == "write"
    assert decision.salience.novelty == 1.0
    assert decision.state.n == 1


@given(nearest=cosines, surprise=st.none() | nats, seen=st.lists(nats, max_size=30))
def test_other_words_are_always_kept_by_the_defaults(
    nearest: float | None, surprise: float | None, seen: list[float]
) -> None:
    state = GateState()
    for value in seen:
        state = state.seen(value)
    assert decide(Gate(), state, nearest=nearest, surprise=surprise).verdict == "write"


@given(nearest=cosines, surprise=nats)
def test_chatter_is_dropped_however_surprising(nearest: float | None, surprise: float) -> None:
    decision = decide(Gate(), has_content=False, surprise=surprise, nearest=nearest)
    assert decision.verdict == "drop"
    assert decision.reason == "no content words: S 0.000 <= tau 0.100; pin it to keep it"
    assert decision.state.n == 0  # chatter does not move what is surprising


@given(tau=st.floats(-5, 100), has_content=st.booleans(), mode=st.sampled_from(["fixed", "adaptive"]))
def test_pinned_events_are_always_kept(tau: float, has_content: bool, mode: str) -> None:
    gate = Gate(GateConfig(tau=tau, mode=mode))  # type: ignore[arg-type]
    assert decide(gate, pin=True, has_content=has_content).verdict == "write"


def test_a_reward_keeps_what_has_no_content() -> None:
    assert decide(Gate(), has_content=False, reward=True).verdict == "write"


def test_a_duplicate_is_the_same_even_when_pinned() -> None:
    decision = decide(Gate(), duplicate=True, pin=True)
    assert decision.verdict == "same"
    assert decision.salience.novelty == 0.0


def test_a_high_threshold_drops_with_the_figures() -> None:
    decision = decide(Gate(GateConfig(tau=0.7)), nearest=0.95)
    assert decision.verdict == "drop"
    assert decision.reason == "nothing new in it: S 0.250 <= tau 0.700; pin it to keep it"


def test_adaptive_tau_follows_the_stream() -> None:
    gate = Gate(GateConfig(mode="adaptive", tau=0.4))
    written = decide(gate, nearest=None)
    assert written.state.tau == pytest.approx(0.95 * 0.4 + 0.05 * 1.0)
    dropped = decide(gate, written.state, nearest=0.99)
    assert dropped.verdict == "drop"
    assert dropped.salience.threshold == written.state.tau
    assert dropped.state.tau == pytest.approx(0.99 * 0.43)
    assert decide(Gate(GateConfig(tau=0.4))).state.tau is None


@pytest.mark.parametrize("bad", [math.nan, math.inf, None])
def test_a_surprise_that_is_no_number_has_no_part(bad: float | None) -> None:
    decision = decide(Gate(), surprise=bad)
    assert decision.verdict == "write"
    assert decision.state.n == 0
    assert decision.salience.surprise == 0.0


def test_surprise_is_clipped_and_raises_the_score() -> None:
    state = GateState()
    for value in [5.0, 5.5] * 10:
        state = state.seen(value)
    low, high = (decide(Gate(), state, surprise=s, nearest=0.5).salience.score for s in (0.0, 50.0))
    assert low == pytest.approx(0.5 - 0.1)
    assert high == pytest.approx(0.5 + 0.3)
