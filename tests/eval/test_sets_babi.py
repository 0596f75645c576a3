"""bAbI: the format of its files, and stories told and asked in order."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from hippo_eval.runner import silent
from hippo_eval.sets.babi import key_of, read_folder
from hippo_eval.sets.choose import run_set
from hippo_eval.sets.stories import ask_task, measure_stories, right
from hippo_mem.errors import ConfigError, InputError, StoreFormatError
from hippo_mem.types import Answer, Event, Outcome

TWO_STORIES = (
    "1 Ana went to the barn.\n"
    "2 Where is Ana? \tbarn\t1\n"
    "3 Ana went to the mill.\n"
    "4 Ben slept.\n"
    "5 Where is Ana?\tmill\t3\n"
    "1 Ana went to the shed.\n"
    "2 Where is Ana?\tshed\t1\n"
)


def write(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder


class Follower:
    """Answers with the last word it was told in the context, and keeps the order of everything."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.batches: list[int] = []

    def observe_many(self, events: Sequence[Event]) -> list[list[Outcome]]:
        self.events += events
        self.batches.append(len(events))
        return [[Outcome(kind="stored", text=e.text, trace_id=i)] for i, e in enumerate(events)]

    def answer_many(self, questions: Sequence[str], *, contexts: Sequence[str | None] | None = None) -> list[Answer]:
        answers = []
        for question, key in zip(questions, contexts or (), strict=True):
            told = [e.text for e in self.events if e.context == key and question.split()[-1].rstrip("?") in e.text]
            said = told[-1].rstrip(".").split()[-1]
            answers.append(Answer(text=said, decoding="path", source="memory", details={"decided_by": "graph"}))
        return answers


def test_a_file_is_read_into_stories_with_questions_in_their_place(tmp_path):
    (task,), others = read_folder(write(write(tmp_path, "qa1_x_train.txt", TWO_STORIES), "LICENSE.txt", "A licence\n"))
    assert (task.key, task.n, others) == ("task_1", 3, ["LICENSE.txt"])
    first, second = task.stories
    assert [a.told for a in first] == [("Ana went to the barn.",), ("Ana went to the mill.", "Ben slept.")]
    assert (first[1].question, first[1].answer, first[1].supports, first[1].line) == ("Where is Ana?", "mill", (3,), 5)
    assert second[0].told == ("Ana went to the shed.",)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("qa17_positional-reasoning_train.txt", "task_17"),
        ("QA3.txt", "task_3"),
        ("task_19_valid", "task_19"),
        ("2.txt", "task_2"),
        ("path-finding held out.txt", "task_19"),
        ("path_finding_test.txt", "task_19"),
        ("held-out-17.txt", "task_17"),
        ("stories_v1.2.txt", "stories_v1.2"),
        ("stories.txt", "stories"),
    ],
)
def test_the_name_says_the_task_or_is_the_key(name, key):
    assert key_of(name) == key


def test_a_set_is_known_by_its_content(tmp_path):
    write(tmp_path, "notes.md", TWO_STORIES)
    write(tmp_path, "list.txt", "1 only a list\n2 without questions\n")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\xff\xfe")
    tasks, others = read_folder(tmp_path)
    assert [t.key for t in tasks] == ["notes"]
    assert others == ["list.txt", "picture.png"]


def test_supporting_lines_may_be_missing(tmp_path):
    (task,), _ = read_folder(write(tmp_path, "qa1.txt", "1 Ana slept.\n2 Who slept?\tAna\n"))
    assert task.stories[0][0].supports == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 Ana slept.\n2 Who?\tAna\t1\nno number\n", "line 3: a line begins with its number, got 'no number'"),
        ("1 Ana slept.\n2 Who?\t\t1\n", "line 2: a question is followed by"),
        ("1 Ana slept.\n2 Who?\tAna\tone\n", "line 2: a question is followed by"),
    ],
)
def test_a_damaged_file_names_its_line(tmp_path, text, message):
    with pytest.raises(StoreFormatError, match=message):
        read_folder(write(tmp_path, "qa1.txt", text))


