"""Configurations are read strictly, and a run leaves the record it promises."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

import hippo_columns
from hippo_columns import settings
from hippo_columns.runner import run
from hippo_columns.tasks import build_tasks
from hippo_mem.config import config_hash
from hippo_mem.errors import ConfigError
from tests.columns.small import small_config

CONFIGS = Path(next(iter(hippo_columns.__path__))).parent / "configs"
LOG_NAMES = [
    "stage4_sequential_residual_sleep",
    "stage4_sequential_X_Xprime_soft_sleep",
    "stage4_sequential_mixed_soft_sleep",
    "stage5A1_sequential_X_Xprime_soft_sleep_learned_taskid",
    "stage5A1_sequential_X_Xprime_soft_sleep_dynamic",
    "stage5A1_sequential_X_Xprime_soft_sleep_dynamic_lowtemp",
    "stage5A2_sequential_X_Xprime_soft_sleep_input",
    "stage5B0_sequential_X_Xprime_soft_sleep_keyquery_static",
    "stage5B1_sequential_X_Xprime_soft_sleep_keyquery",
]


@pytest.mark.parametrize("name", LOG_NAMES)
def test_every_configuration_of_the_log_is_read(name: str):
    config = settings.load(CONFIGS / f"{name}.yaml", ["training.epochs=2"], seed=7)
    assert (config.seed, config.training.epochs) == (7, 2)
    assert config.sleeps
    assert config.sleep.label_weight == 0.0
    assert all(task.name in config.order for task in config.tasks)


def test_a_key_of_a_later_stage_is_refused_with_the_nearest_one(tmp_path: Path):
    file = tmp_path / "c.yaml"
    file.write_text(yaml.safe_dump({"stage": "4", "tasks": [{"name": "a"}], "masking": {"prompt_mode": "hashed"}}))
    with pytest.raises(ConfigError, match=r"unknown key 'masking\.prompt_mode'"):
        settings.load(file)
    with pytest.raises(ConfigError, match=r"unknown key 'masking\.temprature'; did you mean 'temperature'"):
        settings.load(file, ["masking={temprature: 1}"])
    with pytest.raises(ConfigError, match=r"unknown key 'sleep\.epoch'; did you mean 'epochs'.*unknown key 'trainig'"):
        settings.load(file, ["masking={}", "sleep.epoch=3", "trainig={}"])
    with pytest.raises(ConfigError, match=r"no config file .*did you mean 'c\.yaml'"):
        settings.load(tmp_path / "d.yaml")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("sleep.epochs=three", "sleep.epochs must be int, got 'three'"),
        ("sleep.replay=dynamc", "sleep.replay must be one of .*did you mean 'dynamic'"),
        ("training.lr=0", "training.lr must be above 0"),
        ("training.occupied_lr_scale=2", "is a share of 1, got 2"),
        ("schedule=[task1]", "task 'task2' is not in the schedule"),
        ("training.sleep_after=[task3]", "training.sleep_after names no task 'task3'; did you mean"),
        ("network.n_columns=4", "primes need novel columns"),
        ("stage=5C", "unknown stage '5C'"),
        ("epochs", "write it as a.b=c"),
    ],
)
def test_values_that_cannot_be_used_are_refused(override: str, message: str):
    with pytest.raises(ConfigError, match=message):
        settings.load(CONFIGS / "stage4_sequential_X_Xprime_soft_sleep.yaml", [override])


def test_all_ablations_can_be_set_from_the_command_line():
    file = CONFIGS / "stage5B1_sequential_X_Xprime_soft_sleep_keyquery.yaml"
    config = settings.load(
        file,
        [
            "network.neuron=graded", "masking.entropy_weight=0", "masking.balance_weight=0", "masking.overlap_weight=0",
            "masking.key_query.margin_weight=0", "sleep.dynamic.gradient_similarity_influence=0", "sleep.temperature=1",
            "sleep.replay=static", "sleep.max_samples=1000", "sleep.buffer_per_task=200", "masking.routing=next_free",
            "masking.train_input_projection=false",
        ],
    )  # fmt: skip
    assert config.network.neuron == "graded"
    assert config.masking.routing == "next_free"
    assert config.sleep.buffer_per_task == 200
    assert settings.load(file, ["sleep.buffer_per_task=all"]).sleep.buffer_per_task is None
    assert config_hash(config) != config_hash(settings.load(file))


def test_a_run_leaves_its_record_and_is_not_repeated(glyph_folder: Path, tmp_path: Path):
    config = small_config(glyph_folder, "5B1", training__sleep_after=["task2", "task2p"], sleep__max_drop=1.0)
    said: list[str] = []
    summary = run(config, tmp_path / "r", name="small", say=said.append)
    assert {p.name for p in (tmp_path / "r").iterdir()} == {
        "config.json", "environment.json", "events.jsonl", "acc_matrix.csv", "masks.npz", "replay.npz", "summary.json",
    }  # fmt: skip
    on_disk = json.loads((tmp_path / "r" / "summary.json").read_text())
    assert on_disk == summary
    assert summary["stages"] == ["task1", "task2", "sleep1", "task1p", "task2p", "sleep2"]
    for when in ("before_sleep", "after_sleep"):
        for part in ("test_acc", "train_acc"):
            assert set(summary[when][part]) == {"task1", "task2", "task1p", "task2p"}
            mean = np.mean(list(summary[when][part].values()))
            assert summary[when][f"{part}_mean"] == pytest.approx(mean)
    assert summary["samples_seen"] == summary["samples_seen_awake"] + summary["samples_seen_asleep"] > 0
    assert summary["seconds"] > 0
    assert set(summary["base_drop_by_novel"]) == {"task1", "task2"}
    events = [json.loads(line) for line in (tmp_path / "r" / "events.jsonl").read_text().splitlines()]
    assert [e["event"] for e in events] == ["tasks", "learned", "learned", "slept", "learned", "learned", "slept"]
    assert events[-1]["test_acc"] == summary["after_sleep"]["test_acc"]
    masks = np.load(tmp_path / "r" / "masks.npz")
    assert masks["alpha"].shape == (6, 4, 8)
    assert masks["alpha"].sum(-1) == pytest.approx(1, abs=1e-5)
    assert masks["alpha"][5][0] == pytest.approx(masks["alpha"][5][2])  # task1p has task1's mask
    replay = np.load(tmp_path / "r" / "replay.npz")
    assert sum(int(replay[k].sum()) for k in replay) == summary["samples_seen_asleep"]
    matrix = (tmp_path / "r" / "acc_matrix.csv").read_text().splitlines()
    assert matrix[0] == "stage,task1,task2,task1p,task2p"
    assert len(matrix) == 7
    assert said[0].startswith("task1 ")

    (tmp_path / "r" / "events.jsonl").unlink()
    assert run(config, tmp_path / "r", name="small") == summary
    assert not (tmp_path / "r" / "events.jsonl").exists()  # nothing was done again
    other = small_config(glyph_folder, "5B1", training__epochs=1, sleep__max_drop=1.0)
    assert run(other, tmp_path / "r", name="small")["stamp"] != summary["stamp"]


def test_a_run_is_the_same_again_for_the_same_seed(glyph_folder: Path, tmp_path: Path):
    config = small_config(glyph_folder, sleep__replay="dynamic")
    first, second = (run(config, tmp_path / name, name="small") for name in "ab")
    varying = {"seconds", "cpu_seconds", "samples_per_s"}
    assert {k: v for k, v in first.items() if k not in varying} == {k: v for k, v in second.items() if k not in varying}


def test_a_sleep_that_lost_too_much_is_undone(glyph_folder: Path, tmp_path: Path):
    # Two batches of sleep cannot move a prime.
    config = small_config(glyph_folder, sleep__max_samples=20, sleep__max_drop=0.01)
    summary = run(config, tmp_path / "r", name="small")
    assert summary["verified"] is False
    assert summary["after_sleep"]["test_acc"]["task1p"] < summary["before_sleep"]["test_acc"]["task1p"]
    masks = np.load(tmp_path / "r" / "masks.npz")["alpha"]
    events = [json.loads(line) for line in (tmp_path / "r" / "events.jsonl").read_text().splitlines()]
    assert events[-1]["freed_columns"] == {}
    assert set(summary["parent_prompt_without_sleep"]) == {"task1p", "task2p"}
    assert len(masks) == 5


def test_a_schedule_may_train_a_task_again(glyph_folder: Path, tmp_path: Path):
    config = small_config(glyph_folder, schedule=["task1", "task2", "task1", "task1p", "task2p"])
    summary = run(config, tmp_path / "r", name="small")
    assert summary["stages"] == ["task1", "task2", "task1", "task1p", "task2p", "sleep1"]


def test_the_logs_own_command_runs_on_a_slice_and_refuses_politely(glyph_folder: Path, tmp_path: Path):
    root = CONFIGS.parent
    changes = ["network.n_inputs=64", "network.n_hidden=8", "training.epochs=1", "sleep.epochs=1", "sleep.max_drop=1"]
    config = yaml.safe_load((CONFIGS / "stage4_sequential_X_Xprime_soft_sleep.yaml").read_text())
    for task in config["tasks"]:
        task["dataset"] = f"{glyph_folder}/"
    file = tmp_path / "slice.yaml"
    file.write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "scripts.run_experiment", "--config", str(file), "--out", str(tmp_path / "runs")]
    sets = [part for change in changes for part in ("--set", change)]
    done = subprocess.run([*command, "--seed", "3", *sets], capture_output=True, text=True, check=True, cwd=root)
    assert "after_sleep: test_acc_mean" in done.stdout
    summary = json.loads((tmp_path / "runs" / "slice" / "3" / "summary.json").read_text())
    assert summary["seed"] == 3
    wrong = subprocess.run([*command, "--set", "slep.epochs=1"], capture_output=True, text=True, check=False, cwd=root)
    assert wrong.returncode == 2
    assert "did you mean 'sleep'" in wrong.stderr


def test_tasks_of_a_run_share_no_image_between_training_and_test(glyph_folder: Path, glyphs):
    config = small_config(glyph_folder)
    for task in build_tasks(config.tasks, {config.tasks[0].dataset: glyphs}, val_share=0.2):
        parts = [set(part.index.tolist()) for part in (task.train, task.val, task.test)]
        assert sum(map(len, parts)) == len(set.union(*parts))
