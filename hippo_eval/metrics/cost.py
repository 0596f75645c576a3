"""What an answer costs: time, tokens, memory of keys and values, operations. Knows nothing of whether it was right.

Counts of operations are of the decoder alone: no embedding of the cue, no search of an index. They are what the
shapes say, not what a profiler saw.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hippo_mem.errors import InputError

_PERCENTILES = (50, 95, 99)


def latency(seconds: Sequence[float]) -> dict[str, float | int] | None:
    """`n`, `mean_ms`, `p50_ms`, `p95_ms`, `p99_ms`, `max_ms` of measured times; None without any.

    Percentiles are interpolated between order statistics (Hyndman & Fan 1996, type 7).

    Raises: InputError for a time that is negative or not finite.
    """
    if not seconds:
        return None
    bad = [s for s in seconds if not (math.isfinite(s) and s >= 0)]
    if bad:
        raise InputError(f"times must be finite and 0 or more, got {bad[:3]}")
    ms = 1000 * np.asarray(seconds, dtype=np.float64)
    points = {f"p{p}_ms": float(v) for p, v in zip(_PERCENTILES, np.percentile(ms, _PERCENTILES), strict=True)}
    return {"n": len(seconds), "mean_ms": float(ms.mean()), **points, "max_ms": float(ms.max())}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelShape:
    """What a decoder's cost depends on.

    `n_params` are those of the layers, without the table of token vectors; `vocabulary` times `width` more are
    multiplied for each token that is predicted. `value_bytes`: of one cached number (2 for bfloat16).
    """

    n_layers: int
    n_heads: int
    n_kv_heads: int
    head_width: int
    width: int
    vocabulary: int
    n_params: int
    value_bytes: int = 2

    @classmethod
    def of(cls, config: Any, n_params: int, value_bytes: int = 2) -> ModelShape:
        """From a transformers configuration and the parameters of the whole model, head and vectors tied or not.

        Raises: InputError when the configuration lacks a shape.
        """
        try:
            width, n_heads = int(config.hidden_size), int(config.num_attention_heads)
            vocabulary = int(config.vocab_size)
            tables = 1 if getattr(config, "tie_word_embeddings", False) else 2
            return cls(
                n_layers=int(config.num_hidden_layers),
                n_heads=n_heads,
                n_kv_heads=int(getattr(config, "num_key_value_heads", None) or n_heads),
                head_width=int(getattr(config, "head_dim", None) or width // n_heads),
                width=width,
                vocabulary=vocabulary,
                n_params=n_params - tables * vocabulary * width,
                value_bytes=value_bytes,
            )
        except AttributeError as error:
            raise InputError(f"the model's configuration has no shape to count with: {error}") from error


def kv_cache_bytes(shape: ModelShape, n_tokens: int) -> int:
    """Bytes of the keys and values of `n_tokens`: 2 * layers * key-value heads * head width * bytes a number."""
    return 2 * shape.n_layers * shape.n_kv_heads * shape.head_width * shape.value_bytes * n_tokens


def forward_flops(shape: ModelShape, n_prompt: int, n_new: int = 0, *, n_context: int | None = None) -> int:
    """Floating point operations of reading a prompt and predicting `n_new` tokens with a key-value cache.

    Two a parameter and token read; four a layer, attention width and pair of positions (scores and their weighted
    sum, a position sees itself and what is before it); the table of words once a predicted token. The last token
    predicted is not read again.

    Args:   n_context: the longest sequence, where the tokens were read in several; a token then sees half of it.
    Raises: InputError for a negative count.
    Source: Kaplan et al. 2020, table 1. Differs: the causal half of the attention is counted, not its bound.
    """
    if n_prompt < 0 or n_new < 0:
        raise InputError(f"token counts must be 0 or more, got {n_prompt} and {n_new}")
    n_read = n_prompt + max(0, n_new - 1)
    longest = n_read if n_context is None else min(n_read, n_context)
    attention = 2 * shape.n_layers * shape.n_heads * shape.head_width * n_read * (longest + 1)
    return 2 * shape.n_params * n_read + attention + 2 * shape.vocabulary * shape.width * n_new


def share_saved(cost: float, reference: float) -> float | None:
    """1 - cost / reference: below 0 where it costs more, None when the reference costs nothing."""
    return 1 - cost / reference if reference else None
