"""Runs one peer over a sequence of tasks and tests it after each.

In: a configuration, tasks, one method, one scenario, a seed. Out: accuracies after every task and the samples that were
seen. All peers and the joint reference go through here, by the same loop as our own training. Knows nothing of files.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from hippo_columns.denormals import flushed_denormals
from hippo_columns.fit import SampleCounter, fit, shuffled
from hippo_columns.metrics import Floats, accuracy_matrix, average_accuracy, backward_transfer, forgetting
from hippo_columns.peers.backbone import Backbone, Perceptron, SpikingLayer
from hippo_columns.peers.choose import Setting, build_method
from hippo_columns.peers.config import MethodConfig, PeersConfig, Scenario
from hippo_columns.peers.method import Examples, Method
from hippo_columns.prompts import hashed_prompt
from hippo_columns.tasks import Split, Task
from hippo_mem.errors import ConfigError

# Of the rate, what is left at the end of a task when it decays; as in `hippo_columns.wake`.
FINAL_RATE = 0.02


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PeerResult:
    """What one run of one peer gave.

    Shapes: matrix (S, T): test accuracy after each stage, NaN for what was not yet trained; "joint" has one stage.
    Accuracies are fractions of 1, by task. `n_samples` went through a training step, replayed ones counted each time.
    """

    matrix: Floats
    test: Mapping[str, float]
    val: Mapping[str, float]
    train: Mapping[str, float]
    bwt: float | None
    forgetting: float | None
    n_samples: int
    seconds: float

    @property
    def test_mean(self) -> float:
        """ACC."""
        return average_accuracy(self.matrix)


def contexts(tasks: Sequence[Task], scenario: Scenario) -> tuple[int, ...]:
    """For each task the number of the context that tells it, counted from 0 in order of appearance."""
    if scenario == "one":
        return (0,) * len(tasks)
    told = [task.name if scenario == "task" else task.parent or task.name for task in tasks]
    known = list(dict.fromkeys(told))
    return tuple(known.index(name) for name in told)


def build_backbone(config: PeersConfig, tasks: Sequence[Task], scenario: Scenario, seed: int) -> Backbone:
    """A fresh network for the tasks' images. The spiking one has all columns of the experiment in one bank.

    Raises: ConfigError when the tasks' images differ in size, or are not square for the perceptron.
    """
    sizes = {task.train.x.shape[1] for task in tasks}
    if len(sizes) != 1:
        raise ConfigError(f"one network needs images of one size, the tasks have {sorted(sizes)} pixels")
    (n_pixels,) = sizes
    of_task = contexts(tasks, scenario)
    if config.backbone == "mlp":
        side = round(n_pixels**0.5)
        if side * side != n_pixels:
            raise ConfigError(f"the perceptron pads square images, these have {n_pixels} pixels")
        return Perceptron(tuple(range(max(of_task) + 1)), side=side, n_hidden=config.n_hidden, seed=seed)
    names = {context: task.parent if scenario == "parent" and task.parent else task.name
             for task, context in reversed(list(zip(tasks, of_task, strict=True)))}  # fmt: skip
    queries = torch.stack([hashed_prompt(names[c], config.network.prompt_dim) for c in sorted(names)])
    network = dataclasses.replace(
        config.network, n_inputs=n_pixels, n_base_columns=config.network.n_columns, n_columns=config.network.n_columns
    )
    return SpikingLayer(network, queries, seed=seed)


@flushed_denormals()
def run_peer(
    config: PeersConfig, tasks: Sequence[Task], scenario: Scenario, method: MethodConfig, seed: int
) -> PeerResult:
    """Train one peer on the tasks in order and test it after each on all that it has seen.

    Raises: ConfigError for settings that do not fit; TrainingError when a task trained nothing or the loss was not
        finite.
    """
    start = time.perf_counter()
    generator = torch.Generator().manual_seed(seed)
    backbone = build_backbone(config, tasks, scenario, seed)
    of_task = dict(zip([t.name for t in tasks], contexts(tasks, scenario), strict=True))
    setting = Setting(backbone=backbone, generator=generator, n_contexts=max(of_task.values()) + 1)
    learner = build_method(method, setting)
    config = dataclasses.replace(
        config,
        lr=config.lr if method.lr is None else method.lr,
        weight_decay=config.weight_decay if method.weight_decay is None else method.weight_decay,
    )
    counter = SampleCounter()
    by_name = {task.name: task for task in tasks}
    stages: list[list[str]] = [[*by_name]] if method.method == "joint" else [[name] for name in config.order]
    n_all = sum(len(by_name[name].train) for stage in stages for name in stage)
    rows: list[dict[str, float]] = []
    seen: list[str] = []
    for stage in stages:
        parts = _by_context([by_name[name] for name in stage], of_task)
        n_stage = sum(len(part) for part in parts)
        budget = None if config.n_samples is None else round(config.n_samples * n_stage / n_all)
        _learn(learner, parts, config, counter, budget)
        seen += [name for name in stage if name not in seen]
        rows.append({name: accuracy(backbone, by_name[name].test, of_task[name]) for name in seen})
    names = [task.name for task in tasks]
    matrix = accuracy_matrix(rows, names)
    learned_at = [next(i for i, row in enumerate(rows) if name in row) for name in names]
    return PeerResult(
        matrix=matrix,
        test={name: rows[-1][name] for name in names},
        val={t.name: accuracy(backbone, t.val, of_task[t.name]) for t in tasks if len(t.val)},
        train={t.name: accuracy(backbone, t.train, of_task[t.name]) for t in tasks},
        bwt=backward_transfer(matrix, learned_at),
        forgetting=forgetting(matrix, learned_at),
        n_samples=counter.n_samples,
        seconds=time.perf_counter() - start,
    )


@torch.no_grad()
def accuracy(backbone: Backbone, split: Split, context: int) -> float:
    """The share of a split that is answered rightly; a logit of exactly 0 answers the first class."""
    said = torch.cat([backbone.logit(x, context) > 0 for x in split.x.split(1024)])
    return float((said == (split.y > 0.5)).float().mean())


def _by_context(tasks: Sequence[Task], of_task: Mapping[str, int]) -> list[Examples]:
    """The tasks' training images, those of one context together."""
    parts = []
    for context in dict.fromkeys(of_task[t.name] for t in tasks):
        members = [t.train for t in tasks if of_task[t.name] == context]
        parts.append(
            Examples(x=torch.cat([m.x for m in members]), y=torch.cat([m.y for m in members]), context=context)
        )
    return parts


