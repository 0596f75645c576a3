"""Laws of the episodic store that hold after any sequence of writes and deletions."""

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from hippo_mem.awake import Awake
from hippo_mem.embed import HashingEmbedder
from hippo_mem.episodic import EpisodicStore
from hippo_mem.errors import InputError, StoreError
from hippo_mem.home import open_home
from hippo_mem.storage import Database
from hippo_mem.types import Where

EMBEDDER = HashingEmbedder(32)
WORDS = ("amber", "boat", "cellar", "drum", "engine", "fig", "glove", "harbor", "iron", "jug")
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)
sources = st.sampled_from(["user", "mail", "web"])


class StoreLaws(RuleBasedStateMachine):
    """Two open stores on one file against a dictionary: ids are never reused, reads see every write of both."""

    def __init__(self) -> None:
        super().__init__()
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        self.model: dict[int, tuple[str, str]] = {}
        self.used: set[int] = set()

    def open(self) -> EpisodicStore:
        return EpisodicStore(Database(self.home.database), EMBEDDER, self.home.index)

    @initialize()
    def start(self) -> None:
        self.home = open_home(self.folder.name, "laws")
        self.stores = [self.open(), self.open()]

    @rule(text=texts, source=sources, which=st.integers(0, 1))
    def write(self, text: str, source: str, which: int) -> None:
        new = self.stores[which].write(EMBEDDER.embed([text])[0], {"text": text, "source": source})
        assert new not in self.used
        self.used.add(new)
        self.model[new] = (text, source)

    @rule(text=texts, which=st.integers(0, 1), nested=st.booleans())
    def write_that_fails(self, text: str, which: int, nested: bool) -> None:
        store = self.stores[which]
        with pytest.raises(KeyError, match="on purpose"), store.transaction():  # noqa: PT012
            store.write(EMBEDDER.embed([text])[0], {"text": text})
            if self.model and nested:
                store.delete(min(self.model))
            store.nearest(EMBEDDER.embed([text])[0], 2)
            raise KeyError("on purpose")

    @rule(which=st.integers(0, 1), data=st.data())
    def delete(self, which: int, data: st.DataObject) -> None:
        target = data.draw(st.sampled_from(sorted(self.used) or [1]))
        assert self.stores[which].delete(target) == (target in self.model)
        self.model.pop(target, None)

    @rule(which=st.integers(0, 1), source=sources)
    def forget_source(self, which: int, source: str) -> None:
        gone = [i for i, (_, s) in self.model.items() if s == source]
        assert self.stores[which].forget(source=source) == len(gone)
        for i in gone:
            del self.model[i]

    @rule(which=st.integers(0, 1))
    def reopen(self, which: int) -> None:
        self.stores[which].close()
        self.stores[which] = self.open()

    @rule(which=st.integers(0, 1))
    def lose_the_index(self, which: int) -> None:
        self.stores[which].close()
        if self.home.index.exists():
            self.home.index.write_bytes(self.home.index.read_bytes()[:-5])
        self.stores[which] = self.open()

    @invariant()
    def both_say_what_was_written(self) -> None:
        if not hasattr(self, "stores"):
            return
        query = EMBEDDER.embed(["amber boat"])[0]
        for store in self.stores:
            assert {t.id: (t.text, t.provenance.source) for t in store} == self.model
            assert len(store) == len(self.model)
            found = store.recall(query, 1_000)
            assert sorted(hit["id"] for hit in found) == sorted(self.model)
            scores = [hit["score"] for hit in found]
            assert scores == sorted(scores, reverse=True)
            for hit in found:
                assert hit["score"] == pytest.approx(float(EMBEDDER.embed([hit["text"]])[0] @ query), abs=1e-5)
            with_amber = {i for i, (text, _) in self.model.items() if "amber" in text.split()}
            assert set(store.lexical("amber?", 1_000)) == with_amber

    def teardown(self) -> None:
        self.folder.cleanup()


StoreLaws.TestCase.settings = settings(max_examples=15, stateful_step_count=12, deadline=None)
TestStoreLaws = StoreLaws.TestCase


def test_the_specified_calls(awake: Awake, embedder: HashingEmbedder) -> None:
    store = awake.store
    key = embedder.embed(["A lamp is in the hall."])[0]
    new = store.write(key, {"text": "A lamp is in the hall.", "source": "tour", "time": 5.0, "context": "house"})
    assert isinstance(new, int)
    [found] = store.recall(key * 3, 4)
    assert found == {
        "id": new,
        "text": "A lamp is in the hall.",
        "score": pytest.approx(1.0),
        "source": "tour",
        "time": 5.0,
        "context": "house",
    }
    store.delete(new)
    assert store.recall(key, 4) == []
    assert store.get(new) is None


@pytest.mark.parametrize("bad", [np.zeros(256), np.ones(7), np.full(256, np.nan)])
def test_a_key_that_is_no_direction_is_refused(awake: Awake, bad: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"a vector must have shape \(256,\) and a length"):
        awake.store.write(bad.astype(np.float32), {"text": "x"})
    assert len(awake.store) == 0


def test_a_value_needs_text_and_known_fields(awake: Awake, embedder: HashingEmbedder) -> None:
    key = embedder.embed(["x"])[0]
    for value in ({}, {"text": "x", "colour": "red"}):
        with pytest.raises(InputError, match="needs 'text' and may have fields of Event"):
            awake.store.write(key, value)


