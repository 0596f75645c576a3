"""From part of a memory to all of it [CA3: pattern completion]. Knows nothing of texts, storage files or ranking.

Two ways, both from a cue's vector to a vector nearer to what is stored: `hopfield` moves the cue among its nearest
keys; `CompletionNet` is a small network that learned to undo noise on the store's own vectors.
Source: Ramsauer et al. 2021, equation 3, xi_new = X softmax(beta X^T xi). Differs: X holds the nearest keys only (the
others' weights vanish at the betas used), and the result is made length 1 again.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hippo_mem.errors import StoreFormatError
from hippo_mem.home import write_private

Floats = NDArray[np.float32]

_HIDDEN_FACTOR = 2
_MASKED = 0.3  # share of a training vector's dimensions set to 0
_NOISE = 0.5  # length of the noise beside a vector of length 1
_BATCH = 128


def hopfield(cue: Floats, keys: Floats, *, beta: float, steps: int = 1) -> Floats:
    """The cue after `steps` updates of a modern Hopfield network whose patterns are `keys`.

    A stored pattern apart from the others is a fixed point at high beta; at beta 0 every cue becomes the keys' mean.

    Shapes: N keys of width d. cue (d,), keys (N, d), rows of length 1 -> (d,), length 1.
    Args:
        beta: inverse temperature, 0..; cosines differ by tenths, so below 10 many keys blend, above 100 one wins.
        steps: 0..; the cue moves most in the first.
    Returns: the completed cue; the cue itself where there is no key, or where keys cancel out.
    """
    state = np.asarray(cue, dtype=np.float32)
    if not len(keys):
        return state
    for _ in range(steps):
        likeness = beta * (keys @ state)
        weights = np.exp(likeness - likeness.max())
        moved = (weights / weights.sum()) @ keys
        length = float(np.linalg.norm(moved))
        if length < 1e-6:
            return state
        state = (moved / length).astype(np.float32)
    return state


class CompletionNet:
    """A residual two-layer network, x + W2 gelu(W1 x + b1) + b2, made length 1. Untrained it changes nothing.

    Shapes: d width, h = 2 d hidden. W1 (h, d), W2 (d, h).
    """

    def __init__(self, dim: int) -> None:
        self.dim = dim
        hidden = _HIDDEN_FACTOR * dim
        self._weights: dict[str, Floats] = {
            "w1": np.zeros((hidden, dim), np.float32),
            "b1": np.zeros(hidden, np.float32),
            "w2": np.zeros((dim, hidden), np.float32),
            "b2": np.zeros(dim, np.float32),
        }

    def __call__(self, cue: Floats) -> Floats:
        """The completed cue: (d,) -> (d,), length 1."""
        w = self._weights
        inner = w["w1"] @ cue + w["b1"]
        inner = 0.5 * inner * (1.0 + np.tanh(math.sqrt(2 / math.pi) * (inner + 0.044715 * inner**3)))
        moved = cue + w["w2"] @ inner + w["b2"]
        length = float(np.linalg.norm(moved))
        return (moved / length).astype(np.float32) if length > 1e-6 else cue

    @classmethod
    def fit(
        cls,
        vectors: Floats,
        *,
        epochs: int = 20,
        lr: float = 1e-3,
        seed: int = 0,
        on_epoch: Callable[[float], None] | None = None,
    ) -> CompletionNet:
        """Learn to give a stored vector back from a damaged one (noise added, dimensions dropped).

        Shapes: vectors (n, d), rows of length 1.
        Args:
            on_epoch: told the mean 1 - cosine of each epoch.
        """
        import torch
        from torch.nn import functional as F

        net = cls(vectors.shape[1])
        generator = torch.Generator().manual_seed(seed)
        stored = torch.from_numpy(np.ascontiguousarray(vectors, dtype=np.float32))
        hidden, dim = net._weights["w1"].shape
        w1 = torch.randn(hidden, dim, generator=generator) / math.sqrt(dim)
        parts = {"w1": w1, "b1": torch.zeros(hidden), "w2": torch.zeros(dim, hidden), "b2": torch.zeros(dim)}
        for part in parts.values():
            part.requires_grad_()
        optimizer = torch.optim.AdamW(parts.values(), lr=lr, weight_decay=0.01)
        for _ in range(epochs if len(stored) else 0):
            total = 0.0
            for rows in torch.randperm(len(stored), generator=generator).split(_BATCH):
                clean = stored[rows]
                kept = (torch.rand(clean.shape, generator=generator) > _MASKED).float()
                noise = torch.randn(clean.shape, generator=generator) * (_NOISE / math.sqrt(dim))
                damaged = F.normalize(clean * kept + noise, dim=1)
                inner = F.gelu(damaged @ parts["w1"].T + parts["b1"], approximate="tanh")
                moved = damaged + inner @ parts["w2"].T + parts["b2"]
                loss = (1.0 - F.cosine_similarity(moved, clean)).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total += float(loss.detach()) * len(rows)
            if on_epoch is not None:
                on_epoch(total / len(stored))
        net._weights = {name: part.detach().numpy().copy() for name, part in parts.items()}
        return net

    def save(self, path: Path) -> None:
        """Write the weights (safetensors): the old file or the new one after a crash.

        Raises: StorageFull.
        """
        from safetensors.numpy import save

        write_private(path, save(self._weights))

    @classmethod
    def load(cls, path: Path, dim: int) -> CompletionNet | None:
        """The saved network; None when there is no file.

        Raises: StoreFormatError when the file is damaged or of another width.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load

        data = None
        with contextlib.suppress(FileNotFoundError):
            data = path.read_bytes()
        if data is None:
            return None
        net = cls(dim)
        try:
            weights = load(data)
        except SafetensorError as error:
            raise StoreFormatError(f"{path} is damaged ({error}); remove it, upkeep trains it again") from error
        shapes = {name: part.shape for name, part in net._weights.items()}
        if {name: part.shape for name, part in weights.items()} != shapes:
            raise StoreFormatError(
                f"{path} is not a completion network of width {dim}; remove it, upkeep trains it again"
            )
        net._weights = weights
        return net
