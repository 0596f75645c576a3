"""The sanity suite and the general text: counts, shape, and that no sleep was anchored to them."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

from hippo_eval.data import load_general_text, load_sanity
from hippo_eval.suites import episodic
from hippo_mem.sleep.anchors import load_anchors, load_unknown

# Words that say how something is asked, not about what.
_FRAME = """
a an and are as at be by can called could did do does for from had has have how i in into is it its known made many
may most much my name of on one or that the their there this to was were what when where which who why with you your
person people company country city famous largest located world
"""
# Capitalized words that begin a sentence or are no one's name.
_NOT_NAMES = """
A An And Are At Can Could Did Do Does For How I In Is It On One Or That The Their There These This Two Was We What
When Where Which Who Why With You Your Most Second World War Europe Africa Asia America South North English French
Spanish German European Mount Earth Sun River Red Monday Tuesday Wednesday Thursday Friday Saturday Sunday January
February March April May June July August September October November December
"""
FRAME = frozenset(_FRAME.split())
NOT_NAMES = frozenset(_NOT_NAMES.split())


def words(text: str) -> list[str]:
    return re.findall(r"[\w'+]+", text.lower())


def four_grams(text: str) -> set[tuple[str, ...]]:
    tokens = words(text)
    return {tuple(tokens[i : i + 4]) for i in range(len(tokens) - 3)}


def names(text: str) -> set[str]:
    """Runs of capitalized words: "Who painted the Mona Lisa?" gives {"Mona Lisa"}."""
    runs = re.findall(r"\b[A-Z][\w'.-]*(?: [A-Z][\w'.-]*)*", text)
    kept = (" ".join(word for word in run.split() if word not in NOT_NAMES) for run in runs)
    return {run.removesuffix(".").removesuffix("'s") for run in kept if run}


def test_there_are_enough_items_half_of_them_cloze() -> None:
    counts = Counter(item.kind for item in load_sanity())
    assert sum(counts.values()) >= 240
    assert abs(counts["cloze"] - counts["chat"]) <= 0.1 * sum(counts.values())


def test_sanity_items_are_short_and_unique() -> None:
    items = load_sanity()
    prompts = Counter((item.kind, " ".join(words(item.prompt))) for item in items)
    assert [prompt for prompt, n in prompts.items() if n > 1] == []
    for item in items:
        assert len(words(item.prompt)) <= 16, item.prompt
        assert 1 <= len(item.answer.split()) <= 5, item
        assert item.prompt == item.prompt.strip()
        assert item.answer == item.answer.strip()
        assert item.prompt.endswith("?") == (item.kind == "chat")


def test_an_answer_does_not_stand_in_its_own_cloze() -> None:
    for item in load_sanity():
        if item.kind == "cloze":
            assert words(item.answer) != words(item.prompt)[-len(words(item.answer)) :], item


def test_general_text_is_many_paragraphs_of_the_right_size() -> None:
    paragraphs = load_general_text()
    assert len(paragraphs) >= 80
    assert all(60 <= len(paragraph.text.split()) <= 120 for paragraph in paragraphs)
    assert len({paragraph.register for paragraph in paragraphs}) >= 9
    assert len({paragraph.text for paragraph in paragraphs}) == len(paragraphs)


def test_no_anchor_is_a_sanity_prompt() -> None:
    prompts = {" ".join(words(item.prompt)) for item in load_sanity()}
    assert [entry.text for entry in (*load_anchors(), *load_unknown()) if " ".join(words(entry.text)) in prompts] == []


def test_no_sanity_subject_is_an_anchor_subject() -> None:
    """Stricter than "no shared subject and relation": a name in a sanity prompt is in no anchor prompt at all."""
    asked = set().union(*(names(item.prompt) for item in load_sanity()))
    prompts = [entry.text for entry in load_anchors() if entry.kind != "text"] + [u.text for u in load_unknown()]
    assert {text: names(text) & asked for text in prompts if names(text) & asked} == {}


def test_no_anchor_asks_the_same_in_other_words() -> None:
    """The content words of an anchor prompt (two at least) are not contained in a sanity prompt, nor the reverse."""
    asked = [(item.prompt, set(words(item.prompt)) - FRAME) for item in load_sanity()]
    clashes = []
    for anchor in load_anchors():
        content = set(words(anchor.text)) - FRAME
        for prompt, other in asked:
            if min(len(content), len(other)) >= 2 and (content <= other or other <= content):
                clashes.append((anchor.text, prompt))
    assert clashes == []


def test_four_words_in_a_row_are_shared_only_by_frames() -> None:
    """A 4-gram of a sanity prompt that an anchor has too belongs to no single subject: both sides use it twice."""
    asked = Counter(gram for item in load_sanity() for gram in four_grams(item.prompt))
    anchored = Counter(gram for anchor in load_anchors() for gram in four_grams(anchor.text))
    assert {gram for gram in asked.keys() & anchored.keys() if min(asked[gram], anchored[gram]) < 2} == set()


def test_no_sanity_prompt_stands_in_a_passage() -> None:
    passages = [" ".join(words(anchor.text)) for anchor in load_anchors() if anchor.kind == "text"]
    assert [i.prompt for i in load_sanity() for text in passages if " ".join(words(i.prompt)) in text] == []


def test_general_text_shares_hardly_a_phrase_with_anchors() -> None:
    """No anchor passage has more than one in twenty of its 4-grams in the general text; no shared run of six words."""
    general = set().union(*(four_grams(paragraph.text) for paragraph in load_general_text()))
    prose = "\n".join(" ".join(words(paragraph.text)) for paragraph in load_general_text())
    for anchor in load_anchors():
        grams = four_grams(anchor.text)
        if len(grams) >= 8:
            assert len(grams & general) <= max(1, 0.05 * len(grams)), anchor.text
        tokens = words(anchor.text)
        runs = (" ".join(tokens[i : i + 6]) for i in range(len(tokens) - 5))
        assert [run for run in runs if run in prose] == []


def test_nothing_a_sleep_reads_resembles_the_sealed_questions() -> None:
    """No object, no full cue and no opening of a sealed phrasing of the episodic suite is in anchors or unknowns."""
    objects = {f"{adjective} {noun}" for adjective in episodic.ADJECTIVES for noun in episodic.NOUNS}
    sealed = [phrasing for phrasings in episodic.TEST_PHRASINGS.values() for phrasing in phrasings]
    openings = {" ".join(words(phrasing.split("{")[0])) for phrasing in sealed}
    openings = {opening for opening in openings if len(opening.split()) >= 3}
    for entry in (*load_anchors(), *load_unknown()):
        text = " ".join(words(entry.text))
        tokens = text.split()
        pairs = {" ".join(pair) for pair in pairwise(tokens)}
        assert not pairs & objects, entry.text
        assert not [opening for opening in openings if text.startswith(opening + " ")], entry.text
    people = set(episodic.NAMES) | set(episodic.SURNAMES)
    for unknown in load_unknown():
        assert not people & set(re.findall(r"\w+", unknown.text)), unknown.text
