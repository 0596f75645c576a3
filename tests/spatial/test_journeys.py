"""Journeys: who went where, and what came after or before."""

from __future__ import annotations

import pytest

from hippo_mem.awake import Awake
from hippo_mem.spatial.journeys import Leg, asked_of, legs_of, place_of, ways_of


@pytest.mark.parametrize(
    ("text", "leg"),
    [
        ("Roderick went from the inn to the bridge.", Leg(who="Roderick", start="inn", to="bridge")),
        ("From the old mill, Ana Pike walked to the harbor.", Leg(who="Ana Pike", start="old mill", to="harbor")),
        ("Ana left the bakery and went on to the castle.", Leg(who="Ana", start="bakery", to="castle")),
        ("Later I drove to Lund with my sister.", Leg(who="I", start="", to="Lund")),
        ("Tom visited the museum on Monday.", Leg(who="Tom", start="", to="museum")),
    ],
)
def test_a_move_is_read(text: str, leg: Leg) -> None:
    assert legs_of(text) == [leg]


@pytest.mark.parametrize(
    "text",
    ["Did Ana go to the mill?", "Ana never went to the mill.", "Before going to the mill Ana went to the inn.",
     "Ana repaired the compass at the mill."],
)  # fmt: skip
def test_what_tells_no_way_is_passed_over(text: str) -> None:
    assert legs_of(text) == []


WAYS = ways_of(
    ["Ana went from the inn to the bridge.", "Tom went to the inn.", "Ana left the bridge and went to the mill.",
     "Ana went to the inn.", "From the inn, Ana ran to the chapel."]
)  # fmt: skip


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("Where did Ana go after the bridge?", "mill"),
        ("Where did Ana go from the inn?", "chapel"),
        ("Where was Ana before the mill?", "bridge"),
        ("From where did Ana come to the chapel?", "inn"),
        ("Which place did Ana visit just before the mill?", "bridge"),
        ("Ana left the bridge. Where to?", "mill"),
    ],
)
def test_a_way_answers(question: str, wanted: str) -> None:
    asked = asked_of(question, WAYS)
    assert asked is not None
    assert place_of(asked, WAYS[asked.who]) == wanted


@pytest.mark.parametrize(
    "question",
    ["Where did Tom go after the inn?", "Where did Eva go after the inn?", "Where is Ana?", "Who went to the mill?",
     "Where did Ana go after the opera?"],
)  # fmt: skip
def test_what_the_way_does_not_tell_is_not_answered(question: str) -> None:
    asked = asked_of(question, WAYS)
    assert asked is None or place_of(asked, WAYS[asked.who]) is None


def test_a_memory_answers_from_its_episodes_in_their_context(awake: Awake) -> None:
    for context, goal in (("a", "mill"), ("b", "castle")):
        awake.observe("Ana went from the inn to the bridge.", context=context)
        awake.observe(f"Ana left the bridge and went to the {goal}.", context=context)
    for context, goal in (("a", "mill"), ("b", "castle")):
        decision = awake.decide("Where did Ana go after the bridge?", context=context)
        assert decision is not None
        assert decision.text == goal
        assert len(decision.trace_ids) == 2
