"""What comes again in a sleep, and in which order: the same everywhere, or following the loss.

In: the tasks that take part, with what the teacher answers to their images. Out: batches, each of one task. Knows
nothing of networks; losses and gradients are told to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from hippo_columns.config import SleepConfig
from hippo_mem.replay import DynamicReplay, excess, interleave_queues


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Member:
    """A task in a sleep.

    Shapes: N images, P pixels, D prompt width: x (N, P), y (N,), target (N,) the teacher's probability of the second
    class at the distillation's temperature, query (D,) the teacher's prompt of this task.
    Args: parent: the task that it is answered as afterwards, itself for a base.
    """

    name: str
    parent: str
    x: Tensor
    y: Tensor
    target: Tensor
    query: Tensor

    @property
    def is_prime(self) -> bool:
        """Whether it is to be moved to another task's prompt."""
        return self.parent != self.name

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReplayBatch:
    """Positions of one member's images, (B,)."""

    member: Member
    positions: Tensor

    def __len__(self) -> int:
        return len(self.positions)


class Rehearsal(Protocol):
    """Batches, epoch by epoch, and what is learned on the way about which to bring next."""

    @property
    def n_planned(self) -> int:
        """About how many samples all epochs bring."""

    def epoch(self, number: int) -> Iterator[ReplayBatch]:
        """The batches of one epoch, counted from 0. Later ones may depend on what was told about earlier ones."""

    def tell_losses(self, batch: ReplayBatch, losses: Tensor) -> None:
        """The distillation loss of each sample of a batch, (B,)."""

    def wants_gradient(self) -> bool:
        """Whether the gradient at the prompt of the batch at hand is asked for."""

    def tell_gradient(self, batch: ReplayBatch, norm: float) -> None:
        """The norm of the gradient at the parent's prompt."""


class StaticRehearsal:
    """Every image once an epoch, and the primes' `held_out_replay` times more; batches of all tasks in random order."""

    def __init__(self, members: Sequence[Member], config: SleepConfig, generator: torch.Generator) -> None:
        self._members, self._config, self._generator = tuple(members), config, generator

    @property
    def n_planned(self) -> int:
        """See `Rehearsal.n_planned`."""
        again = self._config.held_out_replay
        return self._config.epochs * sum(len(m) * (1 + again * m.is_prime) for m in self._members)

    def epoch(self, number: int) -> Iterator[ReplayBatch]:
        """See `Rehearsal.epoch`."""
        queues = []
        for member in self._members:
            passes = 1 + self._config.held_out_replay * member.is_prime
            positions = torch.cat([torch.randperm(len(member), generator=self._generator) for _ in range(passes)])
            queues.append(_cut(member, positions, self._config.batch_size))
        yield from interleave_queues(queues, _seed(self._generator))

    def tell_losses(self, batch: ReplayBatch, losses: Tensor) -> None:
        """Nothing follows from them."""

    def wants_gradient(self) -> bool:
        """Never."""
        return False

    def tell_gradient(self, batch: ReplayBatch, norm: float) -> None:
        """Nothing follows from it."""


