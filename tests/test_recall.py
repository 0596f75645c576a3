from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hippo_mem.awake import Awake
from hippo_mem.config import RecallConfig
from hippo_mem.embed import HashingEmbedder
from hippo_mem.errors import InputError
from hippo_mem.recall import Recaller
from hippo_mem.types import Event, Where

FACTS = [
    Event(text="Ana hid the brass lamp in the attic.", source="chat", context="a", time=100.0, tags=("home",)),
    Event(text="Ben lost the striped kite at the harbor.", source="chat", context="b", time=200.0),
    Event(text="Cleo repaired the marble clock in May.", source="mail", context="a", time=300.0, tags=("home", "work")),
    Event(text="My favorite color is blue.", source="chat", time=400.0),
]


@pytest.fixture
def told(data_home: Path, embedder: HashingEmbedder) -> Iterator[Awake]:
    """Episodes alone: what the graph and the map add to a ranking is tested with them."""
    with Awake.open(embedder=embedder, memories=("episodic",)) as awake:
        awake.observe_many(FACTS)
        yield awake


def found(awake: Awake, cue: str, where: Where | None = None, **options: object) -> list[str]:
    return [hit.trace.text.split()[0] for hit in awake.recall(cue, where=where, **options).hits]  # type: ignore[arg-type]


def test_every_ranking_finds_and_explains(told: Awake) -> None:
    recall = told.recall("Where did Ana hide the lamp?", 2)
    best = recall.hits[0]
    assert best.trace.text == FACTS[0].text
    assert best.ranks == {"dense": 1, "lexical": 1, "sparse": 1}
    assert best.score == pytest.approx(1.9 / 6)
    assert best.similarity is not None
    assert 0.0 < best.similarity <= 1.0
    assert len(recall.hits) == 2
    assert recall.cue == "Where did Ana hide the lamp?"
    assert recall.seconds > 0


def test_scores_fall_and_equal_the_formula(told: Awake) -> None:
    hits = told.recall("the kite and the clock").hits
    assert [h.score for h in hits] == sorted((h.score for h in hits), reverse=True)
    for hit in hits:
        weights = {"dense": 0.7, "lexical": 1.0, "sparse": 0.2}
        assert hit.score == pytest.approx(sum(weights[name] / (5 + r) for name, r in hit.ranks.items()))


def test_words_are_found_by_their_stem(told: Awake) -> None:
    assert told.store.lexical("repairing clocks", 8) == [3]


@pytest.mark.parametrize(
    ("where", "names"),
    [
        (Where(), {"Ana", "Ben", "Cleo", "My"}),
        (Where(context_key="a"), {"Ana", "Cleo"}),
        (Where(source="mail"), {"Cleo"}),
        (Where(since=200.0, until=300.0), {"Ben", "Cleo"}),
        (Where(tag="home"), {"Ana", "Cleo"}),
        (Where(tag="hom"), set()),
        (Where(context_key="a", tag="work"), {"Cleo"}),
        (Where(source="' OR 1=1 --"), set()),
    ],
)
def test_filters_apply_before_ranking(told: Awake, where: Where, names: set[str]) -> None:
    assert set(found(told, "Where did Ben lose the kite?", where)) == names
    k = max(1, len(names))
    assert len(told.recall("Where did Ben lose the kite?", k, where=where).hits) == len(names)


def test_what_was_true_then_can_be_asked_for(told: Awake) -> None:
    told.store.close_validity(4, 500.0)
    [new] = told.observe("My favorite color is green.", time=500.0)
    assert new.kind == "stored"
    cue = "What is my favorite color?"
    assert told.recall(cue).hits[0].trace.text == "My favorite color is green."
    assert 4 not in {h.trace.id for h in told.recall(cue).hits}
    then = told.recall(cue, as_of=450.0).hits
    assert then[0].trace.text == "My favorite color is blue."
    assert new.trace_id not in {h.trace.id for h in then}
    assert found(told, cue, as_of=150.0) == ["Ana"]
    # What ended may become true again: it is a new trace, not a mention of the ended one.
    [again] = told.observe("My favorite color is blue.", time=600.0)
    assert again.kind == "stored"


