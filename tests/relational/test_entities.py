"""Names: which are one, which are not, and that nothing is merged on a first name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo_mem.relational.entities import Sameness, by_key, entity_key, find, is_definite, resolve
from hippo_mem.relational.graph import KnowledgeGraph
from hippo_mem.storage.database import Database
from tests.relational.test_graph import BarExtractor, say


@pytest.fixture
def graph(tmp_path: Path) -> Iterator[KnowledgeGraph]:
    database = Database(tmp_path / "graph.sqlite")
    yield KnowledgeGraph(database, BarExtractor())
    database.close()


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("The Kitchen", "kitchen"),
        ("a kitchen.", "kitchen"),
        ("I", "user"),
        ("myself", "user"),
        ("my car", "user's car"),
        ("our car", "user's car"),
        ("Tom\u2019s sister", "tom's sister"),
        ("the sister of Tom", "tom's sister"),
        ("the sister of my boss", "user's boss's sister"),
        ("my mom", "user's mother"),
        ("James' car", "james's car"),
        ("Ana  Ruiz", "ana ruiz"),
        ("a cup of tea", "cup of tea"),
        ("...", ""),
        ("", ""),
        ("The", "the"),
    ],
)
def test_a_name_has_one_key(name: str, key: str) -> None:
    assert entity_key(name) == key


@given(st.text(max_size=60))
def test_a_key_is_its_own_key(name: str) -> None:
    key = entity_key(name)
    assert entity_key(key) == entity_key(entity_key(key))


def test_definite_is_what_picks_out_one() -> None:
    assert all(is_definite(n) for n in ("the ball", "my ball", "Tom's ball", "Rex"))
    assert not any(is_definite(n) for n in ("a ball", "ball", "A dog", "some water"))


def test_a_first_name_is_not_the_full_name(graph: KnowledgeGraph) -> None:
    say(graph, "Ana Ruiz | lives_in | Oslo")
    say(graph, "Ana | lives_in | Bergen")
    assert len(graph.facts(relation="lives_in")) == 2
    with graph._database.read() as connection:
        same = Sameness(connection, None, everywhere=True)
        assert len(same.of_name("Ana")) == len(same.of_name("Ana Ruiz")) == 1
        assert same.of_name("Ana") != same.of_name("Ana Ruiz")


def test_an_alias_that_was_told_is_the_same_entity(graph: KnowledgeGraph) -> None:
    say(graph, "Robert Lang | nickname | Bob", 1)
    say(graph, "Robert Lang | lives_in | Oslo", 2)
    say(graph, "Bob | lives_in | Bergen", 3)
    assert [f.tail for f in graph.facts(relation="lives_in")] == ["Bergen"]
    say(graph, "Robert Lang | not nickname | Bob", 4)
    with graph._database.read() as connection:
        assert len(Sameness(connection, None).of_name("Bob")) == 1


def test_a_name_that_two_bear_is_neither(graph: KnowledgeGraph) -> None:
    say(graph, "user's dog | name | Rex")
    say(graph, "Tom's dog | name | Rex")
    with graph._database.read() as connection:
        same = Sameness(connection, None)
        assert len(same.of_name("Tom's dog") & same.of_name("user's dog")) == 0


def test_a_description_fits_only_where_it_fits_one(graph: KnowledgeGraph) -> None:
    say(graph, "Eva | sister_of | Tom")
    with graph._database.read() as connection:
        eva = by_key(connection, "eva")
        assert eva is not None
        assert Sameness(connection, None).of_name("Tom's sister") == {eva.id}
        assert Sameness(connection, "another session").of_name("Tom's sister") == set()
    say(graph, "Ida | sister_of | Tom")
    with graph._database.read() as connection:
        assert Sameness(connection, None).of_name("Tom's sister") == set()


def test_two_named_sisters_stay_two(graph: KnowledgeGraph) -> None:
    for name in ("Eva", "Ida"):
        say(graph, f"{name} | sister_of | Tom; Tom's sister | name | {name}")
    with graph._database.read() as connection:
        same = Sameness(connection, None)
        assert not same.of_name("Eva") & same.of_name("Ida")


def test_a_description_that_leads_to_itself_ends(graph: KnowledgeGraph) -> None:
    say(graph, "Ana's friend | friend_of | Ana; Ana | friend_of | Ana's friend")
    with graph._database.read() as connection:
        assert len(Sameness(connection, None).of_name("Ana's friend")) >= 1


def test_a_vaguer_kind_gives_way(graph: KnowledgeGraph) -> None:
    with graph._database.write() as connection:
        first = resolve(connection, "Nordhus", "thing", 1.0)
        assert resolve(connection, "the nordhus", "place", 2.0) == first
        entity = find(connection, "Nordhus")
        assert entity is not None
        assert (entity.kind, entity.name) == ("place", "Nordhus")
        with pytest.raises(ValueError, match="names nothing"):
            resolve(connection, "...", "thing", 1.0)


def test_a_village_of_friends_is_not_one_person(graph: KnowledgeGraph) -> None:
    for i in range(400):
        say(graph, f"P{i + 1} | friend_of | P{i}; P{i}'s friend | name | P{i + 1}")
    with graph._database.read() as connection:
        same = Sameness(connection, None)
        assert all(len(same.of_name(f"P{i}")) <= 2 for i in range(400))
        assert same.of_name("P0's friend") == same.of_name("P1")
