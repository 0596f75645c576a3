"""What nobody told is not read out of notes; what somebody told is, in whatever words it is asked for."""

from __future__ import annotations

import pytest

from hippo_mem.reader.grounds import Grounds, is_own
from hippo_mem.relational import FrameParser
from tests.recalled import recalled


@pytest.fixture(scope="module")
def parser() -> FrameParser:
    return FrameParser()


def enough(parser: FrameParser, question: str, note: str, said: str, *, similarity: float | None, told: float) -> bool:
    hits = recalled(question, note, similarity=similarity).hits
    return Grounds(parser, question, hits).enough(hits[0], said, told)


@pytest.mark.parametrize(
    ("question", "own"),
    [
        ("Where did I park?", True),
        ("Which herb should someone cooking for me leave out?", True),
        ("How do I reach my dentist?", True),
        ("Where do we keep the spare key?", True),
        ("When does the ferry leave?", False),
        ("How do I boil an egg?", False),
        ("Should I drink water every day?", False),
        ("What gas do we breathe?", False),
        ('Who sang "I will survive"?', False),
    ],
)
def test_a_question_about_its_asker_is_told_from_one_that_anybody_may_ask(parser, question, own):
    assert is_own(question, parser) == own


@pytest.mark.parametrize(
    ("question", "note", "said", "similarity", "told"),
    [
        ("Where do kangaroos live?", "In January I am going to Perth.", "Perth", 0.31, 0.98),
        ("When did the Berlin Wall fall?", "I saw Konrad in the hall on May 11.", "May 11", 0.36, 0.99),
        ("What kind of animal is a whippet?", "Our whippet ate my lemon cake.", "cake", 0.5, 0.9),
        ("Can penguins fly?", "The heavy jacket is near the duck pond.", "no", 0.4, 0.98),
        ("Can I eat raw potatoes?", "I had lunch in the herb garden.", "no", 0.3, 0.98),
        ("Which instrument does Isla play?", "Mrs. Kowalczyk plays the tuba.", "tuba", 0.4, 0.94),
    ],
)
def test_what_nobody_told_is_not_read_out_of_a_note_of_the_right_kind(parser, question, note, said, similarity, told):
    assert not enough(parser, question, note, said, similarity=similarity, told=told)


@pytest.mark.parametrize(
    ("question", "note", "said", "similarity", "told"),
    [
        ("In what city did I spend my childhood?", "I grew up in Carlisle.", "Carlisle", 0.42, 0.4),
        ("What stopped the marathon early?", "The marathon was cut short by thunder.", "thunder", 0.6, 0.9),
        ("Which instrument does Isla play?", "Isla plays the tuba.", "tuba", 0.8, 0.9),
        ("Who delivers eggs?", "Old Finch delivers eggs on Tuesdays.", "Old Finch", 0.7, 0.97),
        ("Does Isla play the tuba?", "Isla plays the tuba.", "yes", 0.9, 0.9),
        ("When does the ferry leave?", "The ferry leaves at noon.", "noon", None, 0.9),
    ],
)
def test_what_was_told_is_enough(parser, question, note, said, similarity, told):
    assert enough(parser, question, note, said, similarity=similarity, told=told)


def test_a_surer_reading_of_a_nearer_note_never_has_less_ground(parser):
    question, note = "What stopped the marathon early?", "The marathon was cut short by thunder."
    seen = [
        [enough(parser, question, note, "thunder", similarity=s, told=t) for s in (0.0, 0.3, 0.5, 0.7, 0.9)]
        for t in (0.0, 0.1, 0.5, 0.9, 1.0)
    ]
    assert all(row == sorted(row) for row in seen)
    assert all(list(column) == sorted(column) for column in zip(*seen, strict=True))
    assert not seen[0][0]
    assert seen[-1][-1]
