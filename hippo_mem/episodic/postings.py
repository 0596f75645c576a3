"""Which positions each term has, as flat arrays that a file can hold, and back. Knows nothing of what the terms are.

Shapes: T terms, n entries of all of them together, P positions before and Q after they move.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int32]
Ids = NDArray[np.int64]


def flat(lists: Sequence[array[int]]) -> tuple[Ints, Ints]:
    """How many entries each term has, (T,), and all of them in the order of the terms, (n,)."""
    sizes = np.fromiter((len(entries) for entries in lists), dtype=np.int32, count=len(lists))
    return sizes, np.frombuffer(b"".join(entries.tobytes() for entries in lists), dtype=np.int32)


def moved(sizes: Ints, positions: Ints, to: Ids) -> tuple[Ints, Ints, NDArray[np.bool_]]:
    """Every position at its new place; what has none goes.

    Shapes: positions (n,), to (P,) with -1 for what goes -> sizes (T,), positions (m,), which entries stayed (n,).
    Raises: IndexError for a position outside of `to`.
    """
    if len(positions) and int(positions.min()) < 0:
        raise IndexError("a position below 0")
    places = to[positions]
    stay = places >= 0
    terms = np.repeat(np.arange(len(sizes)), sizes)[stay]
    return np.bincount(terms, minlength=len(sizes)).astype(np.int32), places[stay].astype(np.int32), stay


def lists(sizes: Ints, entries: Ints) -> list[array[int]]:
    """`flat` taken back."""
    ends = np.cumsum(sizes).tolist()
    data = entries.tobytes()
    found = []
    start = 0
    for end in ends:
        entry = array("i")
        entry.frombytes(data[4 * start : 4 * end])
        found.append(entry)
        start = end
    return found