def test_every_field_of_a_trace_comes_back(awake: Awake) -> None:
    stored, *_ = awake.observe(
        "Ana hid the brass lamp.",
        source="chat-1",
        time=1000.5,
        context="day-1",
        reward=True,
        pin=True,
        doc_id="doc-9",
        conf=0.75,
        tags=("home", "lamp", "home"),
        slots={"who": "Ana", "what": "the brass lamp"},
    )
    assert stored.trace_id is not None
    trace = awake.store.get(stored.trace_id)
    assert trace is not None
    assert trace.text == trace.provenance.text_span == "Ana hid the brass lamp."
    assert (trace.provenance.source, trace.provenance.time, trace.provenance.doc_id) == ("chat-1", 1000.5, "doc-9")
    assert trace.provenance.conf == 0.75
    assert trace.context_key == "day-1"
    assert trace.tags == ("home", "lamp")
    assert trace.slots == {"who": "Ana", "what": "the brass lamp"}
    assert trace.salience == stored.salience
    assert trace.valid_from == 1000.5
    assert (trace.valid_to, trace.access_count, trace.mention_count, trace.consolidated_at) == (None, 0, 1, None)

    store = awake.store
    store.mark_accessed({trace.id: 3, 999: 1}, 2000.0)
    store.mark_consolidated([trace.id], 3000.0)
    store.merge(trace.id, now=4000.0)
    store.set_slots(trace.id, {"who": "Ana"})
    later = store.get(trace.id)
    assert later is not None
    assert (later.access_count, later.last_access, later.consolidated_at) == (3, 2000.0, 3000.0)
    assert (later.mention_count, later.last_mention, later.slots) == (2, 4000.0, {"who": "Ana"})
    store.mark_consolidated([trace.id], None)
    assert store.get(trace.id).consolidated_at is None  # type: ignore[union-attr]
    np.testing.assert_allclose(store.vectors([trace.id])[0], awake.embedder.embed([trace.text])[0], atol=1e-6)
    with pytest.raises(InputError, match="no trace 999"):
        store.vectors([999])


def test_forgetting_needs_one_choice(awake: Awake) -> None:
    for choice in ({}, {"trace_id": 1, "source": "user"}, {"everything": True, "doc_id": "d"}):
        with pytest.raises(InputError, match="exactly one of trace_id, source, doc_id or everything"):
            awake.forget(**choice)  # type: ignore[arg-type]


def test_forgetting_takes_what_was_chosen_and_nothing_else(awake: Awake) -> None:
    awake.observe("Ana keeps bees.", source="mail", doc_id="d1")
    awake.observe("Ben keeps goats.", source="mail", doc_id="d2")
    awake.observe("Cleo keeps ducks.", source="web", doc_id="d2")
    assert awake.forget(doc_id="d2") == 2
    assert [t.text for t in awake.store] == ["Ana keeps bees."]
    assert awake.forget(doc_id="d2") == 0
    assert awake.forget(everything=True) == 1
    assert len(awake.store) == 0


def test_what_is_forgotten_is_in_no_file(awake: Awake) -> None:
    for i in range(40):
        awake.observe(f"Crate {i} holds a spare part.")
    awake.observe("The combination is zanzibarquux.", source="secret")
    vector = awake.embedder.embed(["The combination is zanzibarquux."])[0].tobytes()
    awake.store.close()  # the index file now holds the vector
    everything = lambda: b"".join(p.read_bytes() for p in awake.home.folder.glob("*") if p.is_file())  # noqa: E731
    assert b"zanzibarquux" in everything()
    assert vector in everything()
    assert awake.forget(source="secret") == 1
    assert b"zanzibarquux" not in everything()
    assert vector not in everything()
    awake.close()
    assert b"zanzibarquux" not in everything()
    assert vector not in everything()


def test_pruning_keeps_the_pinned_and_the_salient(awake: Awake) -> None:
    awake.observe("Ok then, pinned.", pin=True)
    awake.observe("The quick engine hums.", reward=True)
    awake.observe("A drum is under the stairs.")
    learned, *_ = awake.observe("The jug is cracked.", reward=True)
    assert learned.trace_id is not None
    awake.store.mark_consolidated([learned.trace_id], 1.0)
    assert awake.store.prune(2) == 2
    assert [t.text for t in awake.store] == ["Ok then, pinned.", "The quick engine hums."]
    assert awake.store.prune(0) == 1
    assert awake.store.prune(0) == 0
    with pytest.raises(InputError, match="keep must be 0 or more, got -1"):
        awake.store.prune(-1)


def test_another_vector_space_embeds_everything_again(awake: Awake) -> None:
    awake.observe("The harbor is frozen.")
    awake.observe("A fig tree grew.")
    wide = HashingEmbedder(48)
    with Awake.open(embedder=wide) as other:
        assert other.recall("frozen harbor").hits[0].trace.text == "The harbor is frozen."
        assert other.store.vectors([1]).shape == (1, 48)
        with pytest.raises(
            StoreError, match="moved to the vectors of hashing-48/48, by another process; open it again"
        ):
            awake.observe("Too late.")
    with Awake.open(embedder=wide) as again:
        assert len(again.recall("fig").hits) == 2


def test_iterating_in_pages_sees_every_row_and_filters(awake: Awake) -> None:
    awake.observe_many([f"Item {i} is on shelf {i % 7}." for i in range(1_203)])
    assert [t.id for t in awake.store] == list(range(1, 1_204))
    assert len(list(awake.store.iterate(Where(since=0.0, source="nobody")))) == 0
    awake.store.close_validity(5, 1.0)
    assert len(list(awake.store.iterate())) == 1_202
    assert len(list(awake.store.iterate(closed=True))) == 1_203
    assert awake.store.counts() == {
        "traces": 1_203,
        "pinned": 0,
        "consolidated": 0,
        "superseded": 1,
        "retired": 0,
        "deleted": 0,
    }
