"""A way to learn tasks one after the other: what it adds to the loss, to the gradients, and between tasks.

In: batches of the task that is being learned. Out: losses and changed gradients. `Method` itself is the naive way, and
the base of all others. Knows nothing of the order of tasks or of how results are judged.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from hippo_columns.peers.backbone import Backbone


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Examples:
    """Images of one context. Shapes: x (N, P) in 0..1, y (N,) of 0 or 1."""

    x: Tensor
    y: Tensor
    context: int

    def __len__(self) -> int:
        return len(self.y)


class Method:
    """The naive way: fine-tuning on each task in turn. The hooks are called by `hippo_columns.peers.train`."""

    def __init__(self, backbone: Backbone, generator: torch.Generator) -> None:
        self.backbone, self.generator = backbone, generator

    @property
    def n_replayed(self) -> int:
        """How many old samples a step will see beside its new ones, for each new one (0 where nothing is kept)."""
        return 0

    def begin_task(self, task: Examples) -> None:
        """Called before a task's first batch."""

    def loss(self, x: Tensor, y: Tensor, context: int) -> Tensor:
        """The loss of one batch of the new task, without what `adjust_gradients` does. A scalar."""
        return F.binary_cross_entropy_with_logits(self.backbone.logit(x, context), y)

    def adjust_gradients(self) -> None:
        """Called when the gradients of the loss are there."""

    def after_step(self) -> None:
        """Called when the parameters have changed."""

    def end_task(self, task: Examples) -> None:
        """Called after a task's last batch."""
