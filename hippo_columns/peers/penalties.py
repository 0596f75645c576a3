"""Methods that hold parameters where earlier tasks put them: EWC and SI.

Both add a quadratic penalty; its gradient is added to that of the loss, which is the same for any optimizer. Knows
nothing of what the parameters are parameters of.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from hippo_columns.peers.backbone import Backbone
from hippo_columns.peers.method import Examples, Method
from hippo_mem.errors import ConfigError

FisherOf = Literal["samples", "batches"]

_FISHER_BATCH = 128


class Ewc(Method):
    """Elastic weight consolidation: L + sum over tasks of strength / 2 * F_i (θ_i − θ*_i)².

    Args:
        strength: the paper's λ.
        fisher: "samples" takes the diagonal Fisher information of single samples in expectation over the model's own
            labels, p (1 − p) (∂logit/∂θ)²; "batches" the square of a batch's mean gradient times the batch's size,
            with the model's likeliest labels, as the published protocol does.
        n_fisher: at most so many samples of a task, None for all.
    Source: Kirkpatrick et al. 2017, eq. 3; a penalty of its own for each task. Differs: the sums of F and of F θ* are
        kept in place of every task's own, which gives the same gradient.
    """

    def __init__(
        self,
        backbone: Backbone,
        generator: torch.Generator,
        *,
        strength: float,
        fisher: FisherOf = "samples",
        n_fisher: int | None = 1000,
    ) -> None:
        super().__init__(backbone, generator)
        if strength < 0:
            raise ConfigError(f"the strength of EWC must be 0 or more, got {strength}")
        self.strength, self._fisher_of, self._n_fisher = strength, fisher, n_fisher
        self.importance = [torch.zeros_like(p) for p in backbone.trained]
        self._pull = [torch.zeros_like(p) for p in backbone.trained]

    def adjust_gradients(self) -> None:
        """Add strength * (sum of F θ − sum of F θ*)."""
        for p, importance, pull in zip(self.backbone.trained, self.importance, self._pull, strict=True):
            change = torch.addcmul(-pull, importance, p.detach()).mul_(self.strength)
            p.grad = change if p.grad is None else p.grad.add_(change)

    def end_task(self, task: Examples) -> None:
        """Take in the task's Fisher information and where the parameters are."""
        fisher = self.fisher(task)
        for p, f, importance, pull in zip(self.backbone.trained, fisher, self.importance, self._pull, strict=True):
            importance.add_(f)
            pull.addcmul_(f, p.detach())

    def fisher(self, task: Examples) -> list[Tensor]:
        """The diagonal Fisher information of a task at the present parameters, shaped like them."""
        parameters = self.backbone.trained
        total = [torch.zeros_like(p) for p in parameters]
        n = len(task) if self._n_fisher is None else min(len(task), self._n_fisher)
        chosen = torch.randperm(len(task), generator=self.generator)[:n]
        batches = chosen.split(1 if self._fisher_of == "samples" else _FISHER_BATCH)
        for positions in batches:
            logit = self.backbone.logit(task.x[positions], task.context)
            if self._fisher_of == "samples":
                p = torch.sigmoid(logit.detach())
                score, weight = logit.sum(), float(p * (1 - p))
            else:
                score = F.binary_cross_entropy_with_logits(logit, (logit.detach() > 0).float())
                weight = float(len(positions))
            gradients = torch.autograd.grad(score, parameters, allow_unused=True)
            for sum_, gradient in zip(total, gradients, strict=True):
                if gradient is not None:
                    sum_.addcmul_(gradient, gradient, value=weight / len(batches))
        return total


class SynapticIntelligence(Method):
    """Synaptic intelligence: L + strength * sum of Ω_i (θ_i − θ~_i)².

    ω_i sums −g_i Δθ_i over the steps of a task, g the gradient of the loss alone; Ω_i += ω_i / (Δ_i² + damping), Δ_i
    the change over the task; θ~ is where the last task ended.

    Args:   strength: the paper's c. damping: its ξ.
    Source: Zenke et al. 2017, eq. 3-5. Differs: an Ω below 0, which noise can make, counts as 0.
    """

    def __init__(
        self, backbone: Backbone, generator: torch.Generator, *, strength: float, damping: float = 0.1
    ) -> None:
        super().__init__(backbone, generator)
        if strength < 0 or damping <= 0:
            raise ConfigError(f"SI needs strength >= 0 and damping > 0, got {strength} and {damping}")
        self.strength, self.damping = strength, damping
        parameters = backbone.trained
        self.importance = [torch.zeros_like(p) for p in parameters]
        self.path = [torch.zeros_like(p) for p in parameters]
        self._anchor = [p.detach().clone() for p in parameters]
        self._gradient = [torch.zeros_like(p) for p in parameters]
        self._before = [p.detach().clone() for p in parameters]

    def adjust_gradients(self) -> None:
        """Keep the loss's own gradient, then add 2 * strength * Ω (θ − θ~)."""
        for i, p in enumerate(self.backbone.trained):
            if p.grad is None:
                self._gradient[i].zero_()
                p.grad = torch.zeros_like(p)
            else:
                self._gradient[i].copy_(p.grad)
            self._before[i].copy_(p.detach())
            p.grad.addcmul_(self.importance[i], p.detach() - self._anchor[i], value=2 * self.strength)

    def after_step(self) -> None:
        """Add what this step gained along the path."""
        for i, p in enumerate(self.backbone.trained):
            self.path[i].addcmul_(self._gradient[i], p.detach() - self._before[i], value=-1.0)

    def end_task(self, task: Examples) -> None:
        """Turn the path into importance and start the next one."""
        for i, p in enumerate(self.backbone.trained):
            change = p.detach() - self._anchor[i]
            self.importance[i].add_((self.path[i] / (change.square() + self.damping)).clamp_(min=0.0))
            self._anchor[i].copy_(p.detach())
            self.path[i].zero_()
