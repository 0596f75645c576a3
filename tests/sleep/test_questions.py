"""Questions: each family's wording and answer, disjoint sets, ambiguity, restatements."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hippo_eval.suites import episodic
from hippo_mem.relational import FrameParser
from hippo_mem.sleep import phrasings
from hippo_mem.sleep.questions import Question, ambiguous_cues, cloze, questions, statements

SETS = (phrasings.TRAIN, phrasings.STOP, phrasings.VERIFY)


@pytest.fixture(scope="module")
def parser() -> FrameParser:
    return FrameParser()


def ask(parser: FrameParser, text: str, fact_id: int = 0) -> dict[str, Question]:
    return {q.prompt: q for q in questions(text, parser.parse(text), fact_id=fact_id)}


def key(phrasing: str) -> str:
    return re.sub(r"[^\w{} ]", "", phrasing.casefold()).strip()


def test_no_phrasing_is_shared_between_sets_or_with_the_sealed_ones() -> None:
    sealed = {key(p) for group in episodic.TEST_PHRASINGS.values() for p in group}
    for family in phrasings.TRAIN:
        seen: set[str] = set()
        for group in SETS:
            keys = [key(p) for p in group[family]]
            assert len(set(keys)) == len(keys), family
            assert not seen & set(keys), family
            seen |= set(keys)
        assert not seen & sealed, family


def test_every_family_has_enough_phrasings() -> None:
    assert phrasings.TRAIN.keys() == phrasings.STOP.keys() == phrasings.VERIFY.keys()
    for family in phrasings.TRAIN:
        assert len(phrasings.TRAIN[family]) >= 12, family
        assert len(phrasings.STOP[family]) == len(phrasings.VERIFY[family]) == 2, family
    for family in ("what", "where", "when", "who"):
        assert 16 <= len(phrasings.TRAIN[family]) <= 20


@pytest.mark.parametrize(
    ("text", "prompt", "answer"),
    [
        ("Marta repaired the brass compass in the boathouse on Friday morning.",
         "On Friday morning, where did Marta repair the brass compass?", "the boathouse"),
        ("Marta repaired the brass compass in the boathouse on Friday morning.",
         "When was the brass compass repaired?", "Friday morning"),
        ("Marta repaired the brass compass in the boathouse on Friday morning.",
         "Who was it that repaired the brass compass?", "Marta"),
        ("My favorite color is blue.", "What is my favorite color?", "blue"),
        ("My favorite color is blue.", "Which color is my favorite?", "blue"),
        ("My favorite color is blue.", "Which color do I like best?", "blue"),
        ("My favorite color is blue.", "Tell me my favorite color.", "blue"),
        ("The capital of Zorvia is Plim.", "What is Zorvia's capital?", "Plim"),
        ("Alice went to the cafe on Monday.", "Where did Alice go?", "the cafe"),
        ("The keys are in the drawer.", "Where are the keys?", "the drawer"),
        ("I live in Oslo.", "Where do I live?", "Oslo"),
        ("I have a cat named Milo.", "What is the name of my cat?", "Milo"),
        ("I have a cat named Milo.", "What pet do I have?", "a cat"),
        ("Carol is a nurse.", "What does Carol do for a living?", "a nurse"),
        ("I work as a baker at Nordhus.", "What do I work as?", "a baker"),
        ("I was born in Lisbon in May 2021.", "When was I born?", "May 2021"),
        ("I have three brothers.", "How many brothers do I have?", "three"),
        ("My car is red.", "What color is my car?", "red"),
        ("My son is six years old.", "How old is my son?", "six"),
        ("I'm meeting Laura at the station.", "Who am I meeting at the station?", "Laura"),
        ("I want to visit Japan next spring.", "What do I want to visit?", "Japan"),
        ("My parents love opera.", "Who loves opera?", "my parents"),
        ("Dr. Wu is my dentist.", "Who is my dentist?", "Dr. Wu"),
        ("Peter gave the red scarf to Ana in March.", "Who did Peter give the red scarf to?", "Ana"),
        ("My name is Peter.", "What am I called?", "Peter"),
        ("I'm allergic to peanuts.", "What am I allergic to?", "peanuts"),
    ],
)  # fmt: skip
def test_a_sentence_is_asked_as_its_teller_will_ask(parser: FrameParser, text: str, prompt: str, answer: str) -> None:
    found = ask(parser, text)
    assert prompt in found, sorted(found)
    assert found[prompt].answer == answer
    assert not [p for p in found if re.search(r"\byour\b", p)]


def test_a_raw_cloze_breaks_off_before_the_last_phrase_and_before_its_last_word(parser: FrameParser) -> None:
    found = [q for q in ask(parser, "David Robinson professionally plays the sport of basketball.").values() if q.raw]
    assert [(q.prompt, q.answer, q.set) for q in found] == [
        ("David Robinson professionally plays", "the sport of basketball", "train"),
        ("David Robinson professionally plays the sport of", "basketball", "train"),
    ]


def test_what_could_not_be_framed_is_asked_as_a_cloze_in_every_set(parser: FrameParser) -> None:
    found = ask(parser, "Zorvian lanterns, always copper.").values()
    assert {q.slot for q in found} == {"cloze"}
    assert {q.set for q in found} == {"train", "stop", "verify"}


def test_a_question_is_not_asked_about(parser: FrameParser) -> None:
    assert questions("Where did Alice go?", parser.parse("Where did Alice go?")) == []


def test_slots_restrict_what_is_asked(parser: FrameParser) -> None:
    text = "Marta repaired the brass compass in the boathouse on Friday morning."
    assert {q.slot for q in questions(text, parser.parse(text), slots=["who"])} == {"who"}


def test_only_a_named_third_person_is_asked_for(parser: FrameParser) -> None:
    assert not [q for q in ask(parser, "I repaired the brass compass in the boathouse.").values() if q.slot == "who"]
    assert not [q for q in ask(parser, "She repaired the brass compass in the boathouse.").values() if q.slot == "who"]


def test_no_prompt_gives_its_answer_away(parser: FrameParser) -> None:
    for story in episodic.stories(30, 5):
        for q in ask(parser, story.text).values():
            assert q.answer.casefold() not in q.prompt.casefold()
            assert "{" not in q.prompt
            assert q.prompt[0] == q.prompt[0].upper()


def test_every_story_has_every_slot_in_every_set(parser: FrameParser) -> None:
    for story in episodic.stories(30, 5):
        found = ask(parser, story.text).values()
        for slot in episodic.SLOTS:
            mine = [q for q in found if q.slot == slot]
            assert {q.set for q in mine} == {"train", "stop", "verify"}
            assert {q.answer for q in mine} == {story.answer(slot)}
            assert len([q for q in mine if q.set == "train"]) >= 16


def test_a_cue_with_two_answers_goes_and_a_fuller_cue_stays(parser: FrameParser) -> None:
    both = [
        *ask(parser, "Carol found a ring in the attic on Monday.", 1).values(),
        *ask(parser, "Carol found a key in the cellar on Friday.", 2).values(),
    ]
    kept = {q.prompt for q in ambiguous_cues(both)}
    assert "What did Carol find?" not in kept
    assert "What did Carol find in the attic?" in kept
    assert "Where did Carol find a ring?" in kept
    again = [*ask(parser, "I live in Oslo.", 3).values(), *ask(parser, "I live in Oslo.", 4).values()]
    assert ambiguous_cues(again) == again


def test_restatements_begin_with_the_text_and_keep_the_facts(parser: FrameParser) -> None:
    text = "Fergus hid the ivory compass at the harbor in March."
    assert statements(text, parser.parse(text)) == [
        text,
        "In March, Fergus hid the ivory compass at the harbor.",
        "The ivory compass was hidden by Fergus at the harbor in March.",
        "It was Fergus who hid the ivory compass at the harbor, in March.",
    ]
    text = "My favorite color is blue."
    assert statements(text, parser.parse(text)) == [text, "Blue is my favorite color."]
    assert statements("I don't eat meat.", parser.parse("I don't eat meat.")) == ["I don't eat meat."]


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=120))
def test_any_text_gives_sound_questions(parser: FrameParser, text: str) -> None:
    frames = parser.parse(text)
    for q in questions(text, frames):
        assert q.prompt
        assert q.answer
    assert statements(text, frames)[0] == text.strip()
    prefix, answer = cloze(text, frames)
    assert bool(prefix) == bool(answer)
