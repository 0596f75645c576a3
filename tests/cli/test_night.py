"""sleep and nights: what they print, and what they pass on."""

from __future__ import annotations

import io
import json

import pytest


def test_sleep_says_the_verdict_and_where_the_report_is(hippo):
    done = hippo("sleep")
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0] == "night 1 kept: every check passed"
    assert lines[1].startswith("3 memories (2 new)")
    assert "93.8% of 16" in lines[2]
    assert lines[-1].endswith("nights/0001/report.html")
    assert "train: 2/2, done" in done.err


def test_sleep_takes_a_config_by_name_and_by_path(hippo, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("peft: {rank: 3}\n")
    hippo("sleep", "--config", str(file))
    hippo("sleep", "--config", "lora_small", "--merge", "--yes")
    first, second = (json.loads(hippo("nights", "show", n, "--json").out)["report"] for n in "12")
    assert (first["config"]["peft"]["rank"], first["merged"]) == (3, None)
    assert (second["config"]["peft"]["rank"], second["merged"]) == (8, "there")


def test_the_copy_of_merge_is_asked_for(hippo, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    done = hippo("sleep", "--merge")
    assert done.code == 2
    assert "add --yes" in done.err
    assert "no night yet" in hippo("nights").out


@pytest.mark.parametrize(
    ("text", "said"),
    [("peft: {rnak: 3}\n", "did you mean 'rank'?"), ("train: {lr: fast}\n", "train.lr must be a number")],
)
def test_a_wrong_config_is_one_line(hippo, tmp_path, text, said):
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    done = hippo("sleep", "--config", str(file))
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert said in done.err


def test_a_config_that_does_not_exist_names_the_nearest(hippo):
    done = hippo("sleep", "--config", "lora_smal")
    assert done.code == 1
    assert "did you mean 'lora_small'?" in done.err


def test_nights_are_listed_shown_and_undone(hippo):
    assert "no night yet" in hippo("nights").out
    hippo("sleep")
    hippo("sleep")
    assert [n["number"] for n in json.loads(hippo("nights", "--json").out)] == [1, 2]
    assert [n["number"] for n in json.loads(hippo("nights", "list", "--json").out)] == [1, 2]
    assert json.loads(hippo("--json", "nights").out) == json.loads(hippo("nights", "list", "--json").out)
    assert hippo("nights", "undo", "--yes").out == "night 1 is in force again\n"
    assert hippo("nights", "undo", "--yes").out == "no night is in force: the base model speaks alone\n"


def test_the_list_says_which_night_is_in_force(hippo):
    hippo("sleep")
    hippo("sleep")
    header, first, second = hippo("nights").out.splitlines()
    assert header.split()[:3] == ["night", "when", "status"]
    assert " kept " in first
    assert " in force " in second


def test_a_shown_night_prints_its_report(hippo):
    hippo("sleep")
    assert hippo("nights", "show", "1").out.splitlines()[0] == "night 1 kept: every check passed"


def test_a_damaged_report_is_one_line(hippo, home):
    hippo("sleep")
    (home / "users/default/nights/0001/report.json").write_text("{")
    done = hippo("nights", "show", "1")
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "report.json is damaged" in done.err


def test_showing_a_night_that_never_was(hippo):
    hippo("sleep")
    done = hippo("nights", "show", "7")
    assert (done.code, done.err) == (1, "hippo: there is no night 7; there are: 1\n")
