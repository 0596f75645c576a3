"""The gate that decides, prompt by prompt, whether a night's adapter speaks.

It reads the frozen base's hidden states of the prompt at one depth and nothing else: no store, no text. What it
compares them with lies in the adapter's folder, so memory OFF stays off. Knows nothing of how it was fitted.

Two questions are asked of a prompt. Whom or what is it about: the nearest class mean in a space where wordings do not
differ (Fisher's within-class whitening; speakers are told apart from what they say so, Dehak et al. 2011; here the
classes are memories, and what is near none of them is left to the base). And is it asked as of one's own, or as anybody
may ask: one direction between what was learned and general prompts, since "What do I wear to work?" and "What do people
wear to work?" are about the same. What is all but the same as something learned needs no second answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from hippo_mem.errors import StoreFormatError

FILE = "hippo_gate.safetensors"
# Depth that is read. Measured on the default model (docs/LOG.md): names are told apart there, and a pass ends early.
_LAYER_SHARE = 0.27
SAME = 0.6  # cosine above which a prompt is all but one that was learned


def gate_layers(n_layers: int) -> tuple[int, ...]:
    """The layers the gate of a model of this depth reads."""
    return (round(n_layers * _LAYER_SHARE),)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterGate:
    """Opens for prompts that lie near one that was learned.

    Shapes: d hidden width times the number of layers, k width of the space of comparison, M prototypes, B prompts.
    Args:
        layers: which hidden states are read, side by side; 0 is the embedding, i the output of the i-th block.
        mean, scale: (d,) standardisation of the features.
        projection: (d, k) takes standardised features to where wordings weigh little and subjects much.
        centers: (M, d) pooled states that stand for what was learned.
        memories: (M,) the id of the memory that each center stands for; a memory may have several.
        threshold: the cosine to the nearest center above which the adapter may speak.
        direction, least: (d,) of standardised features, and the projection on it above which the adapter speaks.
    """

    layers: tuple[int, ...]
    mean: np.ndarray
    scale: np.ndarray
    projection: np.ndarray
    centers: np.ndarray
    memories: np.ndarray
    threshold: float = 0.0
    direction: np.ndarray
    least: float = 0.0
    _prototypes: np.ndarray = field(
        init=False, repr=False
    )  # (M, k) of length 1: the centers in the space of comparison

    def __post_init__(self) -> None:
        object.__setattr__(self, "_prototypes", self._placed(self.centers))

    def cosines(self, pooled: np.ndarray) -> np.ndarray:
        """(B, d) pooled states -> (B,) cosine to the nearest of what was learned, -1..1."""
        result: np.ndarray = (self._placed(pooled) @ self._prototypes.T).max(axis=1)
        return result

    def ownness(self, pooled: np.ndarray) -> np.ndarray:
        """(B, d) -> (B,) how much a prompt is asked as what was learned is; -1 is as general prompts, 1 as learned."""
        result: np.ndarray = ((pooled - self.mean) / self.scale) @ self.direction
        return result

    def opens(self, pooled: np.ndarray) -> np.ndarray:
        """(B, d) -> (B,) booleans."""
        near = self.cosines(pooled)
        result: np.ndarray = (near > self.threshold) & ((near > SAME) | (self.ownness(pooled) > self.least))
        return result

    def save(self, folder: Path) -> None:
        """Write `hippo_gate.safetensors` into the adapter's folder."""
        save_file(
            {
                "mean": self.mean.astype(np.float32),
                "scale": self.scale.astype(np.float32),
                "projection": np.ascontiguousarray(self.projection, dtype=np.float32),
                "centers": np.ascontiguousarray(self.centers, dtype=np.float32),
                "memories": np.asarray(self.memories, dtype=np.int64),
                "layers": np.array(self.layers, dtype=np.int32),
                "threshold": np.array([self.threshold], dtype=np.float32),
                "direction": np.asarray(self.direction, dtype=np.float32),
                "least": np.array([self.least], dtype=np.float32),
            },
            folder / FILE,
        )

    @classmethod
    def load(cls, folder: Path) -> AdapterGate | None:
        """The gate of an adapter's folder, None when the folder has none (the adapter then always speaks).

        Raises: StoreFormatError when the file is damaged, or of a version that had another gate.
        """
        file = folder / FILE
        if not file.is_file():
            return None
        try:
            data = load_file(file)
            if "direction" not in data and ("weight" in data or "centers" in data):
                raise StoreFormatError(
                    f"{file} is a gate of an earlier version of hippo; undo the night with: hippo nights undo, "
                    "then sleep again: hippo sleep"
                )
            (threshold,), (least,) = data["threshold"].tolist(), data["least"].tolist()
            return cls(
                layers=tuple(data["layers"].tolist()), mean=data["mean"], scale=data["scale"],
                projection=data["projection"], centers=data["centers"], memories=data["memories"],
                threshold=threshold, direction=data["direction"], least=least,
            )  # fmt: skip
        except (SafetensorError, KeyError, ValueError, OSError) as error:
            raise StoreFormatError(f"{file} is damaged ({error}); undo the night with: hippo nights undo") from error

    def _placed(self, pooled: np.ndarray) -> np.ndarray:
        """(B, d) -> (B, k) directions of length 1; a state at the mean has none and stays zero."""
        rows = ((pooled - self.mean) / self.scale) @ self.projection
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        result: np.ndarray = rows / np.where(lengths > 0.0, lengths, 1.0)
        return result
