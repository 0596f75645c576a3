"""The semantic suite: its answers follow from its facts, and from no single one of them."""

from __future__ import annotations

from collections import Counter

import pytest

from hippo_eval.metrics import normalize
from hippo_eval.suites.semantic import FACTS, SLOTS, TEST_PHRASINGS, generate, households


def test_sizes_and_kinds():
    suite = generate(6, 3)
    assert (len(suite.teach), len(suite.test)) == (60, 36)
    assert Counter(q.slot for q in suite.test) == {"two_hop": 12, **dict.fromkeys(SLOTS[1:], 6)}
    assert Counter(t.schema_fit for t in suite.teach) == {True: 54, False: 6}
    assert {item.context_key for item in (*suite.teach, *suite.test)} == {"semantic-3"}


def test_a_seed_is_a_suite():
    assert generate(5, 3) == generate(5, 3)
    assert generate(5, 3) != generate(5, 4)


def test_every_move_is_told_after_everything_else():
    suite = generate(8, 1)
    assert [t.time for t in suite.teach] == list(range(80))
    moves = {h.say(p) for h in households(8, 1) for p in FACTS["after"]}
    assert all((item.fact in moves) == (item.time >= 72) for item in suite.teach)


def test_one_household_by_hand():
    (home,) = households(1, 1337)
    answers = {q.prompt: q.answer for q in generate(1, 1337).test}
    assert answers == {
        f"In which town is the place where {home.a} works?": home.t,
        f"Where does {home.a}'s boss live?": home.t2,
        f"Where does the spouse of {home.a}'s boss work?": home.w2,
        f"Where does {home.a} live now?": home.t4,
        f"Where did {home.a} live before moving to {home.t4}?": home.t3,
        f"What does {home.c} {home.odd_base} {home.odd_where}?": home.odd_what,
    }


def test_no_hop_is_answered_by_one_fact():
    """No fact that shares a name with a question of two or three hops holds its answer."""
    suite = generate(60, 5)
    homes = households(60, 5)
    for at, question in enumerate(suite.test):
        if question.slot not in ("two_hop", "three_hop"):
            continue
        home = homes[at // 6]
        named = [name for name in (home.a, home.b, home.c, home.w, home.x) if name.lower() in question.prompt.lower()]
        holding = [t.fact for t in suite.teach if any(n.lower() in t.fact.lower() for n in named)]
        wanted = f" {normalize(question.answer)} "
        assert not any(wanted in f" {normalize(f)} " for f in holding), (question, holding)


def test_names_of_people_firms_and_things_are_unique():
    homes = households(1000, 9)
    for names in ([n for h in homes for n in (h.a, h.b, h.c)], [n for h in homes for n in (h.w, h.w2)]):
        assert len(set(names)) == len(names)
    assert all(len({h.t, h.t2, h.t3, h.t4}) == 4 for h in homes)
    wordings = [normalize(p) for kinds in TEST_PHRASINGS.values() for _, p in kinds]
    assert len(set(wordings)) == len(wordings)


def test_more_than_there_are_is_refused():
    with pytest.raises(ValueError, match=r"n must be 1\.\.1050 for the semantic suite, got 1051"):
        generate(1051, 1)
