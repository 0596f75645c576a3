"""Learning without forgetting: on new images, answer as the network did before, in every old context.

Knows nothing of where old images are: it keeps none.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from hippo_columns.peers.backbone import Backbone
from hippo_columns.peers.method import Examples, Method
from hippo_mem.errors import ConfigError


class LearningWithoutForgetting(Method):
    """L_new + weight * T² * mean over old contexts of BCE(z / T, σ(z_T / T)), z_T the logit before this task.

    Args:
        temperature: T; 2 in the paper.
        weight: the paper's λ_o. "by_tasks" gives the n-th task's own loss 1 / n and the distillation 1 − 1 / n, as van
            de Ven & Tolias 2018 do.
    Source: Li & Hoiem 2016, eq. 2-4. Differs: T² keeps the gradient's size (Hinton et al. 2015).
    """

    def __init__(
        self,
        backbone: Backbone,
        generator: torch.Generator,
        *,
        temperature: float = 2.0,
        weight: float | Literal["by_tasks"] = 1.0,
    ) -> None:
        super().__init__(backbone, generator)
        if temperature <= 0 or (weight != "by_tasks" and weight < 0):
            raise ConfigError(f"LwF needs temperature > 0 and weight >= 0, got {temperature} and {weight}")
        self.temperature, self._weight = temperature, weight
        self._teacher: Backbone | None = None
        self._contexts: list[int] = []
        self._n_tasks = 0

    def loss(self, x: Tensor, y: Tensor, context: int) -> Tensor:
        """The new task's loss and the distillation."""
        new = super().loss(x, y, context)
        if self._teacher is None:
            return new
        old = self.distillation(x)
        if self._weight == "by_tasks":
            share = 1.0 / (self._n_tasks + 1)
            return share * new + (1.0 - share) * old
        return new + self._weight * old

    def distillation(self, x: Tensor) -> Tensor:
        """The mean over old contexts of the distance to the teacher's answers. A scalar; 0 without a teacher."""
        if self._teacher is None:
            return x.new_zeros(())
        t = self.temperature
        parts = []
        for context in self._contexts:
            with torch.no_grad():
                target = torch.sigmoid(self._teacher.logit(x, context) / t)
            parts.append(F.binary_cross_entropy_with_logits(self.backbone.logit(x, context) / t, target))
        return torch.stack(parts).mean() * t**2

    def end_task(self, task: Examples) -> None:
        """The network as it is now teaches the next task."""
        self._n_tasks += 1
        if task.context not in self._contexts:
            self._contexts.append(task.context)
        self._teacher = self.backbone.frozen_copy()
