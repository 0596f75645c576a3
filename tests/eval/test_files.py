from pathlib import Path

import pytest

from hippo_eval.suites import episodic
from hippo_eval.suites.files import read_suite, read_teach, read_test, write_suite
from hippo_eval.suites.items import TeachItem
from hippo_eval.suites.items import TestItem as Question
from hippo_mem.errors import InputError, StoreFormatError


def lines(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(rows) + "\n")
    return path


def test_a_suite_survives_its_files(tmp_path: Path) -> None:
    suite = episodic.generate(3, 7)
    teach, test = write_suite(suite, tmp_path)
    assert (teach.name, test.name) == ("episodic_teach.jsonl", "episodic_test.jsonl")
    again = read_suite(teach, test)
    assert (again.name, again.teach, again.test) == ("episodic", suite.teach, suite.test)


def test_anyones_lines_are_read_and_unknown_keys_passed_over(tmp_path: Path) -> None:
    teach = lines(
        tmp_path / "t",
        '{"fact": "A.", "color": "red"}',
        "",
        '{"fact": "B.", "context_key": "k", "time": 2, "schema_fit": true}',
    )
    assert read_teach(teach) == (TeachItem(fact="A."), TeachItem(fact="B.", context_key="k", time=2, schema_fit=True))
    test = lines(tmp_path / "q", '{"prompt": "Q?", "answer": "A", "episode_id": 4}')
    assert read_test(test) == (Question(prompt="Q?", answer="A"),)


def test_a_solved_task_is_told_with_its_answer(tmp_path: Path) -> None:
    row = '{"prompt": "Grid 3x3. Start (0, 0) goal (1, 0).", "answer": "R", "episode_id": 4, "context_key": "g"}'
    (item,) = read_teach(lines(tmp_path / "t", row))
    assert item == TeachItem(fact="Grid 3x3. Start (0, 0) goal (1, 0).\nAnswer: R", context_key="g")
    with pytest.raises(StoreFormatError, match="line 1: missing answer; there is prompt"):
        read_teach(lines(tmp_path / "t", '{"prompt": "Grid 3x3."}'))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('{"fact": ', r"line 2 is not valid JSON"),
        ('["fact"]', r"line 2 must be a JSON object, got list"),
        ('{"fcat": "B."}', r"line 2: missing fact; there is fcat"),
        ('{"fact": null}', r"line 2: missing fact"),
        ('{"fact": 5}', r"line 2: fact must be str, got 5"),
        ('{"fact": " "}', r"line 2: fact is empty"),
        ('{"fact": "B.", "time": "noon"}', r"line 2: time must be int, got 'noon'"),
        ('{"fact": "B.", "time": true}', r"line 2: time must be int, got True"),
    ],
)
def test_a_bad_teach_line_is_named(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(StoreFormatError, match=message):
        read_teach(lines(tmp_path / "t", '{"fact": "A."}', row))


def test_a_bad_test_line_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreFormatError, match="line 1: missing answer; there is prompt"):
        read_test(lines(tmp_path / "q", '{"prompt": "Q?"}'))
    with pytest.raises(StoreFormatError, match="line 1: a question must not carry its fact"):
        read_test(lines(tmp_path / "q", '{"prompt": "Q?", "answer": "A", "fact": "A."}'))


def test_missing_and_empty_files_say_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file"):
        read_teach(tmp_path / "nowhere")
    with pytest.raises(InputError, match="nothing to tell"):
        read_teach(lines(tmp_path / "t", ""))
    with pytest.raises(InputError, match="nothing to ask"):
        read_test(lines(tmp_path / "q", ""))


def test_a_question_that_quotes_its_fact_is_refused_in_anyones_files(tmp_path: Path) -> None:
    teach = lines(tmp_path / "t", '{"fact": "Ana works at the mill.", "context_key": "k"}')
    quoting = '{"prompt": "Ana works at the mill. Where does Ana work?", "answer": "the mill", "context_key": "k"}'
    with pytest.raises(InputError, match="1 of 1 questions of t hold their answer's fact"):
        read_suite(teach, lines(tmp_path / "q", quoting))
    elsewhere = quoting.replace('"k"}', '"other"}')
    assert len(read_suite(teach, lines(tmp_path / "q", elsewhere)).test) == 1