def _learn(
    learner: Method,
    parts: Sequence[Examples],
    config: PeersConfig,
    counter: SampleCounter,
    budget: int | None,
) -> None:
    """One stage: every part's batches in random order until the epochs or the budget are used up."""
    # As in our own training, every task starts with fresh moments and, with `decay`, the full rate.
    decayed = learner.backbone.decayed
    others = [p for p in learner.backbone.trained if not any(p is d for d in decayed)]
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=config.lr, fused=True)
    n_new = config.epochs * sum(map(len, parts)) if budget is None else max(1, budget // (1 + learner.n_replayed))
    n_done = 0
    offsets = [0]
    for part in parts:
        offsets.append(offsets[-1] + len(part))
        learner.begin_task(part)

    def loss_of(positions: Tensor) -> Tensor:
        at = next(i for i, end in enumerate(offsets[1:]) if int(positions[0]) < end)
        part, local = parts[at], positions - offsets[at]
        counter.n_samples += learner.n_replayed * len(positions)
        return learner.loss(part.x[local], part.y[local], part.context)

    def epoch() -> Iterator[Tensor]:
        batches = [
            batch + offset
            for part, offset in zip(parts, offsets, strict=False)
            for batch in shuffled(len(part), config.batch_size, learner.generator)
        ]
        for i in torch.randperm(len(batches), generator=learner.generator):
            yield batches[int(i)]

    def all_epochs() -> Iterator[Tensor]:
        done = 0
        while budget is not None or done < config.epochs:
            yield from epoch()
            done += 1

    def after_step() -> None:
        nonlocal n_done
        learner.after_step()
        if config.decay:
            n_done += config.batch_size
            for group in optimizer.param_groups:
                group["lr"] = config.lr * max(FINAL_RATE, 1.0 - n_done / n_new)

    fit(
        all_epochs(),
        loss_of,
        optimizer,
        counter=counter,
        before_step=learner.adjust_gradients,
        after_step=after_step,
        max_samples=n_new,
    )
    for part in parts:
        learner.end_task(part)
