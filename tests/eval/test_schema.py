"""metrics.json keeps to its schema, and what does not is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from hippo_eval.composing import resolve
from hippo_eval.runner import measure
from hippo_eval.schema import check, check_file, problems_of, schema
from hippo_eval.schema.__main__ import main
from hippo_mem.errors import InputError, StoreFormatError

GOOD: dict[str, Any] = {
    "schema": 1,
    "preset": "memory/hei_nw",
    "suite": "episodic",
    "seed": 7,
    "model": "dummy",
    "n": 4,
    "em": 0.5,
    "em_raw": 0.25,
    "f1": 0.625,
    "refusal_rate": 0.0,
    "em_interval": [0.0, 1.0],
    "retrieval": {"requests": 4},
    "gates": {"attempts": 5, "accepts": 4, "merged": 1},
    "replay": {"samples": 0},
    "store": {"size": 3},
}
CELL = {name: GOOD[name] for name in ("preset", "suite", "seed", "model")} | {"variants": [], "profile": "hard", "n": 1}


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("preset", ["memory/hei_nw", "memory/all", "baselines/core", "baselines/rag"])
def test_what_a_run_writes_keeps_to_it(preset: str) -> None:
    metrics = measure(resolve(["model=dummy", "n=3", "seed=7", f"preset={preset}", "compute.pre_metrics=true"]))
    assert problems_of(json.loads(json.dumps(metrics))) == []


def test_names_of_later_versions_are_allowed() -> None:
    assert problems_of({**GOOD, "invented_later": {"x": 1}}) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"em": 1.5}, "em: 1.5 is greater than the maximum of 1"),
        ({"em": "high"}, "em: 'high' is not of type"),
        ({"em": float("nan")}, "em: nan is no number that JSON has"),
        ({"em_interval": [0.1, float("inf")]}, r"em_interval[1]: inf is no number"),
        ({"em_interval": [0.6, 0.9]}, "em_interval: 0.5 is not in 0.6..0.9"),
        ({"retrieval": {}}, "retrieval: 'requests' is a required property"),
        ({"retrieval": {"requests": -1}}, "retrieval.requests: -1 is less than the minimum"),
        ({"gates": {"attempts": 1, "accepts": 2}}, "gates: 2 accepts of 1 attempts"),
        ({"gates": {"attempts": 3, "accepts": 2, "merged": 3}}, "gates: 3 merged of 2 accepts"),
        ({"preset": "hei_nw"}, "preset: 'hei_nw' does not match"),
        ({"refusal_rate": None, "n": None}, "n: None is not of type 'integer'"),
        (
            {"cell": {**CELL, "preset": "x"}},
            "cell.preset: 'x' here, 'memory/hei_nw' in the figures",
        ),
    ],
)  # fmt: skip
def test_each_problem_names_its_place(change: dict[str, Any], problem: str) -> None:
    assert any(found.startswith(problem) for found in problems_of({**GOOD, **change})), problems_of({**GOOD, **change})


def test_what_is_missing_is_named() -> None:
    for name in ("schema", "preset", "retrieval", "store"):
        left = {k: v for k, v in GOOD.items() if k != name}
        assert problems_of(left) == [f"the whole: '{name}' is a required property"]
    left = {k: v for k, v in GOOD.items() if k != "refusal_rate"}
    assert problems_of(left) == ["the whole: 'refusal_rate' is a dependency of 'em'"]


def test_checking_raises_with_the_place() -> None:
    check(GOOD, "here")
    with pytest.raises(StoreFormatError, match=r"^here does not keep to the schema of metrics: em: 2 is greater"):
        check({**GOOD, "em": 2}, "here")


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad, broken = tmp_path / "good.json", tmp_path / "bad.json", tmp_path / "broken.json"
    good.write_text(json.dumps(GOOD))
    bad.write_text(json.dumps({**GOOD, "em": -1}))
    broken.write_text('{"em": ')
    assert main([str(good)]) == 0
    assert "keeps to the schema" in capsys.readouterr().out
    assert main([str(good), str(bad), str(broken), str(tmp_path / "none.json")]) == 2
    shown = capsys.readouterr()
    assert f"{good}: keeps" in shown.out
    assert shown.err.count("\n") == 1
    for part in ("em: -1 is less than", "broken.json cannot be read", "no such file"):
        assert part in shown.err
    assert main(["--print"]) == 0
    assert json.loads(capsys.readouterr().out) == schema()
    with pytest.raises(SystemExit):
        main([])


@pytest.mark.parametrize("text", ["[]", "3", '{"em": NaN}'])
def test_a_file_that_is_something_else(tmp_path: Path, text: str) -> None:
    file = tmp_path / "metrics.json"
    file.write_text(text)
    with pytest.raises(InputError, match=r"metrics\.json"):
        check_file(file)
