"""A small policy: which action comes next, learned from what succeeded [striatal habit].

In: successful runs (context, start, goal, steps). Out: a softmax regression over hashed features of the situation
and of the last two actions, as safetensors. Knows nothing of stores or of macros.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hippo_mem.errors import StoreFormatError
from hippo_mem.storage.jsonl import write_atomic

Run = tuple[str | None, str, str, Sequence[Mapping[str, Any]]]

WIDTH = 512  # buckets; a few hundred distinct features of one user's procedures rarely collide
_L2 = 1e-3
_MAX_SAMPLES = 50_000
_CELL = re.compile(r"^\(\s*(-?\d+)\s*,\s*(-?\d+)\s*\)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyReport:
    """What was learned. `accuracy` is the share of training steps whose action comes first, `loss` nats a step."""

    n_steps: int
    n_actions: int
    accuracy: float
    loss: float
    majority: float


@dataclass(frozen=True, slots=True)
class Policy:
    """p(action | situation) = softmax(W f + b).

    Shapes: F = 512 features, A actions; `weights` (F + 1, A), the last row is b. `learned_from` are the runs it was
    cloned from, as (id, when it was told): who deletes one of them deletes the policy.
    """

    actions: tuple[str, ...]
    weights: NDArray[np.float32]
    learned_from: tuple[tuple[int, float], ...] = ()

    def probabilities(self, situation: Mapping[str, Any]) -> dict[str, float]:
        """Each action's probability; they add up to 1."""
        p = _softmax(features(situation)[None] @ self.weights.astype(np.float64))[0]
        return dict(zip(self.actions, p.tolist(), strict=True))

    def likelihood(self, actions: Sequence[str], situation: Mapping[str, Any]) -> float:
        """The geometric mean, 0..1, of the probabilities of these actions done in turn.

        After the first, where one is stands no longer in the situation; an action never seen counts 1 / (A + 1).
        """
        if not actions:
            return 0.0
        last = [*situation.get("last", ())]
        known = dict(situation)
        total = 0.0
        for action in actions:
            p = self.probabilities({**known, "last": last}).get(action, 1.0 / (len(self.actions) + 1))
            total += math.log(max(p, 1e-12))
            known.pop("at", None)
            last.append(action)
        return math.exp(total / len(actions))

    def save(self, file: Path) -> None:
        """Write the policy, whole or not at all."""
        from safetensors.numpy import save

        said = {"actions": json.dumps(self.actions), "learned_from": json.dumps(self.learned_from), "format": "2"}
        write_atomic(file, save({"weights": self.weights}, said))

    @classmethod
    def load(cls, file: Path) -> Policy:
        """Read what `save` wrote.

        Raises: StoreFormatError when the file is something else.
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(str(file), framework="numpy") as opened:
                said = opened.metadata() or {}
                actions = tuple(json.loads(said["actions"]))
                learned_from = tuple((int(i), float(when)) for i, when in json.loads(said.get("learned_from", "[]")))
                weights = opened.get_tensor("weights")
        except (SafetensorError, KeyError, ValueError, TypeError) as error:
            raise StoreFormatError(
                f"{file} is not a policy ({error}); delete it, and the next sleep writes it anew"
            ) from error
        if weights.shape != (WIDTH + 1, len(actions)) or not np.isfinite(weights).all():
            raise StoreFormatError(f"{file} is not a policy of {len(actions)} actions: weights {weights.shape}")
        return cls(actions, weights, learned_from)


def features(situation: Mapping[str, Any]) -> NDArray[np.float64]:
    """A situation as (F + 1,) numbers: hashed names of what it says, signs where two cells are compared, and a 1."""
    row = np.zeros(WIDTH + 1)
    row[WIDTH] = 1.0
    last = [str(v) for v in situation.get("last", ())]
    said = [f"last1={last[-1] if last else '^'}", f"last2={'|'.join(last[-2:]) if last else '^'}"]
    said += [f"{k}={v}" for k, v in situation.items() if k not in ("last",) and isinstance(v, (str, int, bool))]
    here, goal = (_cell(situation.get(k)) for k in ("at", "goal"))
    if here and goal:
        dx, dy = _sign(goal[0] - here[0]), _sign(goal[1] - here[1])
        said += [f"dx={dx}", f"dy={dy}", f"dx={dx},dy={dy}"]
    if situation.get("goal"):
        said.append(f"goal&last={situation['goal']}|{last[-1] if last else '^'}")
    for name in said:
        bucket = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest(), "big") % WIDTH
        row[bucket] += 1.0
    return row


def fit(runs: Sequence[Run], *, seed: int = 0) -> tuple[Policy, PolicyReport] | None:
    """Behavior cloning: cross-entropy of the actions done, with a small L2, by L-BFGS.

    Args:
        runs: successful runs; of very many steps, `seed` chooses 50 000.
    Returns: None where there are fewer than two different actions.
    Source: Pomerleau 1989. Differs: a convex model, so the optimum is one and depends on no start.
    """
    from scipy.optimize import minimize

    samples: list[tuple[dict[str, Any], str]] = []
    for context, start, goal, steps in runs:
        done: list[str] = []
        for i, step in enumerate(steps):
            at = step.get("at", start if i == 0 else None)
            situation: dict[str, Any] = {"goal": goal, "last": tuple(done[-2:])}
            situation |= {"context": context} if context is not None else {}
            situation |= {"at": at} if at is not None else {}
            samples.append((situation, step["action"]))
            done.append(step["action"])
    actions = tuple(sorted({action for _, action in samples}))
    if len(actions) < 2:
        return None
    if len(samples) > _MAX_SAMPLES:
        chosen = np.random.default_rng(seed).choice(len(samples), _MAX_SAMPLES, replace=False)
        samples = [samples[i] for i in sorted(chosen)]
    x = np.stack([features(s) for s, _ in samples])  # (N, F + 1)
    number = {a: i for i, a in enumerate(actions)}
    y = np.array([number[a] for _, a in samples])
    n, one_hot = len(y), np.eye(len(actions))[y]

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        w = flat.reshape(WIDTH + 1, len(actions))
        p = _softmax(x @ w)
        value = -np.log(np.maximum(p[np.arange(n), y], 1e-300)).mean() + 0.5 * _L2 * float((w[:-1] ** 2).sum())
        gradient = x.T @ (p - one_hot) / n
        gradient[:-1] += _L2 * w[:-1]
        return float(value), gradient.ravel()

    found = minimize(loss, np.zeros((WIDTH + 1) * len(actions)), jac=True, method="L-BFGS-B", options={"maxiter": 200})
    weights = found.x.reshape(WIDTH + 1, len(actions)).astype(np.float32)
    p = _softmax(x @ weights.astype(np.float64))
    report = PolicyReport(
        n_steps=n,
        n_actions=len(actions),
        accuracy=float((p.argmax(axis=1) == y).mean()),
        loss=float(-np.log(np.maximum(p[np.arange(n), y], 1e-300)).mean()),
        majority=float(np.bincount(y).max() / n),
    )
    return Policy(actions, weights), report


def _softmax(z: NDArray[np.float64]) -> NDArray[np.float64]:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def _cell(value: object) -> tuple[int, int] | None:
    match = _CELL.match(value) if isinstance(value, str) else None
    return (int(match[1]), int(match[2])) if match else None


def _sign(value: int) -> int:
    return (value > 0) - (value < 0)
