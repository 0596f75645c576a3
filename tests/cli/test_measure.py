"""eval over the model without weights; demo over a stand-in for the long work."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import hippo_eval.demo
from hippo_eval.demo import judge


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    teach, test = tmp_path / "T.jsonl", tmp_path / "Q.jsonl"
    teach.write_text('{"fact": "Marta hid the key in the barn.", "context_key": "one"}\n')
    test.write_text('{"prompt": "Where did Marta hid the key in?", "answer": "the barn", "context_key": "one"}\n')
    return str(teach), str(test)


def test_eval_prints_the_figures_and_writes_them(hippo, files, tmp_path):
    teach, test = files
    out = tmp_path / "deep" / "out.json"
    done = hippo("eval", "--teach", teach, "--test", test, "--model", "dummy", "--json", str(out))
    assert done.code == 0, done.err
    assert done.out.splitlines()[0].split() == ["em", "1"]
    figures = json.loads(out.read_text())
    assert {"em", "em_raw", "f1", "n", "hit_rate", "items"} <= set(figures)
    assert figures["em"] == 1.0


def test_eval_after_a_sleep_with_memory_off(hippo, files, tmp_path):
    teach, test = files
    words = ("eval", "--teach", teach, "--test", test, "--model", "dummy", "--sleep", "--memory-off")
    done = hippo(*words, "--json", str(tmp_path / "out.json"))
    assert done.code == 0, done.err
    assert json.loads((tmp_path / "out.json").read_text())["em"] == 1.0


def test_eval_names_a_bad_line(hippo, files, tmp_path):
    teach, test = files
    with Path(teach).open("a") as file:
        file.write('{"fact": "cut off')
    done = hippo("eval", "--teach", teach, "--test", test, "--model", "dummy")
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "line 2" in done.err or ":2" in done.err


def test_eval_names_the_nearest_preset(hippo, files):
    teach, test = files
    done = hippo("eval", "--teach", teach, "--test", test, "--preset", "memory/hei_mw")
    assert done.code == 1
    assert "did you mean 'memory/hei_nw'?" in done.err


def _metrics() -> dict:
    said = {"said": "the [b]barn[/b]", "right": True}
    wrong = {"said": "I am not sure.", "right": False}
    metrics = {
        "n_questions": 4,
        "seconds": 12.0,
        "em": {"before_off": 0.0, "memory_on": 0.9, "after_off_sealed": 0.95},
        "forgetting": {"known_fact_flips": 0.02, "ce_delta_nats": None},
        "sleep": {"seconds": 99.0},
        "examples": [
            {"fact": "Marta hid the key in the barn.", "question": "Where?", "answer": "the barn",
             "before_off": wrong, "memory_on": said, "after_off_sealed": said},
        ],
    }  # fmt: skip
    return {**metrics, "bars": judge(metrics)}


def test_demo_tells_the_story_and_every_bar(hippo, monkeypatch, tmp_path):
    asked = {}

    def stand_in(**given):
        asked.update(given)
        return _metrics()

    monkeypatch.setattr(hippo_eval.demo, "run_demo", stand_in)
    done = hippo("demo", "--n", "1", "--seed", "7", "--out", str(tmp_path), "--home", str(tmp_path / "h"))
    assert done.code == 0, done.err
    assert (asked["n"], asked["seed"], asked["models_home"]) == (1, 7, tmp_path / "h")
    lines = [line.split() for line in done.out.splitlines()]
    assert ["em.memory_on", "0.9", "≥", "0.8", "✓"] in lines
    assert ["forgetting.known_fact_flips", "0.02", "≤", "0.01", "✗"] in lines
    assert ["forgetting.ce_delta_nats", "none", "≤", "0.01", "✗"] in lines
    assert "✓ the [b]barn[/b]" in done.out
    assert json.loads(hippo("demo", "--json", "--out", str(tmp_path)).out)["em"]["memory_on"] == 0.9


def test_eval_of_a_set_prints_a_row_a_task_and_writes_the_figures(hippo, tmp_path):
    folder = tmp_path / "stories"
    folder.mkdir()
    (folder / "qa1_x.txt").write_text("1 Ana went to the barn.\n2 Where is Ana?\tbarn\t1\n")
    out = tmp_path / "out.json"
    done = hippo("eval", "--set", "babi", "--data", str(folder), "--model", "dummy", "--json", str(out))
    assert done.code == 0, done.err
    assert done.out.splitlines()[1].split()[0] == "task_1"
    figures = json.loads(out.read_text())
    assert figures["task_1"]["n"] == 1
    assert 0.0 <= figures["task_1"]["accuracy"] <= 1.0


def test_eval_takes_files_or_a_set(hippo, files, tmp_path):
    teach, test = files
    done = hippo("eval", "--teach", teach)
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "give --teach FILE and --test FILE, or --set NAME with --data DIR" in done.err
    done = hippo("eval", "--set", "babi", "--data", str(tmp_path), "--teach", teach, "--test", test)
    assert "a set brings its own questions" in done.err
    done = hippo("eval", "--set", "bobi", "--data", str(tmp_path))
    assert "did you mean 'babi'?" in done.err
