"""Masks: how much each column of a bank counts for a task, learned directly or fixed.

In: a task's position and its bank. Out: shares that sum to 1, and what a mask costs for being spread, uneven, or over
other tasks' columns. Knows nothing of prompts, and of the network only how many columns a bank has.

Letters in shapes: T tasks, K columns of a bank.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from hippo_columns.config import Stage4Masking
from hippo_mem.errors import InputError

# Below this a softmax is a step, and its gradient overflows.
MIN_TEMPERATURE = 1e-3


def entropy(alpha: Tensor) -> Tensor:
    """H(alpha) in nats: 0 for one column, ln K for all alike. alpha (K,)."""
    nats: Tensor = torch.special.entr(alpha).sum()
    return nats


def imbalance(alpha: Tensor) -> Tensor:
    """Mean squared distance from equal shares, 0 for all alike. alpha (K,)."""
    return (alpha - 1.0 / len(alpha)).square().mean()


def overlap(alpha: Tensor, others: Sequence[Tensor]) -> Tensor:
    """Mean of <alpha, other>, 0..1; no gradient reaches the others. 0 when there are none. (K,) each."""
    if not others:
        return alpha.new_zeros(())
    return (torch.stack([o.detach() for o in others]) @ alpha).mean()


class Router(Protocol):
    """Who decides which columns a task uses. Banks are known by name and size; tasks by position."""

    def alpha(self, task: int, query: Tensor) -> Tensor:
        """The shares of the columns of the task's bank, (K,), 0..1, with sum 1."""

    def penalty(self, task: int, query: Tensor, alpha: Tensor, others: Mapping[int, tuple[Tensor, Tensor]]) -> Tensor:
        """What is added to the loss. `others`: queries and shares of the tasks of the same bank that were trained."""

    def batch_done(self, task: int, column: int, share: float) -> None:
        """One training batch of the task is over, in which `column` had the largest share."""

    def release(self, task: int, column: int, generator: torch.Generator) -> None:
        """The task has left its column, which is free again."""


class SoftMasks(nn.Module):
    """alpha = softmax(logits[t] / temperature), one row of logits a task.

    Shapes: logits (T, K of the larger bank); a task of a smaller bank uses the first ones.
    """

    def __init__(self, bank_sizes: Sequence[int], config: Stage4Masking, generator: torch.Generator) -> None:
        super().__init__()
        self._sizes, self._config = tuple(bank_sizes), config
        self.logits = nn.Parameter(self._new_rows(len(bank_sizes), generator))

    def _new_rows(self, n: int, generator: torch.Generator) -> Tensor:
        return torch.randn(n, max(self._sizes), generator=generator) * self._config.init_std

    def alpha(self, task: int, query: Tensor) -> Tensor:
        """See `Router.alpha`."""
        temperature = max(self._config.temperature, MIN_TEMPERATURE)
        return torch.softmax(self.logits[task, : self._sizes[task]] / temperature, dim=0)

    def penalty(self, task: int, query: Tensor, alpha: Tensor, others: Mapping[int, tuple[Tensor, Tensor]]) -> Tensor:
        """lambda_H H + lambda_B imbalance + lambda_O overlap; see `Router.penalty`."""
        c = self._config
        return (
            c.entropy_weight * entropy(alpha)
            + c.balance_weight * imbalance(alpha)
            + c.overlap_weight * overlap(alpha, [a for _, a in others.values()])
        )

    def batch_done(self, task: int, column: int, share: float) -> None:
        """Nothing is kept."""

    @torch.no_grad()
    def release(self, task: int, column: int, generator: torch.Generator) -> None:
        """The task's logits are drawn anew."""
        self.logits[task] = self._new_rows(1, generator)[0]


class FixedMasks(nn.Module):
    """One column for each task, decided without learning.

    `reuse` gives a new task the first column that no task has now ("next free column"); without it the n-th task of a
    bank has the n-th column whatever happens ("fixed one-hot").

    Raises: InputError when a bank has fewer columns than tasks that need one at a time.
    """

    def __init__(self, banks: Sequence[str], bank_sizes: Sequence[int], *, reuse: bool) -> None:
        super().__init__()
        self._banks, self._sizes, self._reuse = tuple(banks), tuple(bank_sizes), reuse
        self._column: dict[int, int] = {}
        if not reuse:
            for task in range(len(banks)):
                self._column[task] = sum(banks[u] == banks[task] for u in range(task))
                self._require(task, self._column[task])

    def alpha(self, task: int, query: Tensor) -> Tensor:
        """See `Router.alpha`. A task that has no column yet gets the one that it would claim, the first if none."""
        alpha = torch.zeros(self._sizes[task])
        column = self._column.get(task, self._next_free(task))
        alpha[column if column < len(alpha) else 0] = 1.0
        return alpha

    def claim(self, task: int) -> int:
        """The column of a task that arrives, its own from now on.

        Raises: InputError when the bank has none left.
        """
        if task not in self._column:
            column = self._next_free(task)
            self._require(task, column)
            self._column[task] = column
        return self._column[task]

    def _next_free(self, task: int) -> int:
        taken = {c for u, c in self._column.items() if self._banks[u] == self._banks[task]}
        return min(set(range(self._sizes[task] + 1)) - taken)

    def penalty(self, task: int, query: Tensor, alpha: Tensor, others: Mapping[int, tuple[Tensor, Tensor]]) -> Tensor:
        """Nothing to penalise."""
        return alpha.new_zeros(())

    def batch_done(self, task: int, column: int, share: float) -> None:
        """Nothing is kept."""

    def release(self, task: int, column: int, generator: torch.Generator) -> None:
        """The column can go to another task."""
        if self._reuse:
            self._column.pop(task, None)

    def _require(self, task: int, column: int) -> None:
        if column >= self._sizes[task]:
            raise InputError(
                f"bank {self._banks[task]!r} has {self._sizes[task]} columns and needs {column + 1}; "
                "raise network.n_columns, or let the primes sleep earlier (training.sleep_after)"
            )
