"""What holds for every generated suite: same items anywhere, no question that gives itself away, files that agree."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from hippo_eval.metrics import normalize
from hippo_eval.suites import episodic, episodic_capacity, episodic_multi, procedural
from hippo_eval.suites.build import build, checksums
from hippo_eval.suites.cards import CARDS
from hippo_eval.suites.choose import SUITES, VERSIONS, generate_suite
from hippo_eval.suites.files import digest, encode_suite, read_suite
from hippo_eval.suites.items import PROFILES, Suite, TeachItem
from hippo_eval.suites.items import TestItem as Question
from hippo_eval.suites.leaks import leaks, refuse_leaks
from hippo_mem.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
EVERY = [(name, profile) for name in SUITES for profile in PROFILES]


def test_the_items_in_the_repository_are_those_that_are_made_here(tmp_path: Path) -> None:
    """`data/SHA256SUMS` was written on one machine; the same bytes come out on every other."""
    build(tmp_path, list(SUITES))
    assert checksums(tmp_path) == (ROOT / "data" / "SHA256SUMS").read_text()
    assert checksums(ROOT / "data") == (ROOT / "data" / "SHA256SUMS").read_text()


def test_the_sealed_episodic_items_have_not_moved() -> None:
    for n, seed, wanted in (
        (50, 1337, "7a9fc9e7ea88494800b326dafb66d5fe226cf65e33ba85586db67dd57ce1459d"),
        (200, 7, "fbdf655629ff50943988875806e59fa620e942eb9f057e51522eade3767a5024"),
    ):
        assert digest(episodic.generate(n, seed)) == wanted


def test_items_depend_on_no_hash_seed() -> None:
    code = (
        "from hippo_eval.suites.choose import *; from hippo_eval.suites.files import digest\n"
        "print(*(digest(generate_suite(n, 12, 3, p)) for n in SUITES for p in ('easy', 'default', 'hard')))"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(told) == 1


@pytest.mark.parametrize(("name", "profile"), EVERY)
def test_every_suite_is_answerable_and_keeps_facts_from_questions(name: str, profile: str) -> None:
    suite = generate_suite(name, 30, 11, profile)
    assert (suite.name, suite.seed, suite.profile, suite.version) == (name, 11, profile, VERSIONS[name])
    assert suite == generate_suite(name, 30, 11, profile)
    assert suite != generate_suite(name, 30, 12, profile)
    assert not leaks(suite)
    keys = {t.context_key for t in suite.teach}
    told = {key: normalize(" ".join(t.fact for t in suite.teach if t.context_key == key)) for key in keys}
    times = Counter((t.context_key, t.time) for t in suite.teach)
    assert max(times.values()) == 1
    for item in suite.test:
        assert item.context_key in keys
        assert item.slot
        assert item.prompt[0].isupper()
        assert "{" not in item.prompt
        if item.slot not in ("grid", "known_grid", "rooms", "distance", "graph", "whole"):
            assert normalize(item.answer) in told[item.context_key], item
    assert len({(q.prompt, q.context_key) for q in suite.test}) == len(suite.test)
    assert not any("{" in t.fact for t in suite.teach)


@pytest.mark.parametrize("name", SUITES)
def test_one_cue_has_one_answer_and_profiles_differ(name: str) -> None:
    made = {profile: generate_suite(name, 40, 5, profile) for profile in PROFILES}
    assert len({encode_suite(suite) for suite in made.values()}) == 3
    for suite in made.values():
        answers: dict[tuple[str, str | None], set[str]] = {}
        for item in suite.test:
            answers.setdefault((normalize(item.prompt), item.context_key), set()).add(item.answer)
        assert {len(found) for found in answers.values()} == {1}
    assert made["default"].flush == (name == "episodic_cross")


def test_a_hard_story_is_told_of_a_person_met_before_and_its_cue_still_finds_it_alone() -> None:
    suite = generate_suite("episodic", 30, 3, "hard")
    people = {q.answer for q in suite.test if q.slot == "who"}
    assert len(people) == 10
    told = [t.fact.lower() for t in suite.teach]
    for at, item in enumerate(suite.test):
        if item.slot != "what":
            thing = suite.test[at // 4 * 4].answer.lower()
            assert sum(thing in fact for fact in told) == 1


def test_what_is_corrected_or_changed_is_told_last() -> None:
    suite = episodic_multi.generate(30, 3, "hard")
    for item in suite.test:
        if item.slot != "last_mention" or "own" in item.prompt or "belong" in item.prompt:
            continue
        holding = [t.fact for t in suite.teach if normalize(item.answer) in normalize(t.fact)]
        assert holding
    late = [t.fact for t in suite.teach if t.fact.startswith(("Correction", "I was wrong", "Actually"))]
    assert late
    assert min(i for i, t in enumerate(suite.teach) if t.fact in late) > len(suite.teach) // 3


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("n", [1, 50])
def test_more_is_told_than_a_window_holds_whatever_n(profile: str, n: int) -> None:
    suite = episodic_capacity.generate(n, 4, profile)
    assert sum(len(t.fact.split()) for t in suite.teach) >= episodic_capacity.WORDS[profile]
    assert len(suite.test) == 2 * n
    asked = [i for i, t in enumerate(suite.teach) for q in suite.test if q.slot == "who" and q.answer in t.fact]
    assert n == 1 or max(asked) - min(asked) > len(suite.teach) // 2


def test_a_script_comes_back_and_a_shared_run_has_one_continuation() -> None:
    suite = procedural.generate(40, 6)
    whole = {(q.context_key, q.answer): q for q in suite.test if q.slot == "whole"}
    assert len(whole) == 40
    assert len(suite.teach) > 60
    for reuse in (q for q in suite.test if q.slot == "reuse"):
        scripts = [answer.split("; ") for key, answer in whole if key == reuse.context_key]
        following = [s[i + 1] for s in scripts for i in range(len(s) - 1) if s[i + 1] == reuse.answer]
        assert len(following) == 2
        assert not any(reuse.answer in q.prompt for q in (reuse,))


def test_a_leak_is_refused_and_a_fair_question_is_not() -> None:
    def suite(prompt: str, answer: str) -> Suite:
        told = TeachItem(fact="Marta repaired the brass compass in the boathouse on Friday.", context_key="k")
        asked = Question(prompt=prompt, answer=answer, context_key="k")
        return Suite(name="mine", version=1, seed=0, teach=(told,), test=(asked,))

    for fair in (
        ("Where did Marta repair the brass compass?", "the boathouse"),
        ("Who repaired the brass compass in the boathouse on Friday?", "Marta"),
        ("Was it in the boathouse or in the barn that something happened?", "the boathouse"),
    ):
        assert refuse_leaks(suite(*fair))
    with pytest.raises(InputError, match=r"gives away 'the boathouse' \(quoted"):
        refuse_leaks(suite("Marta repaired the brass compass in the boathouse on Friday. Where?", "the boathouse"))
    retold = suite("On Friday Marta repaired a compass of brass in the boathouse. Where was it?", "the boathouse")
    with pytest.raises(InputError, match=r"\(retold from"):
        refuse_leaks(retold)
    assert refuse_leaks(retold, retold=False)
    other = dataclasses.replace(retold.test[0], context_key="elsewhere")
    assert not leaks(dataclasses.replace(retold, test=(other,)))


def test_unknown_names_and_sizes_are_one_clear_error() -> None:
    with pytest.raises(InputError, match="no suite 'episodc'; did you mean 'episodic'"):
        generate_suite("episodc", 3, 7)
    with pytest.raises(InputError, match="no profile 'hrad'; did you mean 'hard'"):
        generate_suite("episodic", 3, 7, "hrad")
    for name in SUITES:
        with pytest.raises(InputError, match="must be"):
            generate_suite(name, 0, 7)


def test_files_cards_and_checksums_agree(tmp_path: Path) -> None:
    said: list[str] = []
    files = build(tmp_path, ["spatial", "procedural"], sizes=(5, 8), profiles=("easy", "hard"), said=said.append)
    assert len(files) == 16
    assert len(said) == 8
    for line in (tmp_path / "SHA256SUMS").read_text().splitlines():
        wanted, name = line.split("  ")
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == wanted
    again = read_suite(files[0], files[1])
    assert (again.teach, again.test) == (
        generate_suite("spatial", 5, 1337, "easy").teach,
        generate_suite("spatial", 5, 1337, "easy").test,
    )
    assert "# spatial, version" in (tmp_path / "spatial" / "CARD.md").read_text()
    assert set(CARDS) == set(SUITES)
    with pytest.raises(InputError, match="name at least one"):
        build(tmp_path, [])