def test_stories_go_forward_together_and_never_know_what_comes_later(tmp_path):
    (task,), _ = read_folder(write(tmp_path, "qa1.txt", TWO_STORIES))
    memory, seen = Follower(), []
    rows = ask_task(task, memory, lambda stage, done, total: seen.append((stage, done, total)))
    assert [(r["story"], r["wanted"], r["said"], r["right"]) for r in rows] == [
        ("story-1", "barn", "barn", True), ("story-2", "shed", "shed", True), ("story-1", "mill", "mill", True),
    ]  # fmt: skip
    assert memory.batches == [2, 2]
    assert all(e.pin for e in memory.events)
    times = [e.time for e in memory.events if e.context == "story-1"]
    assert times == sorted(set(times))
    assert seen[-1] == ("task_1", 3, 3)


def test_figures_are_by_task_and_two_files_of_one_task_are_one(tmp_path):
    write(tmp_path, "qa1_train.txt", TWO_STORIES)
    write(tmp_path, "qa1_test.txt", "1 Ana went to the barn.\n2 Where is Ana?\tattic\t1\n")
    opened = []

    @contextlib.contextmanager
    def open_memory() -> Iterator[Follower]:
        opened.append(Follower())
        yield opened[-1]

    found = measure_stories(tmp_path, open_memory, silent)
    assert len(opened) == 2
    assert (found["task_1"]["accuracy"], found["task_1"]["n"]) == (0.75, 4)
    assert found["task_1"]["decided_by"] == {"graph": {"n": 4, "accuracy": 0.75}}
    assert found["files"]["qa1_test.txt"] == {"task": "task_1", "n": 1, "accuracy": 0.0}
    (wrong,) = found["task_1"]["wrong"]
    assert (wrong["question"], wrong["wanted"], wrong["said"], wrong["line"]) == ("Where is Ana?", "attic", "barn", 2)


@pytest.mark.parametrize(
    ("said", "wanted", "same"),
    [
        ("Barn", "barn", True), ("the barn", "barn", True), ("s, e", "s,e", True), ("e,s", "s,e", False),
        ("s", "s,e", False), ("yes", "no", False), ("", "no", False), ("milk,football", "milk,football", True),
    ],
)  # fmt: skip
def test_answers_are_the_same_but_for_case_and_articles(said, wanted, same):
    assert right(said, wanted) is same


def test_the_whole_set_through_a_memory(tmp_path):
    out = tmp_path / "deep" / "out.json"
    folder = tmp_path / "babi"
    folder.mkdir()
    result = run_set("babi", data=write(folder, "qa1.txt", TWO_STORIES), model="dummy", out=out)
    assert (result["set"], result["task_1"]["n"]) == ("babi", 3)
    assert out.is_file()


def test_a_missing_set_says_where_it_is(tmp_path, monkeypatch):
    monkeypatch.delenv("HIPPO_DATA", raising=False)
    with pytest.raises(InputError, match=r"say where babi lies: --data DIR.*research.facebook.com"):
        run_set("babi", model="dummy")
    with pytest.raises(InputError, match=r"is not a folder\. bAbI v1\.2"):
        run_set("babi", data=tmp_path / "nowhere", model="dummy")
    (tmp_path / "en").mkdir()
    with pytest.raises(InputError, match="holds no file of babi; there is en/"):
        run_set("babi", data=tmp_path, model="dummy")
    with pytest.raises(InputError, match="no set 'baby'; did you mean 'babi'"):
        run_set("baby", data=tmp_path)
    with pytest.raises(ConfigError, match="baselines/core has no memory"):
        run_set("babi", data=tmp_path, preset="baselines/core")


def test_the_environment_says_where_sets_lie(tmp_path, monkeypatch):
    (tmp_path / "babi").mkdir()
    write(tmp_path / "babi", "qa1.txt", TWO_STORIES)
    monkeypatch.setenv("HIPPO_DATA", str(tmp_path))
    assert run_set("babi", model="dummy")["task_1"]["n"] == 3
