"""A LoRA adapter in PEFT's format, read as plain arrays. Knows nothing of who lays it over what; imports no torch.

Shapes: K in and N out of a linear map, r rank.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError

from hippo_mem.errors import StoreFormatError

Floats = NDArray[np.float32]
_TENSOR = re.compile(r"\.layers\.(\d+)\.(?:self_attn|mlp)\.(\w+_proj)\.lora_([AB])\.weight$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lora:
    """`parts` by block and linear map: "A" (r, K) and "B" (N, r); a map gives y + scale * B A x."""

    scale: float
    parts: Mapping[tuple[int, str], Mapping[str, Floats]]


def read_lora(folder: Path) -> Lora:
    """The adapter of a folder.

    Raises: StoreFormatError when the files are damaged, or hold more than LoRA of the linear maps of its blocks.
    """
    try:
        config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
        tensors = _load(folder / "adapter_model.safetensors")
    except (OSError, ValueError, SafetensorError) as error:
        raise StoreFormatError(f"the adapter in {folder} cannot be read: {error}") from error
    for key in ("use_dora", "alpha_pattern", "rank_pattern", "modules_to_save"):
        if config.get(key):
            raise StoreFormatError(f"the adapter in {folder} uses {key}, for which there is no place")
    rank = int(config["r"])
    scale = float(config["lora_alpha"]) / (rank**0.5 if config.get("use_rslora") else rank)
    parts: dict[tuple[int, str], dict[str, Floats]] = {}
    for name, tensor in tensors.items():
        match = _TENSOR.search(name)
        if match is None:
            raise StoreFormatError(f"the adapter in {folder} changes {name}, for which there is no place")
        parts.setdefault((int(match[1]), match[2]), {})[match[3]] = tensor
    return Lora(scale=scale, parts=parts)


def packaged(folder: Path, model: str) -> Path | None:
    """The folder of the adapter that ships for a model's name among those in `folder`; None where there is none."""
    own = folder / model
    return own if re.fullmatch(r"[\w.-]+", model) and (own / "adapter_model.safetensors").is_file() else None


def name_base(folder: Path, model: str) -> None:
    """Have an adapter's configuration name its model and no folder that it was read from."""
    file = folder / "adapter_config.json"
    about = {**json.loads(file.read_text(encoding="utf-8")), "base_model_name_or_path": model}
    file.write_text(json.dumps(about, indent=2, sort_keys=True, default=sorted) + "\n", encoding="utf-8")


def _load(file: Path) -> dict[str, Floats]:
    import ml_dtypes  # noqa: F401  (names bfloat16 for numpy, in which adapters may be stored)
    from safetensors.numpy import load_file

    loaded: dict[str, Any] = load_file(file)
    return {name: np.asarray(array, dtype=np.float32) for name, array in loaded.items()}
