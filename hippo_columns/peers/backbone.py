"""What a peer trains: one network without banks, masks or sleep, told by a context which task it answers.

In: images and the number of a context. Out: one logit of the second class. `SpikingLayer` is our own network with all
its columns used alike; `Perceptron` is that of the published protocol. Knows nothing of methods or tasks.

Letters in shapes: B samples, P pixels, D prompt width, U hidden units.
"""

from __future__ import annotations

import copy
from typing import Protocol, Self

import torch
from torch import Tensor, nn

from hippo_columns.config import NetworkConfig
from hippo_columns.network import BASE, ColumnNetwork, Part


class Backbone(Protocol):
    """A network that answers two-class questions under one of several contexts."""

    @property
    def n_units(self) -> int:
        """How many hidden units can be gated."""

    @property
    def trained(self) -> list[Tensor]:
        """The parameters that are learned, always in the same order."""

    @property
    def decayed(self) -> list[Tensor]:
        """Those of the parameters that weight decay is for."""

    def logit(self, x: Tensor, context: int) -> Tensor:
        """The logit of the second class, (B,). x (B, P) in 0..1."""

    def set_gates(self, gates: Tensor) -> None:
        """Multiply the hidden units by gates (contexts, U) from now on."""

    def frozen_copy(self) -> Self:
        """A copy that no training changes [the teacher]."""


class _Frozen(nn.Module):
    """What both backbones share: parameters in order, gates, copies."""

    gates: Tensor | None = None

    @property
    def trained(self) -> list[Tensor]:
        """See `Backbone.trained`."""
        return [p for p in self.parameters() if p.requires_grad and p.numel()]

    def set_gates(self, gates: Tensor) -> None:
        """See `Backbone.set_gates`."""
        self.gates = gates

    def frozen_copy(self) -> Self:
        """See `Backbone.frozen_copy`."""
        return copy.deepcopy(self).requires_grad_(False)


class SpikingLayer(_Frozen):
    """Our network as one plain spiking layer: every column in one bank, equal shares, a prompt for each context.

    Shapes: queries (contexts, D).
    """

    def __init__(self, config: NetworkConfig, queries: Tensor, *, seed: int) -> None:
        super().__init__()
        self.network = ColumnNetwork(config, seed=seed)
        self.queries = queries
        n = self.network.base.n_columns
        self._part = Part(bank=BASE, alpha=torch.full((n,), 1.0 / n))
        self.n_units = n * config.n_hidden

    @property
    def decayed(self) -> list[Tensor]:
        """The columns' weights; a membrane decay that faded to nothing would leave neurons without memory."""
        base = self.network.base
        return [base.input_weight, base.prompt_weight, base.bias]

    def logit(self, x: Tensor, context: int) -> Tensor:
        """See `Backbone.logit`."""
        rates = self.network.rates(x, self.queries[context], self._part)
        if self.gates is not None:
            rates = rates * self.gates[context].view(rates.shape[1:])
        return self.network.readout_bias + self.network.read(rates, self._part.alpha)


class Perceptron(_Frozen):
    """Two hidden layers of rectified units, and for each head two outputs, whose difference is the logit.

    The softmax cross-entropy over two outputs is the binary one of their difference. Images are padded by two pixels of
    zero on each side and standardized by mean 0.1 and deviation 0.2752, as in the protocol of Hsu et al. 2018.

    Args: side: of the square images, in pixels. heads: for each context, which head answers it.
    """

    MEAN, DEVIATION, PADDING = 0.1, 0.2752, 2

    def __init__(self, heads: tuple[int, ...], *, side: int = 28, n_hidden: int = 400, seed: int = 0) -> None:
        super().__init__()
        self._heads, self._side = heads, side
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.first = nn.Linear((side + 2 * self.PADDING) ** 2, n_hidden)
            self.second = nn.Linear(n_hidden, n_hidden)
            self.last = nn.ModuleList(nn.Linear(n_hidden, 2) for _ in range(max(heads) + 1))
        self.n_units = 2 * n_hidden

    @property
    def decayed(self) -> list[Tensor]:
        """The matrices."""
        return [p for p in self.trained if p.dim() > 1]

    def logit(self, x: Tensor, context: int) -> Tensor:
        """See `Backbone.logit`."""
        side = self._side
        padded = nn.functional.pad(x.view(-1, side, side), (self.PADDING,) * 4).flatten(1)
        hidden = (padded - self.MEAN) / self.DEVIATION
        layers = (self.first, self.second)
        gates = (None, None) if self.gates is None else self.gates[context].chunk(2)
        for layer, gate in zip(layers, gates, strict=True):
            hidden = torch.relu(layer(hidden))
            if gate is not None:
                hidden = hidden * gate
        outputs: Tensor = self.last[self._heads[context]](hidden)
        return outputs[:, 1] - outputs[:, 0]
