"""One run: tasks one after another, sleeps where the configuration has them, everything measured after each stage.

In: a configuration and its tasks. Out: the summary, and a folder with the whole record. Knows nothing of command lines
or of how many seeds there are.
"""

from __future__ import annotations

import copy
import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hippo_columns import data, measure, metrics
from hippo_columns.config import ExperimentConfig
from hippo_columns.controller import Controller
from hippo_columns.denormals import flushed_denormals
from hippo_columns.fit import SampleCounter
from hippo_columns.network import ColumnNetwork
from hippo_columns.record import MASKS, REPLAY, RunFolder, finished
from hippo_columns.sleep import SleepReport, sleep
from hippo_columns.tasks import Task, build_tasks, describe
from hippo_columns.wake import learn
from hippo_mem.config import config_hash

# What a run says on its way, one line at a time.
Say = Callable[[str], None]


def load_tasks(config: ExperimentConfig) -> tuple[Task, ...]:
    """The tasks of a configuration, from the sets of images it names. Raises: see `hippo_columns.data.load`."""
    sets = {name: data.load(name) for name in sorted({spec.dataset for spec in config.tasks})}
    d = config.data
    return build_tasks(
        config.tasks,
        sets,
        seed=config.seed,
        val_share=d.val_share,
        max_train=d.max_train_samples,
        max_test=d.max_test_samples,
    )


def run(
    config: ExperimentConfig,
    folder: Path,
    *,
    name: str,
    tasks: Sequence[Task] | None = None,
    say: Say | None = None,
    again: bool = False,
) -> dict[str, Any]:
    """Run a configuration, or give the summary of the finished run that is already there.

    Args:   folder: of this run alone, such as runs/<name>/<seed>. tasks: instead of those of `load_tasks`. again: run
            even when a finished run of the same configuration is there.
    Returns: the summary, as in summary.json. Accuracies are fractions of 1 on the official test images unless a key
            says otherwise.
    Raises: TrainingError or SleepError when a stage trained nothing; the errors of the data and of the folder.
    """
    if not again and (there := finished(folder, config)) is not None:
        return there
    with flushed_denormals():
        return _Run(config, load_tasks(config) if tasks is None else tasks, RunFolder(folder, config, name), say).go(
            name
        )


