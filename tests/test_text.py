import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo_mem.errors import InputError
from hippo_mem.text import clean_name, clean_text, decode_text, has_content, soften, words
from hippo_mem.types import MAX_TEXT_CHARS


@pytest.mark.parametrize("blank", ["", "   ", "\n\t\n", "\ufeff"])
def test_empty_text_is_refused(blank: str) -> None:
    with pytest.raises(InputError, match="text is empty"):
        clean_text(blank)


def test_a_megabyte_is_refused_with_its_size_and_the_limit() -> None:
    with pytest.raises(InputError, match=r"1,000,000 characters, the limit is 20,000"):
        clean_text("a" * 1_000_000)


def test_the_longest_text_passes() -> None:
    assert len(clean_text("a" * MAX_TEXT_CHARS)) == MAX_TEXT_CHARS


def test_invalid_utf8_names_its_position() -> None:
    with pytest.raises(InputError, match="byte 0xff at position 3"):
        decode_text(b"abc\xffd")
    with pytest.raises(InputError, match=r"lone surrogate U\+DCFF at position 3"):
        clean_text(b"abc\xff".decode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match="not valid UTF-8"):
        clean_text(b"\xc3")


@pytest.mark.parametrize("control", ["\x00", "\x07", "\x1b", "\x7f", "\x85"])
def test_control_characters_are_refused_with_their_position(control: str) -> None:
    with pytest.raises(InputError, match=rf"U\+{ord(control):04X} at position 2"):
        clean_text(f"ab{control}c")


def test_line_ends_and_composition_become_uniform() -> None:
    assert clean_text("  cafe\u0301\r\nbar\rbaz\tx ") == "café\nbar\nbaz\tx"


def test_what_is_not_text_is_refused() -> None:
    with pytest.raises(InputError, match="must be text, got int"):
        clean_text(5)  # type: ignore[arg-type]


@given(st.text(max_size=300))
def test_cleaning_is_normal_and_idempotent_or_refuses(text: str) -> None:
    try:
        clean = clean_text(text)
    except InputError:
        return
    assert clean == clean_text(clean)
    assert unicodedata.is_normalized("NFC", clean)
    clean.encode("utf-8")


@given(st.text(st.characters(exclude_categories=[]), max_size=300))
def test_softening_never_raises_and_gives_valid_text(cue: str) -> None:
    soften(cue).encode("utf-8")


def test_a_name_is_one_short_line() -> None:
    assert clean_name(" chat-7 ", "source") == "chat-7"
    with pytest.raises(InputError, match=r"source .* must be one line"):
        clean_name("a\nb", "source")
    with pytest.raises(InputError, match="source has 300 characters, the limit is 256"):
        clean_name("x" * 300, "source")


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("The dog is called Rex.", "the dog is called rex"),
        ("Dog is called Rex", "The dog is called Rex!"),
        ("It’s “five”", 'It\'s "five"'),
    ],
)
def test_the_same_words(a: str, b: str) -> None:
    assert words(a) == words(b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("My favorite color is blue.", "My favorite color is green."),
        ("I like it", "I don't like it"),
        ("Alice paid Bob", "Bob paid Alice"),
        ("You like it.", "You like it?"),
        ("It is 5 degrees", "It is -5 degrees"),
        ("It cost $5", "It cost €5"),
        ("Version 3.5", "Version 35"),
        ("She writes C", "She writes C++"),
        ("He was there", "He is there"),
        ("I feel 😀", "I feel 😢"),
    ],
)
def test_different_facts_have_different_words(a: str, b: str) -> None:
    assert words(a) != words(b)


CHATTER = ["ok", "OK!", "thanks", "Thank you!", "yes", "No.", "hello", "hmm...", "Okay, got it", "sure", "I see.", "?!"]
CHATTER += ["Good morning!", "How are you?", "👍", "he's", "Haha", "you're welcome", "Sounds good", "no problem"]


@pytest.mark.parametrize("text", CHATTER)
def test_chatter_has_no_content(text: str) -> None:
    assert not has_content(text)


@pytest.mark.parametrize(
    "text",
    ["My favorite color is blue.", "It's 5 pm", "Call me Ishmael", "I love you", "Ja, danke", "はい", "42", "C++"],
)
def test_facts_have_content(text: str) -> None:
    assert has_content(text)
