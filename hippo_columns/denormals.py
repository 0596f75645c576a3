"""Denormal numbers as zeros while columns train: moments of weights that hardly get a gradient fade into them, and they
are slow. The setting is the process's, so it is taken back afterwards. Knows nothing of training.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def flushed_denormals() -> Iterator[None]:
    """Within: numbers below the smallest normal one count as 0, where the processor can. Also a decorator."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
