"""Methods that keep old images: ER and DER++, over a reservoir.

Knows nothing of how many tasks there will be: a reservoir is a uniform sample of all it was offered, at any time.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from hippo_columns.peers.backbone import Backbone
from hippo_columns.peers.method import Examples, Method
from hippo_mem.errors import ConfigError, InputError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Kept:
    """Samples drawn from a reservoir. Shapes: x (N, P), y, logit and context (N,)."""

    x: Tensor
    y: Tensor
    logit: Tensor
    context: Tensor


class Reservoir:
    """At most `capacity` samples, each one of those offered with the same chance; None keeps all.

    Source: Vitter 1985, algorithm R.
    """

    def __init__(self, capacity: int | None, generator: torch.Generator) -> None:
        if capacity is not None and capacity < 1:
            raise ConfigError(f"a buffer needs room for 1 sample or more, got {capacity}; leave the method out instead")
        self.capacity, self._generator = capacity, generator
        self.n_offered = 0
        self._kept: list[Tensor] = []

    def __len__(self) -> int:
        return len(self._kept[0]) if self._kept else 0

    def offer(self, x: Tensor, y: Tensor, logit: Tensor, context: int) -> None:
        """Show samples, one after the other. Shapes: x (N, P), y and logit (N,)."""
        new = [x, y, logit.detach(), torch.full((len(y),), context, dtype=torch.int64)]
        if not self._kept:
            self._kept = [values[:0].clone() for values in new]
        room = len(y) if self.capacity is None else max(0, self.capacity - len(self))
        self._kept = [torch.cat([kept, values[:room]]) for kept, values in zip(self._kept, new, strict=True)]
        for i in range(room, len(y)):
            at = int(torch.randint(self.n_offered + i + 1, (), generator=self._generator))
            if at < len(self):
                for kept, values in zip(self._kept, new, strict=True):
                    kept[at] = values[i]
        self.n_offered += len(y)

    def draw(self, n: int) -> Kept:
        """`n` samples, none twice as long as there are so many.

        Raises: InputError when nothing was offered yet.
        """
        if not len(self):
            raise InputError("the reservoir is empty: nothing was offered yet")
        order = torch.randperm(len(self), generator=self._generator)
        chosen = order.repeat(-(-n // len(order)))[:n]
        x, y, logit, context = (values[chosen] for values in self._kept)
        return Kept(x=x, y=y, logit=logit, context=context)


class ExperienceReplay(Method):
    """A batch of old samples beside every new one, with the same loss and weight.

    Args:   capacity: of the buffer, None for everything seen.
    Source: Chaudhry et al. 2019 (tiny episodic memories), algorithm 1, with a reservoir. Differs: a task's samples are
        offered once, when it was learned, so that no image is kept twice.
    """

    def __init__(self, backbone: Backbone, generator: torch.Generator, *, capacity: int | None) -> None:
        super().__init__(backbone, generator)
        self.reservoir = Reservoir(capacity, generator)

    @property
    def n_replayed(self) -> int:
        """One old sample for each new one."""
        return 1 if len(self.reservoir) else 0

    def loss(self, x: Tensor, y: Tensor, context: int) -> Tensor:
        """The mean over the new batch and an equal one of old samples."""
        new = super().loss(x, y, context)
        if not len(self.reservoir):
            return new
        old = self.reservoir.draw(len(y))
        return 0.5 * (new + F.binary_cross_entropy_with_logits(self._logits(old), old.y))

    def end_task(self, task: Examples) -> None:
        """Offer the task's samples with the logits that they have now."""
        with torch.no_grad():
            logit = torch.cat([self.backbone.logit(part, task.context) for part in task.x.split(1024)])
        order = torch.randperm(len(task), generator=self.generator)
        self.reservoir.offer(task.x[order], task.y[order], logit[order], task.context)

    def _logits(self, kept: Kept) -> Tensor:
        """What the network says now, each sample under its own context, (N,)."""
        logits = torch.empty(len(kept.y))
        for context in kept.context.unique():
            at = (kept.context == context).nonzero().flatten()
            logits = logits.index_copy(0, at, self.backbone.logit(kept.x[at], int(context)))
        return logits


class DarkExperienceReplay(ExperienceReplay):
    """DER++: L_new + alpha * mean (z_kept − z)² over old samples + beta * their own loss.

    Args:   capacity: as for `ExperienceReplay`. alpha, beta: 0 or more.
    Source: Buzzega et al. 2020, eq. 6. Differs: one draw, halved, serves both terms, so that a step sees no more old
        samples than new ones; logits are those of when the task was learned.
    """

    def __init__(
        self,
        backbone: Backbone,
        generator: torch.Generator,
        *,
        capacity: int | None,
        alpha: float = 0.5,
        beta: float = 0.5,
    ) -> None:
        super().__init__(backbone, generator, capacity=capacity)
        if alpha < 0 or beta < 0:
            raise ConfigError(f"DER++ needs alpha and beta of 0 or more, got {alpha} and {beta}")
        self.alpha, self.beta = alpha, beta

    def loss(self, x: Tensor, y: Tensor, context: int) -> Tensor:
        """The new loss and both terms over the old samples."""
        new = Method.loss(self, x, y, context)
        if not len(self.reservoir):
            return new
        old = self.reservoir.draw(len(y))
        now, half = self._logits(old), len(y) // 2 or 1
        dark = F.mse_loss(now[:half], old.logit[:half])
        labelled = F.binary_cross_entropy_with_logits(now[-half:], old.y[-half:])
        return new + self.alpha * dark + self.beta * labelled
