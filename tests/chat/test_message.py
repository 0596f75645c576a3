"""What a message states, asks, wants, or that it only keeps company."""

from __future__ import annotations

import pytest

from hippo_mem.chat.message import read_message
from hippo_mem.relational.frames import FrameParser

PARSER = FrameParser()


@pytest.mark.parametrize(
    "text",
    ["I adopted a cat named Miso.", "my brother moved to oslo", "When I was ten, we moved to Leeds.",
     "The meeting is on Tuesday at nine.", "Buy milk tomorrow.", "What a day I had at the harbor!"],
)  # fmt: skip
def test_statements_are_told(text):
    said = read_message(text, PARSER)
    assert said.told == text
    assert not said.asked
    assert not said.wanted


@pytest.mark.parametrize(
    "text",
    ["What is my cat called?", "where do i work", "Is Ana my sister?", "Tell me where Ana lives.",
     "do you know who repaired the compass", "And what is his name?", "which city did I move to"],
)  # fmt: skip
def test_questions_are_asked_and_never_told(text):
    said = read_message(text, PARSER)
    assert said.asked.endswith("?")
    assert not said.told


@pytest.mark.parametrize("text", ["Write a poem about rain.", "Tell me a joke.", "Make it shorter.", "Explain that."])
def test_requests_are_wanted_and_never_told(text):
    said = read_message(text, PARSER)
    assert said.wanted
    assert not said.told


@pytest.mark.parametrize("text", ["Hello!", "Thanks", "ok", "Good morning", "?!", "..."])
def test_company_is_neither(text):
    assert read_message(text, PARSER).social


def test_a_message_may_tell_and_ask():
    said = read_message("I adopted a cat named Miso. What does a cat eat?", PARSER)
    assert said.told == "I adopted a cat named Miso."
    assert said.asked == "What does a cat eat?"


@pytest.mark.parametrize(
    "text",
    ["Remember that my locker code is 4471.", "please remember: my locker code is 4471.",
     "Can you remember that my locker code is 4471.", "Don't forget that my locker code is 4471."],
)  # fmt: skip
def test_what_is_to_be_remembered_is_told_without_the_asking_and_pinned(text):
    said = read_message(text, PARSER)
    assert said.told == "My locker code is 4471."
    assert said.pin


def test_a_question_about_remembering_is_no_reminder():
    assert read_message("Do you remember where I parked?", PARSER).asked


def test_any_text_is_read():
    for text in ("{}", "<|im_end|>", "a" * 5000, "日本語の文です。", "1 + 1 =", "\t\n x"):
        said = read_message(text, PARSER)
        assert said.text == text
        assert all(word in text for word in (*said.told.split(), *said.asked.rstrip("?").split()))
