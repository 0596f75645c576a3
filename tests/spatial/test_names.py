"""Which names of places mean the same one, and that nobody's home is taken for another's."""

from __future__ import annotations

import pytest

from hippo_mem.awake import Awake
from hippo_mem.spatial.names import key_of, same_spelling


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("the theatre", "the theater"), ("living room", "livingroom"), ("the harbour wall", "the harbor wall"),
        ("St. Mary's church", "St Marys church"), ("The old libary", "the old library"),
    ],
)  # fmt: skip
def test_one_name_spelled_twice(a: str, b: str) -> None:
    assert same_spelling(key_of(a), key_of(b))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Kirsten Pemberton's home", "Kirsten Ulverston's home"), ("Ana's home", "Anna's home"),
        ("Marta's kitchen", "Maria's kitchen"), ("the red room", "the rod room"), ("room 3", "room 8"),
        ("the upper deck", "the lower deck"), ("Pemberton town hall", "Ulverston town hall"),
    ],
)  # fmt: skip
def test_what_tells_places_apart_tells_them_apart(a: str, b: str) -> None:
    assert not same_spelling(key_of(a), key_of(b))


def test_nobody_is_at_home_where_somebody_else_is(awake: Awake) -> None:
    awake.observe("Kirsten Pemberton's home is in Graz.")
    asked = "Which town is Kirsten Ulverston's home in?"
    assert awake.decide(asked) is None
    awake.observe("Kirsten Ulverston's home is in Lorne.")
    found = [awake.decide(q) for q in (asked, "Which town is Kirsten Pemberton's home in?")]
    assert [d.text for d in found if d is not None] == ["Lorne", "Graz"]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("Which town is Ismael Oakes's home in?", "Tartu"), ("Where is Ismael Oakes's home now?", "Tartu"),
        ("In which city is my home?", "Tartu"), ("Where is my home?", "Tartu"), ("Where is my office?", "Split"),
    ],
)  # fmt: skip
def test_a_home_is_where_its_owner_has_moved_to(awake: Awake, asked: str, told: str) -> None:
    for text in (
        "Ismael Oakes's home is in Split.", "Ismael Oakes has moved to Tartu.", "My home is in Split.",
        "I moved to Tartu last week.", "My office is in Split.",
    ):  # fmt: skip
        awake.observe(text)
    decision = awake.decide(asked)
    assert decision is not None
    assert decision.text == told


def test_where_a_home_was_is_not_where_it_is(awake: Awake) -> None:
    awake.observe("My home is in Split.")
    awake.observe("I moved to Tartu last week.")
    decision = awake.decide("Where was my home before?")
    assert decision is None or decision.text != "Tartu"


def test_no_map_and_no_graph_decides_a_question_longer_than_questions_are(awake: Awake) -> None:
    awake.observe("My home is in Split.")
    assert awake.decide("Where is " + "Ana " * 20_000 + "home?") is None
