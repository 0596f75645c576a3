"""A study runs, resumes, and its report says what was measured and what was not."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from matplotlib.figure import Figure

from hippo_cli.columns import main
from hippo_cli.columns_commands import parse_seeds
from hippo_columns import plots
from hippo_columns.metrics import Mean, mean_sem
from hippo_columns.report import load_study
from hippo_columns.report.ablations import difference, signed
from hippo_columns.report.blocks import Heading, Paragraph, Picture, Table, markdown, page, png
from hippo_columns.report.claims import CLAIMS, judge_all
from hippo_columns.report.collect import Run, read_runs
from hippo_columns.report.study import jobs
from hippo_mem.errors import ConfigError, InputError, StoreFormatError

ROOT = Path(__file__).resolve().parents[2]


def _write(folder: Path, name: str, values: dict[str, Any]) -> None:
    file = folder / f"{name}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(values))


@pytest.fixture(scope="module")
def study_file(glyph_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of one configuration, one ablation and three peers over made-up images."""
    folder = tmp_path_factory.mktemp("study")

    def task(name: str, classes: list[int], parent: str | None = None) -> dict[str, Any]:
        prime = {"kind": "pair", "consolidate_into": parent} if parent else {}
        return {"name": name, "dataset": str(glyph_folder), "classes": classes, **prime}

    tasks = [
        task("task1", [0, 1]),
        task("task2", [2, 3]),
        task("task1p", [4, 5], "task1"),
        task("task2p", [6, 7], "task2"),
    ]
    _write(
        folder,
        "small",
        {
            "stage": "4",
            "tasks": tasks,
            "network": {"n_inputs": 64, "n_hidden": 12, "n_columns": 4, "n_base_columns": 2, "n_steps": 4},
            "training": {"epochs": 2, "batch_size": 32},
            "sleep": {"epochs": 2, "batch_size": 32},
        },
    )
    peers = [{"method": "naive", "label": "naive"}, {"method": "joint", "label": "joint"}]
    _write(
        folder,
        "peers/small",
        {"name": "small_peers", "experiment": "../small.yaml", "n_samples": 1000, "methods": peers},
    )
    published = {
        "name": "published",
        "backbone": "mlp",
        "scenarios": ["one"],
        "epochs": 1,
        "n_hidden": 16,
        "tasks": tasks[:2],
    }
    methods = [{"method": "naive", "label": "naive", "published": 55.0}]
    _write(folder, "peers/published", published | {"methods": methods})
    _write(
        folder,
        "study",
        {
            "headline": "small",
            "log": [{"config": "small"}, {"config": "small", "name": "no_sleep", "set": ["sleep.enabled=false"]}],
            "peers": ["peers/small.yaml", "peers/published.yaml"],
            "ablations": [
                {"name": "reference", "config": "small"},
                {"name": "graded", "config": "small", "set": ["network.neuron=graded"], "question": "graded neurons"},
            ],
            "ablation_set": ["data.max_train_samples=60"],
        },
    )
    return folder / "study.yaml"


