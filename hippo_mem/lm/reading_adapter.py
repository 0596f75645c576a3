"""The adapter that teaches a model to read notes: where it lies, and how it is laid over a torch model for a while.

It ships with the package for the bundled model, in PEFT's format; `scripts/train_reader.py` makes it. It has nothing of
any user, and no night touches it: while it reads, the night's adapter is silent. Knows nothing of prompts or notes.

Shapes: K in and N out of a linear map, r rank.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hippo_mem.errors import StoreFormatError

if TYPE_CHECKING:
    import torch

_FOLDER = Path(__file__).parent / "reading"
_TENSOR = re.compile(r"(layers\.\d+\.(?:self_attn|mlp)\.\w+_proj)\.lora_([AB])\.weight$")
# PEFT's own layers around a night's linear maps hold the base's under this name.
_LINEAR = re.compile(r"(layers\.\d+\.(?:self_attn|mlp)\.\w+_proj)(\.base_layer)?$")


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
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
            scale = float(config["lora_alpha"]) / int(config["r"])
            tensors = load_file(folder / "adapter_model.safetensors")
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise StoreFormatError(
                f"the reading adapter in {folder} cannot be read ({error}); install again"
            ) from error
        self._a: dict[str, torch.Tensor] = {}  # (r, K)
        self._b: dict[str, torch.Tensor] = {}  # (N, r), the scale taken in
        for name, tensor in tensors.items():
            match = _TENSOR.search(name)
            if match is None:
                raise StoreFormatError(f"the reading adapter in {folder} changes {name}, which is no linear map")
            if match[2] == "A":
                self._a[match[1]] = tensor.to(dtype)
            else:
                self._b[match[1]] = (tensor.float() * scale).to(dtype)

    @contextlib.contextmanager
    def over(self, model: Any) -> Iterator[None]:
        """Inside, the linear maps of `model` have this adapter's product added; after it, they are as before."""
        linear = {}
        for name, module in model.named_modules():
            if (match := _LINEAR.search(name)) is not None and (match[2] or match[1] not in linear):
                linear[match[1]] = module
        hooks = [linear[name].register_forward_hook(partial(_add, a=a, b=self._b[name])) for name, a in self._a.items()]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()


def _add(_module: Any, inputs: tuple[Any, ...], output: Any, *, a: torch.Tensor, b: torch.Tensor) -> Any:
    return output + (inputs[0] @ a.T) @ b.T
