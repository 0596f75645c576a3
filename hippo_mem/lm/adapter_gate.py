"""The gate that decides, prompt by prompt, whether a night's adapter speaks.

It reads the frozen base's hidden states of the prompt at a few layers and nothing else: no store, no text. Its weights
lie in the adapter's folder, so memory OFF stays off. Knows nothing of how it was trained.

Source: the idea of a learned router over frozen experts (Jacobs et al. 1991); ours is one logistic unit on the
mean-pooled state, since its only question is "is this about anything that was learned?".
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from hippo_mem.errors import StoreFormatError

FILE = "hippo_gate.safetensors"
# Depths that are read together. Measured on the default model (docs/LOG.md): one layer leaks or misses, these two do
# neither.
LAYER_SHARES = (0.27, 0.67)


def gate_layers(n_layers: int) -> tuple[int, ...]:
    """The layers the gate of a model of this depth reads."""
    return tuple(round(n_layers * s) for s in LAYER_SHARES)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterGate:
    """One logistic unit over pooled hidden states.

    Shapes: d hidden width times the number of layers, B prompts.
    Args:
        layers: which hidden states are read, side by side; 0 is the embedding, i the output of the i-th block.
        mean, scale: (d,) standardisation of the features.
        weight: (d,); bias: scalar; threshold: the logit above which the adapter speaks.
    """

    layers: tuple[int, ...]
    mean: np.ndarray
    scale: np.ndarray
    weight: np.ndarray
    bias: float
    threshold: float = 0.0

    def logits(self, pooled: np.ndarray) -> np.ndarray:
        """(B, d) pooled states -> (B,) log-odds that a prompt is about something learned."""
        result: np.ndarray = ((pooled - self.mean) / self.scale) @ self.weight + self.bias
        return result

    def opens(self, pooled: np.ndarray) -> np.ndarray:
        """(B, d) -> (B,) booleans."""
        result: np.ndarray = self.logits(pooled) > self.threshold
        return result

    def save(self, folder: Path) -> None:
        """Write `hippo_gate.safetensors` into the adapter's folder."""
        save_file(
            {
                "mean": self.mean.astype(np.float32),
                "scale": self.scale.astype(np.float32),
                "weight": self.weight.astype(np.float32),
                "layers": np.array(self.layers, dtype=np.int32),
                "scalars": np.array([self.bias, self.threshold], dtype=np.float32),
            },
            folder / FILE,
        )

    @classmethod
    def load(cls, folder: Path) -> AdapterGate | None:
        """The gate of an adapter's folder, None when the folder has none (the adapter then always speaks).

        Raises: StoreFormatError when the file is damaged.
        """
        file = folder / FILE
        if not file.is_file():
            return None
        try:
            data = load_file(file)
            bias, threshold = data["scalars"].tolist()
            return cls(
                layers=tuple(data["layers"].tolist()), mean=data["mean"], scale=data["scale"], weight=data["weight"],
                bias=bias, threshold=threshold,
            )  # fmt: skip
        except (SafetensorError, KeyError, ValueError, OSError) as error:
            raise StoreFormatError(f"{file} is damaged ({error}); undo the night with: hippo nights undo") from error
