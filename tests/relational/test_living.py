"""Where somebody lives may be asked for in many words; what is not such a question is left as it is."""

from __future__ import annotations

import pytest

from hippo_mem.awake import Awake
from hippo_mem.relational.living import asked_plainly


@pytest.mark.parametrize(
    ("question", "plainly"),
    [
        ("Where is Ana's home?", "Where does Ana live?"),
        ("In which town is my home?", "Where do I live?"),
        ("Which city is our home located in?", "Where do we live?"),
        ("I want to write to Ana Ruiz; which town do I put on the envelope?", "Where does Ana Ruiz live?"),
        ("Which town do I put on a letter to Ana?", "Where does Ana live?"),
        ("Where do I send Ana's parcel?", "Where does Ana live?"),
        ("Where should I post the card for my sister?", "Where does my sister live?"),
        ("To which city must I send my aunt's present?", "Where does my aunt live?"),
        ("If I write to my aunt Rosa, which village do I put on the card?", "Where does my aunt Rosa live?"),
        ("Where was Ana's home?", ""),
        ("Where is Ana's phone?", ""),
        ("Where do I write my notes?", ""),
        ("Where do I send the parcel?", ""),
        ("Which town do I like?", ""),
        ("", ""),
    ],
)
def test_it_is_put_plainly(question: str, plainly: str) -> None:
    assert asked_plainly(question) == plainly


def test_the_letter_goes_where_she_lives_now(awake: Awake) -> None:
    awake.observe("Ana Ruiz lives in Cork.")
    awake.observe("Ana Ruiz has moved to Bath.")
    decision = awake.decide("I want to write to Ana Ruiz; which town do I put on the envelope?")
    assert decision is not None
    assert decision.text == "Bath"
