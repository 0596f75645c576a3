"""Fitting the gate that lets a night's adapter speak: prompts about what was learned against everything else.

A memory is asked for in many wordings, so how its prompts differ from one another says what a wording does to the
base's hidden states; with that taken out, what is left is what they speak of. Knows nothing of adapters, stores or
training.

Source: within-class whitening and class means after Fisher 1936, the covariance shrunk towards the identity (Ledoit &
Wolf 2004; here by a constant); the direction between learned and general prompts by ridge regression on their labels,
each kind weighing the same. Thresholds rest on prompts of both kinds that nothing was fitted to, the direction's on
all general prompts by cross-fitting: wordings nobody foresaw lie across it, so it denies no more than it must.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hippo_mem.lm.adapter_gate import SAME, AdapterGate

# Chosen on facts that no benchmark holds (docs/LOG.md).
_SHRINKAGE = 0.1  # variance that every direction has anyway, in those of standardised features
_MOST_OTHER = 0.02  # share of the other prompts at which the gate may open: a night that changes more is not kept
_FEW_LEARNED = 0.02  # the share of the learned that may be missed when there is room between the two kinds
_UP = 0.25  # how far the threshold is put up into that room
# The direction's: on a night of `benchmarks/data/personal_facts.jsonl`, general questions written for it, and edits of
# CounterFact that its benchmark does not draw (docs/LOG.md).
_RIDGE = 0.1  # in variances of standardised features
_FOLDS = 5
_MOST_NEAR = 0.0025  # share of the other prompts that may be near and open it all the same
_FEW_DENIED = 0.01  # share of the learned that may be denied for that


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
    x, y = (x - mean) / scale, (y - mean) / scale
    told, of = np.unique(memories, return_inverse=True)
    centers = np.zeros((len(told), x.shape[1]))
    np.add.at(centers, of, x)
    centers /= np.bincount(of)[:, None]
    apart = x - centers[of]
    centers = centers * scale + mean
    within = apart.T @ apart / len(x) + _SHRINKAGE * np.eye(x.shape[1])
    variances, directions = np.linalg.eigh(within)
    raw = learned[alone].astype(np.float64)
    centers, told = np.concatenate([centers, raw]), np.concatenate([told, memories[alone]])
    if earlier is not None and earlier.layers == tuple(layers):
        left = ~np.isin(earlier.memories, memories)
        centers, told = np.concatenate([centers, earlier.centers[left]]), np.concatenate([told, earlier.memories[left]])
    gate = AdapterGate(
        layers=tuple(layers), mean=mean.astype(np.float32), scale=scale.astype(np.float32),
        projection=(directions / np.sqrt(variances)).astype(np.float32), centers=centers.astype(np.float32),
        memories=told.astype(np.int64), direction=_direction(x, y).astype(np.float32),
    )  # fmt: skip
    near, far = gate.cosines(held_learned), gate.cosines(held_other)
    least = float(np.quantile(far, 1.0 - _MOST_OTHER))
    room = max(0.0, float(np.quantile(near, _FEW_LEARNED)) - least)
    gate = replace(gate, threshold=float(np.float32(least + _UP * room)))
    gate = replace(gate, least=_least_own(gate, x, y, other, held_learned, held_other))
    return GateFit(
        gate=gate, opens_for_learned=float(gate.opens(held_learned).mean()),
        opens_for_other=float(gate.opens(held_other).mean()), n_learned=len(learned), n_other=len(other),
    )  # fmt: skip


def _direction(learned: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(n, d) standardised states of both kinds -> (d,) the direction on which they are nearest to 1 and -1; no offset,
    since the middle of their means lies at 0."""
    second = learned.T @ learned / (2 * len(learned)) + other.T @ other / (2 * len(other))
    apart = (learned.mean(0) - other.mean(0)) / 2.0
    found: np.ndarray = np.linalg.solve(second + _RIDGE * np.eye(len(apart)), apart)
    return found


def _least_own(
    gate: AdapterGate, x: np.ndarray, y: np.ndarray, other: np.ndarray, held_learned: np.ndarray, held_other: np.ndarray
) -> float:
    """The lowest bar on the direction at which nearly no general prompt opens the gate; lower where that would deny
    what was learned.

    Args: x, y: standardised states of both kinds, each prompt of the second judged by a direction that has not seen it.
    """
    folds = np.arange(len(y)) % _FOLDS
    own = np.zeros(len(y))
    for fold in np.unique(folds):
        if (folds != fold).any():
            own[folds == fold] = y[folds == fold] @ _direction(x, y[folds != fold])
    own = np.concatenate([own, gate.ownness(held_other)])
    cosines = np.concatenate([gate.cosines(other), gate.cosines(held_other)])
    near = own[(cosines > gate.threshold) & (cosines <= SAME)]
    may_open = int(_MOST_NEAR * len(own))
    if len(near) <= may_open:
        return -math.inf
    needed = np.sort(near)[::-1][may_open]
    return float(np.float32(min(needed, np.quantile(gate.ownness(held_learned), _FEW_DENIED))))
