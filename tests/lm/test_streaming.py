"""Streaming: whole characters, stop strings wherever tokens part them, lengths, cancelling; sampling by seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo_mem.errors import InputError
from hippo_mem.lm.sampling import Sampler, Sampling
from hippo_mem.lm.streaming import Pieces, TextStream

END = 256


def decode(ids: Sequence[int]) -> str:
    """Bytes as tokens; unfinished characters as replacement characters, as tokenizers do."""
    return bytes(i for i in ids if i < END).decode("utf-8", errors="replace")


class Script:
    """A model that says a text, byte by byte, then ends."""

    def __init__(self, text: str) -> None:
        self.tokens = [*text.encode(), END]
        self.at, self.closed = 0, False

    def logits(self) -> np.ndarray:
        row = np.zeros(END + 1, dtype=np.float32)
        row[self.tokens[self.at]] = 9.0
        return row

    def push(self, token: int) -> None:
        assert token == self.tokens[self.at]
        self.at += 1

    def close(self) -> None:
        self.closed = True


def say(text: str, *, stop: Sequence[str] = (), limit: int = 10_000) -> tuple[TextStream, Script]:
    script = Script(text)
    stream = TextStream(
        lambda: script, decode, n_prompt=1, ends=frozenset({END}), sampling=Sampling(), max_new_tokens=limit, stop=stop
    )
    return stream, script


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40))
def test_pieces_are_whole_characters_and_add_up_to_the_text(text):
    stream, script = say(text)
    pieces = list(stream)
    assert "".join(pieces) == text.lstrip()
    assert all(piece and "\ufffd" not in piece.replace("\ufffd", "", text.count("\ufffd")) for piece in pieces)
    assert stream.finish_reason == "stop"
    assert script.closed


@given(st.text(alphabet="ab\n é", max_size=30), st.lists(st.text(alphabet="ab\né", min_size=1, max_size=4), max_size=3))
def test_nothing_from_the_first_stop_string_on_comes_out(text, stops):
    stream, _ = say(text, stop=stops)
    got = "".join(stream)
    shown = text.lstrip()
    ends = [at for s in stops if (at := shown.find(s)) >= 0]
    # A stop string ends the answer at the token that completes it: of several, the one that is complete first.
    if not ends:
        assert got == shown
    else:
        assert shown.startswith(got)
        assert not any(s in got for s in stops)
        assert stream.finish_reason == "stop"


def test_a_stop_string_over_three_tokens_is_not_shown_in_part():
    stream, _ = say("one END two", stop=["END"])
    assert list(stream)[-1] == " "
    assert stream.text == "one "


def test_what_only_began_like_a_stop_string_is_shown():
    stream, _ = say("one EN", stop=["END"])
    assert "".join(stream) == "one EN"


def test_the_longest_answer_ends_by_length():
    stream, _ = say("abcdef", limit=3)
    assert "".join(stream) == "abc"
    assert (stream.finish_reason, stream.n_tokens) == ("length", 3)


def test_a_cancelled_answer_computes_no_further_token():
    stream, script = say("abcdef")
    assert next(stream) == "a"
    stream.cancel()
    assert list(stream) == []
    assert stream.finish_reason == "cancelled"
    assert script.closed
    assert script.at <= 1


def test_an_answer_let_go_before_it_began_is_cancelled():
    stream, script = say("abc")
    stream.close()
    assert stream.finish_reason == "cancelled"
    assert script.at == 0


@pytest.mark.parametrize("stop", [["x"] * 17, [""]])
def test_stops_that_cannot_be_are_refused(stop):
    with pytest.raises(InputError, match="at most 16 texts of at least one character"):
        say("abc", stop=stop)


def test_half_a_character_at_the_end_is_left_out():
    pieces = Pieces(decode)
    assert pieces.add("é".encode()[0]) == ""
    assert pieces.finish() == ""


def test_temperature_zero_takes_the_likeliest():
    assert Sampler(Sampling()).choose(np.array([0.1, 3.0, 2.9], dtype=np.float32)) == 1


def test_a_seed_draws_the_same_tokens_and_another_seed_others():
    logits = np.zeros(1000, dtype=np.float32)

    def draw(seed: int) -> list[int]:
        sampler = Sampler(Sampling(temperature=1.0, seed=seed))
        return [sampler.choose(logits) for _ in range(20)]

    assert draw(1) == draw(1) != draw(2)


def test_draws_follow_the_probabilities():
    sampler = Sampler(Sampling(temperature=1.0, seed=0))
    logits = np.log(np.array([0.7, 0.2, 0.1], dtype=np.float32))
    drawn = np.bincount([sampler.choose(logits) for _ in range(4000)], minlength=3) / 4000
    np.testing.assert_allclose(drawn, [0.7, 0.2, 0.1], atol=0.03)


def test_the_nucleus_leaves_the_tail_out():
    sampler = Sampler(Sampling(temperature=1.0, top_p=0.8, seed=0))
    logits = np.log(np.array([0.5, 0.3, 0.15, 0.05], dtype=np.float32))
    assert {sampler.choose(logits) for _ in range(500)} == {0, 1}


def test_a_penalty_makes_what_was_said_less_likely():
    sampler = Sampler(Sampling(repetition_penalty=2.0))
    logits = np.array([2.0, 1.5, -1.0], dtype=np.float32)
    assert [sampler.choose(logits) for _ in range(2)] == [0, 1]


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"temperature": -0.1}, "temperature"), ({"temperature": 2.1}, "temperature"), ({"top_p": 0.0}, "top_p"),
     ({"repetition_penalty": 0.9}, "repetition_penalty")],
)  # fmt: skip
def test_settings_out_of_range_are_named(settings, said):
    with pytest.raises(InputError, match=said):
        Sampling(**settings)
