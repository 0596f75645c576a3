"""Which texts go through a model together: of like length, so that little is filled up, and in few passes.

A pass costs what its filled-up tokens cost and a little for itself; the cheapest division of the texts in order of
their length is found exactly. Knows nothing of models or of what texts hold.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# What a pass costs beside its tokens, in tokens: on the default model 5 x 23 take 0.14 s, 48 x 21 take 0.74.
_A_PASS = 64


def in_batches(lengths: Sequence[int], most: int, *, extra: int = 0, passes: int = 1) -> list[list[int]]:
    """Indices of the texts in batches, the shortest texts first.

    Args:
        lengths: tokens of each text.
        most: filled-up tokens of a batch, unless it is of one text.
        extra: tokens that each text will be given more. passes: how often a batch goes through the model.
    """
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    cheapest = np.zeros(len(order) + 1)  # of the first i texts
    begins: list[int] = []  # where the batch begins that ends with text i
    for end, i in enumerate(order, start=1):
        size = max(1, most // max(1, lengths[i] + extra))
        starts = np.arange(max(0, end - size), end)
        costs = cheapest[starts] + (end - starts) * lengths[i]
        best = int(costs.argmin())
        cheapest[end] = costs[best] + _A_PASS * passes
        begins.append(int(starts[best]))
    found: list[list[int]] = []
    end = len(order)
    while end:
        found.append(order[begins[end - 1] : end])
        end = begins[end - 1]
    return found[::-1]
