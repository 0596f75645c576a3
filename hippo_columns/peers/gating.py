"""Context-dependent gating: every context uses its own fixed random part of the hidden units.

Knows nothing of training: what is gated off gets no gradient, so the naive way does the rest.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hippo_columns.peers.backbone import Backbone
from hippo_columns.peers.method import Method
from hippo_mem.errors import ConfigError


def random_gates(n_contexts: int, n_units: int, gated: float, generator: torch.Generator) -> Tensor:
    """For each context, exactly round(gated * n_units) units off (0), the others on (1): (contexts, units).

    Raises: ConfigError when `gated` is not in 0..1 or nothing would be left on.
    """
    n_off = round(gated * n_units)
    if not 0.0 <= gated <= 1.0 or n_off >= n_units:
        raise ConfigError(f"gating {gated} of {n_units} units leaves none on; use a share of 0 up to, not including, 1")
    gates = torch.ones(n_contexts, n_units)
    for row in gates:
        row[torch.randperm(n_units, generator=generator)[:n_off]] = 0.0
    return gates


class ContextGating(Method):
    """XdG: h <- g_c ∘ h with g_c fixed and random, 80 % of the units off.

    Args:   n_contexts: how many there will be. gated: the share that is off.
    Source: Masse et al. 2018, gating without stabilization.
    """

    def __init__(self, backbone: Backbone, generator: torch.Generator, *, n_contexts: int, gated: float = 0.8) -> None:
        super().__init__(backbone, generator)
        backbone.set_gates(random_gates(n_contexts, backbone.n_units, gated, generator))
