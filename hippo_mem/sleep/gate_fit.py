"""Fitting the gate that lets a night's adapter speak: prompts about what was learned against everything else.

A memory is asked for in many wordings, so how its prompts differ from one another says what a wording does to the
base's hidden states; with that taken out, what is left is what they speak of. Knows nothing of adapters, stores or
training.

Source: within-class whitening and class means after Fisher 1936, the covariance shrunk towards the identity (Ledoit &
Wolf 2004; here by a constant). The threshold rests on prompts of both kinds that nothing was fitted to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hippo_mem.lm.adapter_gate import AdapterGate

# Chosen on facts that no benchmark holds (docs/LOG.md).
_SHRINKAGE = 0.1  # variance that every direction has anyway, in those of standardised features
_MOST_OTHER = 0.02  # share of the other prompts at which the gate may open: a night that changes more is not kept
_FEW_LEARNED = 0.02  # the share of the learned that may be missed when there is room between the two kinds
_UP = 0.25  # how far the threshold is put up into that room


@dataclass(frozen=True, slots=True, kw_only=True)
class GateFit:
    """A fitted gate and how it does on prompts it was not fitted to: shares of 1."""

    gate: AdapterGate
    opens_for_learned: float
    opens_for_other: float
    n_learned: int
    n_other: int


def fit_gate(
    layers: Sequence[int], learned: np.ndarray, memories: np.ndarray, alone: np.ndarray, other: np.ndarray,
    held_learned: np.ndarray, held_other: np.ndarray, earlier: AdapterGate | None = None,
) -> GateFit:  # fmt: skip
    """Fit on `learned` against `other`; set the threshold and report on the held-out states.

    Args:
        layers: what the states were pooled from.
        learned, other, held_learned, held_other: (prompts, d) pooled states of the frozen base.
        memories: (prompts,) which memory each of `learned` asks for; alone: (prompts,) whether it is a center by
            itself, beside the mean of its memory: raw text looks like no question.
        earlier: the gate of the night this one goes on from; of memories that nothing is asked about now, for a night
            rehearses only so many, its centers stay.
    Raises: ValueError when one of the four is empty.
    """
    if not all(map(len, (learned, other, held_learned, held_other))):
        raise ValueError("a gate needs prompts of both kinds, to fit and to set its threshold")
    x, y = learned.astype(np.float64), other.astype(np.float64)
    # Both kinds weigh the same, however many there are of each.
    mean = (x.mean(0) + y.mean(0)) / 2.0
    scale = np.sqrt((((x - mean) ** 2).mean(0) + ((y - mean) ** 2).mean(0)) / 2.0) + 1e-6
    told, of = np.unique(memories, return_inverse=True)
    centers = np.zeros((len(told), x.shape[1]))
    np.add.at(centers, of, x)
    centers /= np.bincount(of)[:, None]
    apart = (x - centers[of]) / scale
    within = apart.T @ apart / len(x) + _SHRINKAGE * np.eye(x.shape[1])
    variances, directions = np.linalg.eigh(within)
    centers, told = np.concatenate([centers, x[alone]]), np.concatenate([told, memories[alone]])
    if earlier is not None and earlier.layers == tuple(layers):
        left = ~np.isin(earlier.memories, memories)
        centers, told = np.concatenate([centers, earlier.centers[left]]), np.concatenate([told, earlier.memories[left]])
    gate = AdapterGate(
        layers=tuple(layers), mean=mean.astype(np.float32), scale=scale.astype(np.float32),
        projection=(directions / np.sqrt(variances)).astype(np.float32), centers=centers.astype(np.float32),
        memories=told.astype(np.int64),
    )  # fmt: skip
    near, far = gate.cosines(held_learned), gate.cosines(held_other)
    least = float(np.quantile(far, 1.0 - _MOST_OTHER))
    room = max(0.0, float(np.quantile(near, _FEW_LEARNED)) - least)
    threshold = float(np.float32(least + _UP * room))
    return GateFit(
        gate=replace(gate, threshold=threshold), opens_for_learned=float((near > threshold).mean()),
        opens_for_other=float((far > threshold).mean()), n_learned=len(learned), n_other=len(other),
    )  # fmt: skip
