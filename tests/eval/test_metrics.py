"""Scores, by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo_eval.metrics import exact_match, f1, is_refusal, normalize, raw_match


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("The brass  compass.", "brass compass"),
        ("a well-known place", "well known place"),
        ("AN apple, a day!", "apple day"),
        ("$5", "5"),
        ("the", ""),
        ("ﬁsh", "fish"),
        ("Ātman", "ātman"),
    ],
)
def test_normalize(text, plain):
    assert normalize(text) == plain


def test_exact_and_raw():
    assert exact_match("The boathouse.", "boathouse")
    assert not exact_match("in the boathouse", "the boathouse")
    assert raw_match(" boathouse\n", "boathouse")
    assert not raw_match("Boathouse", "boathouse")
    assert exact_match("", "the")


@pytest.mark.parametrize(
    ("said", "wanted", "score"),
    [
        ("the brass compass", "brass compass", 1.0),
        ("compass", "brass compass", 2 / 3),  # precision 1, recall 1/2
        ("Friday Friday morning", "Friday morning", 0.8),  # precision 2/3, recall 1
        ("barn", "attic", 0.0),
        ("", "attic", 0.0),
        ("the", "a", 1.0),
    ],
)
def test_f1(said, wanted, score):
    assert f1(said, wanted) == pytest.approx(score)


@given(st.text(), st.text())
def test_f1_is_a_share_the_same_both_ways_and_1_for_a_match(a, b):
    assert 0.0 <= f1(a, b) <= 1.0
    assert f1(a, b) == pytest.approx(f1(b, a))
    assert not exact_match(a, b) or f1(a, b) == 1.0


@given(st.text())
def test_normalizing_matches_itself(text):
    assert exact_match(text, text)


@pytest.mark.parametrize(
    ("said", "refuses"),
    [
        ("I don't know.", True),
        ("I’m sorry, but that is not mentioned.", True),
        ("", True),
        ("As an AI language model I have no body", True),
        ("the boathouse", False),
        ("They do not know it", False),
    ],
)
def test_refusals(said, refuses):
    assert is_refusal(said) is refuses
