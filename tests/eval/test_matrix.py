"""The matrix names every cell, says how long it will take, measures what is missing, and leaves a report."""

from pathlib import Path

import pytest

from hippo_eval import matrix
from hippo_eval.cells import cells_of
from hippo_eval.composing import presets, whole_cell_of
from hippo_eval.estimate import Speed, forecast, seconds_of
from hippo_eval.matrix import measure_matrix, spell
from hippo_eval.matrix_plan import FULL_SEEDS, Matrix, cells, largest, sizes_said
from hippo_eval.suites.choose import SUITES
from hippo_mem.errors import GuardrailError, InputError, ModelUnavailable, SleepError


@pytest.fixture(autouse=True)
def in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


SMALL = Matrix(suites=("episodic", "procedural"), sizes=(3,), model="dummy", night_size=2)


def test_the_dry_matrix_has_every_suite_by_every_preset_and_measures_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    planned = measure_matrix(Matrix(model="dummy"), "abc", dry_run=True, say=said.append)
    whole = {(c.suite, c.preset) for c in planned if c.n == 50 and not c.ablations and not c.sleep}
    assert whole == {(suite, preset) for suite in SUITES for preset in presets()}
    assert {c.suite for c in planned if c.sleep and not c.ablations} == {"episodic", "semantic"}
    tried = {a for c in planned for a in c.ablations}
    assert tried == {"no_sparsity", "completion", "no_gate", "no_schema", "no_macros", "no_scheduler", "no_anchors",
                     "no_paraphrases", "no_adapter_gate", "no_learned_start"}  # fmt: skip
    assert len({whole_cell_of(c) for c in planned}) == len(planned)
    # what is left out is held against the whole, and a night against the bare model, on the same items
    at = {(whole_cell_of(c).label, c.suite, c.n) for c in planned}
    for c in planned:
        label = whole_cell_of(c).label
        assert (label.partition("+no_")[0].partition("+completion")[0], c.suite, c.n) in at
        assert ("baselines/core", c.suite, c.n) in at
    assert any("about " in line and "cells at" in line for line in said)
    assert list(tmp_path.iterdir()) == []


def test_the_full_matrix_has_three_sizes_by_three_seeds() -> None:
    planned = cells(Matrix.full(suites=("episodic",), nights=False, ablations=False), "abc")
    assert len(planned) == 3 * 3 * len(presets())
    assert {c.seed for c in planned} == set(FULL_SEEDS)
    assert largest("episodic", 50) == 50
    assert largest("episodic_capacity", 1000) == 700
    assert sizes_said(["episodic_capacity"], [50, 1000], "default") == [
        "episodic_capacity has at most 700: that stands for 1000"
    ]
    with pytest.raises(InputError, match="no suite 'episodc'"):
        largest("episodc", 5)


def test_a_matrix_is_measured_once_and_reported(tmp_path: Path) -> None:
    said: list[str] = []
    measure_matrix(SMALL, "abc", say=said.append)
    found = cells_of("abc")
    assert {r.cell.suite for r in found} == {"episodic", "procedural"}
    assert {"memory/hei_nw+sleep", "memory/hei_nw+sleep+no_anchors", "memory/smpd+no_macros"} <= {
        r.cell.label for r in found
    }
    assert (tmp_path / "reports/abc/index.md").is_file()
    assert (tmp_path / "reports/abc/index.html").is_file()
    assert any(" left" in line for line in said)
    again: list[str] = []
    measure_matrix(SMALL, "abc", say=again.append, reports=None)
    assert f"{len(found)} cells, {len(found)} of them finished" in again[0]


def test_a_cell_that_fails_is_said_and_the_others_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    real = matrix.run

    def failing(config: object, *rest: object, **more: object) -> object:
        if getattr(config, "preset", "") == "memory/all":
            raise SleepError("training diverged")
        return real(config, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(matrix, "run", failing)
    small = Matrix(suites=("procedural",), sizes=(2,), model="dummy", ablations=False)
    with pytest.raises(GuardrailError, match=r"1 of 8 cells failed: memory/all procedural .* training diverged"):
        measure_matrix(small, "abc", reports=None)
    assert len(cells_of("abc")) == 7


def test_a_model_that_cannot_be_had_ends_it_at_once() -> None:
    with pytest.raises(ModelUnavailable, match="no model called 'nowhere'"):
        measure_matrix(Matrix(suites=("episodic",), model="nowhere"), "abc")


def test_a_forecast_grows_with_the_work() -> None:
    speed = Speed(read_tokens_per_s=1000, step_s=0.05, tell_s=0.03, find_s=0.01)
    small, large = (cells(Matrix(suites=("episodic",), sizes=(n,)), "abc") for n in (10, 50))
    by_label = [
        {whole_cell_of(c).label: seconds_of(c, speed) for c in found if c.n in (10, 50)} for found in (small, large)
    ]
    for label in ("baselines/core", "baselines/longctx", "memory/hei_nw", "memory/hei_nw+sleep"):
        assert by_label[0][label] <= by_label[1][label], label
    assert by_label[1]["memory/hei_nw+sleep"] > 3 * by_label[1]["memory/hei_nw"]
    found = [c for c in cells(Matrix(suites=("episodic",), sizes=(50,)), "abc") if not c.sleep and c.is_memory]
    alone = [seconds_of(c, speed) for c in found]
    assert forecast(found, speed)[0] == alone[0]
    assert all(shared < own for shared, own in zip(forecast(found, speed)[1:], alone[1:], strict=True))
    assert (spell(45), spell(720), spell(12240)) == ("45 s", "12 min", "3.4 h")


@pytest.mark.real_model
def test_one_real_cell_of_each_suite(real_models_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "models").symlink_to(real_models_dir, target_is_directory=True)
    monkeypatch.setenv("HIPPO_HOME", str(home))
    small = Matrix(
        suites=tuple(SUITES), presets=("baselines/core", "memory/all"),
        sizes=(1,), nights=False, ablations=False,
    )  # fmt: skip
    measure_matrix(small, "real", reports=None)
    found = {(r.cell.suite, r.cell.preset): r for r in cells_of("real")}
    for suite in small.suites:
        memory, core = found[suite, "memory/all"], found[suite, "baselines/core"]
        assert memory.metrics["retrieval"]["requests"] == memory.metrics["n"] > 0
        assert memory.metrics["gates"]["accepts"] > 0
        assert core.metrics["retrieval"]["requests"] == core.metrics["store"]["size"] == 0
        assert memory.metrics["em"] >= core.metrics["em"]
        assert core.metrics["cost"]["flops"]["mean"] > 0
    assert sum(r.metrics["em"] for (_, preset), r in found.items() if preset == "memory/all") >= 3
