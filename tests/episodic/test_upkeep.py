"""What fades, expires, repeats itself or is too much is retired: out of everything, and back when asked."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hippo_mem.awake import Awake
from hippo_mem.config import EpisodicConfig, RecallConfig
from hippo_mem.embed import HashingEmbedder
from hippo_mem.episodic import EpisodicStore
from hippo_mem.errors import InputError
from hippo_mem.home import UserHome, open_home
from hippo_mem.storage import Database

EMBEDDER = HashingEmbedder(64)
DAY = 86_400.0


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def home(tmp_path: Path) -> UserHome:
    return open_home(tmp_path, "kept")


@pytest.fixture
def store(home: UserHome, clock: Clock) -> Iterator[EpisodicStore]:
    database = Database(home.database)
    yield EpisodicStore(database, EMBEDDER, home.index, clock=clock)
    database.close()


def tell(store: EpisodicStore, text: str, **fields: object) -> int:
    return store.write(EMBEDDER.embed([text])[0], {"text": text, **fields})


def seen(store: EpisodicStore) -> list[int]:
    """Ids by every way of reading; they must agree."""
    query = EMBEDDER.embed(["lamp"])[0]
    ids = [t.id for t in store]
    assert sorted(i for i, _ in store.nearest(query, 1_000)) == ids
    assert sorted(hit["id"] for hit in store.recall(query, 1_000)) == ids
    counts = store.counts()
    assert len(store) == counts["traces"] == len(ids) + counts["superseded"]
    assert set(store.lexical("lamp", 1_000)) <= set(ids)
    chosen = store.select()
    assert chosen is None or chosen.tolist() == ids
    return ids


def test_retired_traces_are_out_of_everything_and_come_back(store: EpisodicStore, clock: Clock) -> None:
    ids = [tell(store, f"A lamp in room {i}.") for i in range(6)]
    assert store.prune(4) == 2
    assert seen(store) == ids[2:]
    assert store.get(ids[0]) is None
    [gone] = store.get_many(ids[:1], retired=True)
    assert gone.retired == clock.now
    assert store.counts()["retired"] == 2
    assert store.counts()["deleted"] == 0
    event = tell(store, "A lamp in room 0.")  # said again, it is new: what is retired is no duplicate
    assert store.restore_retired() == 2
    assert seen(store) == [*ids, event]


def test_another_open_store_sees_what_is_retired_and_restored(
    store: EpisodicStore, home: UserHome, clock: Clock
) -> None:
    other = EpisodicStore(Database(home.database), EMBEDDER, home.index, clock=clock)
    ids = [tell(store, f"A lamp in room {i}.") for i in range(3)]
    assert seen(other) == ids
    store.prune(1)
    assert seen(other) == ids[2:]
    other.restore_retired()
    assert seen(store) == seen(other) == ids
    store.close_validity(ids[1], 5.0)
    assert seen(other) == [ids[0], ids[2]]
    reopened = EpisodicStore(Database(home.database), EMBEDDER, home.index, clock=clock)
    assert seen(reopened) == [ids[0], ids[2]]


def test_restoring_by_time(store: EpisodicStore, clock: Clock) -> None:
    for i in range(3):
        tell(store, f"A lamp in room {i}.")
    store.prune(2)
    clock.now += 10
    store.prune(1)
    assert store.restore_retired(since=clock.now) == 1
    assert seen(store) == [2, 3]
    assert store.vacuum(until=clock.now - 5) == 1
    assert store.restore_retired() == 0
    assert store.counts()["deleted"] == 1


def test_a_vacuum_leaves_nothing_behind(store: EpisodicStore, home: UserHome) -> None:
    tell(store, "The combination is zanzibarquux.")
    tell(store, "A lamp.", pin=True)
    store.train_completion(epochs=1)
    assert store.prune(1) == 1
    assert store.vacuum() == 1
    assert store.vacuum() == 0
    store.close()
    vector = EMBEDDER.embed(["The combination is zanzibarquux."])[0].tobytes()
    files = list(home.folder.glob("*"))
    assert not [p for p in files if p.name.startswith("completion")]
    for path in files:
        if path.is_file():
            assert b"zanzibarquux" not in path.read_bytes()
            assert vector not in path.read_bytes()


def test_what_expires_is_out_at_once_and_retired_by_upkeep(store: EpisodicStore, clock: Clock) -> None:
    ids = [tell(store, f"A lamp in room {i}.") for i in range(3)]
    store.set_expiry(ids[:2], clock.now + 5)
    assert seen(store) == ids
    clock.now += 5
    assert seen(store) == ids[2:]
    assert store.expire() == 2
    assert store.restore_retired() == 2
    assert seen(store) == ids  # restored, they no longer expire
    with pytest.raises(InputError, match="ttl_days must be above 0, got 0"):
        store.expire(0)


def test_time_to_live_counts_from_the_last_use(store: EpisodicStore, clock: Clock) -> None:
    old, used, pinned = tell(store, "An old lamp."), tell(store, "A used lamp."), tell(store, "My lamp.", pin=True)
    clock.now += 9 * DAY
    store.mark_accessed({used: 1}, clock.now)
    clock.now += 2 * DAY
    assert store.expire(ttl_days=10) == 1
    assert seen(store) == [used, pinned]
    assert old not in seen(store)


def test_strength_halves_without_use(store: EpisodicStore, clock: Clock) -> None:
    idle, used, pinned = tell(store, "An idle lamp."), tell(store, "A used lamp."), tell(store, "My lamp.", pin=True)
    store.mark_accessed({used: 3}, clock.now)
    clock.now += 20 * DAY  # two half lives: S 1 is 0.25, with three uses 0.25 * (1 + ln 4) = 0.597
    assert store.decay(10, 0.2) == 0
    assert store.decay(10, 0.3) == 1
    assert seen(store) == [used, pinned]
    assert store.decay(10, 0.59) == 0
    assert store.decay(10, 0.6) == 1
    assert idle not in seen(store)
    with pytest.raises(InputError, match="half life above 0"):
        store.decay(0, 0.1)


def test_the_most_used_of_the_same_words_stays_and_counts_for_all(store: EpisodicStore) -> None:
    texts = ("The lamp is in the old attic.", "The lamp, is in the old attic!", "The lamp is in the very old attic.")
    ids = [tell(store, text) for text in texts]
    store.mark_accessed({ids[1]: 5}, 1.0)
    assert store.prune_redundant(0.8) == 1
    assert seen(store) == ids[1:]  # the third says more and was used less: it neither goes nor takes the other's place
    kept = store.get(ids[1])
    assert kept is not None
    assert (kept.mention_count, kept.access_count) == (2, 5)
    assert store.restore_retired() == 1
    back = store.get(ids[1])
    assert back is not None
    assert (back.mention_count, back.access_count) == (1, 5)


def test_what_says_more_takes_in_what_says_less(store: EpisodicStore) -> None:
    less, more = tell(store, "The lamp is in the attic."), tell(store, "The brass lamp is in the old attic.")
    assert store.prune_redundant(0.5) == 1
    assert seen(store) == [more]
    assert less not in seen(store)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("The lamp is in the attic.", "The lamp is not in the attic."),
        ("Ana paid Ben.", "Ben paid Ana."),
        ("The code is 4417.", "The code is 4471."),
        ("We meet on Monday at noon.", "We meet on Tuesday at noon."),
        ("Ana owns the lamp.", "Ana almost owns the lamp."),
        ("The lamp is on the table.", "The lamp is under the table."),
    ],
)
def test_what_differs_in_fact_is_never_redundant(store: EpisodicStore, first: str, second: str) -> None:
    ids = [tell(store, first), tell(store, second)]
    assert store.prune_redundant(0.0) == 0
    assert seen(store) == ids


def test_other_sources_contexts_and_pins_are_left_alone(store: EpisodicStore) -> None:
    for fields in ({}, {"source": "mail"}, {"doc_id": "d"}, {"context": "c"}):
        tell(store, "The lamp is in the attic.", **fields)
    tell(store, "The lamp is in the attic!", pin=True)
    assert store.prune_redundant(0.9) == 1
    assert len(store) == 4
    with pytest.raises(InputError, match=r"min_cosine must be 0 to 1, got 1\.5"):
        store.prune_redundant(1.5)


def test_many_redundant_rows_end_in_one(store: EpisodicStore) -> None:
    """A chain: each is taken in by the fullest, and restoring brings back every count."""
    words = "The lamp of Ana is in the very old dusty attic upstairs".split()
    ids = [tell(store, " ".join(words[: 7 + i])) for i in range(6)]
    assert store.prune_redundant(0.3) == 5
    [kept] = list(store)
    assert kept.id == ids[-1]
    assert kept.mention_count == 6
    assert store.restore_retired() == 5
    assert [t.mention_count for t in store] == [1] * 6


def test_a_round_of_upkeep(store: EpisodicStore, home: UserHome, clock: Clock) -> None:
    for text in ("The lamp is in the attic.", "The lamp is in the attic!", "Ben sails.", "Cleo runs.", "Dev sings."):
        tell(store, text)
    store.set_expiry([3], clock.now)
    done = store.maintain(EpisodicConfig(max_rows=2, recall=RecallConfig(completion="mlp")))
    assert (done.expired, done.decayed, done.redundant, done.capped) == (1, 0, 1, 1)
    assert len(seen(store)) == 2
    assert home.index.with_name("completion.safetensors").exists()
    nothing = store.maintain()
    assert (nothing.expired, nothing.redundant, nothing.capped) == (0, 0, 0)


def test_a_failed_transaction_leaves_the_indexes_as_they_were(store: EpisodicStore) -> None:
    ids = [tell(store, f"A lamp in room {i}.") for i in range(5)]
    assert seen(store) == ids
    with pytest.raises(KeyError, match="on purpose"), store.transaction():  # noqa: PT012
        tell(store, "One more lamp.")
        store.delete(ids[0])
        assert store.nearest(EMBEDDER.embed(["One more lamp."])[0], 1)[0][1] == pytest.approx(1.0)
        assert 6 in store.lexical("lamp", 10)
        store.prune(1)
        assert len(store) == 1
        raise KeyError("on purpose")
    assert seen(store) == ids
    assert tell(store, "A lamp again.") == 6
    assert seen(store) == [*ids, 6]


def test_a_large_store_moves_into_its_graph_by_steps(
    store: EpisodicStore, home: UserHome, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hippo_mem.storage import index as module

    monkeypatch.setattr(module, "FLAT_LIMIT", 200)
    monkeypatch.setattr(module, "BRUTE_LIMIT", 50)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(600, 64)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for i, vector in enumerate(vectors[:500]):
        store.write(vector, {"text": f"Row {i}.", "context": f"c{i % 2}"})
    with store.transaction():
        for i, vector in enumerate(vectors[500:], start=500):
            store.write(vector, {"text": f"Row {i}.", "context": f"c{i % 2}"})
    store.settle()
    assert store.forget(trace_id=7)
    store.prune(590)  # the least are the first: ids 1..10 but for 7
    gone = set(range(1, 11))
    for _ in range(2):
        hits = 0
        for query in vectors[::20]:
            best = [i + 1 for i in np.argsort(-(vectors @ query)) if i + 1 not in gone][:8]
            hits += len(set(best) & {i for i, _ in store.nearest(query, 8)})
        assert hits >= 0.99 * 8 * 30
        store.close()
        store = EpisodicStore(Database(home.database), EMBEDDER, home.index, clock=clock)
    assert store.forget(everything=True) == 599
    assert store.nearest(vectors[0], 8) == []
    tell(store, "A lamp.")
    assert seen(store) == [601]


def test_the_gate_does_not_compare_with_what_is_retired(awake: Awake) -> None:
    awake.observe("The lamp is in the attic.")
    [near, *_] = awake.observe("The lamp is in the attic today.")
    assert near.salience is not None
    assert near.salience.novelty < 0.5
    awake.store.prune(0)
    [alone, *_] = awake.observe("The lamp is in the attic.")
    assert alone.kind == "stored"
    assert alone.salience is not None
    assert alone.salience.novelty == 1.0


def test_words_tell_surprise_without_a_model(awake: Awake) -> None:
    for i in range(9):
        awake.observe(f"The boat number {i} is in the harbor.")
    common, rare = awake.store.surprise(["The boat is in the harbor.", "Quantum zebras dissolve."])
    assert 0 < common < rare
