"""Sequences of many lengths in few rows, so that a training step computes no padding and no shared beginning twice.

Several short sequences share a row; each attends to itself alone and counts its positions from 0, so the result equals
that of one sequence a row. What all sequences of a row begin with (the opening of a chat turn) stands there once, and
each attends to it. Knows nothing of models or losses.

Source: sequence packing without cross-contamination (Krell et al. 2021, arXiv 2107.02027), first-fit decreasing.
Differs: the
common beginning is shared, which is exact for causal attention.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

ROW_TOKENS = 112  # about five questions; attention stays a small part of the step
_OPENING = 3  # tokens that sequences must begin with alike to share a row ("<|im_start|>user\n" in the default model)


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """Shapes: R rows, T tokens a row, S sequences.

    Args:
        ids: (R, T) token ids, 0 where nothing stands.
        positions: (R, T), from 0 within each sequence.
        mask: (R, 1, T, T) additive: 0 where a token may look, the format's lowest value elsewhere.
        places: S pairs (row, column such that token i of the sequence stands at column + i for every i >= `shared`).
        shared: tokens at the beginning of every sequence that stand at the beginning of its row instead.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    mask: torch.Tensor
    places: tuple[tuple[int, int], ...]
    shared: int

    def rows(self, hidden: torch.Tensor, sequence: int, first: int, last: int) -> torch.Tensor:
        """States of tokens first..last-1 of a sequence: (last - first, d) out of (R, T, d)."""
        row, column = self.places[sequence]
        own = hidden[row, column + max(first, self.shared) : column + last]
        if first >= self.shared:
            return own
        return torch.cat([hidden[row, first : min(last, self.shared)], own])


def pack(sequences: Sequence[Sequence[int]], dtype: torch.dtype, row_tokens: int = ROW_TOKENS) -> Packed:
    """Lay sequences into rows of at most `row_tokens` (a longer sequence gets a row of its own length).

    Raises: ValueError when there is no sequence or an empty one.
    """
    if not sequences or not all(sequences):
        raise ValueError("nothing to pack: give at least one sequence, none of them empty")
    shared = _OPENING if min(map(len, sequences)) > _OPENING else 0
    width = max(row_tokens, max(len(s) for s in sequences))
    used: list[int] = []
    openings: list[tuple[int, ...]] = []
    places: list[tuple[int, int]] = [(0, 0)] * len(sequences)
    for i in sorted(range(len(sequences)), key=lambda i: -len(sequences[i])):
        opening, n = tuple(sequences[i][:shared]), len(sequences[i]) - shared
        fits = (r for r, u in enumerate(used) if u + n <= width and openings[r] == opening)
        row = next(fits, len(used))
        if row == len(used):
            used.append(shared)
            openings.append(opening)
        places[i] = (row, used[row] - shared)
        used[row] += n
    length = max(used)
    ids = torch.zeros(len(used), length, dtype=torch.long)
    positions = torch.zeros_like(ids)
    owner = torch.full_like(ids, -1)
    for row, opening in enumerate(openings):
        ids[row, :shared] = torch.tensor(opening, dtype=torch.long)
        positions[row, :shared] = torch.arange(shared)
        owner[row, :shared] = 0
    for i, (row, column) in enumerate(places):
        where = slice(column + shared, column + len(sequences[i]))
        ids[row, where] = torch.tensor(sequences[i][shared:], dtype=torch.long)
        positions[row, where] = torch.arange(shared, len(sequences[i]))
        owner[row, where] = i + 1
    same = (owner[:, :, None] == owner[:, None, :]) | (owner[:, None, :] == 0)
    visible = same & torch.ones(length, length, dtype=torch.bool).tril()
    mask = torch.zeros(visible.shape, dtype=dtype).masked_fill_(~visible, torch.finfo(dtype).min)
    return Packed(ids=ids, positions=positions, mask=mask[:, None], places=tuple(places), shared=shared)
