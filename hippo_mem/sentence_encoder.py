"""Sentence vectors by a small BERT in numpy: texts in, unit vectors out. Knows nothing of what they are for.

Torch would give the same numbers and take 200 MB resident and a second to load; a process that only serves and recalls
has no other use for it. Weights are mapped from the file, so word vectors that are never looked up take no memory.

Shapes: B texts, T tokens, d hidden width, H heads, d / H = w width of a head.
Source: Devlin et al. 2019, post-norm encoder with the exact GELU. Differs: no pooler, no dropout, one sentence a text.
"""

from __future__ import annotations

import json
import math
import struct
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from hippo_mem.errors import ModelUnavailable

Floats = NDArray[np.float32]
_MASKED = np.float32(-1e30)


class SentenceEncoder:
    """A BERT encoder read from a folder with `config.json`, `tokenizer.json` and `model.safetensors` in float32.

    Args: max_tokens: of a text, beginning and end tokens included; what is beyond does not reach its vector.
    Raises: ModelUnavailable when the files are not those of such a model.
    """

    def __init__(self, folder: Path, *, max_tokens: int = 256) -> None:
        from tokenizers import Tokenizer

        self._lock = threading.Lock()  # a tokenizer keeps its settings in itself
        try:
            self._tokenizer = Tokenizer.from_str((folder / "tokenizer.json").read_text(encoding="utf-8"))
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            self._weights = map_weights(folder / "model.safetensors")
            self._n_heads = int(config["num_attention_heads"])
            self._n_layers = int(config["num_hidden_layers"])
            self._epsilon = np.float32(config.get("layer_norm_eps", 1e-12))
            activation = config.get("hidden_act", "gelu")
        except (OSError, ValueError, KeyError) as error:
            raise ModelUnavailable(f"cannot read the model in {folder}: {error}") from error
        if activation != "gelu" or config.get("position_embedding_type", "absolute") != "absolute":
            raise ModelUnavailable(f"the model in {folder} is no plain BERT ({activation})")
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_tokens)

    def embed(self, texts: Sequence[str]) -> Floats:
        """Mean of the last hidden states over real tokens, normalized: B texts -> (B, d), rows of length 1."""
        with self._lock:
            encoded = [e.ids for e in self._tokenizer.encode_batch(list(texts))]
        width = max(len(row) for row in encoded)
        ids = np.array([[*row, *[0] * (width - len(row))] for row in encoded], dtype=np.int64)
        mask = np.array([[1] * len(row) + [0] * (width - len(row)) for row in encoded], dtype=np.int64)
        seen = mask[:, :, None].astype(np.float32)
        mean = (self.hidden(ids, mask) * seen).sum(axis=1) / seen.sum(axis=1)
        vectors: Floats = mean / np.linalg.norm(mean, axis=1, keepdims=True)
        return vectors

    def hidden(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> Floats:
        """(B, T) token ids and mask (1: a token, 0: padding) -> (B, T, d) last hidden states."""
        w = self._weights
        n, t = ids.shape
        x = w["embeddings.word_embeddings.weight"][ids]
        x = x + w["embeddings.position_embeddings.weight"][:t] + w["embeddings.token_type_embeddings.weight"][0]
        x = self._norm(x.reshape(n * t, -1), "embeddings.LayerNorm")
        away = np.where(mask[:, None, None, :] > 0, np.float32(0), _MASKED)
        for i in range(self._n_layers):
            x = self._block(x, away, n, t, f"encoder.layer.{i}")
        return x.reshape(n, t, -1)

    def _block(self, x: Floats, away: Floats, n: int, t: int, name: str) -> Floats:
        def heads(part: str) -> Floats:
            flat = self._linear(x, f"{name}.attention.self.{part}")
            return flat.reshape(n, t, self._n_heads, -1).transpose(0, 2, 1, 3)  # (B, H, T, w)

        q, k, v = heads("query"), heads("key"), heads("value")
        scores = q @ k.transpose(0, 1, 3, 2) / np.float32(math.sqrt(q.shape[-1])) + away
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        scores /= scores.sum(axis=-1, keepdims=True)
        seen = (scores @ v).transpose(0, 2, 1, 3).reshape(n * t, -1)
        x = self._norm(x + self._linear(seen, f"{name}.attention.output.dense"), f"{name}.attention.output.LayerNorm")
        inner = self._linear(x, f"{name}.intermediate.dense")
        inner *= np.float32(0.5) * (1 + erf(inner * np.float32(math.sqrt(0.5))))
        return self._norm(x + self._linear(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")

    def _linear(self, x: Floats, name: str) -> Floats:
        result: Floats = x @ self._weights[f"{name}.weight"].T
        result += self._weights[f"{name}.bias"]
        return result

    def _norm(self, x: Floats, name: str) -> Floats:
        x = x - x.mean(axis=-1, keepdims=True)
        x /= np.sqrt((x * x).mean(axis=-1, keepdims=True) + self._epsilon)
        result: Floats = x * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]
        return result


def map_weights(file: Path) -> dict[str, Floats]:
    """The float32 tensors of a safetensors file as views of the mapped file; a prefix "bert." is taken off.

    Raises: ValueError for a file of another format.
    """
    with file.open("rb") as opened:
        head = opened.read(8)
        if len(head) < 8:
            raise ValueError(f"{file} is no safetensors file")
        (length,) = struct.unpack("<Q", head)
        if length > file.stat().st_size:
            raise ValueError(f"{file} is no safetensors file")
        entries: dict[str, Any] = json.loads(opened.read(length))
    entries.pop("__metadata__", None)
    data = np.memmap(file, dtype=np.uint8, mode="r", offset=8 + length)
    found: dict[str, Floats] = {}
    for name, entry in entries.items():
        if entry["dtype"] == "F32":
            start, end = entry["data_offsets"]
            if start % 4:
                raise ValueError(f"{file} holds {name} at an odd place")
            found[name.removeprefix("bert.")] = np.asarray(data[start:end]).view(np.float32).reshape(entry["shape"])
    return found
