"""Procedures: told in many ways, asked for whole, by a step, or by what usually follows."""

from __future__ import annotations

import pytest

from hippo_eval.metrics import exact_match
from hippo_eval.suites import procedural
from hippo_mem.spatial import PlaceGraph
from hippo_mem.spatial.procedure_questions import answer
from hippo_mem.spatial.procedures import Procedure, read_procedure, stems
from tests.spatial.conftest import Tell

TEA = ("boil the water", "add the leaves", "pour it into a cup")


@pytest.mark.parametrize(
    "text",
    [
        "To make tea, first boil the water, then add the leaves, and finally pour it into a cup.",
        "To make tea, boil the water, then add the leaves. After that pour it into a cup.",
        "How to make tea: 1. Boil the water. 2. Add the leaves. 3. Pour it into a cup.",
        "To make tea: boil the water; add the leaves; pour it into a cup.",
        "How I make tea: boil the water -> add the leaves -> pour it into a cup",
        "Making tea takes three steps: boil the water, add the leaves and pour it into a cup.",
        "The recipe for making tea: first boil the water, next add the leaves, lastly pour it into a cup.",
        "To make tea you always do the same: first boil the water, then add the leaves, then pour it into a cup.",
        "When I make tea, I first boil the water, then I add the leaves, and in the end I pour it into a cup.",
    ],
)
def test_one_procedure_in_many_words(text: str) -> None:
    found = read_procedure(text)
    assert found is not None
    assert (stems(found.goal), found.steps) == (stems("make tea"), TEA)


@pytest.mark.parametrize(
    "text",
    [
        "First Mary went home, then she slept.",
        "To start the car, you need a key.",
        "I met Ana, Ben and Carl: all were tired.",
        "My list: apples, pears and plums.",
        "To Mary: thanks for the flowers; the cake; the wine.",
        "Is it true that first you boil it, then you eat it?",
    ],
)
def test_a_story_or_a_list_of_things_is_none(text: str) -> None:
    assert read_procedure(text) is None


KNOWN = (
    Procedure(goal="make tea", steps=TEA),
    Procedure(goal="make green tea", steps=("boil the water", "let it cool", "add the leaves")),
    Procedure(goal="wash the car", steps=("rinse the roof", "tie up the dog", "wipe the windows", "dry the hood")),
)


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("How do I make tea?", "; ".join(TEA)),
        ("Could you walk me through making some green tea?", "boil the water; let it cool; add the leaves"),
        ("What's the procedure for washing a car?", "; ".join(KNOWN[2].steps)),
        ("I boiled the water for the tea I'm making. Now I make tea how? What comes next?", "add the leaves"),
        ("When making green tea, what follows once the water has been boiled?", "let it cool"),
        ("What do I do after tying up the dog when I wash the car?", "wipe the windows"),
        ("When washing the car, what do I do just before wiping the windows?", "tie up the dog"),
        ("What is the first step in making tea?", "boil the water"),
        ("Which step comes last when washing the car?", "dry the hood"),
        ("What is step 2 of making green tea?", "let it cool"),
        ("How many steps does it take to wash the car?", "4"),
        ("I cleaned the van: rinsed the roof, tied up the dog. What usually follows?", "wipe the windows"),
    ],
)
def test_a_question_finds_its_procedure_and_its_step(question: str, wanted: str) -> None:
    found = answer(question, KNOWN)
    assert found is not None
    assert found.text == wanted


@pytest.mark.parametrize(
    "question",
    [
        "How do you make coffee?",
        "Who makes tea?",
        "What comes after boiling the water?",  # the leaves, or let it cool
        "What do I do after drying the hood when I wash the car?",
        "What is the next full moon?",
        "Where is the car?",
    ],
)
def test_what_no_procedure_answers_is_left_to_others(question: str) -> None:
    assert answer(question, KNOWN) is None


@pytest.mark.parametrize("profile", ["easy", "default", "hard"])
def test_the_suite_is_answered_from_what_was_told(tell: Tell, places: PlaceGraph, profile: str) -> None:
    suite = procedural.generate(20, 5, profile)  # type: ignore[arg-type]
    for item in suite.teach:
        assert tell(item.fact, context=item.context_key)
    for question in suite.test:
        decision = places.decide(question.prompt, context=question.context_key)
        assert decision is not None, question
        assert exact_match(decision.text, question.answer), (question, decision)
