"""What names somebody, and what only looks as if it did."""

from __future__ import annotations

import pytest

from hippo_mem.awake import Awake


@pytest.mark.parametrize(
    "text",
    ["I am left-handed.", "On Sundays I call my father.", "We named our daughter Marguerite.", "I was elected mayor."],
)
def test_these_do_not_rename_the_teller(awake: Awake, text: str) -> None:
    awake.observe("My name is Rosalie Brandt.")
    awake.observe(text)
    decision = awake.decide("What is my name?")
    assert decision is not None
    assert decision.text == "Rosalie Brandt"


def test_these_do_name(awake: Awake) -> None:
    awake.observe("My cat is called Biscuit.")
    awake.observe("We named our daughter Marguerite.")
    for question, wanted in (("What is my cat's name?", "Biscuit"), ("What is my daughter's name?", "Marguerite")):
        decision = awake.decide(question)
        assert decision is not None
        assert decision.text == wanted


@pytest.mark.parametrize(
    ("told", "question"),
    [
        ("My biggest fear is deep water.", "What is my biggest fear?"),
        ("My working hours are ten to six.", "What are my working hours?"),
        ("My best friend is called Priya.", "Who is my best friend?"),
    ],
)
def test_an_answer_that_only_repeats_the_question_is_none(awake: Awake, told: str, question: str) -> None:
    awake.observe(told)
    decision = awake.decide(question)
    assert decision is None or decision.text.casefold() not in question.casefold().replace("my ", "your ")


@pytest.mark.parametrize(
    ("told", "question", "wanted"),
    [
        ("I grew up in a village called Oberwald.", "Where did I grow up?", "Oberwald"),
        ("I work for a company called Nordlicht Optics.", "Which company do I work for?", "Nordlicht Optics"),
        ("My roommate at college was a guy named Desmond.", "What was my roommate at college called?", "Desmond"),
        ("My first pet was a hamster named Caesar.", "What was my first pet called?", "Caesar"),
    ],
)
def test_what_is_called_something_is_known_by_its_name(awake: Awake, told: str, question: str, wanted: str) -> None:
    awake.observe(told)
    decision = awake.decide(question)
    assert decision is not None
    assert decision.text == wanted
