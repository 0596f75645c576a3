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


@pytest.mark.parametrize(
    ("told", "question"),
    [
        ("I have a brother.", "Who is my boyfriend?"),
        ("I always sit by the window on planes.", "What is my address?"),
        ("My sister has a wedding in Bruges to go to.", "Which hairdresser does my sister have?"),
        ("My phone is a nuisance.", "Whose phone do I have?"),
    ],
)
def test_a_loose_relation_does_not_stand_for_the_noun_asked_for(awake: Awake, told: str, question: str) -> None:
    awake.observe(told)
    assert awake.decide(question) is None


@pytest.mark.parametrize(
    ("told", "question", "wanted", "others"),
    [
        (("My accountant is Mr. Falk.", "I was wrong about my accountant: it's Ms. Brandt."), "Who is my accountant?",
         "Ms. Brandt", ("Mr. Falk",)),
        (("I drink two coffees a day.", "I no longer drink coffee, now I drink matcha."), "What do I drink now?",
         "matcha", ()),
        (("I'm married to Joaquim.", "My husband works at night."), "Who am I married to?", "Joaquim", ()),
    ],
)  # fmt: skip
def test_what_is_put_right_is_answered_as_it_is_now(
    awake: Awake, told: tuple[str, ...], question: str, wanted: str, others: tuple[str, ...]
) -> None:
    for sentence in told:
        awake.observe(sentence)
    decision = awake.decide(question)
    assert decision is not None
    assert (decision.text, decision.others) == (wanted, others)
