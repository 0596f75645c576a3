"""Columns of spiking neurons behind one shared readout.

In: images, and a `Context` that says which columns are used, how much each counts, and which prompt stands beside the
image. Out: one logit a sample. Columns outside the context are not computed at all. Knows nothing of tasks, masks or
training: whoever learns a mask or a prompt hands it in as a tensor.

Letters in shapes: B samples, P pixels, D prompt width, C columns of a bank, K columns in use, H neurons a column.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hippo_columns.config import NetworkConfig
from hippo_columns.lif import lif_rate
from hippo_mem.errors import InputError, nearest

BASE, NOVEL = "base", "novel"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """Neighbouring columns of one bank, and how much each counts.

    Shapes: K columns from `start` on: alpha (K,), shift None or (K,), added to the threshold of a column's neurons.
    Args: frozen: no gradient reaches the columns' own weights.
    """

    bank: str
    alpha: Tensor
    start: int = 0
    shift: Tensor | None = None
    frozen: bool = False

    @property
    def columns(self) -> slice:
        """The columns' positions in their bank."""
        return slice(self.start, self.start + len(self.alpha))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Context:
    """What the network is told beside the image [the task set that prefrontal cortex holds].

    Shapes: query (D,); the parts are added up.
    """

    query: Tensor
    parts: tuple[Part, ...] = field(default_factory=tuple)

    def watched(self) -> tuple[Context, Tensor]:
        """The same context with a prompt whose gradient can be read after the backward pass, and that prompt."""
        query = self.query
        if query.requires_grad:
            query.retain_grad()
        else:
            query = query.detach().clone().requires_grad_()
        return replace(self, query=query), query

    def detached(self) -> Context:
        """The same context, through which no gradient flows."""
        parts = tuple(
            Part(
                bank=p.bank,
                alpha=p.alpha.detach().clone(),
                start=p.start,
                shift=None if p.shift is None else p.shift.detach().clone(),
                frozen=p.frozen,
            )
            for p in self.parts
        )
        return Context(query=self.query.detach().clone(), parts=parts)


class Bank(nn.Module):
    """The weights of one bank of columns.

    Shapes: input_weight (C, H, P), prompt_weight (C, H, D), bias (C, H), beta (C, H).
    """

    def __init__(self, n_columns: int, config: NetworkConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.n_columns, self._config = n_columns, config
        c, h = n_columns, config.n_hidden
        self.input_weight = nn.Parameter(torch.empty(c, h, config.n_inputs))
        self.prompt_weight = nn.Parameter(torch.empty(c, h, config.prompt_dim))
        self.bias = nn.Parameter(torch.empty(c, h))
        self.beta = nn.Parameter(torch.empty(c, h), requires_grad=config.learn_beta)
        for column in range(c):
            self.reset_column(column, generator)

    @torch.no_grad()
    def reset_column(self, column: int, generator: torch.Generator) -> None:
        """Give one column new weights, as before any training: uniform in +-1/sqrt(P + D), beta as configured."""
        bound = 1.0 / math.sqrt(self._config.n_inputs + self._config.prompt_dim)
        for weight in (self.input_weight, self.prompt_weight, self.bias):
            weight[column].uniform_(-bound, bound, generator=generator)
        self.beta[column].fill_(self._config.beta)


class ColumnNetwork(nn.Module):
    """Two banks of columns and one readout shared by all.

    logit = w . z + b with z = sum of alpha[k] r[k], where r[k] (B, H) are the spike rates of column k under the current
    I = W [x; q] + b_k. The prompt's part of the current is the same for the whole batch and is computed once.
    """

    def __init__(self, config: NetworkConfig, *, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        generator = torch.Generator().manual_seed(seed)
        self.base = Bank(config.n_base_columns, config, generator)
        self.novel = Bank(config.n_columns - config.n_base_columns, config, generator)
        bound = 1.0 / math.sqrt(config.n_hidden)
        self.readout = nn.Parameter(torch.empty(config.n_hidden).uniform_(-bound, bound, generator=generator))
        self.readout_bias = nn.Parameter(torch.zeros(()))

    @property
    def banks(self) -> Mapping[str, Bank]:
        """Both banks by name."""
        return {BASE: self.base, NOVEL: self.novel}

    def whole(self, bank: str = BASE, query: Tensor | None = None) -> Context:
        """All columns of a bank with equal shares, and no prompt unless one is given: a plain spiking layer."""
        n = self._bank(bank).n_columns
        return Context(
            query=torch.zeros(self.config.prompt_dim) if query is None else query,
            parts=(Part(bank=bank, alpha=torch.full((n,), 1.0 / n)),),
        )

    def rates(self, x: Tensor, query: Tensor, part: Part) -> Tensor:
        """Spike rates of a part's columns, (B, K, H) in 0..1. x (B, P) in 0..1, query (D,)."""
        bank, columns = self._bank(part.bank), part.columns
        if columns.stop > bank.n_columns:
            raise InputError(
                f"columns {columns.start}..{columns.stop - 1} of bank {part.bank!r}, which has {bank.n_columns}"
            )
        weights = (bank.input_weight, bank.prompt_weight, bank.bias, bank.beta)
        if columns != slice(0, bank.n_columns):
            weights = tuple(w[columns] for w in weights)  # type: ignore[assignment]
        if part.frozen:
            weights = tuple(w.detach() for w in weights)  # type: ignore[assignment]
        input_weight, prompt_weight, bias, beta = (w.flatten(0, 1) for w in weights)
        current = F.linear(x, input_weight, torch.addmv(bias, prompt_weight, query))
        threshold: Tensor | float = self.config.threshold
        if part.shift is not None:
            threshold = (part.shift + self.config.threshold).repeat_interleave(self.config.n_hidden)
        rate = lif_rate(
            current,
            beta,
            threshold,
            n_steps=self.config.n_steps,
            neuron=self.config.neuron,
            surrogate=self.config.surrogate,
            slope=self.config.surrogate_slope,
        )
        return rate.view(len(x), len(part.alpha), self.config.n_hidden)

    def read(self, rates: Tensor, alpha: Tensor) -> Tensor:
        """What a part adds to the logit, (B,): w . sum of alpha[k] r[k]. rates (B, K, H), alpha (K,)."""
        return rates.flatten(1) @ torch.outer(alpha, self.readout).flatten()

    def forward(self, x: Tensor, context: Context) -> Tensor:
        """Logits of the second class, (B,).

        Raises: InputError for a context without columns, an unknown bank, or columns that a bank does not have.
        """
        if not context.parts:
            raise InputError("a context without columns has nothing to answer with")
        logit: Tensor = self.readout_bias
        for part in context.parts:
            logit = logit + self.read(self.rates(x, context.query, part), part.alpha)
        return logit

    def _bank(self, name: str) -> Bank:
        banks = self.banks
        if name not in banks:
            raise InputError(f"no bank is called {name!r}{nearest(name, banks)}")
        return banks[name]


@torch.no_grad()
def logits(network: ColumnNetwork, x: Tensor, context: Context, *, batch_size: int = 1024) -> Tensor:
    """The logits of all samples, (N,), without gradients, in batches that fit the cache."""
    return torch.cat([network(part, context) for part in x.split(batch_size)])
