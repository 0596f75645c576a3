"""Telemetry that contradicts a preset is said, and under `strict` it fails the run."""

import json
from pathlib import Path
from typing import Any

import pytest

from hippo_eval import runner
from hippo_eval.cells import Cell, cells_of, write_cell
from hippo_eval.composing import resolve
from hippo_eval.invariants import of_cell
from hippo_eval.runner import recheck, run
from hippo_mem.errors import GuardrailError

MEMORY: dict[str, Any] = {
    "preset": "memory/hei_nw", "mode": "full", "model": "m", "em": 0.9, "n": 4, "memory_off": False,
    "refusal_rate": 0.1, "answer_in_reach": True, "retrieval": {"requests": 4}, "gates": {"attempts": 3},
    "replay": {"samples": 0}, "store": {"size": 3}, "config": {"sleep": False, "replay": {"cycles": 0}},
}  # fmt: skip
BASELINE: dict[str, Any] = {
    **MEMORY, "preset": "baselines/rag", "retrieval": {"requests": 0}, "gates": {"attempts": 0}, "store": {"size": 0},
}  # fmt: skip


def names(metrics: dict[str, Any], core: dict[str, Any] | None = None) -> list[str]:
    return [w.invariant for w in of_cell(metrics, core)]


def test_what_keeps_its_promise_has_no_warning() -> None:
    assert names(MEMORY) == names(BASELINE) == []


@pytest.mark.parametrize(
    ("metrics", "invariant", "text"),
    [
        ({**BASELINE, "retrieval": {"requests": 2}}, "baseline_requests", "baselines/rag has retrieval.requests = 2"),
        ({**BASELINE, "store": {"size": 5}}, "baseline_store", "baselines/rag has store.size = 5"),
        ({**MEMORY, "retrieval": {"requests": 0}}, "memory_requests", "answered 4 questions with"),
        ({**MEMORY, "gates": {"attempts": 0}}, "gate_attempts", "was told things with gates.attempts = 0"),
        ({**MEMORY, "config": {"sleep": True}}, "replay_samples", "replays, but replay.samples = 0"),
        ({**MEMORY, "config": {"replay": {"cycles": 2}}}, "replay_samples", "replay.samples = 0"),
        ({**MEMORY, "refusal_rate": 0.51}, "refusals", "refusal_rate is 0.51, above 0.5"),
        ({**MEMORY, "night": {"verdict": "undone", "reason": "flips 3 %"}}, "night_kept", "undone: flips 3 %"),
    ],
)  # fmt: skip
def test_each_violation_is_one_warning_with_its_figure(metrics: dict[str, Any], invariant: str, text: str) -> None:
    (warned,) = of_cell(metrics, None)
    assert warned.invariant == invariant
    assert text in warned.text


def test_saturation_needs_a_baseline_that_is_not() -> None:
    full = {**MEMORY, "em": 1.0}
    assert names(full, {"em": 0.1}) == ["saturation"]
    assert names(full, {"em": 0.2}) == names(full, None) == names({**full, "pre_em_norm": 0.9}, {"em": 0.0}) == []
    assert names({**full, "memory_off": True}, {"em": 0.0}) == []


def test_a_memory_that_is_off_need_not_be_asked() -> None:
    assert names({**MEMORY, "memory_off": True, "retrieval": {"requests": 0}}) == []


def test_warnings_stand_in_the_metrics_and_strict_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runner.guardrails, "judge", lambda metrics: ([], []))  # so that the invariant alone speaks
    words = ["model=dummy", "n=2", "retrieval.enabled=false", "run_id=abc"]
    metrics = run(resolve(words))
    assert [w["invariant"] for w in metrics["warnings"]] == ["memory_requests", "refusals"][: len(metrics["warnings"])]
    with pytest.raises(GuardrailError, match=r"retrieval\.requests = 0 .*metrics\.json"):
        run(resolve([*words, "strict=true"]))


def test_a_run_is_judged_again_when_its_baseline_is_there(tmp_path: Path) -> None:
    cell = Cell(preset="memory/hei_nw", suite="episodic", n=2, seed=1)
    good = {**MEMORY, "em": 1.0, "cell": cell.to_dict(), "warnings": []}
    write_cell(cell.folder("abc", tmp_path), metrics=good, meta={}, items=[])
    assert recheck("abc", tmp_path) == 0
    core = Cell(preset="baselines/core", suite="episodic", n=2, seed=1)
    bare = {**BASELINE, "preset": "baselines/core", "em": 0.0, "cell": core.to_dict(), "warnings": []}
    write_cell(core.folder("abc", tmp_path), metrics=bare, meta={}, items=[])
    assert recheck("abc", tmp_path) == 1
    warned = {r.cell.preset: r.metrics["warnings"] for r in cells_of("abc", tmp_path)}
    assert warned["memory/hei_nw"][0]["invariant"] == "saturation"
    assert json.dumps(warned["baselines/core"]) == "[]"