class _Run:
    """The state of a run between its stages."""

    def __init__(self, config: ExperimentConfig, tasks: Sequence[Task], folder: RunFolder, say: Say | None) -> None:
        self.config, self.tasks, self.folder = config, tuple(tasks), folder
        self.by_name = {task.name: task for task in tasks}
        self.say = say or (lambda line: None)
        self.generator = torch.Generator().manual_seed(config.seed)
        self.network = ColumnNetwork(config.network, seed=config.seed)
        self.controller = Controller(config, self.generator)
        self.counter = SampleCounter()
        self.stages: list[str] = []
        self.rows: list[dict[str, float]] = []
        self.masks: list[np.ndarray[Any, np.dtype[np.float64]]] = []
        self.learned_at: dict[str, int] = {}
        self.replayed: dict[str, np.ndarray[Any, np.dtype[np.int64]]] = {}
        self.n_sleep_samples = 0
        self.train_s = 0.0
        self.sleeps: list[dict[str, Any]] = []
        self.before: dict[str, Any] | None = None
        self.after: dict[str, Any] | None = None

    def go(self, name: str) -> dict[str, Any]:
        """All stages, then the record."""
        start, start_cpu = time.perf_counter(), time.process_time()
        lines = describe(self.tasks)
        for line in lines:
            self.say(line)
        self.folder.event("tasks", lines=lines)
        order = self.config.order
        for i, task in enumerate(order):
            self._learn(task)
            if task in self.config.sleeps and task not in order[i + 1 :]:
                self._sleep()
        self.folder.matrix(self.stages, list(self.by_name), self.rows)
        stage_names = np.array(self.stages)
        self.folder.arrays(
            MASKS, alpha=np.stack(self.masks), stages=stage_names, tasks=np.array(list(self.controller.names))
        )
        if self.replayed:
            self.folder.arrays(REPLAY, **self.replayed)
        summary = self._summary(name)
        summary["seconds"] = time.perf_counter() - start
        summary["cpu_seconds"] = time.process_time() - start_cpu
        self.folder.summary(summary)
        return summary

    def _learn(self, task: str) -> None:
        fitted = learn(
            self.network,
            self.controller,
            task,
            self.by_name[task].train,
            self.config,
            generator=self.generator,
            counter=self.counter,
        )
        self.train_s += fitted.seconds
        self.learned_at.setdefault(task, len(self.stages))
        row = measure.accuracies(self._answers("test"))
        self._end_stage("learned", task, row, {}, fitted=dataclasses.asdict(fitted))

    def _sleep(self) -> None:
        self.before = self._state()
        given_before = self._answers("test")
        kept = (copy.deepcopy(self.network.state_dict()), copy.deepcopy(self.controller))
        report = sleep(
            self.network, self.controller, self.by_name, self.config, generator=self.generator, counter=self.counter
        )
        self.n_sleep_samples += report.n_samples
        self.train_s += report.seconds
        moved = {m: parent for parent, members in report.groups.items() for m in members}
        given = self._answers("test", moved)
        self.after = self._state(moved)
        errors = {
            task: dataclasses.asdict(
                metrics.compare_errors(given_before[task].given, given[task].given, given[task].right)
            )
            for task in moved
        }
        number = sum(stage.startswith("sleep") for stage in self.stages) + 1
        freed = self._keep_or_undo(report, kept)
        for task, counts in report.counts.items():
            self.replayed[f"sleep{number}.{task}"] = counts
        told = _plain(report) | {"errors": errors, "freed_columns": freed}
        self.sleeps.append(told)
        self._end_stage(f"sleep{number}", None, measure.accuracies(given), moved, **told)

    def _keep_or_undo(self, report: SleepReport, kept: tuple[dict[str, Any], Controller]) -> dict[str, list[int]]:
        """Promote the primes of a verified sleep; after another one everything is as it was before."""
        if not report.verified:
            self.network.load_state_dict(kept[0])
            self.controller = kept[1]
            return {}
        primes = [
            m
            for parent, members in report.groups.items()
            for m in members
            if m != parent and m not in self.controller.overrides
        ]
        return {prime: list(self.controller.promote(prime, self.network, self.generator)) for prime in primes}

    def _end_stage(
        self, kind: str, task: str | None, row: dict[str, float], moved: Mapping[str, str], **told: Any
    ) -> None:
        masks = measure.masks(self.controller, moved)
        self.stages.append(kind if task is None else task)
        self.rows.append(row)
        self.masks.append(masks)
        self.folder.event(
            "slept" if task is None else kind,
            stage=len(self.stages) - 1,
            name=self.stages[-1],
            test_acc=row,
            samples_seen=self.counter.n_samples,
            masks=measure.mask_report(self.controller, masks),
            **told,
        )
        shown = "  ".join(f"{name} {100 * value:.2f}" for name, value in row.items() if name in self.controller.trained)
        self.say(f"{self.stages[-1]:<16} {shown}")

    def _answers(
        self, purpose: measure.Purpose, asked_as: Mapping[str, str] | None = None
    ) -> dict[str, measure.Answers]:
        return measure.all_answers(self.network, self.controller, self.tasks, purpose, asked_as=asked_as)

    def _state(self, asked_as: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Accuracies of all tasks that were trained, on test and training images."""
        state: dict[str, Any] = {}
        for purpose in ("test", "train"):
            found = measure.accuracies(self._answers(purpose, asked_as))
            state[f"{purpose}_acc"] = {t: a for t, a in found.items() if t in self.controller.trained}
            state[f"{purpose}_acc_mean"] = float(np.mean(list(state[f"{purpose}_acc"].values())))
        return state

    def _summary(self, name: str) -> dict[str, Any]:
        tasks = list(self.by_name)
        matrix = metrics.accuracy_matrix(self.rows, tasks)
        learned_at = [self.learned_at[t] for t in tasks]
        summary: dict[str, Any] = {
            "name": name,
            "stage": self.config.stage,
            "seed": self.config.seed,
            "stamp": config_hash(self.config),
            "tasks": tasks,
            "stages": self.stages,
            "n_images": {t.name: {"train": len(t.train), "val": len(t.val), "test": len(t.test)} for t in self.tasks},
            "samples_seen": self.counter.n_samples,
            "samples_seen_awake": self.counter.n_samples - self.n_sleep_samples,
            "samples_seen_asleep": self.n_sleep_samples,
            "samples_per_s": self.counter.n_samples / max(self.train_s, 1e-9),
            "acc": metrics.average_accuracy(matrix),
            "bwt": metrics.backward_transfer(matrix, learned_at),
            "forgetting": metrics.forgetting(matrix, learned_at),
            "base_drop_by_novel": self._base_drop(),
        }
        if self.before is not None and self.after is not None:
            last = self.sleeps[-1]
            summary |= {"before_sleep": self.before, "after_sleep": self.after}
            summary["verified"] = last["verified"]
            summary["sleep_epochs"] = last["n_epochs"]
            summary["errors"] = last["errors"]
            summary["sleep_gain"] = {
                t: self.after["test_acc"][t] - self.before["test_acc"][t] for t in self.after["test_acc"]
            }
        else:
            summary["before_sleep"] = self._state()
        primes = {
            t.name: t.parent for t in self.tasks if t.parent is not None and t.name not in self.controller.overrides
        }
        if primes:  # what a parent's prompt makes of a prime without sleep
            parents = measure.all_answers(self.network, self.controller, self.tasks, "test", asked_as=primes)
            summary["parent_prompt_without_sleep"] = {p: parents[p].accuracy for p in primes}
        return summary

    def _base_drop(self) -> dict[str, float]:
        """For each base task, the test accuracy before the first prime minus that after the last, both before a sleep.

        Where a sleep lies between, the stages from the first prime to that sleep are compared.
        """
        kinds = [
            "sleep" if s.startswith("sleep") and s not in self.by_name
            else "novel" if self.by_name[s].parent is not None
            else "base"
            for s in self.stages
        ]  # fmt: skip
        if "novel" not in kinds or kinds.index("novel") == 0:
            return {}
        first = kinds.index("novel")
        last = first
        while last + 1 < len(kinds) and kinds[last + 1] == "novel":
            last += 1
        return {
            t.name: self.rows[first - 1][t.name] - self.rows[last][t.name]
            for t in self.tasks
            if t.parent is None and self.learned_at[t.name] < first
        }


def _plain(report: SleepReport) -> dict[str, Any]:
    """A report without its arrays, which have a file of their own."""
    values = {f.name: getattr(report, f.name) for f in dataclasses.fields(report) if f.name != "counts"}
    values["n_replayed"] = {task: int(counts.sum()) for task, counts in report.counts.items()}
    return values
