"""The one training loop: batches in random order, a loss, an optimizer, and an honest count of the samples seen.

In: tensors that are whole in memory, a function from a batch to its loss, something with `zero_grad` and `step`. Out:
how much was seen. Knows nothing of tasks, masks or sleep; peers train by it as well, so that all
budgets are counted alike.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from hippo_mem.errors import HippoError


class TrainingError(HippoError, RuntimeError):
    """Training that trained nothing, or whose loss is no number. It is never reported as a result."""


class Batch(Protocol):
    """Anything that knows how many samples it holds: a tensor of positions, or positions of one task."""

    def __len__(self) -> int:
        """Samples in the batch."""


B = TypeVar("B", bound=Batch)


class Stepper(Protocol):
    """What `fit` needs of an optimizer: `torch.optim` and `ColumnAdam` both have it."""

    def zero_grad(self) -> None:
        """Forget the gradients."""

    def step(self) -> object:
        """Change the parameters by their gradients."""


@dataclass(slots=True)
class SampleCounter:
    """Samples that went forward and back, and batches of them, since it was made."""

    n_samples: int = 0
    n_batches: int = 0

    def add(self, n_samples: int) -> None:
        """Count one batch."""
        self.n_samples += n_samples
        self.n_batches += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """What one call of `fit` did. `mean_loss` is that of the last tenth of its batches."""

    n_samples: int
    n_batches: int
    mean_loss: float
    seconds: float

    @property
    def samples_per_s(self) -> float:
        """Samples seen in a second."""
        return self.n_samples / max(self.seconds, 1e-9)


def shuffled(n: int, batch_size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Positions 0..n-1 in random order, in batches; the last one may be smaller."""
    if n:  # an empty tensor splits into one empty batch
        yield from torch.randperm(n, generator=generator).split(batch_size)


def fit(
    batches: Iterable[B],
    loss_of: Callable[[B], Tensor],
    optimizer: Stepper,
    *,
    counter: SampleCounter,
    before_step: Callable[[], None] | None = None,
    after_step: Callable[[], None] | None = None,
    max_samples: int | None = None,
) -> Fitted:
    """Train on each batch once.

    Args:
        batches: positions (B,) of samples as `shuffled` gives them, or anything with a length.
        loss_of: from a batch to a loss to be lowered.
        counter: goes up by the samples seen.
        before_step: called when the gradients are there (to clip them, or to look at them).
        after_step: called when the parameters are changed.
        max_samples: no batch is begun when so many were seen in this call.
    Raises: TrainingError when there was no batch, or when the loss is not finite.
    """
    start = time.perf_counter()
    n_samples = 0
    losses: list[Tensor] = []
    for batch in batches:
        if max_samples is not None and n_samples >= max_samples:
            break
        optimizer.zero_grad()
        loss = loss_of(batch)
        loss.backward()
        if before_step is not None:
            before_step()
        optimizer.step()
        if after_step is not None:
            after_step()
        n_samples += len(batch)
        counter.add(len(batch))
        losses.append(loss.detach())
    if not losses:
        raise TrainingError("there was no batch to train on; check the samples, the epochs and max_samples")
    each = torch.stack(losses)
    if not bool(torch.isfinite(each).all()):
        at = int((~torch.isfinite(each)).nonzero()[0])
        raise TrainingError(f"the loss was {float(each[at])} in batch {at + 1} of {len(losses)}; lower the rate")
    tail = each[-max(1, math.ceil(len(losses) / 10)) :]
    return Fitted(
        n_samples=n_samples,
        n_batches=len(losses),
        mean_loss=float(tail.mean()),
        seconds=time.perf_counter() - start,
    )
