"""Names of what the rewritten graph takes and gives beyond tokens and logits. Knows nothing of the graph itself."""

from __future__ import annotations

LOGIT_ROWS = "logit_rows"
"""Name of the input that says which tokens of a pass get logits: (R,) int64, from 0."""


def state_name(layer: int) -> str:
    """Name of the output that gives hidden states (B, T, d) after `layer` blocks."""
    return f"states.{layer}"


def lora_names(block: int, linear: str) -> tuple[str, str]:
    """Names of the two inputs of one linear map: (K, r) and (r, N); the second holds alpha / r as well."""
    return f"lora.{block}.{linear}.a", f"lora.{block}.{linear}.b"
