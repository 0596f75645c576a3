import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hippo_mem.awake import Awake
from hippo_mem.embed import HashingEmbedder
from hippo_mem.errors import InputError
from hippo_mem.types import Event, Where

FACTS = [
    Event(text="Ana hid the brass lamp in the attic.", source="chat", context="a", time=100.0, tags=("home",)),
    Event(text="Ben lost the striped kite at the harbor.", source="chat", context="b", time=200.0),
    Event(text="Cleo repaired the marble clock in May.", source="mail", context="a", time=300.0, tags=("home", "work")),
    Event(text="My favorite color is blue.", source="chat", time=400.0),
]


@pytest.fixture
def told(awake: Awake) -> Awake:
    awake.observe_many(FACTS)
    return awake


def found(awake: Awake, cue: str, where: Where | None = None, **options: object) -> list[str]:
    return [hit.trace.text.split()[0] for hit in awake.recall(cue, where=where, **options).hits]  # type: ignore[arg-type]


def test_every_ranking_finds_and_explains(told: Awake) -> None:
    recall = told.recall("Where did Ana hide the lamp?", 2)
    best = recall.hits[0]
    assert best.trace.text == FACTS[0].text
    assert best.ranks == {"dense": 1, "lexical": 1, "sparse": 1}
    assert best.score == pytest.approx(2.5 / 61)
    assert best.similarity is not None
    assert 0.0 < best.similarity <= 1.0
    assert len(recall.hits) == 2
    assert recall.cue == "Where did Ana hide the lamp?"
    assert recall.seconds > 0


def test_scores_fall_and_equal_the_formula(told: Awake) -> None:
    hits = told.recall("the kite and the clock").hits
    assert [h.score for h in hits] == sorted((h.score for h in hits), reverse=True)
    for hit in hits:
        weights = {"dense": 1.0, "lexical": 1.0, "sparse": 0.5}
        assert hit.score == pytest.approx(sum(weights[name] / (60 + r) for name, r in hit.ranks.items()))


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
