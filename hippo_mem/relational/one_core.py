"""Keeps numpy's matrix products on the core of the thread that calls for them, while a block runs.

The products of a parser are so small that two cores spend more time waiting for each other than multiplying; they spin
while they wait, so a second thread that works beside them loses its core. Numpy's own BLAS (OpenBLAS) has one setting
for the whole process: it is put back when the last block ends. Where numpy multiplies by another library, nothing is
changed. Knows nothing of parsing.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import threading
from collections.abc import Callable, Iterator
from functools import cache

_NAMES = ("scipy_openblas_{}_num_threads64_", "scipy_openblas_{}_num_threads", "openblas_{}_num_threads")
_lock = threading.Lock()
_inside = 0
_before = 0


@contextlib.contextmanager
def one_core() -> Iterator[None]:
    """Within the block, a product of numpy's takes one thread. Blocks may overlap, also between threads."""
    global _inside, _before  # the setting is the process's as well
    found = _openblas()
    if found is None:
        yield
        return
    get, put = found
    with _lock:
        if _inside == 0:
            _before = get()
            put(1)
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                put(_before)


@cache
def _openblas() -> tuple[Callable[[], int], Callable[[int], None]] | None:
    """How to ask for the number of threads, and how to set it; None where it is not OpenBLAS that multiplies."""
    try:
        library = ctypes.CDLL(str(importlib.import_module("numpy._core._multiarray_umath").__file__))
    except (ImportError, OSError):
        return None
    for name in _NAMES:
        get, put = (getattr(library, name.format(verb), None) for verb in ("get", "set"))
        if get is not None and put is not None:
            return get, put
    return None
