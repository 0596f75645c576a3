"""The adapter that teaches a model to read notes: where it lies, and how it is laid over a torch model for a while.

It ships with the package for the bundled model, in PEFT's format; `scripts/train_reader.py` makes it. It has nothing of
any user, and no night touches it: while it reads, the night's adapter is silent. Knows nothing of prompts or notes.

Shapes: K in and N out of a linear map, r rank.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hippo_mem.lm.lora_folder import packaged, read_lora

if TYPE_CHECKING:
    import torch

_FOLDER = Path(__file__).parent / "reading"
# PEFT's own layers around a night's linear maps hold the base's under this name.
_LINEAR = re.compile(r"layers\.(\d+)\.(?:self_attn|mlp)\.(\w+_proj)(\.base_layer)?$")


def reading_folder(model: str) -> Path | None:
    """The PEFT folder of the reading adapter for a model's name; None where none was made for it."""
    return packaged(_FOLDER, model)


class LaidOver:
    """A LoRA adapter merged into copies of a torch model's linear maps, which stand in for them inside `over` alone.

    A product beside every map would need no copies and make a decoding step of a small model twice as long: two small
    products for each of 210 maps. The copies take as much memory as the maps, from the first use on.

    Args: folder: in PEFT's format.
    Raises: StoreFormatError when the files are damaged or hold what is no LoRA of a linear map.
    """

    def __init__(self, folder: Path) -> None:
        lora = read_lora(folder)
        # (r, K) and (N, r) by block and linear map, the scale taken in
        self._pairs = {place: (pair["A"], pair["B"] * np.float32(lora.scale)) for place, pair in lora.parts.items()}
        # The weights as they were, and with the adapter: by place.
        self._merged: dict[tuple[int, str], tuple[torch.nn.Parameter, torch.nn.Parameter]] = {}

    @contextlib.contextmanager
    def over(self, model: Any) -> Iterator[None]:
        """Inside, the linear maps of `model` are this adapter's too; after it, they are as before."""
        linear = {}
        for name, module in model.named_modules():
            if (match := _LINEAR.search(name)) is not None:
                place = int(match[1]), match[2]
                if match[3] or place not in linear:
                    linear[place] = module
        own = {place: linear[place].weight for place in self._pairs}
        merged = {place: self._with_adapter(place, weight) for place, weight in own.items()}
        try:
            for place, weight in merged.items():
                linear[place].weight = weight
            yield
        finally:
            for place, weight in own.items():
                linear[place].weight = weight

    def _with_adapter(self, place: tuple[int, str], weight: torch.nn.Parameter) -> torch.nn.Parameter:
        from torch import addmm, from_numpy, inference_mode, nn

        if place not in self._merged or self._merged[place][0] is not weight:
            a, b = self._pairs[place]
            with inference_mode(False):  # for what comes later may train
                both = addmm(weight.detach().float(), from_numpy(b), from_numpy(a)).to(weight.dtype)
                self._merged[place] = weight, nn.Parameter(both, requires_grad=False)
        return self._merged[place][1]
