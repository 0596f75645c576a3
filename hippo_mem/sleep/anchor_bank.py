"""What the frozen base says to general prompts, asked once per model and kept beside its weights.

Holds everything a night needs of the base on anchors: soft targets to train towards, pooled states to fit the gate
against, and, for prompts that are never trained on, the base's next tokens and cross-entropy to verify against. Nothing
of any user is in it. Knows nothing of nights.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from hippo_mem.errors import StorageFull
from hippo_mem.home import write_private
from hippo_mem.lm import LanguageModel
from hippo_mem.sleep.soft_targets import SoftSequence, soft_targets

log = logging.getLogger(__name__)
_VERSION = 1
_TOKENS = 48  # a longer anchor teaches nothing that its beginning does not


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorBank:
    """Shapes: K trained prompts, H held-out ones, P held-out passages of prose among them, d width of the gate's
    features.

    Args:
        soft: K soft targets. states: (K, d), held_states: (H, d) pooled states at the gate's layers.
        held: H prompts; held_next: the base's most likely next token of each.
        prose: P passages; prose_nats: the base's mean nats per token of each.
    """

    soft: tuple[SoftSequence, ...]
    states: np.ndarray
    held: tuple[str, ...]
    held_states: np.ndarray
    held_next: tuple[int, ...]
    prose: tuple[str, ...]
    prose_nats: tuple[float, ...]


def anchor_bank(
    lm: LanguageModel, kept: Sequence[str], held: Sequence[str], prose: Sequence[str], layers: Sequence[int], k: int,
    progress: Callable[[str, int, int], None],
) -> AnchorBank:  # fmt: skip
    """Load the bank of this model, or ask the base and keep what it says; any adapter is silent meanwhile."""
    stamp = _stamp(lm, [kept, held, prose, list(layers), k])
    file = lm.cache_dir / f"anchors-{stamp}.safetensors" if lm.cache_dir else None
    tensors = _read(file)
    if tensors is None:
        progress("asking the base", 0, 4)
        found = soft_targets(lm, [(lm.encode(p)[:_TOKENS], 0) for p in kept], k)
        progress("asking the base", 1, 4)
        tensors = {
            "top": torch.cat([f.top for f in found]).to(torch.int32),
            "probabilities": torch.cat([f.probabilities for f in found]),
            "states": torch.from_numpy(lm.hidden_states(kept, layers)),
        }
        progress("asking the base", 2, 4)
        tensors["held_states"] = torch.from_numpy(lm.hidden_states(held, layers))
        progress("asking the base", 3, 4)
        tensors["held_next"] = torch.tensor(lm.next_tokens(held, adapter=False))
        tensors["prose_nats"] = torch.tensor(lm.surprise(prose, adapter=False), dtype=torch.float64)
        progress("asking the base", 4, 4)
        _write(file, tensors)
    soft, at = [], 0
    for prompt in kept:
        tokens = tuple(lm.encode(prompt)[:_TOKENS])
        rows = slice(at, at + len(tokens))
        soft.append(
            SoftSequence(
                tokens=tokens, first=0, top=tensors["top"][rows].long(), probabilities=tensors["probabilities"][rows]
            )
        )
        at += len(tokens)
    return AnchorBank(
        soft=tuple(soft), states=tensors["states"].numpy(), held=tuple(held),
        held_states=tensors["held_states"].numpy(), held_next=tuple(tensors["held_next"].tolist()),
        prose=tuple(prose), prose_nats=tuple(tensors["prose_nats"].tolist()),
    )  # fmt: skip


def _stamp(lm: LanguageModel, asked: Sequence[object]) -> str:
    """Changes with the prompts, the model's weights and the number format."""
    weights = [(p.name, p.stat().st_size, p.stat().st_mtime_ns) for p in sorted(lm.folder.glob("*.safetensors"))]
    text = json.dumps([_VERSION, lm.name, str(lm.dtype), weights, *asked], default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _read(file: Path | None) -> dict[str, torch.Tensor] | None:
    if file is None or not file.is_file():
        return None
    try:
        return load_file(file)
    except (SafetensorError, OSError) as error:
        log.warning("asking the base again: %s is unreadable (%s)", file, error)
        return None


def _write(file: Path | None, tensors: dict[str, torch.Tensor]) -> None:
    if file is None:
        return
    try:
        write_private(file, save({k: v.contiguous() for k, v in tensors.items()}))
    except StorageFull as error:
        log.warning("the base's answers are not kept: %s", error)
