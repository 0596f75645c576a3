"""A name that the parser was not trained on is a name all the same."""

from __future__ import annotations

from itertools import product

import pytest

from hippo_mem.awake import Awake
from hippo_mem.relational.extract import SpacyExtractor
from hippo_mem.relational.frames import FrameParser
from hippo_mem.relational.tuples import Tuple

NAMES = "Kirsten Ulverston|Torsten Islip|Frieda Aldous|Anouk Brandvold|Chidi Okonkwo|Solveig Merriweather".split("|")
TOLD = (
    ("{} lives in Narva.", "lives_in", "Narva"),
    ("{} is living in Narva.", "lives_in", "Narva"),
    ("{} works at the Barleycorn brewery.", "works_at", "Barleycorn brewery"),
    ("{}'s boss is Tom Brown.", "-boss_of", "Tom Brown"),
    ("{} has Tom Brown as a boss.", "-boss_of", "Tom Brown"),
    ("{} left Narva and lives in Pisa now.", "lives_in", "Pisa"),
    ("{} is the owner of the red kayak.", "owner_of", "red kayak"),
)


@pytest.fixture(scope="module")
def extractor() -> SpacyExtractor:
    return SpacyExtractor(FrameParser())


def stated(told: list[Tuple]) -> set[tuple[str, str, str]]:
    return {(t.head, t.relation, t.tail) for t in told}


@pytest.mark.parametrize(("name", "told"), list(product(NAMES, TOLD)))
def test_it_is_read_whole(extractor: SpacyExtractor, name: str, told: tuple[str, str, str]) -> None:
    sentence, relation, other = told
    wanted = (other, relation[1:], name) if relation.startswith("-") else (name, relation, other)
    assert wanted in stated(extractor.extract(sentence.format(name)))


def test_the_words_stay_what_they_are() -> None:
    parser = FrameParser()
    doc = parser.doc("Torsten Islip is living in Krakow. He likes it there.")
    assert doc.text == "Torsten Islip is living in Krakow. He likes it there."
    assert [t.lemma_ for t in doc[:2]] == ["Torsten", "Islip"]
    assert len(list(doc.sents)) == 2


@pytest.mark.parametrize("order", ["Remember Ana lives in Narva.", "Tell Ana I am late.", "Call Marta at five."])
def test_an_order_stays_one(order: str) -> None:
    assert FrameParser().doc(order)[0].tag_ == "VB"


def test_what_the_parser_takes_for_nouns_the_rules_read(extractor: SpacyExtractor) -> None:
    assert ("Mary", "studies", "law") in stated(extractor.extract("Mary studies law in London."))
    assert extractor.extract("What a day!") == []
    assert extractor.extract("Caroline: Long walks, good food.") == []


def test_somebody_in_a_role_is_found_from_both_sides(awake: Awake) -> None:
    awake.observe("Hedda Haldane has Dorian Doyle as a boss.")
    awake.observe("I have Ana Ruiz as my dentist.")
    for question, answer in (
        ("Who is Hedda Haldane's boss?", "Dorian Doyle"), ("Whose boss is Dorian Doyle?", "Hedda Haldane"),
        ("Who is my dentist?", "Ana Ruiz"),
    ):  # fmt: skip
        decision = awake.decide(question)
        assert decision is not None
        assert decision.text == answer
