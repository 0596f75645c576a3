"""An exported graph, open in onnxruntime, and texts in it, each with its own cache of keys and values.

onnxruntime lets go of the interpreter while it multiplies, so other threads recall and serve meanwhile;
onnxruntime-genai's generator, which decodes the same graph at the same rate, holds it for a whole pass. Knows nothing
of tokenizers, templates or nights.

Shapes: T tokens, R rows of logits, V vocabulary, H heads of keys and values, w width of a head.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hippo_mem.lm.quick.graph_names import LOGIT_ROWS
from hippo_mem.onnx_session import open_session

Floats = NDArray[np.float32]
_PAST, _PRESENT = "past_key_values.", "present."
# Tokens a pass. Beyond it nothing gets quicker, and what a pass holds grows.
_CHUNK = 256
# The same where every token's logits are wanted: a row of the whole vocabulary each, 13 MB for the default model's 64.
_CHUNK_OF_LOGITS = 64


class Graph:
    """One copy of the weights for every text. Safe to share between threads.

    Args:
        head_width: w; the file leaves it open.
        n_threads: that share one product; all cores by default.
    Raises: ValueError when onnxruntime does not take the file.
    """

    def __init__(self, file: Path, *, head_width: int, n_threads: int | None = None) -> None:
        from onnxruntime import OrtValue

        self._session = open_session(file, n_threads=n_threads or 0)
        self._values = OrtValue
        # (H, w) by the name of an input that carries the cache
        inputs = self._session.get_inputs()
        self._cached = {i.name: (int(i.shape[1]), head_width) for i in inputs if i.name.startswith(_PAST)}

    def held(self, inputs: Mapping[str, Floats]) -> dict[str, Any]:
        """Arrays as the graph takes them, for as many texts as begin with them: no text copies them again."""
        return {name: self._values.ortvalue_from_numpy(array) for name, array in inputs.items()}

    def begin(self, inputs: Mapping[str, Any], limit: int) -> Text:
        """An empty text of at most `limit` tokens. `inputs`: what the graph takes beside tokens, as `held` gave it."""
        binding = self._session.io_binding()
        held = []
        for name, (n_heads, width) in self._cached.items():
            # One buffer is what a pass reads and what it writes: a token's keys and values are appended in place.
            cache = self._values.ortvalue_from_numpy(np.zeros((1, n_heads, limit, width), dtype=np.float32))
            binding.bind_ortvalue_input(name, cache)
            binding.bind_ortvalue_output(name.replace(_PAST, _PRESENT), cache)
            held.append(cache)
        for name, value in inputs.items():
            binding.bind_ortvalue_input(name, value)
            held.append(value)
        return Text(self._session, binding, held, len(self._cached), limit)


class Text:
    """One text in a graph. Not for two threads at once."""

    def __init__(self, session: Any, binding: Any, held: list[Any], n_cached: int, limit: int) -> None:
        self._session, self._binding, self._held, self._n_cached = session, binding, held, n_cached
        self._limit, self._n = limit, 0
        self._given: list[str] = []  # outputs beside the cache, in the order they were first asked for
        self._next: Floats | None = None

    @property
    def room(self) -> int:
        """Tokens that may still follow."""
        return self._limit - self._n

    def logits(self) -> Floats:
        """(V,) of the token that comes next.

        Raises: ValueError before the first token.
        """
        if self._next is None:
            raise ValueError("there is no token yet that another could follow")
        return self._next

    def push(self, token: int) -> None:
        """Go on with `token`."""
        self.extend([token])

    def extend(self, ids: Sequence[int]) -> None:
        """Go on with several tokens."""
        for start in range(0, len(ids), _CHUNK):
            part = ids[start : start + _CHUNK]
            self._next = self._pass(part, [len(part) - 1])["logits"][0]

    def outputs(self, ids: Sequence[int], *names: str) -> list[Floats]:
        """Go on with several tokens; the outputs of those names for each, (T, ...)."""
        found: list[list[Floats]] = [[] for _ in names]
        step = _CHUNK_OF_LOGITS if "logits" in names else _CHUNK
        for start in range(0, len(ids), step):
            part = ids[start : start + step]
            given = self._pass(part, range(len(part)) if "logits" in names else [len(part) - 1], *names)
            self._next = given["logits"][-1]
            for rows, name in zip(found, names, strict=True):
                rows.append(given[name])
        return [np.concatenate(rows) for rows in found]

    def rewind(self, n: int) -> None:
        """Back to the first `n` tokens; what comes next is known again after the next token."""
        self._n, self._next = min(n, self._n), None

    def close(self) -> None:
        """Let go of the cache."""
        self._binding, self._held, self._next = None, [], None

    def _pass(self, ids: Sequence[int], rows: Sequence[int], *names: str) -> dict[str, Floats]:
        """One pass over `ids`: "logits" (R, V) of `rows`, and the outputs of `names`, (T, ...)."""
        end = self._n + len(ids)
        if end > self._limit:
            raise ValueError(f"a text of at most {self._limit} tokens was begun, {end} do not fit")
        binding = self._binding
        # The binding borrows the memory of these until the pass is over.
        fed = {
            "input_ids": np.array([ids], dtype=np.int64),
            "attention_mask": np.ones((1, end), dtype=np.int64),
            LOGIT_ROWS: np.array(rows, dtype=np.int64),
        }
        for name, array in fed.items():
            binding.bind_cpu_input(name, array)
        wanted = dict.fromkeys(("logits", *names))
        self._given += [name for name in wanted if name not in self._given]
        for name in self._given:
            binding.bind_output(name, "cpu")
        self._session.run_with_iobinding(binding)
        self._n = end
        outputs = binding.get_outputs_as_ortvaluevector()
        return {name: outputs[self._n_cached + self._given.index(name)].numpy()[0] for name in wanted}
