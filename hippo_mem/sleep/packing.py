"""Sequences of many lengths in few rows, so that a training step computes little padding and no shared opening twice.

Several short sequences share a row; each attends to itself alone and counts its positions from 0, so the result equals
that of one sequence a row. The opening most sequences have in common (that of a chat turn) stands once in each row.
Rows are filled evenly and their length is rounded up, so steps of like size have one shape: a matrix library prepares
a plan for every shape it has not met. Knows nothing of models or losses.

Source: sequence packing without cross-contamination (Krell et al. 2021, arXiv 2107.02027). Differs: the number of rows
comes first and the longest sequence goes to the emptiest row (Graham 1969, longest processing time first); the common
opening is shared, which is exact for causal attention.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch

ROW_TOKENS = 88  # the opening and four questions of the default suite; attention stays a small part of a step
_OPENING = 3  # tokens an opening has ("<|im_start|>user\n" in the default model)
_ROUND = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """Shapes: R rows, T tokens a row, S sequences.

    Args:
        ids: (R, T) token ids, 0 where nothing stands.
        positions: (R, T), from 0 within each sequence.
        mask: (R, 1, T, T) additive: 0 where a token may look, the format's lowest value elsewhere.
        places: S triples (row, column, shared): token i of the sequence stands at column + i, except that its first
            `shared` tokens are the opening at the beginning of its row.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    mask: torch.Tensor
    places: tuple[tuple[int, int, int], ...]

    def rows(self, hidden: torch.Tensor, sequence: int, first: int, last: int) -> torch.Tensor:
        """States of tokens first..last-1 of a sequence: (last - first, d) out of (R, T, d)."""
        row, column, shared = self.places[sequence]
        own = hidden[row, column + max(first, shared) : column + last]
        if first >= shared:
            return own
        return torch.cat([hidden[row, first : min(last, shared)], own])


def pack(sequences: Sequence[Sequence[int]], dtype: torch.dtype, row_tokens: int = ROW_TOKENS) -> Packed:
    """Lay sequences evenly into rows of about `row_tokens` (or of the longest sequence, where that is longer).

    Raises: ValueError when there is no sequence or an empty one.
    """
    if not sequences or not all(sequences):
        raise ValueError("nothing to pack: give at least one sequence, none of them empty")
    opening = _common_opening(sequences)
    shared = [len(opening) if opening and tuple(s[:_OPENING]) == opening else 0 for s in sequences]
    own = [len(s) - n for s, n in zip(sequences, shared, strict=True)]
    width = max(row_tokens - len(opening), *own)
    n_rows = -(-sum(own) // width)
    emptiest = [(len(opening), row) for row in range(n_rows)]
    places = [(0, 0, 0)] * len(sequences)
    for i in sorted(range(len(sequences)), key=lambda i: -own[i]):
        used, row = heapq.heappop(emptiest)
        places[i] = (row, used - shared[i], shared[i])
        heapq.heappush(emptiest, (used + own[i], row))
    length = -(-max(used for used, _ in emptiest) // _ROUND) * _ROUND
    ids = torch.zeros(n_rows, length, dtype=torch.long)
    positions = torch.zeros_like(ids)
    owner = torch.full_like(ids, -1)
    ids[:, : len(opening)] = torch.tensor(opening, dtype=torch.long)
    positions[:, : len(opening)] = torch.arange(len(opening))
    owner[:, : len(opening)] = 0
    joins = torch.zeros(len(sequences) + 2, dtype=torch.bool)  # by owner: whether it looks at the opening
    joins[0] = True
    for i, (row, column, n) in enumerate(places):
        where = slice(column + n, column + len(sequences[i]))
        ids[row, where] = torch.tensor(sequences[i][n:], dtype=torch.long)
        positions[row, where] = torch.arange(n, len(sequences[i]))
        owner[row, where] = i + 1
        joins[i + 1] = n > 0
    same = (owner[:, :, None] == owner[:, None, :]) | ((owner == 0)[:, None, :] & joins[owner][:, :, None])
    visible = same & torch.ones(length, length, dtype=torch.bool).tril()
    mask = torch.zeros(visible.shape, dtype=dtype).masked_fill_(~visible, torch.finfo(dtype).min)
    return Packed(ids=ids, positions=positions, mask=mask[:, None], places=tuple(places))


def _common_opening(sequences: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """The first tokens most sequences begin with; none where no two begin alike."""
    found = Counter(tuple(s[:_OPENING]) for s in sequences if len(s) > _OPENING)
    opening, n = found.most_common(1)[0] if found else ((), 0)
    return opening if n > 1 else ()
