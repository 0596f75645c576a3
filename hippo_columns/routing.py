"""Routing by key and query: a task uses the columns whose keys its prompt points at.

In: a prompt as query. Out: shares of the columns of its bank, who owns which column, and the losses that keep owners
apart. Knows nothing of images or of the network's weights.

Letters in shapes: T tasks, K columns of a bank, C columns of all banks, D prompt width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hippo_columns.config import KeyQueryConfig
from hippo_columns.masks import entropy
from hippo_columns.network import NOVEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """Where a task may sit: its bank, and where that bank's columns are among all."""

    bank: str
    start: int
    n_columns: int


class KeyQueryRouter(nn.Module):
    """alpha = softmax(scores / temperature) with scores = K q, plus what is known of who owns which column.

    Shapes: keys (C, D); owners: task to column of its bank.
    Source: attention (Vaswani et al. 2017) over columns in place of tokens. Differs: each bank has its own temperature,
        and an owned column is worth less to others and more to its owner by a constant.
    """

    def __init__(self, seats: Sequence[Seat], dim: int, config: KeyQueryConfig, generator: torch.Generator) -> None:
        super().__init__()
        self._seats, self._config = tuple(seats), config
        n_columns = max(seat.start + seat.n_columns for seat in seats)
        self.keys = nn.Parameter(torch.randn(n_columns, dim, generator=generator) / dim**0.5)
        self.owners: dict[int, int] = {}
        self._streak: dict[int, tuple[int, int]] = {}

    def scores(self, task: int, query: Tensor) -> Tensor:
        """How well the columns of the task's bank match its query, (K,), ownership not counted. query (D,)."""
        seat = self._seats[task]
        keys = self.keys[seat.start : seat.start + seat.n_columns]
        return F.normalize(keys, dim=1) @ F.normalize(query, dim=0) if self._config.cosine else keys @ query

    def temperature(self, task: int) -> float:
        """The temperature of the task's bank, never below `min_temperature`."""
        c = self._config
        chosen = c.novel_temperature if self._seats[task].bank == NOVEL else c.base_temperature
        return max(chosen, c.min_temperature)

    def alpha(self, task: int, query: Tensor) -> Tensor:
        """See `Router.alpha`."""
        seat = self._seats[task]
        bonus = torch.zeros(seat.n_columns)
        for other, column in self.owners.items():
            if other != task and self._seats[other].bank == seat.bank:
                bonus[column] = self._config.occupied_score
        if task in self.owners:
            bonus[self.owners[task]] = self._config.owner_score
        return torch.softmax((self.scores(task, query) + bonus) / self.temperature(task), dim=0)

    def penalty(self, task: int, query: Tensor, alpha: Tensor, others: Mapping[int, tuple[Tensor, Tensor]]) -> Tensor:
        """Margin lock, entropy of a novel mask, and distance between the queries of base tasks; see `Router.penalty`.

        lambda_m max(0, m - (s_c - max other s)) for the owner of c, on raw scores; lambda_n H(alpha) in the novel bank;
        lambda_b sum of max(0, cos(q_t, q_u)) in the base bank, where no gradient reaches q_u.
        """
        c = self._config
        loss = alpha.new_zeros(())
        if task in self.owners and c.margin_weight and len(alpha) > 1:
            scores = self.scores(task, query)
            own = self.owners[task]
            rival = torch.cat([scores[:own], scores[own + 1 :]]).max()
            loss = loss + c.margin_weight * F.relu(c.margin - (scores[own] - rival))
        if self._seats[task].bank == NOVEL:
            return loss + c.novel_entropy_weight * entropy(alpha)
        if others and c.base_regularization:
            known = torch.stack([q.detach() for q, _ in others.values()])
            likeness = F.cosine_similarity(query.unsqueeze(0), known, dim=1)
            loss = loss + c.base_regularization * F.relu(likeness).sum()
        return loss

    def batch_done(self, task: int, column: int, share: float) -> None:
        """Count batches in a row that one column won; after enough of them the task owns it."""
        won, streak = self._streak.get(task, (column, 0))
        streak = streak + 1 if won == column else 1
        streak = streak if share >= self._config.owner_share else 0
        self._streak[task] = (column, streak)
        if streak >= self._config.owner_batches and task not in self.owners:
            self.owners[task] = column

    @torch.no_grad()
    def release(self, task: int, column: int, generator: torch.Generator) -> None:
        """Nobody owns the column any more, and its key is drawn anew."""
        self.owners.pop(task, None)
        self._streak.pop(task, None)
        key = self.keys[self._seats[task].start + column]
        key.copy_(torch.randn(len(key), generator=generator) / len(key) ** 0.5)
