"""A code, a number that is called and a date in digits are told whole, or not at all."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo_mem.awake import Awake
from hippo_mem.relational.whole_values import values

SAID = (
    "555-1234", "1990-05-01", "12/05/1990", "+1 415-555-0132", "+49 30 123456", "12*34", "A4-B6", "LH-2031",
    "DE89 3704 0044 0532 0130 00", "v2.0.1", "https://a.b/c?d=1", "XK-42/7", "192.168.0.1", "3-1", "1+1",
)  # fmt: skip


@pytest.mark.parametrize("value", SAID)
def test_a_value_is_answered_whole(awake: Awake, value: str) -> None:
    awake.observe(f"Ben's code is {value}.")
    decision = awake.decide("What is Ben's code?")
    assert decision is not None
    assert decision.text == value


def test_two_numbers_of_one_beginning_are_two(awake: Awake) -> None:
    awake.observe("Ben's phone number is 555-1234.", context="home")
    awake.observe("Ben's phone number is 555-9999.", context="work")
    for context, number in (("home", "555-1234"), ("work", "555-9999")):
        decision = awake.decide("What is Ben's phone number?", context=context)
        assert decision is not None
        assert decision.text == number


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("My sister is a 10-year-old girl.", []),
        ("It opens 10:30-11:00 in mid-2020, 24h.", []),
        ("A well-known T-shirt, and/or 1,250.50 euros.", []),
        ("Pay $45/month; call (030) 123-4567 (or 030 1234567).", ["(030) 123-4567", "030 1234567"]),
        ("Room 12 34, key #4471-A!", ["#4471-A"]),
        ("Card 1234 5678 9012 3456, not 12-3.", ["1234 5678 9012 3456", "12-3"]),
    ],
)
def test_which_words_are_values(text: str, found: list[str]) -> None:
    assert [text[a:b] for a, b in values(text)] == found


@given(st.text(alphabet="ab1-*/+ .,:()[]#&\u2013'\u0130", max_size=40))
def test_values_lie_apart_and_in_order(text: str) -> None:
    spans = list(values(text))
    assert all(a < b <= len(text) for a, b in spans)
    assert all(one[1] <= other[0] for one, other in pairwise(spans))
