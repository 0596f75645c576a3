"""remember, recall, ask, forget, status over a real store."""

from __future__ import annotations

import io
import json
import sys
from datetime import datetime
from pathlib import Path

import pytest

from hippo_cli.incoming import parse_time

FACT = "Marta repaired the brass compass in the boathouse on Friday morning."


class _Stdin(io.TextIOWrapper):
    """Standard input from bytes; nobody sits at it."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data), encoding="utf-8")


def test_each_outcome_is_told_with_its_reason(hippo):
    assert "stored" in hippo("remember", FACT).out
    again = hippo("remember", FACT, "ok")
    assert again.code == 0
    merged, *taken, gated, summary = again.out.splitlines()
    assert any("relational: " in line for line in taken)
    assert merged.startswith("merged")
    assert "#1" in merged
    assert gated.startswith("gated")
    assert "(" in gated
    assert summary == "1 merged, 1 gated"


def test_json_outcomes_carry_the_gates_verdict(hippo):
    outcome, *others = json.loads(hippo("remember", FACT, "--pin", "--json").out)
    assert {(o["kind"], o["memory"]) for o in others} <= {("routed", "relational"), ("routed", "spatial")}
    assert outcome["kind"] == "stored"
    assert outcome["trace_id"] == 1
    assert outcome["salience"]["pin"] is True


def test_a_file_is_one_event_a_line(hippo, tmp_path):
    notes = tmp_path / "notes.txt"
    notes.write_bytes(b"\xef\xbb\xbfTobias hid the copper key in the attic.\r\n\r\nIngrid sold the red kite.\n")
    outcomes = json.loads(hippo("remember", "--file", str(notes), "--source", "diary", "--json").out)
    outcomes = [o for o in outcomes if o["kind"] != "routed"]
    assert [o["text"] for o in outcomes] == ["Tobias hid the copper key in the attic.", "Ingrid sold the red kite."]
    assert json.loads(hippo("status", "--json").out)["sources"] == {"diary": 2}


@pytest.mark.parametrize("words", [("remember", "-"), ("remember", "--file", "-")], ids=["dash", "file dash"])
def test_standard_input_is_one_event_a_line(hippo, monkeypatch, words):
    monkeypatch.setattr(sys, "stdin", _Stdin("Çağla painted the blue door.\n".encode()))
    outcome, *_ = json.loads(hippo(*words, "--json").out)
    assert outcome["text"] == "Çağla painted the blue door."


def test_a_long_file_says_how_far_it_is(hippo, tmp_path):
    notes = tmp_path / "notes.txt"
    notes.write_text("".join(f"Person{i} bought lamp{i} in street{i}.\n" for i in range(70)))
    done = hippo("remember", "--file", str(notes), "--json")
    assert sum(o["kind"] == "stored" for o in json.loads(done.out)) == 70
    assert "remember: 70/70" in done.err


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"fine line\nbad \xff\xfe line\n", "line 2, is not valid UTF-8"),
        (b"fine line\nbell \x07 line\n", "line 2, holds the control character U+0007"),
        (b"fine line\n" + b"x" * 1_000_000, "line 2, has 1,000,000 characters"),
        (b"\n \n", "nothing to remember"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_remembered(hippo, tmp_path, data, said):
    notes = tmp_path / "notes.txt"
    notes.write_bytes(data)
    done = hippo("remember", "--file", str(notes))
    assert done.code == 1
    assert done.err.startswith("hippo: ")
    assert done.err.count("\n") == 1
    assert said in done.err
    assert json.loads(hippo("status", "--json").out)["episodic"]["traces"] == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("remember",), "nothing to remember"),
        (("remember", ""), "empty"),
        (("remember", "--file", "missing.txt"), "cannot read missing.txt: No such file"),
        (("remember", "x", "--time", "soon"), "'soon' is neither a date"),
        (("remember", "x", "--time", "nan"), "'nan' is neither a date such as 2026-05-01T18:30 nor a number"),
        (("recall", "x", "--as-of", "inf"), "'inf' is neither a date"),
        (("recall", "x", "--as-of", "1e300"), "'1e300' is neither a date"),
        (("recall", "x", "--as-of", "20301399"), "'20301399' is neither a date"),
        (("recall", "x", "--as-of", "203005"), "'203005' may be a month or seconds; for the month write 2030-05-01"),
        (("forget", "--id", "99999999999999999999999", "-y"), "there is no memory with id 99999999999999999999999"),
        (("remember", "-", "--file", "-"), "named twice"),
        (("--user", "../else", "status"), "'../else' is not valid"),
    ],
)
def test_bad_input_is_one_line(hippo, words, said):
    done = hippo(*words)
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
    assert said in done.err


def test_recall_shows_what_found_each_memory(hippo):
    hippo("remember", FACT, "Tobias hid the copper key in the attic.")
    done = hippo("recall", "brass compass")
    assert FACT in done.out.splitlines()[1]
    assert "lexical #1" in done.out
    hits = json.loads(hippo("recall", "brass compass", "-k", "1", "--json").out)["hits"]
    assert [h["trace"]["text"] for h in hits] == [FACT]


def test_recall_of_nothing_says_so(hippo):
    assert hippo("recall", "anything").out == "nothing comes to mind\n"


def test_time_is_kept(hippo):
    hippo("remember", FACT, "--time", "1970-01-02T00:00:00+00:00")
    hits = json.loads(hippo("recall", "compass", "--json").out)["hits"]
    assert hits[0]["trace"]["provenance"]["time"] == 86400.0


@pytest.mark.parametrize(
    ("said", "date"),
    [
        ("2030", (2030, 1, 1)),
        (" 2030 ", (2030, 1, 1)),
        ("20300402", (2030, 4, 2)),
        ("2030-04-02", (2030, 4, 2)),
        ("1995", (1995, 1, 1)),
    ],
)
def test_a_year_and_a_date_without_dashes_are_dates(hippo, said, date):
    hippo("remember", FACT, "--time", said)
    hits = json.loads(hippo("recall", "compass", "--as-of", "2031", "--json").out)["hits"]
    assert [h["trace"]["provenance"]["time"] for h in hits] == [datetime(*date).timestamp()]
    assert json.loads(hippo("recall", "compass", "--as-of", "19941231", "--json").out)["hits"] == []


@pytest.mark.parametrize("said", ["0", "-86400.5", "1767225600", "1767225600.25"])
def test_any_other_number_is_seconds(said):
    assert parse_time(said) == float(said)


def test_ask_shows_the_answer_and_what_was_recalled(hippo):
    hippo("remember", FACT)
    lines = hippo("ask", "Who repaired the brass compass?").out.splitlines()
    assert lines[0] == FACT
    assert lines[1] == "read from memory (span decoding)"
    assert "#1" in lines[2]


def test_ask_with_memory_off_shows_no_memory(hippo):
    hippo("remember", FACT)
    done = hippo("ask", "--memory-off", "Who repaired the brass compass?")
    assert done.out == "I don't know.\nfrom the weights, memory off; the base alone spoke (greedy decoding)\n"


def test_markup_and_escapes_in_memories_do_nothing(hippo):
    hippo("remember", "The [bold]sign[/bold] said [link=http://x]enter[/link] here.")
    assert "[bold]sign[/bold] said [link=http://x]enter[/link]" in hippo("recall", "sign").out
    assert "[bold]sign[/bold]" in hippo("ask", "sign?").out


def test_forget_by_each_choice(hippo):
    hippo("remember", "Ann has a dog named Rex.", "--source", "diary", "--doc", "page1")
    hippo("remember", "Bob has a cat named Tom.", "--source", "diary", "--doc", "page2")
    hippo("remember", "Eve has a fish named Finn.", "Dan has a bird named Kiwi.", "--source", "letter")
    assert hippo("forget", "--id", "1", "--yes").out.startswith("1 forgotten")
    assert json.loads(hippo("forget", "--doc", "page2", "--yes", "--json").out) == {"forgotten": 1}
    assert hippo("forget", "--source", "nobody", "--yes").out == "nothing to forget: no memory matches\n"
    assert hippo("forget", "--all", "--yes").out.startswith("2 forgotten")


def test_forget_asks_and_without_an_answer_deletes_nothing(hippo, monkeypatch):
    hippo("remember", FACT)
    monkeypatch.setattr(sys, "stdin", _Stdin(b""))
    done = hippo("forget", "--all")
    assert done.code == 2
    assert "add --yes" in done.err
    assert json.loads(hippo("status", "--json").out)["episodic"]["traces"] == 1


def test_status_names_the_home(hippo, home: Path):
    hippo("remember", FACT)
    assert str(home) in hippo("status").out


def test_users_do_not_see_each_other(hippo):
    hippo("remember", FACT, "--user", "anna")
    assert hippo("recall", "compass", "--user", "berta").out == "nothing comes to mind\n"
