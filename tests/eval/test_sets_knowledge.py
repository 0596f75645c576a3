"""MMLU and known facts: files of any layout, a prompt as published, and a night's flips counted in pairs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hippo_eval.sets.choose import run_set
from hippo_eval.sets.few_shot import Picked, header, pick, written
from hippo_eval.sets.folders import spread
from hippo_eval.sets.known_facts import measure_known
from hippo_eval.sets.known_facts import read_folder as read_known
from hippo_eval.sets.mmlu import Choice, Subject, read_folder
from hippo_eval.sets.multiple_choice import figures, measure_choices
from hippo_eval.sets.tables import rows
from hippo_mem.errors import InputError, StoreFormatError
from hippo_mem.lm import LanguageModel

DEV = 'question,choice0,choice1,choice2,choice3,answer\n"2, doubled?",3,4,5,6,1\n'
TEST = "1+1?,1,2,3,4,B\n2+2?,1,2,3,4,D\n"


def quiet(stage: str, done: int, total: int) -> None:
    """Nobody looks."""


def test_subjects_are_read_from_every_layout(tmp_path: Path) -> None:
    for name, text in (
        ("dev/sums_dev.csv", DEV), ("test/sums_test.csv", TEST), ("test/odd things.csv", TEST), ("notes.csv", "a,b\n"),
        ("plain.csv", TEST * 8),
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    subjects, others = read_folder(tmp_path)
    assert others == ["notes.csv"]
    found = {s.name: s for s in subjects}
    assert sorted(found) == ["odd_things", "plain", "sums"]
    assert found["sums"].shots == (Choice(question="2, doubled?", choices=("3", "4", "5", "6"), answer=1),)
    assert [q.answer for q in found["sums"].questions] == [1, 3]
    assert len(found["plain"].questions) == 16


def test_a_damaged_row_is_named_and_an_empty_folder_says_where_the_set_is(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no file of mmlu; it is empty\. MMLU \(Hendrycks"):
        read_folder(tmp_path)
    (tmp_path / "x_test.csv").write_text(TEST + "3+3?,1,2,6\n")
    with pytest.raises(StoreFormatError, match=r"x_test\.csv, line 3: a row is a question, four choices"):
        read_folder(tmp_path)


def test_a_prompt_is_written_as_published() -> None:
    item = Choice(question="1+1?", choices=("1", "2", "3", "4"), answer=1)
    assert header("abstract_algebra").endswith("(with answers) about abstract algebra.\n\n")
    assert written(item, solved=True) == "1+1?\nA. 1\nB. 2\nC. 3\nD. 4\nAnswer: B\n\n"
    assert written(item, solved=False) == "1+1?\nA. 1\nB. 2\nC. 3\nD. 4\nAnswer:"


def test_reading_the_examples_once_picks_what_reading_all_of_it_picks(tiny: LanguageModel) -> None:
    shots = tuple(Choice(question=f"{i}?", choices=("1", "2", "3", "4"), answer=i % 4) for i in range(3))
    asked = tuple(Choice(question=f"{i} more?", choices=("a", "b", "c", "d"), answer=i % 4) for i in range(9))
    subject = Subject(name="sums", shots=shots, questions=asked)
    done: list[int] = []
    picked = pick(tiny, subject, asked, done.append)
    assert done == list(range(1, 10))
    prefix = header("sums") + "".join(written(s, solved=True) for s in shots)
    for item, got in zip(asked, picked, strict=True):
        whole = tiny.logprobs(prefix + written(item, solved=False), [f" {x}" for x in "ABCD"], adapter=False)
        assert got == Picked(base=max(range(4), key=lambda i: sum(whole[i])), night=got.base, spoke=False)


def test_a_prompt_too_long_for_the_model_loses_its_last_examples(tiny: LanguageModel) -> None:
    long = Choice(question="x" * 300, choices=("1", "2", "3", "4"), answer=0)
    subject = Subject(name="sums", shots=(long,) * 5, questions=(long,))
    assert len(pick(tiny, subject, subject.questions, lambda n: None)) == 1


def test_flips_are_pairs_by_hand() -> None:
    asked = [Choice(question="?", choices=("1", "2", "3", "4"), answer=0)] * 5
    picked = [Picked(base=b, night=n, spoke=b != n) for b, n in ((0, 0), (0, 1), (1, 0), (2, 2), (0, 0))]
    found = figures(asked, picked, night=True)
    assert (found["accuracy_before"], found["accuracy_after"]) == (0.6, 0.6)
    assert (found["n_flipped"], found["n_gained"], found["flips"]) == (1, 1, pytest.approx(1 / 3))
    assert found["change"] == 0
    assert found["change_interval"][0] < 0 < found["change_interval"][1]
    assert found["spoke_share"] == 0.4
    alone = figures(asked, [Picked(base=0, night=0, spoke=False)] * 5, night=False)
    assert (alone["accuracy"], alone["flips"], alone["accuracy_after"]) == (1.0, None, None)


@pytest.fixture
def known(tmp_path: Path) -> Path:
    place = tmp_path / "facts"
    place.mkdir()
    facts = [{"subject": "Rome", "prompt": f"Rome is in {i}", "attribute": "Italy", "relation_id": "P1"} for i in "abc"]
    (place / "some_facts.json").write_text(json.dumps([*facts, facts[0]]))
    (place / "else.json").write_text('[{"prompt": "x"}]')
    return place


def test_known_facts_are_read_once_each_and_asked_of_the_model(known: Path, tiny: LanguageModel) -> None:
    items, files = read_known(known)
    assert [i.prompt for i in items] == ["Rome is in a", "Rome is in b", "Rome is in c"]
    assert files == ["some_facts.json"]
    found = measure_known(known, tiny, quiet, limit=2)
    assert (found["n"], found["n_available"], found["flips"], found["accuracy"]) == (2, 3, None, 0.0)
    (known / "bad.json").write_text('[{"subject": "x", "prompt": " ", "attribute": "y"}]')
    with pytest.raises(StoreFormatError, match=r"bad\.json, row 1: prompt and attribute must have words"):
        read_known(known)


def test_both_are_run_by_name_on_the_users_own_model(known: Path, tmp_path: Path, tiny_folder: Path) -> None:
    result = run_set("known_facts", data=known, model=str(tiny_folder), out=tmp_path / "k.json")
    assert json.loads((tmp_path / "k.json").read_text())["accuracy"] == result["accuracy"] == 0.0
    assert result["night"] is None
    assert rows(result)[1][0] == "as it was"
    quiz = tmp_path / "quiz"
    quiz.mkdir()
    (quiz / "sums_test.csv").write_text(TEST)
    result = run_set("mmlu", data=quiz, model=str(tiny_folder), limit=1)
    assert (result["n"], result["n_available"], result["limit"]) == (1, 2, 1)
    with pytest.raises(InputError, match="--limit must be 1 or more, got 0"):
        run_set("mmlu", data=quiz, limit=0)
    with pytest.raises(InputError, match="the dummy model has no weights"):
        run_set("mmlu", data=quiz, model="dummy")


def test_a_limit_is_spread_evenly() -> None:
    assert spread(list(range(10)), 4) == [0, 2, 5, 7]
    assert spread([1, 2], 5) == [1, 2]
    assert spread([1, 2], None) == [1, 2]


def test_measuring_all_gives_a_line_a_subject(tmp_path: Path, tiny: LanguageModel) -> None:
    for name in ("sums", "words"):
        (tmp_path / f"{name}_dev.csv").write_text(DEV)
        (tmp_path / f"{name}_test.csv").write_text(TEST)
    found = measure_choices(tmp_path, tiny, quiet)
    assert {name: s["n"] for name, s in found["subjects"].items()} == {"sums": 2, "words": 2}
    assert found["n_shots"] == 1


class Recorder:
    """A gate that stays shut, or opens, and keeps what it was shown."""

    layers = (1, 2)

    def __init__(self, *, opens: bool) -> None:
        self.seen: list[np.ndarray] = []
        self._opens = opens

    def opens(self, pooled: np.ndarray) -> np.ndarray:
        self.seen.append(pooled[0])
        return np.array([self._opens])


def test_the_gate_judges_the_whole_prompt_although_its_beginning_was_read_before(
    tiny: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = Choice(question="one?", choices=("1", "2", "3", "4"), answer=0)
    subject = Subject(name="sums", shots=(item,), questions=(item,))
    prompt = header("sums") + written(item, solved=True) + written(item, solved=False) + " "
    monkeypatch.setattr(tiny, "adapter_dir", Path("night"))
    for opens in (False, True):
        gate = Recorder(opens=opens)
        monkeypatch.setattr(tiny, "gate", gate)
        (picked,) = pick(tiny, subject, [item], lambda n: None)
        assert (picked.spoke, picked.night) == (opens, picked.base)  # no adapter is attached: the base answers twice
        np.testing.assert_allclose(gate.seen[0], tiny.hidden_states([prompt], gate.layers)[0], rtol=1e-4, atol=1e-5)
