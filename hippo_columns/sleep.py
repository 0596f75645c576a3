"""Sleep: what was learned under several prompts is distilled into the parents' prompts, masks and columns.

In: the network, the controller, the wake images that sleep may see. Out: both changed so that a parent's prompt answers
for its primes too, and a report. The teacher is a frozen copy of how it was before. Knows nothing of stages or files.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from hippo_columns.config import ExperimentConfig
from hippo_columns.controller import Controller
from hippo_columns.fit import SampleCounter, fit
from hippo_columns.masks import MIN_TEMPERATURE
from hippo_columns.network import ColumnNetwork, logits
from hippo_columns.optimizer import ColumnAdam
from hippo_columns.rehearsal import Member, Rehearsal, ReplayBatch, build_rehearsal, replay_counts
from hippo_columns.tasks import Task
from hippo_columns.wake import Pace, column_groups, same_weights, weights_of
from hippo_mem.errors import SleepError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SleepReport:
    """What a sleep did.

    Args: groups: parent to members, itself first. counts: how often each image of a member came, (N,). kept: for each
        member the accuracy on validation images before (own prompt) and after (parent's prompt). verified: no member
        lost more than `sleep.max_drop`. biases: of the queues at the end of each epoch, empty for static replay.
    """

    groups: Mapping[str, tuple[str, ...]]
    n_samples: int
    n_batches: int
    n_epochs: int
    mean_loss: float
    seconds: float
    verified: bool
    kept: Mapping[str, tuple[float, float]]
    counts: Mapping[str, NDArray[np.int64]]
    biases: tuple[Mapping[str, float], ...] = field(default_factory=tuple)
    mean_gradient: float = 0.0


def groups_of(controller: Controller) -> dict[str, tuple[str, ...]]:
    """Who is answered as whom after a sleep now: each parent with itself and its primes, as far as they were trained.

    Returns: parent to members, the parent first. A prime whose parent was not trained belongs to no group.
    """
    trained = controller.trained
    groups: dict[str, tuple[str, ...]] = {}
    for parent in (t for t in trained if not controller.is_prime(t)):
        groups[parent] = (parent, *(t for t in trained if controller.parent(t) == parent))
    return groups


Whole = tuple[ColumnNetwork, Controller]


def teacher_of(network: ColumnNetwork, controller: Controller) -> Whole:
    """A copy of weights, masks and prompts that no training changes."""
    return copy.deepcopy(network).requires_grad_(False), copy.deepcopy(controller).requires_grad_(False)


def gather(
    teacher: Whole,
    groups: Mapping[str, tuple[str, ...]],
    tasks: Mapping[str, Task],
    config: ExperimentConfig,
    generator: torch.Generator,
) -> list[Member]:
    """The members of all groups with the teacher's answers, in its contexts, to the images that sleep may see."""
    network, controller = teacher
    temperature = max(config.sleep.temperature, MIN_TEMPERATURE)
    members = []
    for parent, names in groups.items():
        for name in names:
            split = tasks[name].train
            if config.sleep.buffer_per_task is not None and config.sleep.buffer_per_task < len(split):
                kept = torch.randperm(len(split), generator=generator)[: config.sleep.buffer_per_task]
                split = split.take(kept)
            context = controller.context(name).detached()
            answers = logits(network, split.x, context)
            members.append(
                Member(
                    name=name,
                    parent=parent,
                    x=split.x,
                    y=split.y,
                    target=torch.sigmoid(answers / temperature),
                    query=context.query,
                )
            )
    return members


class _Distillation:
    """The loss of one batch: cross-entropy to the teacher at a temperature, labels if asked for, and the mask's cost.

    L = w_y BCE(z, y) + max(1, T)^2 BCE(z / T, sigmoid(z_T / T)) + R_mask(parent).
    """

    def __init__(
        self, student: ColumnNetwork, controller: Controller, rehearsal: Rehearsal, pace: Pace, config: ExperimentConfig
    ) -> None:
        self._student, self._controller, self._rehearsal, self._pace = student, controller, rehearsal, pace
        self._sleep, self._temperature = config.sleep, max(config.sleep.temperature, MIN_TEMPERATURE)
        self._query: Tensor | None = None
        self.batch: ReplayBatch | None = None
        self.seen: dict[str, list[Tensor]] = {}
        self.gradients: list[float] = []

    def loss(self, batch: ReplayBatch) -> Tensor:
        """The loss of a batch, to be lowered."""
        member, at = batch.member, batch.positions
        self.batch, self._query = batch, None
        context = self._pace.context = self._controller.context(member.parent)
        if self._rehearsal.wants_gradient():
            context, self._query = context.watched()
        z = self._student(member.x[at], context)
        each = F.binary_cross_entropy_with_logits(z / self._temperature, member.target[at], reduction="none")
        each = each * max(1.0, self._temperature) ** 2
        self._rehearsal.tell_losses(batch, each.detach())
        self.seen.setdefault(member.name, []).append(at)
        loss = each.mean() + self._controller.penalty(member.parent, context)
        if self._sleep.label_weight:
            loss = loss + self._sleep.label_weight * F.binary_cross_entropy_with_logits(z, member.y[at])
        return loss

    def before_step(self, optimizer: ColumnAdam) -> None:
        """Pass the gradient at the prompt on, then clip all gradients."""
        if self._query is not None and self._query.grad is not None and self.batch is not None:
            self._rehearsal.tell_gradient(self.batch, float(self._query.grad.norm()))
        self.gradients.append(optimizer.clip_norm(self._sleep.clip_norm))


def sleep(
    network: ColumnNetwork,
    controller: Controller,
    tasks: Mapping[str, Task],
    config: ExperimentConfig,
    *,
    generator: torch.Generator,
    counter: SampleCounter,
    teacher: Whole | None = None,
) -> SleepReport:
    """One sleep. Changes the parents' columns, masks and prompts and the shared readout; promotes nobody.

    Args:
        tasks: by name; their training images are the wake data, their validation images verify the sleep.
        teacher: whose answers are learned; None: a frozen copy of what goes to sleep.
    Raises: SleepError when no group was trained, or when the sleep changed no weight; TrainingError for a loss that is
        no number.
    Source: distillation after Hinton et al. 2015, the soft targets of a binary answer. Differs: the gradient grows as
        1 / T below T = 1, so it is clipped.
    """
    start = time.perf_counter()
    groups = groups_of(controller)
    if not groups:
        raise SleepError("there is nothing to sleep on: no base task was trained; check training.sleep_after")
    teacher = teacher or teacher_of(network, controller)
    members = gather(teacher, groups, tasks, config, generator)
    rehearsal = build_rehearsal(members, config.sleep, generator)
    pace = Pace(min(rehearsal.n_planned, config.sleep.max_samples or rehearsal.n_planned), counter)
    optimizer = ColumnAdam(
        [
            *column_groups(
                network,
                pace,
                config.sleep.lr,
                config.training.weight_decay,
                bank_scales={name: [1.0] * bank.n_columns for name, bank in network.banks.items()},
                shared_scale=1.0,
            ),
            *controller.groups(list(groups), pace.rate, shared=1.0),
        ]
    )
    distillation = _Distillation(network, controller, rehearsal, pace, config)
    before = weights_of(network, controller)
    n_epochs, biases = 0, []
    first, first_batches, loss = counter.n_samples, counter.n_batches, 0.0
    for epoch in range(config.sleep.epochs):
        left = None
        if config.sleep.max_samples is not None:
            left = config.sleep.max_samples - (counter.n_samples - first)
            if left <= 0:
                break
        fitted = fit(
            rehearsal.epoch(epoch),
            distillation.loss,
            optimizer,
            counter=counter,
            before_step=lambda: distillation.before_step(optimizer),
            max_samples=left,
        )
        n_epochs, loss = n_epochs + 1, fitted.mean_loss
        biases.append({name: queue.bias for name, queue in getattr(rehearsal, "queues", {}).items()})
    if same_weights(before, network, controller):
        raise SleepError(f"the sleep changed no weight; check sleep.lr={config.sleep.lr} and the groups {groups}")
    kept = _kept(teacher, (network, controller), groups, tasks)
    return SleepReport(
        groups=groups,
        n_samples=counter.n_samples - first,
        n_batches=counter.n_batches - first_batches,
        n_epochs=n_epochs,
        mean_loss=loss,
        seconds=time.perf_counter() - start,
        verified=all(then - now <= config.sleep.max_drop for then, now in kept.values()),
        kept=kept,
        counts={m.name: replay_counts(len(m), distillation.seen.get(m.name, [])) for m in members},
        biases=tuple(b for b in biases if b),
        mean_gradient=float(np.mean(distillation.gradients)),
    )


def _kept(
    teacher: Whole,
    student: Whole,
    groups: Mapping[str, tuple[str, ...]],
    tasks: Mapping[str, Task],
) -> dict[str, tuple[float, float]]:
    """Accuracy of every member before and after, on validation images (training images where none were held out)."""

    def accuracy(who: Whole, name: str, answered_as: str) -> float:
        split = tasks[name].val if len(tasks[name].val) else tasks[name].train
        answers = logits(who[0], split.x, who[1].context(answered_as).detached())
        return float(((answers > 0) == split.y.bool()).float().mean())

    return {
        name: (accuracy(teacher, name, name), accuracy(student, name, parent))
        for parent, names in groups.items()
        for name in names
    }
