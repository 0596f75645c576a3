"""Gives memory that was freed back to the system, after something large was read. Knows nothing of what.

glibc keeps freed blocks that lie between used ones: a vocabulary, a parser or an index that is read from a file leaves
as much behind as it keeps. Elsewhere than on glibc it does nothing.
"""

from __future__ import annotations

import ctypes
import platform
from functools import cache
from typing import Any


def give_back_freed_memory() -> None:
    """Return whole pages that nobody uses, in some milliseconds."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


@cache
def _glibc() -> Any:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
