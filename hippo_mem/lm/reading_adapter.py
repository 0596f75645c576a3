"""The adapter that teaches a model to read notes: where it lies, and how it is laid over a torch model for a while.

It ships with the package for the bundled model, in PEFT's format; `scripts/train_reader.py` makes it. It has nothing of
any user, and no night touches it: while it reads, the night's adapter is silent. Knows nothing of prompts or notes.

Shapes: K in and N out of a linear map, r rank.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hippo_mem.lm.lora_folder import read_lora

if TYPE_CHECKING:
    import torch

_FOLDER = Path(__file__).parent / "reading"
# PEFT's own layers around a night's linear maps hold the base's under this name.
_LINEAR = re.compile(r"layers\.(\d+)\.(?:self_attn|mlp)\.(\w+_proj)(\.base_layer)?$")


def reading_folder(model: str) -> Path | None:
    """The PEFT folder of the reading adapter for a model's name; None where none was made for it."""
    folder = _FOLDER / model
    return folder if re.fullmatch(r"[\w.-]+", model) and (folder / "adapter_model.safetensors").is_file() else None


class LaidOver:
    """A LoRA adapter beside a torch model's own linear maps, working inside `over` alone.

    Args: folder: in PEFT's format.
    Raises: StoreFormatError when the files are damaged or hold what is no LoRA of a linear map.
    """

    def __init__(self, folder: Path, dtype: torch.dtype) -> None:
        from torch import from_numpy

        lora = read_lora(folder)
        # (r, K) and (N, r) by block and linear map, the scale taken in
        self._pairs = {
            place: (from_numpy(pair["A"]).to(dtype), from_numpy(pair["B"] * np.float32(lora.scale)).to(dtype))
            for place, pair in lora.parts.items()
        }

    @contextlib.contextmanager
    def over(self, model: Any) -> Iterator[None]:
        """Inside, the linear maps of `model` have this adapter's product added; after it, they are as before."""
        linear = {}
        for name, module in model.named_modules():
            if (match := _LINEAR.search(name)) is not None:
                place = int(match[1]), match[2]
                if match[3] or place not in linear:
                    linear[place] = module
        hooks = [linear[place].register_forward_hook(partial(_add, a=a, b=b)) for place, (a, b) in self._pairs.items()]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()


def _add(_module: Any, inputs: tuple[Any, ...], output: Any, *, a: torch.Tensor, b: torch.Tensor) -> Any:
    return output + (inputs[0] @ a.T) @ b.T
