"""What is wished, doubted, asked about, almost done or perhaps true is not answered as if it were so."""

from __future__ import annotations

import pytest

from hippo_mem.awake import Awake

WHERE = "Where does Tom live?"


@pytest.mark.parametrize(
    ("told", "asked"),
    [
        ("I might quit my job.", "Did I quit my job?"),
        ("Tom could live in Rome.", WHERE),
        ("Maybe Tom lives in Rome.", WHERE),
        ("Tom probably lives in Rome.", WHERE),
        ("My ring is in the bathroom or in the bedroom.", "Where is my ring?"),
        ("I wish I had a boat.", "Do I have a boat?"),
        ("I wish Tom lived in Rome.", WHERE),
        ("I don't think Tom lives in Rome.", WHERE),
        ("I doubt that Tom lives in Rome.", WHERE),
        ("It's not true that Tom lives in Rome.", WHERE),
        ("Ann asked whether Tom lives in Rome.", WHERE),
        ("Tom denies that he stole the bike.", "Did Tom steal the bike?"),
        ("Rumour has it that Victor was fired.", "Was Victor fired?"),
        ("I almost bought a Tesla.", "Do I have a Tesla?"),
        ("Tom hardly eats meat.", "Does Tom eat meat?"),
        ("Neither Tom nor Ann lives in Rome.", "Who lives in Rome?"),
        ("I was supposed to fly to Rome today.", "Where am I?"),
    ],
)
def test_nothing_is_decided(awake: Awake, told: str, asked: str) -> None:
    awake.observe(told)
    assert awake.decide(asked) is None
    assert awake.recall(asked).hits[0].trace.text == told


@pytest.mark.parametrize(
    "told",
    [
        "I think Tom lives in Rome.",
        "I know that Tom lives in Rome.",
        "I can't believe that Tom lives in Rome!",
        "Tom lives in Rome, I don't think I've told you.",
        "Tom lives in Rome, he wants a bigger flat.",
    ],
)
def test_what_is_thought_is_told(awake: Awake, told: str) -> None:
    awake.observe(told)
    decision = awake.decide(WHERE)
    assert decision is not None
    assert decision.text == "Rome"


def test_how_much_asks_for_a_number(awake: Awake) -> None:
    for said in ("The fridge cost 850 euros.", "My rent is 1200 euros.", "The lamp is blue."):
        awake.observe(said)
    for asked, told in (
        ("How much did the fridge cost?", "850 euros"), ("How much is my rent?", "1200 euros"),
        ("How much is the lamp?", None),
    ):  # fmt: skip
        decision = awake.decide(asked)
        assert (decision.text if decision is not None else None) == told
