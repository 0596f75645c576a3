"""Keep freed memory for the next training step instead of giving it back to the system.

A step allocates and frees the same tens of megabytes thousands of times; with glibc's defaults each round maps and
clears fresh pages, a tenth of the step (docs/LOG.md). Knows nothing of training; elsewhere than glibc it does nothing.
"""

from __future__ import annotations

import ctypes
import platform

# mallopt(3)
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEEP_BYTES = 1 << 30


def keep_freed_memory() -> bool:
    """Ask glibc not to return freed blocks below 1 GiB; whether it was asked. Lasts as long as the process."""
    if platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    return bool(libc.mallopt(_M_MMAP_THRESHOLD, _KEEP_BYTES) and libc.mallopt(_M_TRIM_THRESHOLD, _KEEP_BYTES))
