"""A model as a folder for plain onnxruntime: graph, weights, tokenizer, checked against torch before it appears.

The graph takes `input_ids`, `attention_mask` and `past_key_values.*`, and gives `logits` and `present.*`, as
onnxruntime-genai's model builder names them; onnxruntime runs it with no other package. A night that is baked in always
speaks: its gate is no part of a graph. Knows nothing of the quick engine's own exports.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hippo_mem.errors import InputError, ModelUnavailable, StorageFull
from hippo_mem.home import sync_folder, unwritable
from hippo_mem.lm.model import LanguageModel
from hippo_mem.lm.quick.build import export_plain
from hippo_mem.lm.quick.home import EngineUnavailable
from hippo_mem.lm.quick.parity import BARS, agreement
from hippo_mem.onnx_session import open_session

# float32 differs from torch in the order of its sums alone.
_BARS = {"fp32": (0.995, 1e-4), **BARS}
_OPTIONS: dict[str, tuple[str, ...]] = {"fp32": (), "int8": (), "int4": ("algo_config=k_quant_mixed",)}
# The builder saves its own reading of these; the model's own are put in their place.
_TEXT_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written, and how it agrees with torch on the fixed prompts."""

    folder: str
    precision: str
    night: str | None
    n_bytes: int
    n_prompts: int
    n_tokens: int
    top1: float
    kl: float


def export_onnx(model: str, models: Path, out: Path, precision: str = "fp32", *, night: Path | None = None) -> Exported:
    """Write `out`, whole or not at all.

    Args: night: the folder of a night whose adapter is baked in.
    Raises: InputError when `out` exists and is not empty; EngineUnavailable when the export fails or disagrees with
        torch; StorageFull.
    """
    out = out.expanduser().absolute()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} exists and is not empty; give a new folder")
    lm = LanguageModel.load(model, models_dir=models, dtype="float32")
    scratch = out.with_name(f".{out.name}.{os.getpid()}.writing")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        scratch.mkdir()
        source = lm.folder
        if night is not None:
            source = scratch / "merged"
            _merge(lm, night, source)
        target = scratch / "onnx"
        export_plain(source, target, precision, scratch / "cache", _OPTIONS[precision])
        for file in _TEXT_FILES:
            if (lm.folder / file).is_file():
                shutil.copyfile(lm.folder / file, target / file)
        found = agreement(lm, plain_logits(target / "model.onnx", lm))
        least, most = _BARS[precision]
        if found.top1 < least or found.kl > most:
            raise EngineUnavailable(f"the export does not agree with torch: top1 {found.top1:.3f}, KL {found.kl:.4f}")
        n_bytes = sum(f.stat().st_size for f in target.iterdir())
        if out.exists():
            out.rmdir()
        target.rename(out)
        sync_folder(out.parent)
    except OSError as error:
        if isinstance(error, ModelUnavailable | StorageFull):
            raise
        raise unwritable(out, error) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return Exported(
        folder=str(out), precision=precision, night=str(night) if night else None, n_bytes=n_bytes,
        n_prompts=found.n_prompts, n_tokens=found.n_tokens, top1=found.top1, kl=found.kl,
    )  # fmt: skip


def plain_logits(graph: Path, lm: LanguageModel) -> Callable[[str], NDArray[np.float32]]:
    """A function text -> (T, V) logits that runs a graph with onnxruntime alone.

    Raises: ModelUnavailable when onnxruntime does not load it.
    """
    try:
        session = open_session(graph)
    except ValueError as error:
        raise ModelUnavailable(f"{graph} cannot be run: {error}") from error
    past = {i.name: i.shape for i in session.get_inputs() if i.name.startswith("past_key_values.")}

    def logits(text: str) -> NDArray[np.float32]:
        ids = np.array([lm.encode(text)], dtype=np.int64)
        feed: dict[str, Any] = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        for name, shape in past.items():  # (batch, heads, tokens so far, width)
            feed[name] = np.zeros((1, shape[1], 0, lm.head_width), dtype=np.float32)
        try:
            found: NDArray[np.float32] = session.run(["logits"], feed)[0][0]
        except Exception as error:  # the library raises classes of its own for each kind of failure
            raise EngineUnavailable(f"onnxruntime does not run {graph}: {error}") from error
        return found

    return logits


def _merge(lm: LanguageModel, night: Path, target: Path) -> None:
    """Bake an adapter into the loaded base and save it; `lm` then is the merged model."""
    from peft import PeftModel

    try:
        with torch.no_grad():
            merged = PeftModel.from_pretrained(lm.base, str(night)).merge_and_unload(safe_merge=True)
    except (ValueError, RuntimeError, KeyError) as error:
        raise ModelUnavailable(f"the adapter in {night} does not merge: {error}") from error
    lm.base = merged
    merged.save_pretrained(target)
    lm.tokenizer.save_pretrained(target)
