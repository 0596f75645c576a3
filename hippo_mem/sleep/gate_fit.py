"""Fitting the gate that lets a night's adapter speak: prompts about what was learned against everything else.

Logistic regression on the frozen base's pooled hidden states, with a threshold set on prompts it was not fitted to.
Knows nothing of adapters, stores or training.

Source: L2-regularised logistic regression by L-BFGS; the threshold is the point between the two held-out score
distributions that weighs a leak (the adapter speaks about what it never learned) above a miss.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from hippo_mem.lm.adapter_gate import AdapterGate

_L2 = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GateFit:
    """A fitted gate and how it does on prompts it was not fitted to: shares of 1."""

    gate: AdapterGate
    opens_for_learned: float
    opens_for_other: float
    n_learned: int
    n_other: int


def fit_gate(
    layers: Sequence[int], learned: np.ndarray, other: np.ndarray, held_learned: np.ndarray, held_other: np.ndarray
) -> GateFit:
    """Fit on `learned` against `other`; set the threshold and report on the held-out states.

    Args: layers: what the states were pooled from. The others: (prompts, d) pooled states of the frozen base.
    Raises: ValueError when one of the four is empty.
    """
    x_pos, x_neg, h_pos, h_neg = learned, other, held_learned, held_other
    if not all(map(len, (x_pos, x_neg, h_pos, h_neg))):
        raise ValueError("a gate needs prompts of both kinds, to fit and to set its threshold")
    at = tuple(layers)
    x = np.concatenate([x_pos, x_neg]).astype(np.float64)
    mean, scale = x.mean(0), x.std(0) + 1e-6
    y = np.concatenate([np.ones(len(x_pos)), -np.ones(len(x_neg))])
    # Both kinds weigh the same, however many there are of each.
    weight = np.where(y > 0, 0.5 / len(x_pos), 0.5 / len(x_neg))
    w, b = _logistic((x - mean) / scale, y, weight)
    gate = AdapterGate(
        layers=at, mean=mean.astype(np.float32), scale=scale.astype(np.float32), weight=w.astype(np.float32), bias=b
    )
    threshold = _threshold(gate.logits(h_pos), gate.logits(h_neg))
    gate = AdapterGate(
        layers=at, mean=gate.mean, scale=gate.scale, weight=gate.weight, bias=gate.bias, threshold=threshold
    )
    return GateFit(
        gate=gate, opens_for_learned=float(gate.opens(h_pos).mean()), opens_for_other=float(gate.opens(h_neg).mean()),
        n_learned=len(learned), n_other=len(other),
    )  # fmt: skip


def _logistic(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights (d,) and bias that minimise the weighted log-loss plus an L2 term; x (n, d), y in {-1, 1}."""
    n, d = x.shape

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        w, b = theta[:d], theta[d]
        margin = y * (x @ w + b)
        slope = -weight * y * expit(-margin)
        value = float((weight * np.logaddexp(0.0, -margin)).sum() + 0.5 * _L2 / n * (w @ w))
        return value, np.concatenate([x.T @ slope + _L2 / n * w, [slope.sum()]])

    found = minimize(loss, np.zeros(d + 1), jac=True, method="L-BFGS-B", options={"maxiter": 300})
    return found.x[:d], float(found.x[d])


def _threshold(learned: np.ndarray, other: np.ndarray) -> float:
    """The logit that costs least, a leak counting four times a miss; two thirds up the best interval.

    Up, because the held-out prompts are few beside all that can be asked, and a leak is the worse mistake.
    """
    points = np.sort(np.concatenate([learned, other]))
    middles = np.concatenate([[points[0] - 1.0], (points[1:] + points[:-1]) / 2.0])
    cost = np.array([(learned <= m).mean() + 4.0 * (other > m).mean() for m in middles])
    best = np.flatnonzero(cost <= cost.min() + 1e-12)
    return float(middles[best[0]] + (middles[best[-1]] - middles[best[0]]) * 2.0 / 3.0)
