"""Tellings over time: superseded, accumulated, denied, late, forgotten; hubs; contexts; misfits; recall."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hippo_mem.errors import InputError, StoreError
from hippo_mem.relational.graph import KnowledgeGraph
from hippo_mem.relational.schema import SchemaIndex
from hippo_mem.relational.tuples import Tuple
from hippo_mem.storage.database import Database
from hippo_mem.storage.origins import delete_by
from hippo_mem.types import Event, Fact, Provenance, Where


class BarExtractor:
    """Reads "head | relation | tail" lines; a leading "not" denies."""

    def extract(self, text: str) -> list[Tuple]:
        found = []
        for line in text.split(";"):
            head, relation, tail = (part.strip() for part in line.split("|"))
            negated = relation.startswith("not ")
            found.append(
                Tuple(head=head.removeprefix("the "), relation=relation.removeprefix("not "), tail=tail,
                      negated=negated, span=text, pattern="holding" if "has" in relation else "svo",
                      head_kind="person" if head[:1].isupper() else "user" if head == "user" else "thing")
            )  # fmt: skip
        return found

    def extract_many(self, texts: Iterable[str]) -> list[list[Tuple]]:
        return [self.extract(t) for t in texts]


@pytest.fixture
def graph(tmp_path: Path) -> Iterator[KnowledgeGraph]:
    database = Database(tmp_path / "graph.sqlite")
    yield KnowledgeGraph(database, BarExtractor())
    database.close()


def say(
    graph: KnowledgeGraph,
    text: str,
    at: float | None = None,
    *,
    context: str | None = None,
    now: float = 1e6,
    source: str = "user",
) -> list[str]:
    event = Event(text=text, time=at, context=context, source=source)
    (tuples,) = graph.prepare([event])
    outcomes = graph.observe(event, tuples, None, now)
    assert all(o.kind == "routed" and o.memory == "relational" and o.text == text for o in outcomes)
    return [o.reason for o in outcomes]


def tails(facts: Iterable[Fact]) -> list[str]:
    return [f.tail for f in facts]


def test_a_functional_relation_is_superseded_and_its_past_can_be_read(graph: KnowledgeGraph) -> None:
    say(graph, "Ana | lives_in | Oslo", 10)
    assert say(graph, "Ana | lives_in | Bergen", 20) == ["Ana -> lives in -> Bergen (replaces Ana Oslo)"]
    assert tails(graph.facts(head="ana", relation="lives_in")) == ["Bergen"]
    assert tails(graph.facts(head="Ana", as_of=15)) == ["Oslo"]
    assert graph.facts(head="Ana", as_of=5) == []
    oslo = graph.facts(tail="Oslo", history=True)[0]
    assert (oslo.valid_from, oslo.valid_to) == (10, 20)
    assert oslo.superseded_by == graph.facts(tail="Bergen")[0].id


def test_a_relation_of_many_accumulates(graph: KnowledgeGraph) -> None:
    for thing in ("tea", "jazz", "rain"):
        say(graph, f"Ana | likes | {thing}")
    assert sorted(tails(graph.facts(head="Ana"))) == ["jazz", "rain", "tea"]


def test_two_values_told_in_one_breath_both_stand(graph: KnowledgeGraph) -> None:
    say(graph, "Ana | lives_in | Rome", 1)
    say(graph, "Ana | lives_in | Oslo; Ana | lives_in | Bergen", 2)
    assert sorted(tails(graph.facts(head="Ana"))) == ["Bergen", "Oslo"]


def test_telling_again_counts_and_grows_surer(graph: KnowledgeGraph) -> None:
    for i in range(3):
        graph.upsert(
            [Tuple(head="Ana", relation="likes", tail="tea", conf=0.5, span=f"telling {i}")],
            provenance=Provenance(text_span="x", source=f"friend{i}", time=float(i)),
            now=1.0,
        )
    (fact,) = graph.facts()
    assert (fact.mention_count, fact.conf) == (3, pytest.approx(1 - 0.5**3))
    assert [p.source for p in fact.provenance] == ["friend0", "friend1", "friend2"]
    assert [p.text_span for p in fact.provenance] == ["telling 0", "telling 1", "telling 2"]


def test_a_denial_closes_what_it_denies_and_stays(graph: KnowledgeGraph) -> None:
    say(graph, "Bo | likes | jazz", 1)
    say(graph, "Bo | likes | tea", 1)
    assert say(graph, "Bo | not likes | jazz", 2) == ["Bo -> not likes -> jazz (denies Bo jazz)"]
    assert [(f.tail, f.negated) for f in graph.facts(head="Bo")] == [("jazz", True), ("tea", False)]
    say(graph, "Bo | likes | jazz", 3)
    assert [(f.tail, f.negated) for f in graph.facts(head="Bo")] == [("jazz", False), ("tea", False)]


def test_to_dislike_is_to_like_no_more(graph: KnowledgeGraph) -> None:
    say(graph, "Bo | likes | jazz", 1)
    say(graph, "Bo | dislikes | jazz", 2)
    assert [f.relation for f in graph.facts()] == ["dislikes"]


def test_a_thing_has_one_holder(graph: KnowledgeGraph) -> None:
    say(graph, "Mary | has | ball", 1)
    say(graph, "John | has | ball", 2)
    assert [f.head for f in graph.facts(relation="has")] == ["John"]


def test_many_people_have_a_dog(graph: KnowledgeGraph) -> None:
    for who in ("Mary", "John"):
        t = Tuple(head=who, relation="has", tail="dog", span=f"{who} has a dog", pattern="svo")
        graph.upsert([t], provenance=Provenance(text_span="", source="user", time=1.0), now=1.0)
    assert len(graph.facts(relation="has")) == 2


def test_what_is_told_late_is_kept_as_the_past(graph: KnowledgeGraph) -> None:
    say(graph, "Ana | lives_in | Oslo", 10)
    say(graph, "Ana | lives_in | Bergen", 30)
    (reason,) = say(graph, "Ana | lives_in | Rome", 20)
    assert "older than what is known" in reason
    assert tails(graph.facts(head="Ana")) == ["Bergen"]
    assert [tails(graph.facts(head="Ana", as_of=t)) for t in (10, 20, 29, 30)] == [["Oslo"], ["Rome"], ["Rome"],
                                                                                   ["Bergen"]]  # fmt: skip


def test_a_clock_that_runs_backwards_does_not_bring_the_old_back(graph: KnowledgeGraph) -> None:
    say(graph, "Ana | lives_in | Oslo", now=5000.0)
    say(graph, "Ana | lives_in | Bergen", now=100.0)
    assert tails(graph.facts(head="Ana")) == ["Bergen"]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(list(range(6))))
def test_the_order_of_arrival_changes_no_truth(tmp_path: Path, order: list[int]) -> None:
    file = tmp_path / "order.sqlite"
    for suffix in ("", "-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
    graph = KnowledgeGraph(Database(file), BarExtractor())
    for i in order:
        say(graph, f"Ana | lives_in | town{i}", float(i))
    assert tails(graph.facts()) == ["town5"]
    assert [tails(graph.facts(as_of=i + 0.5)) for i in range(6)] == [[f"town{i}"] for i in range(6)]
    graph._database.close()


def test_supersession_has_no_cycle(graph: KnowledgeGraph) -> None:
    say(graph, "Ana | lives_in | Oslo", 1)
    say(graph, "Ana | lives_in | Bergen", 2)
    new, old = graph.facts(history=True)
    with pytest.raises(StoreError, match="cycle in supersession"), graph._database.write() as connection:
        connection.execute("UPDATE facts SET superseded_by = ? WHERE id = ?", (old.id, new.id))
    with pytest.raises(StoreError, match="cycle"), graph._database.write() as connection:
        connection.execute("UPDATE facts SET superseded_by = id WHERE id = ?", (new.id,))
    assert tails(graph.facts()) == ["Bergen"]


def test_what_a_deleted_fact_closed_holds_again(graph: KnowledgeGraph) -> None:
    say(graph, "Ana | lives_in | Oslo", 1)
    say(graph, "Ana | lives_in | Bergen", 2)
    graph.delete(graph.facts(head="Ana")[0].id)
    assert tails(graph.facts(head="Ana")) == ["Oslo"]
    assert graph.counts()["entities"] == 2
    with pytest.raises(InputError, match="no fact 99"):
        graph.delete(99)


def test_forgetting_a_source_takes_its_facts_and_its_names(graph: KnowledgeGraph) -> None:
    say(graph, "Ana | name | Nana", 1, source="diary")
    say(graph, "Ana | likes | tea", 1)
    say(graph, "Nana | likes | rain", 2)
    assert {h.fact.tail for h in graph.retrieve("What does Nana like?")} >= {"tea", "rain"}
    with graph._database.write() as connection:
        delete_by(connection, source="diary")
    assert {h.fact.tail for h in graph.retrieve("Nana")} == {"rain"}


def test_contexts_never_mix(graph: KnowledgeGraph) -> None:
    say(graph, "Carol | located_at | park", 1, context="one")
    say(graph, "Carol | located_at | bank", 2, context="two")
    assert tails(graph.facts(head="Carol")) == ["bank", "park"]
    assert [h.fact.tail for h in graph.retrieve("Carol", where=Where(context_key="one"))] == ["park"]
    assert set(graph.view("two").nodes) == {"Carol", "bank"}


def test_nothing_is_said_of_itself(graph: KnowledgeGraph) -> None:
    assert say(graph, "the hall | north_of | hall; ... | likes | tea") == []
    assert graph.counts()["facts"] == 0


def test_a_hub_and_a_crowd_stay_quick(graph: KnowledgeGraph) -> None:
    many = 10_000
    tuples = [Tuple(head="Hub", relation="likes", tail=f"thing {i}", span=str(i)) for i in range(many)]
    tuples += [Tuple(head=f"Fan {i}", relation="has", tail="coin", span=f"a coin {i}") for i in range(many)]
    started = time.process_time()
    graph.upsert(tuples, provenance=Provenance(text_span="", source="user", time=1.0), now=1.0)
    assert time.process_time() - started < 60  # 3 s on the reference machine
    started = time.process_time()
    for i in range(20):
        say(graph, f"Hub | likes | new {i}", 2.0 + i)
        say(graph, f"Hub | located_at | town {i}", 2.0 + i)
    assert (time.process_time() - started) / 40 < 0.2
    graph.retrieve("Hub")
    started = time.process_time()
    hits = graph.retrieve("what does Hub like", 8)
    assert time.process_time() - started < 1.0
    assert len(hits) == 8
    assert {h.fact.relation for h in hits} == {"likes"}
    assert tails(graph.facts(head="Hub", relation="located_at")) == ["town 19"]


def test_a_long_past_in_one_context_stays_quick(graph: KnowledgeGraph) -> None:
    moves = [Tuple(head="Ana", relation="located_at", tail=f"room {i}", span=str(i)) for i in range(2000)]
    spent = []
    for i, move in enumerate(moves):
        started = time.process_time()
        graph.upsert([move], provenance=Provenance(text_span="", source="user", time=float(i)), now=float(i))
        spent.append(time.process_time() - started)
    assert sum(spent[-300:]) < 5 * sum(spent[200:500]) + 0.5
    assert tails(graph.facts(head="Ana")) == ["room 1999"]


def test_retrieval_walks_more_than_one_step_and_names_its_path(graph: KnowledgeGraph) -> None:
    say(graph, "Ana | works_at | Nordhus")
    say(graph, "Nordhus | located_at | Lisbon")
    say(graph, "Bo | works_at | Vendo")
    hits = graph.retrieve("Tell me about Ana", 5)
    assert [h.fact.tail for h in hits] == ["Nordhus", "Lisbon"]
    assert hits[1].path == ("Ana -> works at -> Nordhus", "Nordhus -> located at -> Lisbon")
    assert hits[0].score > hits[1].score


def test_retrieval_filters_before_it_ranks(graph: KnowledgeGraph) -> None:
    for i in range(30):
        say(graph, f"Ana | likes | thing{i}", float(i), source="chat")
    say(graph, "Ana | likes | tea", 50.0, source="diary")
    assert [h.fact.tail for h in graph.retrieve("Ana", 3, where=Where(source="diary"))] == ["tea"]
    assert [h.fact.tail for h in graph.retrieve("Ana", 9, where=Where(since=28.5, until=40))] == ["thing29"]
    assert graph.retrieve("Ana", where=Where(tag="none")) == []
    assert graph.retrieve("nobody of that name") == []
    with pytest.raises(InputError, match="k must be at least 1"):
        graph.retrieve("Ana", 0)


def test_retrieval_follows_what_is_closed_and_reads_the_past(graph: KnowledgeGraph) -> None:
    say(graph, "Ana | lives_in | Oslo", 10)
    assert [h.fact.tail for h in graph.retrieve("Ana")] == ["Oslo"]
    say(graph, "Ana | lives_in | Bergen", 20)
    assert [h.fact.tail for h in graph.retrieve("Ana")] == ["Bergen"]
    assert [h.fact.tail for h in graph.retrieve("Ana", as_of=15)] == ["Oslo"]


def test_another_process_sees_the_change(tmp_path: Path) -> None:
    one, two = (KnowledgeGraph(Database(tmp_path / "shared.sqlite"), BarExtractor()) for _ in range(2))
    say(one, "Ana | lives_in | Oslo", 1)
    assert [h.fact.tail for h in two.retrieve("Ana")] == ["Oslo"]
    say(one, "Ana | lives_in | Bergen", 2)
    assert [h.fact.tail for h in two.retrieve("Ana")] == ["Bergen"]
    one.delete(one.facts()[0].id)
    assert [h.fact.tail for h in two.retrieve("Ana")] == ["Oslo"]
    for graph in (one, two):
        graph._database.close()


def test_the_view_is_a_graph_of_what_holds(graph: KnowledgeGraph) -> None:
    say(graph, "Ana | lives_in | Oslo", 1)
    say(graph, "Ana | lives_in | Bergen", 2)
    view = graph.view()
    assert [(h, t, d["relation"]) for h, t, d in view.edges(data=True)] == [("Ana", "Bergen", "lives_in")]
    assert list(graph.view(as_of=1.5).edges) == [("Ana", "Oslo", 1)]


def test_a_failed_transaction_leaves_nothing(graph: KnowledgeGraph) -> None:
    with pytest.raises(StoreError), graph._database.write() as connection:  # noqa: PT012
        say(graph, "Ana | lives_in | Oslo", 1)
        connection.execute("SELECT ?", ())
    assert graph.counts()["entities"] == 0


def test_a_misfit_waits_until_its_form_recurs(tmp_path: Path) -> None:
    database = Database(tmp_path / "schema.sqlite")
    graph = KnowledgeGraph(database, BarExtractor(), schema=SchemaIndex.load("default"))
    (fits,) = say(graph, "Ana | lives_in | Oslo", 1)
    assert fits == "Ana -> lives in -> Oslo (schema dwelling)"
    (waits,) = say(graph, "moon | erases | tide", 1)
    assert waits == "moon -> erases -> tide: fits no schema, waits for its form to recur"
    assert say(graph, "moon | erases | tide", 2) == [waits]  # the same words again are no second telling
    assert graph.facts(relation="erases") == []
    entered = say(graph, "wind | erases | sand", 3)
    assert len(entered) == 3
    assert sorted(f.tail for f in graph.facts(relation="erases")) == ["sand", "tide"]
    (known,) = graph.facts(relation="erases", tail="tide")
    assert (known.mention_count, known.valid_from) == (2, 1.0)
    assert say(graph, "rain | erases | dust", 4) == ["rain -> erases -> dust (schema learned:thing|erases|thing)"]
    other = KnowledgeGraph(database, BarExtractor(), schema=SchemaIndex.load("default"))
    assert say(other, "frost | erases | leaf", 5) == ["frost -> erases -> leaf (schema learned:thing|erases|thing)"]
    assert graph.counts()["misfits"] == 0
    database.close()


def test_without_schemas_everything_enters(graph: KnowledgeGraph) -> None:
    say(graph, "moon | erases | tide")
    assert graph.counts() == {"entities": 2, "facts": 1, "superseded": 0, "negated": 0, "misfits": 0, "schemas": 0}
