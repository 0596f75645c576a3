"""Flips and nats, on a speaker whose every reply is known."""

from __future__ import annotations

import math

import pytest

from hippo_eval.data import SanityItem, load_sanity
from hippo_eval.forgetting import baseline, compare, is_right, measure
from hippo_mem.errors import InputError


class Scripted:
    """Replies by table; with the adapter speaking, by the second table. The gate opens for prompts in `opens`."""

    def __init__(self, base: dict[str, str], after: dict[str, str], opens: set[str]) -> None:
        self._base, self._after, self._opens = base, after, opens
        self.asked: list[tuple[str, object]] = []

    def chat_prompt(self, user, *, system=None):
        return f"<{user}>"

    def speaks(self, texts, use=True):
        if use is False:
            return [False] * len(texts)
        return [use == "ungated" or t.strip("<>") in self._opens for t in texts]

    def generate(self, prompts, *, max_new_tokens=24, adapter=True):
        self.asked += [(p, adapter) for p in prompts]
        speaks = self.speaks(prompts, adapter)
        return [(self._after if s else self._base)[p.strip("<>")] for p, s in zip(prompts, speaks, strict=True)]

    def surprise(self, texts, *, adapter=False):
        return [2.5 if s else 2.0 for s in self.speaks(texts, adapter)]


ITEMS = [
    SanityItem(kind="chat", prompt="France?", answer="Paris"),
    SanityItem(kind="chat", prompt="Italy?", answer="Rome"),
    SanityItem(kind="cloze", prompt="The sky is", answer="blue"),
    SanityItem(kind="cloze", prompt="Two and two are", answer="four"),
]
BASE = {"France?": "It is Paris.", "Italy?": "Milan.", "The sky is": "blue today", "Two and two are": "five"}
AFTER = {"France?": "Friday morning", "Italy?": "Rome", "The sky is": "blue", "Two and two are": "six"}
TEXTS = ["plain prose", "more prose"]


@pytest.mark.parametrize(
    ("kind", "reply", "right"),
    [
        ("chat", "The capital is Paris.", True),
        ("chat", "paris!", True),
        ("chat", "The capital is Lyon. Paris is larger.", False),
        ("chat", "Parisian food", False),
        ("chat", "", False),
        ("cloze", "Paris, of course", True),
        ("cloze", "the Paris", True),
        ("cloze", "in Paris", False),
    ],
)
def test_only_the_first_answer_counts(kind, reply, right):
    assert is_right(SanityItem(kind=kind, prompt="?", answer="Paris"), reply) is right


def test_an_answer_of_several_words_must_stand_together():
    item = SanityItem(kind="chat", prompt="?", answer="New York")
    assert is_right(item, "I think it is New York")
    assert not is_right(item, "York is new")


def test_hand_worked_flips():
    # Right before: Paris, blue. After, ungated: Paris lost, blue kept, Rome gained, four still wrong.
    lm = Scripted(BASE, AFTER, set())
    found = measure(lm, baseline(lm, sanity=ITEMS, texts=TEXTS), adapter="ungated")
    assert (found.n, found.n_right_before, found.n_right_after) == (4, 2, 2)
    assert (found.n_flipped, found.n_gained) == (1, 1)
    assert found.known_fact_flips == 0.5
    assert found.known_fact_gains == 0.5
    assert (found.ce_before_nats, found.ce_after_nats) == (2.0, 2.5)
    assert found.ce_delta_nats == 0.5
    assert [(f.prompt, f.before, f.after) for f in found.flipped] == [("France?", "It is Paris.", "Friday morning")]


def test_a_shut_gate_costs_nothing_and_asks_nothing_again():
    lm = Scripted(BASE, AFTER, set())
    before = baseline(lm, sanity=ITEMS, texts=TEXTS)
    n_asked = len(lm.asked)
    found = measure(lm, before)
    assert len(lm.asked) == n_asked
    assert (found.known_fact_flips, found.ce_delta_nats, found.spoke_share) == (0.0, 0.0, 0.0)


def test_only_prompts_that_open_the_gate_can_flip():
    lm = Scripted(BASE, AFTER, {"The sky is", "plain prose"})
    found = measure(lm, baseline(lm, sanity=ITEMS, texts=TEXTS))
    assert found.n_flipped == 0
    assert found.spoke_share == 0.25
    assert math.isclose(found.ce_delta_nats, 0.25)


def test_the_same_replies_are_no_forgetting_on_the_packaged_suite():
    items = load_sanity()
    lm = Scripted({i.prompt: i.answer for i in items}, {}, set())
    before = baseline(lm, texts=TEXTS)
    found = compare(before, before.replies, before.nats)
    assert found.n_right_before == len(items) >= 200
    assert (found.known_fact_flips, found.known_fact_gains, found.ce_delta_nats) == (0.0, None, 0.0)


def test_a_base_that_knows_nothing_has_no_share_of_flips():
    lm = Scripted(dict.fromkeys(BASE, "hm"), AFTER, set())
    found = measure(lm, baseline(lm, sanity=ITEMS, texts=TEXTS), adapter="ungated")
    assert found.known_fact_flips is None


def test_nothing_to_ask_is_an_error():
    with pytest.raises(InputError, match="got 0 and 2"):
        baseline(Scripted({}, {}, set()), sanity=[], texts=TEXTS)