@pytest.fixture(scope="module")
def runs(study_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study, run by the command for two seeds: peers of one kind two at a time, then what is left."""
    out = tmp_path_factory.mktemp("runs")
    arguments = ["study", "--study", str(study_file), "--seeds", "0-1", "--out", str(out)]
    assert main([*arguments, "--jobs", "2", "--only", "published"]) == 0
    assert len(list(out.rglob("summary.json"))) == 2
    assert main(arguments) == 0
    return out


def test_a_study_runs_everything_once(study_file: Path, runs: Path, capsys: pytest.CaptureFixture[str]):
    found = {str(f.parent.relative_to(runs)) for f in runs.rglob("summary.json")}
    assert found == {
        f"{name}/{seed}"
        for seed in (0, 1)
        for name in (
            "small",
            "no_sleep",
            "ablation.reference",
            "ablation.graded",
            "peers/small_peers/parent/naive",
            "peers/small_peers/parent/joint",
            "peers/small_peers/task/naive",
            "peers/small_peers/task/joint",
            "peers/published/one/naive",
        )
    }
    before = {f: f.stat().st_mtime_ns for f in runs.rglob("summary.json")}
    assert main(["study", "--study", str(study_file), "--seeds", "0-1", "--out", str(runs)]) == 0
    assert {f: f.stat().st_mtime_ns for f in runs.rglob("summary.json")} == before
    assert "18 runs" in capsys.readouterr().out


def test_a_report_says_what_was_measured(study_file: Path, runs: Path, tmp_path: Path):
    assert main(["report", "--study", str(study_file), "--runs", str(runs), "--out", str(tmp_path)]) == 0
    text = (tmp_path / "report.md").read_text()
    summaries = [json.loads((runs / "small" / str(s) / "summary.json").read_text()) for s in (0, 1)]
    after_ = mean_sem([100 * s["after_sleep"]["test_acc_mean"] for s in summaries])
    assert f"{after_.mean:.2f} ± {after_.sem:.2f} (n=2)" in text
    for words in ("Domain-incremental", "Task-incremental", "graded neurons", "ours without sleep", "published, %"):
        assert words in text
    # No claim of the log is judged from runs that were not made.
    assert text.count("not judged") == len(CLAIMS)
    pictures = re.findall(r"\]\(([^)]+\.png)\)", text)
    assert {"small.accuracy.png", "small.masks.png", "small.replay.png", "peers.domain.png"} <= set(pictures)
    assert all((tmp_path / name).read_bytes().startswith(b"\x89PNG") for name in pictures)
    page_ = (tmp_path / "report.html").read_text()
    assert page_.count("data:image/png;base64,") == len(pictures)
    assert "<script" not in page_
    assert not re.search(r'(src|href)="(?!data:)', page_)
    rows = list(csv.DictReader((tmp_path / "results.csv").read_text().splitlines()))
    value = next(
        r for r in rows if r["run"] == "small" and r["seed"] == "1" and r["figure"] == "after_sleep.test_acc_mean"
    )
    assert float(value["value"]) == pytest.approx(summaries[1]["after_sleep"]["test_acc_mean"], rel=1e-5)
    assert {r["method"] for r in rows} == {"ours", "naive", "joint"}


def test_what_was_not_run_is_said(study_file: Path, runs: Path, tmp_path: Path):
    shutil.copytree(runs / "small", tmp_path / "runs" / "small")
    arguments = ["--study", str(study_file), "--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "report")]
    assert main(["report", *arguments]) == 0
    text = (tmp_path / "report" / "report.md").read_text()
    assert "Not run for this report: no_sleep; ablations: all; small_peers, scenario task: all" in text
    assert "| not measured |" in text


def test_runs_of_other_settings_are_left_out_and_named(study_file: Path, runs: Path, tmp_path: Path):
    shutil.copytree(runs / "small", tmp_path / "runs" / "small")
    file = tmp_path / "runs" / "small" / "1" / "summary.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "stamp": "of another day"}))
    arguments = ["--study", str(study_file), "--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "report")]
    assert main(["report", *arguments]) == 0
    text = (tmp_path / "report" / "report.md").read_text()
    assert "made with other settings than those of now: small/1." in text
    assert "(n=2)" not in text


def test_nothing_to_report_is_an_error(study_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["report", "--study", str(study_file), "--runs", str(tmp_path), "--out", str(tmp_path / "r")]) == 1
    assert "no finished run of the study" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()


def test_a_run_with_a_broken_file_is_named(runs: Path, tmp_path: Path):
    shutil.copytree(runs / "small", tmp_path / "small")
    (tmp_path / "small" / "1" / "acc_matrix.csv").write_text("stage,task1\ntask1,much\n")
    with pytest.raises(StoreFormatError, match=r"small.1 cannot be read.*delete the folder"):
        read_runs(tmp_path)


def test_guesses_before_a_task_was_trained_are_left_out(runs: Path):
    run = read_runs(runs)["small"][0]
    assert list(run.stages) == ["task1", "task2", "task1p", "task2p", "sleep1"]
    assert np.isnan(run.matrix[0, 1:]).all()
    assert not np.isnan(run.matrix[3:]).any()
    assert run.sleeps == [4]


def test_an_ablation_is_compared_seed_by_seed(runs: Path):
    found = read_runs(runs)
    change = difference(found["ablation.graded"], found["ablation.reference"])
    values = [
        [run.figure("after_sleep.test_acc_mean") for run in found[f"ablation.{name}"]]
        for name in ("graded", "reference")
    ]
    assert change is not None
    assert change.mean == pytest.approx(np.mean(np.array(values[0]) - np.array(values[1])))
    assert signed(Mean(mean=-0.01, sem=0.001, n=5)) == "-1.00 ± 0.10"
    assert signed(Mean(mean=0.001, sem=0.001, n=5)) == "+0.10 ± 0.10 (may be none)"


# Claims: hand-made runs that fulfil one or do not.


def made_up(name: str, test: dict[str, float], train: dict[str, float], *, seed: int = 0) -> Run:
    tasks = list(test)
    return Run(
        name=name,
        seed=seed,
        summary={"after_sleep": {"test_acc": test, "train_acc": train}},
        config={"network": {"n_base_columns": 2}, "tasks": [{"name": t, "consolidate_into": None} for t in tasks]},
        events=[],
        stages=tasks,
        tasks=tasks,
        matrix=np.array([[test[t] for t in tasks]]),
        masks=None,
        replay={},
    )


@pytest.mark.parametrize(
    ("test", "train", "verdict"),
    [
        (0.99, 0.99, "confirmed, on test images"),
        (0.9, 0.999, "confirmed on training images only"),
        (0.9, 0.9, "not confirmed"),
    ],
)
def test_a_claim_is_judged_on_test_images(test: float, train: float, verdict: str):
    tasks = ("task1", "task2", "task1p", "task2p")
    name = "stage5B1_sequential_X_Xprime_soft_sleep_keyquery"
    run = made_up(name, dict.fromkeys(tasks, test), dict.fromkeys(tasks, train))
    claim = next(c for c in CLAIMS if c.number == "24")
    judged = claim.judge([run], {name: [run]})
    assert judged.verdict.startswith(verdict)
    assert f"task1 {100 * test:.1f} (train {100 * train:.1f})" in judged.measured


def test_every_claim_is_numbered_once_and_of_a_configuration_that_exists():
    assert [c.number for c in CLAIMS] == [str(i + 1) for i in range(len(CLAIMS))]
    for claim in CLAIMS:
        assert (ROOT / "configs" / f"{claim.config}.yaml").is_file()
    assert {j.verdict for _, j in judge_all({})} == {"not judged"}


# The study of the repository.


def test_the_study_of_the_repository_holds_every_configuration_of_the_log_and_can_be_read():
    study = load_study(ROOT / "configs" / "columns_study.yaml")
    assert {e.config for e in study.log} == {f.stem for f in (ROOT / "configs").glob("stage*.yaml")}
    work = list(jobs(study, range(5), Path("runs")))
    labels = [job.label for job in work]
    assert len(set(labels)) == len(labels) == 5 * len(list(jobs(study, [0], Path("runs"))))
    assert len(list(jobs(study, [0], Path("runs"), only=["split_mnist/parent"]))) == 12
    assert {c.config for c in CLAIMS} <= {e.config for e in study.log}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"headlin": "x"}, "unknown key 'headlin'; did you mean 'headline'"),
        ({"headline": "x"}, "headline 'x' is no entry of log"),
        ({"ablations": [{"config": "small", "name": "a", "against": "b"}]}, "'a' is compared with 'b'"),
        ({"log": [{"config": "small"}, {"config": "small"}]}, "log has 'small' twice"),
        ({"log": [{"config": "small", "set": ["sleep.epoch=1"]}]}, "did you mean 'epochs'"),
    ],
)
def test_errors_of_a_study_are_found_before_anything_runs(study_file: Path, change: dict[str, Any], words: str):
    data = yaml.safe_load(study_file.read_text()) | change
    file = study_file.with_name("changed.yaml")
    file.write_text(yaml.safe_dump(data))
    with pytest.raises(ConfigError, match=words):
        load_study(file)


# Blocks and plots.


def test_blocks_become_markdown_and_html():
    figure = Figure(figsize=(1, 1))
    blocks = [
        Heading(text="A & B", level=1),
        Paragraph(text="`x < y` and **z**"),
        Table(header=["a", "b"], rows=[["1|2", "3"]]),
        Picture(name="p", figure=figure, caption='a "caption"'),
    ]
    assert markdown(blocks) == (
        "# A & B\n\n`x < y` and **z**\n\n| a | b |\n| --- | --: |\n| 1\\|2 | 3 |\n\n"
        '![a "caption"](p.png)\n\n*a "caption"*\n'
    )
    html = page(blocks, "T", {"p": png(figure)})
    assert "<h1>A &amp; B</h1>" in html
    assert "<p><code>x &lt; y</code> and <strong>z</strong></p>" in html
    assert "<td>1|2</td>" in html
    assert 'alt="a &quot;caption&quot;"' in html
    assert png(figure) == png(figure)


def test_plots_show_what_they_are_given():
    R = np.array([[0.99, np.nan], [0.97, 0.95]])
    heat = plots.accuracy_heat_map(R, ["a", "b"], ["a", "b"])
    assert sorted(t.get_text() for t in heat.axes[0].texts) == ["95.0", "97.0", "99.0"]
    stages = [plots.Stage(name="a", is_sleep=False), plots.Stage(name="sleep1", is_sleep=True)]
    lines = plots.accuracy_over_stages(np.stack([R, R + 0.01]), stages, ["a", "b"]).axes[0].get_lines()
    assert [list(line.get_xdata()) for line in lines] == [[0, 1], [1]]
    assert lines[0].get_ydata() == pytest.approx([99.5, 97.5])
    bars = plots.method_bars({"x": Mean(mean=0.9, sem=0.01, n=3), "y": Mean(mean=0.8, sem=None, n=1)}).axes[0]
    assert [t.get_text() for t in bars.get_yticklabels()] == ["y (n=1)", "x (n=3)"]
    counts = plots.replay_histogram({"a": [0, 1, 1, 3]}).axes[0].get_lines()[0]
    assert counts.get_ydata() == pytest.approx([25, 50, 0, 25])
    assert len(plots.mask_heat_map([[0.5, 0.5, 0], [0, 0, 1]], ["a", "b"], 2).axes[0].texts) == 3
    assert [b.get_height() for b in plots.occupancy_bars([0.25, 0.75], 1).axes[0].patches] == [0.25, 0.75]
    with pytest.raises(InputError, match="for 3 stages"):
        plots.accuracy_heat_map(R, ["a", "b", "c"], ["a", "b"])
    with pytest.raises(InputError, match="no replay"):
        plots.replay_histogram({})


# The command.


def test_seeds_are_read_as_written(capsys: pytest.CaptureFixture[str]):
    assert parse_seeds("0-2,7,1") == [0, 1, 2, 7]
    for wrong in ("", "a", "3-1", "1-", "-1"):
        with pytest.raises(InputError, match="write them as 0-4 or 0,3,7"):
            parse_seeds(wrong)
    assert main(["study", "--seeds", "x"]) == 1
    assert main(["run"]) == 2
    assert "--config" in capsys.readouterr().err


def test_the_headline_runs_on_a_slice_of_mnist(mnist_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The whole way a user goes: fetch, run, read the summary. Small, but on real digits."""
    monkeypatch.setenv("HIPPO_HOME", str(mnist_home))
    assert main(["data", "get", "mnist"]) == 0
    config = ROOT / "configs" / "stage5B1_sequential_X_Xprime_soft_sleep_keyquery.yaml"
    settings = ["data.max_train_samples=600", "data.max_test_samples=300", "training.epochs=2", "sleep.epochs=2"]
    overrides = [part for s in settings for part in ("--set", s)]
    assert main(["run", "--config", str(config), "--seed", "3", "--out", str(tmp_path), *overrides]) == 0
    summary = json.loads((tmp_path / config.stem / "3" / "summary.json").read_text())
    assert set(summary["after_sleep"]["test_acc"]) == {"task1", "task2", "task1p", "task2p"}
    # Far above chance on all four tasks before sleep, and not at chance after it.
    assert min(summary["before_sleep"]["test_acc"].values()) > 0.8
    assert summary["after_sleep"]["test_acc_mean"] > 0.75
    assert summary["samples_seen_asleep"] > 0
