"""A run small enough for a test: ten noisy patterns as images, columns of a few neurons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from hippo_columns import settings
from hippo_columns.config import ExperimentConfig
from hippo_columns.controller import Controller
from hippo_columns.data import ImageSet
from hippo_columns.fit import SampleCounter
from hippo_columns.network import ColumnNetwork
from hippo_columns.tasks import Task, build_tasks
from hippo_columns.wake import learn


def small_config(folder: Path | str, stage: str = "4", **changes: Any) -> ExperimentConfig:
    """Four tasks over the images of a folder; `changes` are overrides with `__` for the dots."""
    dataset = str(folder) if str(folder).endswith("/") else f"{folder}/"
    data: dict[str, Any] = {
        "stage": stage,
        "tasks": [
            {"name": "task1", "dataset": dataset, "classes": [0, 1]},
            {"name": "task2", "dataset": dataset, "classes": [2, 3]},
            {"name": "task1p", "dataset": dataset, "classes": [4, 5], "kind": "pair", "consolidate_into": "task1"},
            {"name": "task2p", "dataset": dataset, "classes": [6, 7], "kind": "pair", "consolidate_into": "task2"},
        ],
        "data": {"val_share": 0.2},
        "network": {"n_inputs": 64, "n_hidden": 12},
        "training": {"epochs": 4, "batch_size": 16, "lr": 0.03, "weight_decay": 0.0},
        "sleep": {"epochs": 3, "batch_size": 16, "lr": 0.03, "max_drop": 0.2},
    }
    for key, value in changes.items():
        *path, last = key.split("__")
        inner = data
        for step in path:
            inner = inner.setdefault(step, {})
        inner[last] = value
    return settings.from_mapping(data)


class Learner:
    """The parts of a run, before the first task."""

    def __init__(self, config: ExperimentConfig, images: ImageSet, seed: int = 0) -> None:
        self.config = config
        name = config.tasks[0].dataset
        self.tasks: dict[str, Task] = {
            task.name: task for task in build_tasks(config.tasks, {name: images}, val_share=config.data.val_share)
        }
        self.generator = torch.Generator().manual_seed(seed)
        self.network = ColumnNetwork(config.network, seed=seed)
        self.controller = Controller(config, self.generator)
        self.counter = SampleCounter()

    def learn(self, *names: str) -> None:
        for name in names:
            learn(
                self.network, self.controller, name, self.tasks[name].train, self.config,
                generator=self.generator, counter=self.counter,
            )  # fmt: skip
