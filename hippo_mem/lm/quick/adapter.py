"""A night's adapter as inputs of the quick engine's graph, read from its own folder. Knows nothing of sessions.

Shapes: K in and N out of a linear map, r rank.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hippo_mem.errors import StoreFormatError
from hippo_mem.lm.adapter_gate import AdapterGate
from hippo_mem.lm.lora_folder import Floats, read_lora
from hippo_mem.lm.quick.graph_names import lora_names

# The projections that the export joins into one matrix, in its order of columns.
_JOINED = ("q_proj", "k_proj", "v_proj")


@dataclass(frozen=True, slots=True, kw_only=True)
class NightAdapter:
    """Arrays by input name, and the gate that says for which prompts they are used (None: for all)."""

    arrays: Mapping[str, Floats]
    gate: AdapterGate | None


def read_adapter(folder: Path, widths: Mapping[str, int]) -> NightAdapter:
    """The LoRA adapter of a PEFT folder.

    Args: widths: the graph's adapter inputs and their fixed width (K of an A, N of a B).
    Raises: StoreFormatError when the files are damaged, or hold what the graph has no place for.
    """
    lora = read_lora(folder)
    parts, scale = lora.parts, lora.scale
    arrays: dict[str, Floats] = {}
    for (block, linear), pair in parts.items():
        if linear not in _JOINED:
            _put(arrays, block, linear, pair["A"].T, pair["B"].T * scale)
    for block in {b for b, linear in parts if linear in _JOINED}:
        _join(arrays, block, {p: parts[block, p] for p in _JOINED if (block, p) in parts}, scale, widths, folder)
    for name, array in arrays.items():
        fixed = array.shape[0] if name.endswith(".a") else array.shape[1]
        if widths.get(name) != fixed:
            raise StoreFormatError(f"the adapter in {folder} has width {fixed} at {name}, the model {widths.get(name)}")
    return NightAdapter(arrays=arrays, gate=AdapterGate.load(folder))


def _put(arrays: dict[str, Floats], block: int, linear: str, a: Floats, b: Floats) -> None:
    name_a, name_b = lora_names(block, linear)
    arrays[name_a] = np.ascontiguousarray(a, dtype=np.float32)
    arrays[name_b] = np.ascontiguousarray(b, dtype=np.float32)


def _join(
    arrays: dict[str, Floats], block: int, pairs: Mapping[str, Mapping[str, Floats]], scale: float,
    widths: Mapping[str, int], folder: Path,
) -> None:  # fmt: skip
    """Adapters of q, k and v as one over [q k v]: A side by side, B in blocks.

    Raises: StoreFormatError where k and v are not wide enough to tell where each begins.
    """
    total = widths.get(lora_names(block, "qkv_proj")[1], 0)
    known = {p: pairs[p]["B"].shape[0] for p in pairs}
    for one, other in (("k_proj", "v_proj"), ("v_proj", "k_proj")):
        if one not in known and other in known:
            known[one] = known[other]  # keys and values are of one width
    if "q_proj" not in known and "k_proj" in known:
        known["q_proj"] = total - 2 * known["k_proj"]
    if "k_proj" not in known and "q_proj" in known:
        known["k_proj"] = known["v_proj"] = (total - known["q_proj"]) // 2
    if sum(known.values()) != total or len(known) != len(_JOINED):
        raise StoreFormatError(f"the adapter in {folder} does not fit the model's attention ({known}, {total})")
    starts = {"q_proj": 0, "k_proj": known["q_proj"], "v_proj": known["q_proj"] + known["k_proj"]}
    rank = sum(pairs[p]["A"].shape[0] for p in pairs)
    b = np.zeros((rank, total), dtype=np.float32)
    row = 0
    for p in pairs:
        n = pairs[p]["A"].shape[0]
        b[row : row + n, starts[p] : starts[p] + known[p]] = pairs[p]["B"].T * scale
        row += n
    _put(arrays, block, "qkv_proj", np.concatenate([pairs[p]["A"] for p in pairs]).T, b)
