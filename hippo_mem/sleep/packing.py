"""Sequences of many lengths in few rows, so that a training step computes no padding to speak of.

Several short sequences share a row; each attends to itself alone and counts its positions from 0, so the result equals
that of one sequence a row. Knows nothing of models or losses.

Source: sequence packing without cross-contamination (Krell et al. 2021, arXiv 2107.02027), first-fit decreasing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

ROW_TOKENS = 112  # about four questions; attention stays a small part of the step


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """Shapes: R rows, T tokens a row, S sequences.

    Args:
        ids: (R, T) token ids, 0 where nothing stands.
        positions: (R, T), from 0 within each sequence.
        mask: (R, 1, T, T) additive: 0 where a token may look, the format's lowest value elsewhere.
        starts: S pairs (row, column) of each sequence's first token, in the order given.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    mask: torch.Tensor
    starts: tuple[tuple[int, int], ...]


def pack(sequences: Sequence[Sequence[int]], dtype: torch.dtype, row_tokens: int = ROW_TOKENS) -> Packed:
    """Lay sequences into rows of at most `row_tokens` (a longer sequence gets a row of its own length).

    Raises: ValueError when there is no sequence or an empty one.
    """
    if not sequences or not all(sequences):
        raise ValueError("nothing to pack: give at least one sequence, none of them empty")
    width = max(row_tokens, max(len(s) for s in sequences))
    used: list[int] = []
    starts: list[tuple[int, int]] = [(0, 0)] * len(sequences)
    for i in sorted(range(len(sequences)), key=lambda i: -len(sequences[i])):
        n = len(sequences[i])
        row = next((r for r, u in enumerate(used) if u + n <= width), len(used))
        if row == len(used):
            used.append(0)
        starts[i] = (row, used[row])
        used[row] += n
    length = max(used)
    ids = torch.zeros(len(used), length, dtype=torch.long)
    positions = torch.zeros_like(ids)
    owner = torch.zeros_like(ids)
    for i, (row, column) in enumerate(starts):
        where = slice(column, column + len(sequences[i]))
        ids[row, where] = torch.tensor(sequences[i], dtype=torch.long)
        positions[row, where] = torch.arange(len(sequences[i]))
        owner[row, where] = i + 1
    visible = (owner[:, :, None] == owner[:, None, :]) & torch.ones(length, length, dtype=torch.bool).tril()
    mask = torch.zeros(visible.shape, dtype=dtype).masked_fill_(~visible, torch.finfo(dtype).min)
    return Packed(ids=ids, positions=positions, mask=mask[:, None], starts=tuple(starts))
