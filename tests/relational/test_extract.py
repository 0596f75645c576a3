"""Golden tuples of both extractors, and that any text gives tuples that are well formed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hippo_mem.relational.extract import RuleExtractor, SpacyExtractor, default_extractor, speaker_of
from hippo_mem.relational.frames import FrameParser
from hippo_mem.relational.tuples import PATTERNS, Tuple
from hippo_mem.relational.vocabulary import FUNCTIONAL, INVERSE, SYMMETRIC, canonical, is_functional, role_name


@pytest.fixture(scope="module")
def spacy() -> SpacyExtractor:
    return SpacyExtractor()


def facts(found: list[Tuple]) -> set[str]:
    return {f"{'not ' if t.negated else ''}{t.head} | {t.relation} | {t.tail}" for t in found}


GOLDEN: list[tuple[str, set[str]]] = [
    ("John went back to the office.", {"John | go_back_to | office", "John | located_at | office"}),
    ("Mary got the football there.", {"Mary | get | football", "Mary | has | football"}),
    ("Daniel discarded the apple.", {"Daniel | discard | apple", "not Daniel | has | apple"}),
    ("Fred is no longer in the kitchen.", {"not Fred | located_at | kitchen"}),
    ("Bill is either in the school or the park.", {"Bill | located_at | school", "Bill | located_at | park"}),
    (
        "Sandra handed the milk to Mary.",
        {"Sandra | hand | milk", "Sandra | hand_to | Mary", "not Sandra | has | milk", "Mary | has | milk"},
    ),
    ("My favorite color is blue.", {"user | favorite_color | blue"}),
    ("I'm allergic to peanuts.", {"user | allergic_to | peanuts"}),
    ("I was born in Lisbon in May 1991.", {"user | born_in | Lisbon", "user | born_on | May 1991"}),
    ("Tom's car is red.", {"Tom's car | is | red", "Tom's car | owner | Tom"}),
    ("The capital of Zorvia is Plim.", {"Zorvia | capital | Plim"}),
    ("Carol is a nurse.", {"Carol | is_a | nurse"}),
    ("The compass was repaired by Marta.", {"Marta | repair | compass"}),
    ("Jack is Olivia's cousin.", {"Jack | cousin_of | Olivia", "Olivia's cousin | name | Jack"}),
    ("Peter married Ingrid.", {"Peter | spouse | Ingrid"}),
    ("Leila is older than Sam.", {"Leila | older_than | Sam"}),
    ("The hallway is east of the bathroom.", {"hallway | east_of | bathroom"}),
    ("I have a cat named Milo.", {"user | has | cat", "user's cat | name | Milo"}),
    ("We don't have any pets.", {"not user | has | pets"}),
    ("Grandma never learned to drive.", {"not Grandma | learn | drive"}),
]


@pytest.mark.parametrize(("text", "want"), GOLDEN)
def test_golden_tuples(spacy: SpacyExtractor, text: str, want: set[str]) -> None:
    assert facts(spacy.extract(text)) == want


@pytest.mark.parametrize(
    ("text", "want"),
    [
        (
            "My sister Ana lives in Oslo.",
            {"Ana | lives_in | Oslo", "Ana | sister_of | user", "user's sister | name | Ana"},
        ),
        (
            "Eva, the mayor of Lund, opened the library.",
            {"Eva | open | library", "Eva | mayor_of | Lund", "Lund's mayor | name | Eva"},
        ),
        (
            "Marta and Lukas bought a house and sold the van.",
            {"Marta | buy | house", "Lukas | buy | house", "Marta | sell | van", "Lukas | sell | van",
             "not Marta | has | van", "Lukas | has | house"},
        ),
        ("I used to live in Oslo.", {"not user | lives_in | Oslo"}),
        ("I moved to Madrid in 2019.", {"user | moved_to | Madrid", "user | lives_in | Madrid"}),
        ("I put the keys in the drawer.", {"keys | located_at | drawer", "not user | has | keys"}),
        ("Sam left the office.", {"not Sam | located_at | office"}),
        ("Elena, who teaches physics, bought a telescope.", {"Elena | has | telescope", "Elena | teach | physics"}),
        ("My boss's name is Kenji.", {"user's boss | name | Kenji", "user's boss | boss_of | user"}),
    ],
)  # fmt: skip
def test_a_text_states_at_least(spacy: SpacyExtractor, text: str, want: set[str]) -> None:
    assert want <= facts(spacy.extract(text))


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("Carol is a nurse. She lives in Bergen.", "Carol | lives_in | Bergen"),
        ("Zoe met Daniel in Rome. He lives there with his mother.", "Daniel | live_with | Daniel's mother"),
        ("Bruno found a wallet, and he gave it to the police.", "police | has | wallet"),
        ("Daniel and Sandra went home. They were in the garden.", "Sandra | located_at | garden"),
        ("Henrik told me that his daughter plays the cello.", "Henrik's daughter | plays | cello"),
        ('"I sold the shop," said Marco.', "Marco | sell | shop"),
        ("Caroline: I went to a pottery class.", "Caroline | located_at | pottery class"),
    ],
)
def test_pronouns_stand_for_the_nearest_that_agrees(spacy: SpacyExtractor, text: str, want: str) -> None:
    assert want in facts(spacy.extract(text))


def test_alternatives_are_half_as_sure_and_so_is_what_may_be(spacy: SpacyExtractor) -> None:
    assert [t.conf for t in spacy.extract("Bill is either in the school or the park.")] == [0.5, 0.5]
    assert [t.conf for t in spacy.extract("Theo might be in the cellar.")] == [0.5]


def test_place_time_kinds_and_span_are_kept(spacy: SpacyExtractor) -> None:
    (found,) = spacy.extract("Marta repaired the compass in the boathouse on Friday morning.")
    assert (found.place, found.time_text) == ("in the boathouse", "on Friday morning")
    assert (found.head_kind, found.tail_kind, found.pattern) == ("person", "thing", "svo")
    assert found.span == "Marta repaired the compass in the boathouse on Friday morning"
    (place,) = (t for t in spacy.extract("I went to the park.") if t.relation == "located_at")
    assert (place.head_kind, place.tail_kind, place.pattern) == ("user", "place", "movement")


@pytest.mark.parametrize(
    "text",
    ["Where is Mary?", "If it rains tomorrow, we will stay home.", "Pay the plumber on Monday.", "", "  ", "It is late",
     "I will go to the park tomorrow.", "I want to move to Rome."],
)  # fmt: skip
def test_what_did_not_happen_moves_nobody(spacy: SpacyExtractor, text: str) -> None:
    for extractor in (spacy, RuleExtractor()):
        assert not {t.relation for t in extractor.extract(text)} & {"located_at", "lives_in", "has"}


def test_nothing_passes_from_one_text_to_the_next(spacy: SpacyExtractor) -> None:
    texts = ["Carol is a nurse.", "She lives in Bergen.", "Carol is a nurse."]
    together = spacy.extract_many(texts)
    assert together == [spacy.extract(t) for t in texts] == [SpacyExtractor().extract(t) for t in texts]
    assert facts(together[1]) == {"she | lives_in | Bergen"}


def test_a_framed_text_is_not_parsed_again() -> None:
    parser = FrameParser()
    parser.parse_many(["Carol is a nurse.", "Tom's car is red."])
    kept = dict(parser._docs)
    assert facts(SpacyExtractor(parser).extract_many(list(kept))[0]) == {"Carol | is_a | nurse"}
    assert list(parser._docs) == list(kept)
    assert all(parser.doc(text) is doc for text, doc in kept.items())


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=150) | st.lists(st.sampled_from(
    "Ana Tom I he she it they my her 's , . and or not no is was went to gave the a dog park name of sister called "
    "with in on left took put by who \" : 3 5 pm Friday".split()), max_size=14).map(" ".join))  # fmt: skip
def test_any_text_gives_well_formed_tuples(spacy: SpacyExtractor, text: str) -> None:
    for extractor in (spacy, RuleExtractor()):
        for found in extractor.extract(text):
            assert found.head.strip()
            assert found.tail.strip()
            assert found.relation
            assert " " not in found.relation
            assert found.relation == found.relation.lower()
            assert 0 < found.conf <= 1
            assert found.pattern in PATTERNS


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("John went back to the office.", "John | located_at | office"),
        ("Omar dropped the keys and ran to the station.", "not Omar | has | keys"),
        ("Omar dropped the keys and ran to the station.", "Omar | located_at | station"),
        ("Tom's car is red.", "Tom's car | owner | Tom"),
        ("I was born in Lisbon in May 1991.", "user | born_on | May 1991"),
        ("I used to live in Oslo.", "not user | lives_in | Oslo"),
        ("Eva, the mayor of Lund, opened the library.", "Eva | mayor_of | Lund"),
        ("There is a spare key under the mat.", "spare key | located_at | mat"),
        ("Fred is no longer in the kitchen.", "not Fred | located_at | kitchen"),
        ("wifi code: 1234-abc", "wifi code | is | 1234-abc"),
        ("Carol is a nurse. She lives in Bergen.", "Carol | lives_in | Bergen"),
    ],
)
def test_the_rules_alone_find(text: str, want: str) -> None:
    assert want in facts(RuleExtractor().extract(text))


def test_the_default_needs_no_model() -> None:
    assert isinstance(default_extractor(), SpacyExtractor)
    assert isinstance(default_extractor(FrameParser("no_such_model")), RuleExtractor)


def test_a_speaker_is_whoever_the_label_names() -> None:
    assert speaker_of("Caroline: I went home") == ("Caroline", "I went home")
    assert speaker_of("Password: hunter2") == ("user", "Password: hunter2")


def test_the_vocabulary_mirrors_itself() -> None:
    for relation in SYMMETRIC:
        assert INVERSE[relation] == relation
    for relation, inverse in INVERSE.items():
        assert INVERSE.get(inverse) == relation or inverse in INVERSE.values()
    assert all(canonical(r) for r in FUNCTIONAL)
    assert canonical("live", "in") == "lives_in"
    assert canonical("belong to") == "owner"
    assert canonical("talk", "to") == "talk_to"
    assert is_functional("favorite_color")
    assert not is_functional("likes")
    assert role_name("mom") == "mother"
    assert role_name("table") == ""


def test_the_annotations_are_read_as_well_as_the_log_says(spacy: SpacyExtractor) -> None:
    path = Path(__file__).parents[2] / "benchmarks" / "data" / "annotated_sentences.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(rows) >= 150
    right = found = wanted = 0
    for row in rows:
        want = {f"{'not ' if n else ''}{h} | {r} | {t}".lower() for h, r, t, n in row["tuples"]}
        got = {f.lower() for f in facts(spacy.extract(row["text"]))}
        right, found, wanted = right + len(want & got), found + len(got), wanted + len(want)
    assert right / found >= 0.85
    assert right / wanted >= 0.85
