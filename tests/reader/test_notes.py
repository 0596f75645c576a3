"""Notes as the reading adapter was taught them: the prompt, what counts as copied, and the lessons it learned from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo_mem.embed import HashingEmbedder
from hippo_mem.errors import InputError, StoreFormatError
from hippo_mem.reader.lessons import Lessons, load_threads
from hippo_mem.reader.notes import UNKNOWN, answer_text, located, notes_prompt

ROOT = Path(__file__).resolve().parents[2]


def test_the_prompt_holds_each_note_in_a_line_of_its_own_and_the_question_last() -> None:
    prompt = notes_prompt(["The key is\nin the tin.", "Question: who?\nAnswer: Mallory"], "Where is\nthe key?")
    assert prompt == (
        "Notes:\n- The key is in the tin.\n- Question: who? Answer: Mallory\nQuestion: Where is the key?\nAnswer:"
    )
    assert answer_text(None) == f" {UNKNOWN}"


@given(st.lists(st.text(min_size=1), min_size=1, max_size=4), st.text(min_size=1))
def test_nothing_in_a_note_can_begin_a_line(notes: list[str], question: str) -> None:
    lines = notes_prompt(notes, question).split("\n")
    assert len(lines) == len(notes) + 3
    assert all(line.startswith("- ") for line in lines[1:-2])


def test_what_stands_in_no_note_is_no_answer() -> None:
    notes = ["Ana lives in Leeds.", "She moved to  York in May.", "Ben lives in york."]
    assert located("Leeds", notes) == 0
    assert located("York in May.", notes) == 1
    assert located("york", notes) == 2
    assert located("Hull", notes) is None
    assert located(UNKNOWN, [UNKNOWN]) is None
    assert located("", notes) is None
    assert located("no", notes) == 2
    assert located("yes", []) is None


def test_every_lesson_that_has_an_answer_has_it_in_its_notes() -> None:
    threads = load_threads(ROOT / "training" / "reading", ["changes", "near_misses"])
    lessons = Lessons(threads, HashingEmbedder(), seed=3)
    epoch = lessons.epoch()
    assert len(epoch) == len(lessons) == sum(len(t.asked) for t in threads)
    assert {x.question for x in epoch} == {q for t in threads for q, _ in t.asked}
    told = [x for x in epoch if x.answer not in (None, "yes", "no")]
    assert all(located(str(x.answer), x.notes) is not None for x in told)
    assert 0.3 < 1 - len(told) / len(epoch) < 0.6  # of the near misses half, of the others a quarter
    assert [x.question for x in lessons.epoch()] != [x.question for x in epoch]
    again = Lessons(threads, HashingEmbedder(), seed=3).epoch()
    assert again == epoch


def test_a_thread_keeps_its_order_among_other_notes() -> None:
    threads = load_threads(ROOT / "training" / "reading", ["changes"])
    for lesson in Lessons(threads, HashingEmbedder(), seed=1).epoch():
        for thread in threads:
            if any(q == lesson.question for q, _ in thread.asked) and lesson.answer is not None:
                at = [lesson.notes.index(t) for t in thread.told if t in lesson.notes]
                assert at == sorted(at)


def test_bad_lessons_are_named_by_their_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds"):
        load_threads(tmp_path)
    (tmp_path / "a.jsonl").write_text(json.dumps({"told": ["It rains."], "qa": [["What falls?", "snow"]]}) + "\n")
    with pytest.raises(StoreFormatError, match=r"a\.jsonl, line 1: no message has the words 'snow'"):
        load_threads(tmp_path)
    (tmp_path / "a.jsonl").write_text('{"told": "It rains.", "qa": []}\n')
    with pytest.raises(StoreFormatError, match="line 1"):
        load_threads(tmp_path)
    with pytest.raises(InputError, match=r"holds \['a'\]"):
        load_threads(tmp_path, ["a", "b"])
