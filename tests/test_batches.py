"""Telling many things at once is telling them one by one, only faster."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hippo_mem.awake import Awake
from hippo_mem.config import GateConfig
from hippo_mem.embed import HashingEmbedder, MiniLMEmbedder, embedding_aside
from hippo_mem.errors import InputError
from hippo_mem.relational.frames import FrameParser
from hippo_mem.storage.tables import ORDER, read_rows
from hippo_mem.types import Event

PARSER = FrameParser()
SAID = [
    "Ana hid the brass lamp in the attic.",
    "ana hid the brass lamp in the attic",
    "Ana hid the brass lamp in the cellar.",
    "Ben lives in Leeds.",
    "Ben lives in York.",
    "The kitchen is north of the hallway.",
    "The garden is west of the kitchen.",
    "ok",
    "Thank you!",
    "My favorite color is blue.",
    "My favorite color is green.",
    "Cleo does not like the old clock.",
]
EVENTS = st.builds(
    Event,
    text=st.sampled_from(SAID),
    context=st.sampled_from([None, "monday", "tuesday"]),
    source=st.sampled_from(["user", "diary"]),
    pin=st.booleans(),
    reward=st.booleans(),
)


def surprise(texts: Any) -> list[float]:
    return [len(set(text)) / 7.0 for text in texts]


def told(home: str, events: list[Event], config: GateConfig, *, at_once: bool) -> tuple[list[Any], dict[str, Any]]:
    with Awake.open(
        None, home, embedder=HashingEmbedder(64), surprise=surprise, config=config, parser=PARSER,
        clock=lambda: 1_000_000.0,
    ) as awake:  # fmt: skip
        outcomes = awake.observe_many(events) if at_once else [awake.observe_many([event])[0] for event in events]
        with awake.database.read() as connection:
            rows = {table.name: list(read_rows(connection, table)) for table in ORDER}
            rows["gate"] = [dict(row) for row in connection.execute("SELECT * FROM gate")]
            rows["counters"] = [dict(row) for row in connection.execute("SELECT * FROM counters ORDER BY name")]
        plain = [
            (o.kind, o.trace_id, o.memory, o.reason, _numbers(o.salience)) for several in outcomes for o in several
        ]
        return plain, rows


def _numbers(salience: Any) -> Any:
    return None if salience is None else (salience.surprise, salience.novelty, salience.score, salience.threshold)


def same(one: Any, other: Any) -> bool:
    """Equal, but for the last digits of floats: a product of blocks adds in another order."""
    if isinstance(one, float) and isinstance(other, float):
        return one == pytest.approx(other, abs=1e-5)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return bool(one == other)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    events=st.lists(EVENTS, min_size=1, max_size=45),
    config=st.sampled_from([GateConfig(), GateConfig(mode="adaptive", tau=0.4, warmup=2), GateConfig(tau=0.7)]),
    number=st.integers(0, 10**9),
)
def test_a_batch_is_the_same_as_one_by_one(events: list[Event], config: GateConfig, number: int) -> None:
    together, rows_together = told(f"many{number}", events, config, at_once=True)
    apart, rows_apart = told(f"one{number}", events, config, at_once=False)
    assert same(together, apart)
    for table in rows_apart:
        assert same(rows_together[table], rows_apart[table]), table


def test_events_of_a_long_batch_are_compared_with_all_before_them() -> None:
    # More than one block of products; the last repeats the first but for a word.
    texts = [f"Crate number {i} holds {i * 7919 % 1000} nails." for i in range(600)]
    texts.append("Crate number 0 holds 0 nails today.")
    embedder, config = HashingEmbedder(64), GateConfig(new_words_novelty=0.0)
    with Awake.open(embedder=embedder, config=config, memories=("episodic",), parser=PARSER) as awake:
        *_, last = awake.observe_many(texts)
    vectors = embedder.embed(texts)
    assert last[0].salience is not None
    assert last[0].salience.novelty == pytest.approx(1.0 - float((vectors[:-1] @ vectors[-1]).max()), abs=1e-5)


def test_an_error_while_embedding_aside_reaches_the_caller_and_nothing_is_written(awake: Awake) -> None:
    class Broken(HashingEmbedder):
        def embed(self, texts: Any) -> Any:
            raise OSError("no such model")

    awake.embedder = Broken(awake.embedder.dim)
    with pytest.raises(OSError, match="no such model"):
        awake.observe_many([f"Jar {i} is on the shelf." for i in range(64)])
    assert len(awake.store) == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0])
def test_an_event_without_a_usable_vector_writes_nothing_of_its_batch(awake: Awake, bad: float) -> None:
    class Broken(HashingEmbedder):
        def embed(self, texts: Any) -> Any:
            found = super().embed(texts)
            found[-1] = bad
            return found

    awake.embedder = Broken(awake.embedder.dim)
    with pytest.raises(InputError, match="a vector must have shape"):
        awake.observe_many(["Ana lives in Leeds.", "Ben lives in York."])
    awake.embedder = HashingEmbedder(7 + 1)
    with pytest.raises(InputError, match=r"got \(8,\)"):
        awake.observe("Ana lives in Leeds.")
    assert awake.store.counts()["traces"] == 0
    assert awake.knowledge.counts()["relational"]["facts"] == 0


def test_a_clock_that_runs_backwards_loses_nothing_and_the_last_word_holds(data_home: Path) -> None:
    moments = iter(range(10**6, 0, -3600))
    with Awake.open(embedder=HashingEmbedder(64), parser=PARSER, clock=lambda: float(next(moments))) as awake:
        for town in ("Leeds", "York", "Bath"):
            awake.observe(f"Ana lives in {town}.")
        awake.observe("Ana lives in Bath.")
    with Awake.open(embedder=HashingEmbedder(64), parser=PARSER, clock=lambda: 5.0) as awake:
        assert [trace.text for trace in awake.store] == [f"Ana lives in {town}." for town in ("Leeds", "York", "Bath")]
        assert {hit.trace.id for hit in awake.recall("Ana lives", 5).hits} == {1, 2, 3}
        decision = awake.decide("Where does Ana live?")
        assert decision is not None
        assert decision.text == "Bath"


@pytest.mark.real_model
def test_sentence_vectors_of_a_batch_are_those_of_single_texts() -> None:
    texts = [f"{who} {did} the {what}." for who in ("Ana", "Ben") for did in ("hid", "sold", "lost") for what in
             ("lamp", "striped kite", "old clock", "ledger", "brass compass", "quilt")]  # fmt: skip
    embedder = MiniLMEmbedder()
    with embedding_aside(embedder, texts) as embedding:
        together = embedding.result()
    np.testing.assert_allclose(together, np.concatenate([embedder.embed([text]) for text in texts]), atol=1e-6)
