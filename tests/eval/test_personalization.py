"""Personalization: facts by hand, right by any accepted answer; a life of interactions; general answers in pairs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from hippo_eval.data import SanityItem
from hippo_eval.fresh import fresh_hippo
from hippo_eval.metrics import normalize
from hippo_eval.personalization import PersonalFact, adapt, interactions, kept, live, load_facts, scored
from hippo_mem.embed import HashingEmbedder
from hippo_mem.errors import StoreFormatError

FACTS = Path(__file__).resolve().parents[2] / "benchmarks" / "data" / "personal_facts.jsonl"


def quiet(stage: str, done: int, total: int) -> None:
    """Nobody looks."""


def test_the_facts_are_many_varied_and_asked_for_in_other_words() -> None:
    facts = load_facts(FACTS)
    assert len(facts) >= 100
    assert len({f.fact for f in facts}) == len({f.question for f in facts}) == len(facts)
    kinds = Counter(f.kind for f in facts)
    assert len(kinds) >= 10
    assert max(kinds.values()) <= len(facts) / 5
    openings = Counter(f.fact.split()[0] for f in facts)
    assert len(openings) >= 15
    for f in facts:
        assert any(normalize(a) in normalize(f.fact) for a in f.answers), f
        assert normalize(f.fact) not in normalize(f.question)


def test_a_right_answer_is_any_accepted_one_whoever_owns_it() -> None:
    fact = PersonalFact(kind="k", fact="On Sundays I call my father.", question="Who?", answers=("my father", "Dad"))
    assert fact.right("Your father.")
    assert fact.right("dad")
    assert not fact.right("your father and mother")
    assert fact.mentioned("It is my father, I think.")


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "f").write_text('{"kind": "k", "fact": "a", "question": "b"}\n')
    with pytest.raises(StoreFormatError, match="line 1: answer must be given"):
        load_facts(tmp_path / "f")


def test_a_life_is_the_same_for_a_seed_and_mostly_telling() -> None:
    first = list(interactions(1000, 4))
    assert first == list(interactions(1000, 4))
    assert first != list(interactions(1000, 5))
    kinds = Counter(i.kind for i in first)
    assert 850 < kinds["observe"] < 950
    assert kinds["recall"] > kinds["answer"] > 0
    told = [i.text for i in first if i.kind == "observe"]
    assert len(set(told)) > 700
    assert all(t[0].isupper() and "{" not in t for t in told)


def test_flips_of_general_answers_are_pairs_by_hand() -> None:
    items = [SanityItem(kind="chat", prompt=f"{i}?", answer="Paris") for i in range(4)]
    found = kept(items, ["Paris.", "Paris", "Rome", "It is Paris."], ["Paris.", "the barn", "Paris", "It is Paris."])
    assert (found["n_right_before"], found["n_flipped"], found["n_gained"]) == (3, 1, 1)
    assert found["flips"] == pytest.approx(1 / 3)
    assert found["flipped"] == [{"prompt": "1?", "before": "Paris", "after": "the barn"}]


def test_one_memory_adapts_and_goes_on_living(tiny_folder: Path) -> None:
    facts = [
        PersonalFact(kind="pet", fact="My cat is called Biscuit.", question="What is my cat's name?",
                     answers=("Biscuit",)),
        PersonalFact(kind="place", fact="I live in Ghent.", question="Where do I live?", answers=("Ghent",)),
    ]  # fmt: skip
    with fresh_hippo(str(tiny_folder), surprise=False, embedder=HashingEmbedder()) as hippo:
        found = adapt(hippo, facts, quiet)
        lived = live(hippo, 40, 3, quiet)
        told = scored(facts, [hippo.answer(f.question).text for f in facts])
    assert found["before"]["em"] == 0
    assert found["at_once"]["em"] == found["after_all"]["em"] == 1
    assert found["outcomes"] == {"stored": 2}
    assert sum(lived.get(k, 0) for k in ("observe", "recall", "answer")) == 40
    assert told["em"] == 1
    assert told["by_kind"] == {"pet": 1.0, "place": 1.0}