class DynamicRehearsal:
    """Replay that follows the loss: primes once first, then in every epoch a pass over the bases and what is worst.

    Each task has a queue of its own (`hippo_mem.replay.DynamicReplay`), fed with the excess of the loss over the
    entropy of the teacher's answer. Every few batches the norm of the gradient at the prompt nudges the queues of tasks
    with a similar prompt: they bring more samples in the next epoch.
    """

    def __init__(self, members: Sequence[Member], config: SleepConfig, generator: torch.Generator) -> None:
        self._members, self._config, self._generator = tuple(members), config, generator
        d = config.dynamic
        self.queues = {
            m.name: DynamicReplay(
                len(m), d.top_percent, d.extra_percent, d.prob_floor, d.ema, seed=_seed(generator) + i
            )
            for i, m in enumerate(self._members)
        }
        queries = torch.nn.functional.normalize(torch.stack([m.query for m in self._members]), dim=1)
        self._likeness = (queries @ queries.T).tolist()
        self._n_batches = 0

    @property
    def n_planned(self) -> int:
        """See `Rehearsal.n_planned`; without the nudges, which are not known before."""
        d = self._config.dynamic
        warmup = d.prime_warmup * sum(len(m) for m in self._members if m.is_prime)
        base = d.base_pass * sum(len(m) for m in self._members if not m.is_prime)
        return round(warmup + self._config.epochs * (base + sum(sum(q.counts) for q in self.queues.values())))

    def epoch(self, number: int) -> Iterator[ReplayBatch]:
        """See `Rehearsal.epoch`. What is worst is chosen after the pass over the bases, by the losses until then."""
        d = self._config.dynamic
        if number == 0:
            yield from self._passes(lambda m: m.is_prime, d.prime_warmup)
        yield from self._passes(lambda m: not m.is_prime, d.base_pass)
        chosen = []
        for member in self._members:
            positions = torch.tensor(self.queues[member.name].select(), dtype=torch.int64)
            shuffled = positions[torch.randperm(len(positions), generator=self._generator)]
            chosen.append(_cut(member, shuffled, self._config.batch_size))
        yield from interleave_queues(chosen, _seed(self._generator))
        for queue in self.queues.values():
            queue.decay(d.nudge_decay)

    def _passes(self, wanted: Callable[[Member], bool], passes: float) -> list[ReplayBatch]:
        """Each wanted member `passes` times, a fraction of a pass being a random part of its images."""
        queues = []
        for member in self._members:
            if wanted(member):
                whole, part = divmod(passes, 1.0)
                orders = [torch.randperm(len(member), generator=self._generator) for _ in range(int(whole) + 1)]
                orders[-1] = orders[-1][: round(part * len(member))]
                queues.append(_cut(member, torch.cat(orders), self._config.batch_size))
        return interleave_queues(queues, _seed(self._generator))

    def tell_losses(self, batch: ReplayBatch, losses: Tensor) -> None:
        """See `Rehearsal.tell_losses`."""
        values = losses.double().numpy()
        if self._config.dynamic.rank_by == "excess":
            scale = max(1.0, self._config.temperature) ** 2
            values = scale * excess(values / scale, batch.member.target[batch.positions].double().numpy())
        self.queues[batch.member.name].update(batch.positions.numpy(), values)

    def wants_gradient(self) -> bool:
        """Every `gradient_update_interval` batches, unless the nudge is off."""
        d = self._config.dynamic
        self._n_batches += 1
        return d.gradient_similarity_influence > 0 and self._n_batches % d.gradient_update_interval == 0

    def tell_gradient(self, batch: ReplayBatch, norm: float) -> None:
        """See `Rehearsal.tell_gradient`."""
        likeness = self._likeness[[m.name for m in self._members].index(batch.member.name)]
        for member, similarity in zip(self._members, likeness, strict=True):
            queue = self.queues[member.name]
            queue.nudge(norm, similarity, self._config.dynamic.gradient_similarity_influence)


def build_rehearsal(
    members: Sequence[Member], config: SleepConfig, generator: torch.Generator
) -> StaticRehearsal | DynamicRehearsal:
    """The rehearsal that a configuration asks for."""
    if config.replay == "dynamic":
        return DynamicRehearsal(members, config, generator)
    return StaticRehearsal(members, config, generator)


def replay_counts(n: int, positions: Sequence[Tensor]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """How often each of n images came, (n,), for the histogram of a sleep."""
    if not positions:
        return np.zeros(n, dtype=np.int64)
    return np.bincount(torch.cat(list(positions)).numpy(), minlength=n).astype(np.int64)


def _cut(member: Member, positions: Tensor, batch_size: int) -> list[ReplayBatch]:
    return [ReplayBatch(member=member, positions=part) for part in positions.split(batch_size) if len(part)]


def _seed(generator: torch.Generator) -> int:
    return int(torch.randint(2**31, (), generator=generator))