NASTY = st.text(st.characters(exclude_categories=[]), max_size=80)
OPERATORS = st.lists(
    st.sampled_from(
        ['"', "*", "AND", "OR", "NOT", "NEAR(", ")", "^", ":", "-", "text:", "{", "\x00", "'", ";", "lamp"]
    ),
    max_size=12,
).map(" ".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(cue=NASTY | OPERATORS)
@example(cue="\ud800")
@example(cue='NEAR("lamp" kite, 5')
@example(cue="²½ Ⅷ ﷺ ́")
@example(cue="lamp " * 30_000)
def test_no_cue_raises(told: Awake, cue: str) -> None:
    recall = told.recall(cue, 4)
    assert recall.cue == cue
    assert len(recall.hits) in (0, 4)


def test_a_blank_cue_brings_nothing_back(told: Awake) -> None:
    assert told.recall(" \n ").hits == ()


@pytest.mark.parametrize("k", [0, -1, 1001, True, 2.5, "8"])
def test_k_out_of_range(told: Awake, k: object) -> None:
    with pytest.raises(InputError, match="k must be 1 to 1000, got"):
        told.recall("lamp", k)  # type: ignore[arg-type]


def test_what_is_no_cue_is_named(told: Awake) -> None:
    for call in (told.recall, told.decide, Recaller(told.store, told.embedder).recall):
        with pytest.raises(InputError, match="a cue or question must be text, got None"):
            call(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("as_of", ["2020", float("nan"), float("inf"), True])
def test_what_is_no_moment_is_named(told: Awake, as_of: Any) -> None:
    for call in (told.recall, told.decide, Recaller(told.store, told.embedder).recall):
        with pytest.raises(InputError, match=f"as_of must be unix seconds, got {as_of!r}; a date gives them by"):
            call("lamp", as_of=as_of)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"since": "x"}, "since must be unix seconds, got 'x'"),
        ({"until": float("nan")}, "until must be unix seconds, got nan"),
        ({"place": 5}, "place must be text, got 5"),
        ({"context_key": b"a"}, "context_key must be text, got b'a'"),
    ],
)
def test_a_filter_that_can_never_pass_is_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Where(**given)


def test_a_filter_takes_the_numbers_of_numpy(told: Awake) -> None:
    assert found(told, "anything", Where(since=np.float32(300.0), until=np.int64(300))) == ["Cleo"]  # type: ignore[arg-type]


def test_requests_and_accesses_are_counted_and_kept(told: Awake, embedder: HashingEmbedder) -> None:
    told.recall("Ana lamp", 1)
    told.recall("Ana lamp", 1)
    told.recall("Ben kite", 1, touch=False)
    assert told.counts().retrieval_requests == 3
    told.close()
    with Awake.open(embedder=embedder) as again:
        assert again.counts().as_dict()["retrieval.requests"] == 3
        ana, ben = again.store.get_many([1, 2])
        assert ana.access_count == 2
        assert ana.last_access is not None
        assert ben.access_count == 0


def test_rankings_of_the_caller_enter_the_fusion_and_pass_the_filters(told: Awake) -> None:
    recaller = Recaller(
        told.store, told.embedder, RecallConfig(dense=False, lexical=False, sparse=False, extra_weight=1.0)
    )
    found = recaller.recall("anything", extra={"graph": [4, 99, 2, 4], "place": [2]})
    assert [(hit.trace.id, dict(hit.ranks)) for hit in found.hits] == [(2, {"graph": 2, "place": 1}), (4, {"graph": 1})]
    assert found.hits[0].score == pytest.approx(1 / 7 + 1 / 6)
    filtered = recaller.recall("anything", extra={"graph": [4, 2]}, where=Where(context_key="b"))
    assert [(hit.trace.id, dict(hit.ranks)) for hit in filtered.hits] == [(2, {"graph": 1})]
    with pytest.raises(InputError, match="cannot be called 'dense'"):
        recaller.recall("anything", extra={"dense": [1]})


class Unused:
    id, dim = "hashing-256", 256

    def embed(self, texts: object) -> object:
        raise AssertionError("the cue's vector was given")


def test_a_given_vector_is_not_embedded_again(told: Awake) -> None:
    cue = "Where did Ana hide the lamp?"
    vector = told.embedder.embed([cue])[0]
    found = Recaller(told.store, Unused()).recall(cue, vector=3 * vector)  # type: ignore[arg-type]
    assert [h.trace.id for h in found.hits] == [h.trace.id for h in told.recall(cue).hits]
    with pytest.raises(InputError, match="a vector must have shape"):
        told._recaller.recall(cue, vector=vector[:5])


