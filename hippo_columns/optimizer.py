"""Adam with a rate for each column, where a rate of zero means not touched at all.

In: parameters with gradients, and for each a scale of the rate: one number, or one a column. Out: parameters changed in
place. What is scaled by zero keeps its bits and its moments, which a plain optimizer with momentum would not promise.
Knows nothing of why a rate is what it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim.adam import adam

Scale = float | Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ParameterGroup:
    """Parameters of one rate.

    `scale` is asked at every step: one number for the whole group, or one for each entry along the parameters' first
    dimension, which is then that of columns or tasks.
    """

    parameters: tuple[Tensor, ...]
    lr: float
    weight_decay: float = 0.0
    scale: Callable[[], Scale] = lambda: 1.0
    betas: tuple[float, float] = (0.9, 0.999)


class _Moments:
    """First and second moment of one tensor, and how many steps it took."""

    __slots__ = ("mean", "n_steps", "square")

    def __init__(self, like: Tensor) -> None:
        self.mean, self.square = torch.zeros_like(like), torch.zeros_like(like)
        self.n_steps = torch.zeros((), dtype=torch.float32)


class ColumnAdam:
    """Adam (Kingma & Ba 2015) over groups whose scales may differ by column and change from step to step.

    Differs: the scale multiplies the rate, so it also multiplies the step (a scaled gradient would not, for Adam
    divides by its size). A column of scale 0, and a parameter without gradient, is skipped.
    """

    def __init__(self, groups: Iterable[ParameterGroup]) -> None:
        self.groups = tuple(groups)
        self._moments: dict[tuple[int, int], _Moments] = {}

    @property
    def parameters(self) -> list[Tensor]:
        """All parameters of all groups."""
        return [p for group in self.groups for p in group.parameters]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    def clip_norm(self, limit: float) -> float:
        """Scale all gradients down to a joint norm of `limit`; the norm before, which may not be finite."""
        having = [p for p in self.parameters if p.grad is not None]
        return float(torch.nn.utils.clip_grad_norm_(having, limit, foreach=True))

    @torch.no_grad()
    def step(self) -> None:
        """One step by the gradients that are there."""
        for group in self.groups:
            scale = group.scale()
            for parameter in group.parameters:
                if parameter.grad is None:
                    continue
                if isinstance(scale, (int, float)):
                    self._update([(parameter, parameter.grad, self._of(parameter, -1))], group, float(scale))
                    continue
                rows = zip(parameter.unbind(0), parameter.grad.unbind(0), scale, strict=True)
                for k, (row, gradient, row_scale) in enumerate(rows):
                    if row_scale:
                        self._update([(row, gradient, self._of(parameter, k, row))], group, float(row_scale))

    def _of(self, parameter: Tensor, row: int, like: Tensor | None = None) -> _Moments:
        key = (id(parameter), row)
        if key not in self._moments:
            self._moments[key] = _Moments(parameter if like is None else like)
        return self._moments[key]

    @staticmethod
    def _update(entries: list[tuple[Tensor, Tensor, _Moments]], group: ParameterGroup, scale: float) -> None:
        if not scale:
            return
        adam(
            [e[0] for e in entries],
            [e[1] for e in entries],
            [e[2].mean for e in entries],
            [e[2].square for e in entries],
            [],
            [e[2].n_steps for e in entries],
            foreach=False,
            fused=True,
            amsgrad=False,
            beta1=group.betas[0],
            beta2=group.betas[1],
            lr=group.lr * scale,
            weight_decay=group.weight_decay,
            decoupled_weight_decay=True,
            eps=1e-8,
            maximize=False,
        )
