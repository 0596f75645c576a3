"""Sentence vectors by a small BERT on onnxruntime: texts in, unit vectors out. Knows nothing of what they are for.

The graph is written when the encoder is made (milliseconds), and its weights are those of the model's own file, mapped:
nothing is exported, so nothing can be stale, and word vectors that are never looked up take no memory. Products are in
float32. 8-bit weights and activations were measured (docs/LOG.md) and move the likeness of two texts by up to 0.014.
Only texts of one length are computed together, so there is no padding, and a vector does not depend on its company.

Shapes: B texts, T tokens each, d hidden width.
Source: Devlin et al. 2019, post-norm encoder with the exact GELU. Differs: no pooler, no dropout, one sentence a text.
"""

from __future__ import annotations

import json
import os
import struct
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hippo_mem.errors import ModelUnavailable
from hippo_mem.onnx_session import open_session

Floats = NDArray[np.float32]
_WEIGHTS = "model.safetensors"
_OPSET, _IR = 20, 9  # the first with GELU, and what goes with it
_CONTRIB = "com.microsoft"
_TOKENS = 1024  # in one pass at most, unless a text alone has more: the widest layer then takes 6 MB


class SentenceEncoder:
    """A BERT encoder read from a folder with `config.json`, `tokenizer.json` and `model.safetensors` in float32.

    Safe to share between threads, each of which works on a core of its own.

    Args:
        max_tokens: of a text, beginning and end tokens included; what is beyond does not reach its vector.
        batch_size: texts in one pass at most.
    Raises: ModelUnavailable when the files are not those of such a model.
    """

    def __init__(self, folder: Path, *, max_tokens: int = 256, batch_size: int = 32) -> None:
        from tokenizers import Tokenizer

        self._lock = threading.Lock()  # a tokenizer keeps its settings in itself
        self._batch_size = batch_size
        try:
            self._tokenizer = Tokenizer.from_str((folder / "tokenizer.json").read_text(encoding="utf-8"))
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            self.width = int(config["hidden_size"])
            activation = config.get("hidden_act", "gelu")
            if activation != "gelu" or config.get("position_embedding_type", "absolute") != "absolute":
                raise ModelUnavailable(f"the model in {folder} is no plain BERT ({activation})")
            # One core a pass: two that wait for each other at every product gain little, and waste what waits.
            self._session = open_session(encoder_graph(folder / _WEIGHTS, config), n_threads=1, weights=folder)
        except (OSError, ValueError, KeyError) as error:
            raise ModelUnavailable(f"cannot read the model in {folder}: {error}") from error
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_tokens)

    def embed(self, texts: Sequence[str], *, n_cores: int | None = None) -> Floats:
        """Mean of the last hidden states over a text's tokens, normalized: B texts -> (B, d), rows of length 1.

        Args: n_cores: on which several passes are spread; all by default.
        """
        with self._lock:
            encoded = [e.ids for e in self._tokenizer.encode_batch(list(texts))]
        vectors = np.empty((len(encoded), self.width), dtype=np.float32)
        passes = self._passes(encoded)

        def run(rows: list[int]) -> None:
            ids = np.array([encoded[i] for i in rows], dtype=np.int64)
            vectors[rows] = self._session.run(None, {"ids": ids})[0]

        n_cores = min(n_cores or len(os.sched_getaffinity(0)), len(passes))
        if n_cores < 2:
            for rows in passes:
                run(rows)
            return vectors
        with ThreadPoolExecutor(n_cores, thread_name_prefix="hippo-encode") as workers:
            for _ in workers.map(run, passes):
                pass
        return vectors

    def _passes(self, encoded: Sequence[Sequence[int]]) -> list[list[int]]:
        """Numbers of texts that are computed together: of one length, longest first."""
        alike: dict[int, list[int]] = {}
        for i, ids in enumerate(encoded):
            alike.setdefault(len(ids), []).append(i)
        found = []
        for length, rows in sorted(alike.items(), reverse=True):
            most = max(1, min(self._batch_size, _TOKENS // length))
            found += [rows[start : start + most] for start in range(0, len(rows), most)]
        return found


def encoder_graph(weights: Path, config: dict[str, Any]) -> bytes:
    """The ONNX model of a BERT: `ids` (B, T) int64 to `vectors` (B, d); its weights lie where the file has them.

    Raises: ValueError for a file of another format; KeyError for a weight it does not hold.
    """
    graph = _Graph(weights)
    g, epsilon = graph.node, float(config.get("layer_norm_eps", 1e-12))
    heads, d = int(config["num_attention_heads"]), int(config["hidden_size"])
    zero, one, rows = graph.constant("zero", 0), graph.constant("one", 1), graph.constant("rows", -1, d)

    def norm(x: str, added: str, name: str) -> str:
        scale, shift = graph.weight(f"{name}.weight"), graph.weight(f"{name}.bias")
        return g("SkipLayerNormalization", x, added, scale, shift, domain=_CONTRIB, epsilon=epsilon)

    def linear(x: str, name: str) -> str:  # as two dimensions: the weights are used as they lie in the file
        return g("Gemm", x, graph.weight(f"{name}.weight"), graph.weight(f"{name}.bias"), transB=1)

    words = g("Gather", graph.weight("embeddings.word_embeddings.weight"), "ids")
    shape = g("Shape", words)
    places = g("Slice", graph.weight("embeddings.position_embeddings.weight"), zero, g("Shape", "ids", start=1, end=2))
    first = g("Slice", graph.weight("embeddings.token_type_embeddings.weight"), zero, one)
    told = g("Reshape", g("Add", g("Add", words, places), first), rows)
    scale, shift = (graph.weight(f"embeddings.LayerNorm.{part}") for part in ("weight", "bias"))
    x = g("LayerNormalization", told, scale, shift, axis=-1, epsilon=epsilon)
    for i in range(int(config["num_hidden_layers"])):
        layer = f"encoder.layer.{i}"
        q, k, v = (
            g("Reshape", linear(x, f"{layer}.attention.self.{part}"), shape) for part in ("query", "key", "value")
        )
        seen = g("Reshape", g("MultiHeadAttention", q, k, v, domain=_CONTRIB, num_heads=heads), rows)
        x = norm(x, linear(seen, f"{layer}.attention.output.dense"), f"{layer}.attention.output.LayerNorm")
        inner = g("Gelu", linear(x, f"{layer}.intermediate.dense"))
        x = norm(x, linear(inner, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
    mean = g("ReduceMean", g("Reshape", x, shape), one, keepdims=0)
    g("LpNormalization", mean, axis=-1, p=2, output="vectors")
    return graph.model({"ids": ("B", "T")}, {"vectors": ("B", d)})


class _Graph:
    """Nodes and what they read, put together one by one."""

    def __init__(self, weights: Path) -> None:
        from onnx import helper

        self._helper: Any = helper
        self._file = weights.name
        self._data, entries = _head(weights)
        self._entries = {name.removeprefix("bert."): entry for name, entry in entries.items()}
        self._nodes: list[Any] = []
        self._read: dict[str, Any] = {}

    def node(self, op: str, *inputs: str, domain: str = "", output: str = "", **attributes: Any) -> str:
        """Apply an operator; returns the name of what it gives."""
        name = output or f"{op}.{len(self._nodes)}"
        self._nodes.append(self._helper.make_node(op, inputs, [name], name=name, domain=domain, **attributes))
        return name

    def constant(self, name: str, *values: int) -> str:
        """A list of whole numbers, by name."""
        self._read[name] = self._helper.make_tensor(name, self._helper.TensorProto.INT64, [len(values)], values)
        return name

    def weight(self, name: str) -> str:
        """A tensor of the file, by name.

        Raises: KeyError when there is none; ValueError when it is not float32.
        """
        if name not in self._read:
            entry = self._entries[name]
            start, end = entry["data_offsets"]
            if entry["dtype"] != "F32":
                raise ValueError(f"{name} is {entry['dtype']}, not F32")
            tensor = self._helper.TensorProto(
                name=name, dims=entry["shape"], data_type=self._helper.TensorProto.FLOAT,
                data_location=self._helper.TensorProto.EXTERNAL,
            )  # fmt: skip
            place = {"location": self._file, "offset": str(self._data + start), "length": str(end - start)}
            for key, value in place.items():
                tensor.external_data.add(key=key, value=value)
            self._read[name] = tensor
        return name

    def model(self, inputs: dict[str, tuple[Any, ...]], outputs: dict[str, tuple[Any, ...]]) -> bytes:
        """The whole, written down: inputs are int64, outputs float32."""
        h = self._helper
        given = [h.make_tensor_value_info(name, h.TensorProto.INT64, shape) for name, shape in inputs.items()]
        wanted = [h.make_tensor_value_info(name, h.TensorProto.FLOAT, shape) for name, shape in outputs.items()]
        graph = h.make_graph(self._nodes, "sentence-encoder", given, wanted, list(self._read.values()))
        sets = [h.make_opsetid("", _OPSET), h.make_opsetid(_CONTRIB, 1)]
        written: bytes = h.make_model(graph, opset_imports=sets, ir_version=_IR).SerializeToString()
        return written


def _head(file: Path) -> tuple[int, dict[str, Any]]:
    """Where the data of a safetensors file begin, and its entries by name.

    Raises: ValueError for a file of another format.
    """
    with file.open("rb") as opened:
        start = opened.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 0 < length <= file.stat().st_size - 8:
            raise ValueError(f"{file} is no safetensors file")
        entries: dict[str, Any] = json.loads(opened.read(length))
    entries.pop("__metadata__", None)
    return 8 + length, entries