@pytest.mark.parametrize("name", ["dense", "lexical", "sparse"])
def test_each_ranking_can_be_left_out(told: Awake, name: str) -> None:
    recaller = Recaller(told.store, told.embedder, RecallConfig(**{name: False}))  # type: ignore[arg-type]
    hits = recaller.recall("Where did Ana hide the lamp?").hits
    assert hits[0].trace.id == 1
    assert set(hits[0].ranks) == {"dense", "lexical", "sparse"} - {name}


@pytest.mark.parametrize("completion", ["hopfield", "mlp"])
def test_a_damaged_cue_is_completed(told: Awake, completion: str) -> None:
    told.store.train_completion(epochs=60)
    whole = told.embedder.embed([FACTS[0].text])[0]
    damaged = whole.copy()
    damaged[np.flatnonzero(whole)[::3]] = 0
    plain, completed = (
        Recaller(told.store, told.embedder, RecallConfig(completion=way, completion_beta=60.0))  # type: ignore[arg-type]
        .recall("Ana", vector=damaged)
        .hits[0]
        for way in ("off", completion)
    )
    assert plain.trace.id == completed.trace.id == 1
    assert plain.similarity is not None
    assert completed.similarity is not None
    assert completed.similarity > plain.similarity + 0.02


def test_places_are_filtered_by_slot_and_by_the_map(told: Awake) -> None:
    told.store.set_slots(1, {"who": "Ana", "where": "in the old Attic"})
    told.store.set_slots(2, {"where": "at the harbor"})
    with told.database.write() as connection:
        connection.execute(
            "INSERT INTO places (name, key, created, last_seen) "
            "VALUES ('The Attic', 'attic', 0, 0), ('Pier', 'pier', 0, 0)"
        )
        connection.execute("INSERT INTO place_links VALUES (1, 'trace', 3), (1, 'fact', 4), (2, 'trace', 4)")
    for place, ids in (("attic", {1, 3}), ("the old attic", {1}), ("harbor", {2}), ("pier", {4}), ("att", set())):
        where = Where(place=place)
        assert {hit.trace.id for hit in told.recall("lamp", where=where).hits} == ids
        assert {trace.id for trace in told.store.iterate(where)} == ids
    both = Where(place="attic", source="mail")
    assert [hit.trace.id for hit in told.recall("lamp", where=both).hits] == [3]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=20)
@given(picked=st.lists(st.integers(0, 149), min_size=1, max_size=10))
def test_small_stores_are_searched_exactly(
    picked: list[int], tmp_path_factory: pytest.TempPathFactory, embedder: HashingEmbedder
) -> None:
    texts = [f"Shelf {i} holds object {i * 37 % 150}." for i in range(150)]
    with Awake.open(tmp_path_factory.mktemp("home"), embedder=embedder) as awake:
        awake.observe_many(texts)
        vectors = awake.store.vectors(range(1, 151))
        for i in picked:
            cue = embedder.embed([f"object {i}"])[0]
            cosines = vectors @ cue
            got = awake.store.nearest(cue, 8)
            assert [c for _, c in got] == pytest.approx(sorted(cosines.tolist(), reverse=True)[:8], abs=1e-5)


def test_filters_hold_for_facts_and_places_as_well(awake: Awake) -> None:
    awake.observe("The kitchen is north of the hallway.", source="map", context="c1", tags=("plan",), time=100.0)
    awake.observe("Carol is in the garden.", source="chat", context="c1", time=200.0)
    for where in (
        Where(source="nobody"), Where(tag="none"), Where(doc_id="none"), Where(until=5.0), Where(place="cellar"),
    ):  # fmt: skip
        found = awake.recall("Is Carol in the kitchen?", where=where)
        assert (found.hits, found.facts, found.places) == ((), (), ()), where
    for where in (Where(source="map"), Where(tag="plan"), Where(until=150.0), Where(place="kitchen"), Where()):
        found = awake.recall("the kitchen", where=where)
        assert [p.name for p in found.places] == ["kitchen", "hallway"], where
    assert not awake.recall("Where is Carol?", where=Where(place="kitchen")).facts
    awake.observe("The shed is north of the kitchen.", source="chat", context="c1")
    found = awake.recall("the hallway", 1, where=Where(source="chat"))  # the nearest that passes, not of the nearest
    assert [p.name for p in found.places] == ["kitchen"]
