"""A copied span and the whole part of its sentence that it stands for."""

from __future__ import annotations

import pytest

from hippo_mem.reader.completing import completed
from hippo_mem.relational import FrameParser
from hippo_mem.relational import asking as ask


@pytest.fixture(scope="module")
def parser() -> FrameParser:
    return FrameParser()


FOUND = "Ana found the woven brooch at the quarry on May 24."
BURIED = "I buried the lacquered radio at the quarry on July 11."


@pytest.mark.parametrize(
    ("text", "question", "span", "whole"),
    [
        (FOUND, "Where was the brooch found?", "quarry on May 24", "the quarry"),
        (FOUND, "When did Ana find the brooch?", "May", "May 24"),
        (BURIED, "What did I bury at the quarry?", "radio", "the lacquered radio"),
        ("Ben hid the key under the stairs.", "Where did Ben hide the key?", "under the stairs", "under the stairs"),
        ("Ben hid the key under the stairs.", "Where did Ben hide the key?", "the stairs", "the stairs"),
        ("Ben sold the boat on Friday.", "Where did Ben sell the boat?", "on Friday", "on Friday"),
        ("Ben bought a cup of tea.", "What did Ben buy?", "tea", "tea"),
    ],
)  # fmt: skip
def test_a_piece_becomes_its_part_and_what_is_whole_stays(parser, text, question, span, whole):
    assert completed(span, ask.asked(parser.doc(question)), text, parser.parse(text)) == whole
