"""Sentences to statements: what is said in many wordings, and what is not said at all."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hippo_mem.spatial.reading import read_statements
from hippo_mem.spatial.vocabulary import RELATIONS, inverse, move_of, relation_of


def said(text: str) -> list[tuple[str, str, str]]:
    return [(s.subject, s.relation, s.object) for s in read_statements(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The kitchen is north of the hallway.", [("kitchen", "north", "hallway")]),
        ("To the north of the hallway is the kitchen.", [("kitchen", "north", "hallway")]),
        ("The kitchen lies to the north of the hallway.", [("kitchen", "north", "hallway")]),
        ("North of the hallway there is a kitchen.", [("kitchen", "north", "hallway")]),
        ("There is a kitchen north of the hallway.", [("kitchen", "north", "hallway")]),
        ("The hallway has a kitchen to the north.", [("kitchen", "north", "hallway")]),
        ("From the hallway, the kitchen is to the north.", [("kitchen", "north", "hallway")]),
        ("From the office I go east to the garden.", [("garden", "east", "office")]),
        ("If you go east from the office you get to the garden.", [("garden", "east", "office")]),
        ("Heading east from the office takes you to the garden.", [("garden", "east", "office")]),
        ("To get from the hall to the tower, go up.", [("tower", "above", "hall")]),
        ("Mary went east from the office to the garden.", [("garden", "east", "office")]),
        ("The triangle is above the pink rectangle.", [("triangle", "above", "pink rectangle")]),
        ("The blue square is to the left of the triangle.", [("blue square", "left", "triangle")]),
        ("The book is under the lamp.", [("book", "below", "lamp")]),
        ("The cup is on top of the shelf.", [("cup", "above", "shelf")]),
        ("A is to the left of B.", [("A", "left", "B")]),
        ("Berlin is north of Munich.", [("Berlin", "north", "Munich")]),
        ("The park is north-east of the museum.", [("park", "northeast", "museum")]),
        ("The red ball is to the upper left of the cube.", [("red ball", "above_left", "cube")]),
        ("The garden is next to the garage.", [("garden", "adjacent", "garage")]),
        ("The kitchen and the bathroom are connected.", [("kitchen", "adjacent", "bathroom")]),
        ("There is a door between the kitchen and the garden.", [("kitchen", "adjacent", "garden")]),
        ("The lab connects to the hall.", [("hall", "adjacent", "lab")]),
        ("The old mill is located outside the village.", [("old mill", "near", "village")]),
        ("The kitchen is in the house.", [("kitchen", "inside", "house")]),
        (
            "The kitchen and the pantry are north of the hallway.",
            [("kitchen", "north", "hallway"), ("pantry", "north", "hallway")],
        ),
        (
            "The kitchen is north of the hall and west of the garden.",
            [("kitchen", "north", "hall"), ("kitchen", "west", "garden")],
        ),
        (
            "The kitchen is north of the hall and the garden is east of the kitchen.",
            [("kitchen", "north", "hall"), ("garden", "east", "kitchen")],
        ),
        ("The garden is north of the pool. It is east of the shed.",
         [("garden", "north", "pool"), ("garden", "east", "shed")]),
        ("I start in the office. I go east to the garden. Then I walk north to the shed.",
         [("garden", "east", "office"), ("shed", "north", "garden")]),
        ("I think that the museum is south of the river, which is wide.", [("museum", "south", "river")]),
    ],
)  # fmt: skip
def test_what_is_said(text: str, expected: list[tuple[str, str, str]]) -> None:
    assert said(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Mary went to the kitchen.",
        "I moved from the office to the garden.",
        "John left the kitchen and went to the garden.",
        "He is above suspicion.",
        "She is over him.",
        "Safety is above profit.",
        "The temperature is below the average.",
        "Sales are above expectations.",
        "The project is right on track.",
        "It is under construction.",
        "Mary is in the kitchen.",
        "The milk is in the fridge.",
        "Bob sat next to Alice.",
        "I left the keys on top of the fridge.",
        "My brother lives south of Paris.",
        "This leads to problems.",
        "Is the kitchen north of the hallway?",
        "The kitchen is not north of the hallway.",
        "The kitchen might be north of the hallway.",
        "I wish the kitchen was north of the hallway.",
        "Turn left.",
        "Ice cream is at the top of my list.",
        "",
    ],
)
def test_what_is_no_map_is_not_read_as_one(text: str) -> None:
    assert said(text) == []


def test_distances_are_counted_in_steps_or_meters() -> None:
    (blocks,) = read_statements("The library is two blocks east of the station.")
    (meters,) = read_statements("The library is 1.5 km east of the station.")
    assert (blocks.distance, meters.distance) == (2.0, 1500.0)


def test_a_closed_door_is_read_and_an_open_one() -> None:
    (closed,) = read_statements("The door between the kitchen and the garden is locked.")
    (opened,) = read_statements("The way from the kitchen to the garden is open again.")
    assert (closed.passable, opened.passable) == (False, True)
    assert closed.text == "the way from kitchen to garden is closed"


def test_the_vocabulary_is_closed_under_inverses() -> None:
    for relation in RELATIONS.values():
        assert inverse(inverse(relation.name)) == relation.name
        if relation.vector:
            assert RELATIONS[relation.inverse].vector == (-relation.vector[0], -relation.vector[1])
    assert relation_of("to the left of") == RELATIONS["left"]
    assert relation_of("in front of the") is None
    assert move_of("U") == RELATIONS["above"]
    assert move_of("dance") is None


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_read(text: str) -> None:
    for statement in read_statements(text):
        assert statement.subject
        assert statement.object
        assert statement.relation in RELATIONS


_NAMES = st.sampled_from(["kitchen", "red box", "guest room", "hall 2", "old tower"])
_PLAIN = st.sampled_from(sorted(set(RELATIONS) - {"inside", "contains"}))


@settings(deadline=None)
@given(_NAMES, _NAMES, _PLAIN)
def test_what_the_map_says_it_reads_again(a: str, b: str, relation: str) -> None:
    from hippo_mem.spatial.vocabulary import wording

    text = f"The {a} is {wording(RELATIONS[relation])} the {b}."
    assert said(text) == [(a, relation, b)]
