"""What chat adds to a statement goes, what it states stays."""

from __future__ import annotations

import pytest

from hippo_mem.relational.plain_speech import plain_speech


@pytest.mark.parametrize(
    ("said", "plain"),
    [
        ("ugh, im so tired lol", "I'm so tired"),
        ("Guess what! We are moving.", "We are moving."),
        ("My flatmate Kweku is vegan, believe it or not.", "My flatmate Kweku is vegan."),
        ("It was Ruth, of all people, who helped me move.", "Ruth helped me move."),
        ("My phone's a Fairphone and Ana's in Rome.", "My phone is a Fairphone and Ana is in Rome."),
        ("She plays the drums, her name is Hilde.", "She plays the drums. Her name is Hilde."),
        ("I was wrong about my dentist: it's Dr. Moor.", "My dentist is Dr. Moor."),
        ("I got the date wrong, it's May 5.", "The date is May 5."),
        ("Our class is on Friday, not Thursday.", "Our class is not on Thursday. Our class is on Friday."),
        ("It isn't Sirius but Vega.", "It is not Sirius. It is Vega."),
        ("The reason I quit judo was a sore knee.", "I quit judo because of a sore knee."),
        ("Nothing calms me like rain.", "Rain calms me."),
    ],
)
def test_a_statement_is_put_plainly(said: str, plain: str) -> None:
    assert plain_speech(said) == plain


@pytest.mark.parametrize(
    "said",
    [
        "Dr. Wu is my doctor.", "No dogs are allowed.", "Well water is cold.", "Ana's in-laws own the boss's house.",
        "When I was ten, I was ill.", "It is true that Ana left.",
        "Do you like tea, not coffee?", "We have a new landlord now, Mr. Petrov.", "Sorry is the hardest word.",
        "İ is a letter.",  # which case-insensitive patterns take for an i
        "",
    ],
)  # fmt: skip
def test_what_is_plain_stays_as_it_is(said: str) -> None:
    assert plain_speech(said) == said
