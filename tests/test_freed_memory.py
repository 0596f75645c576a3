"""What was freed between blocks that are still used goes back to the system."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

_CODE = """
import psutil
from hippo_mem.freed_memory import give_back_freed_memory
blocks = [bytearray(50_000) for _ in range(2_000)]  # 100 MB, each below what malloc maps by itself
del blocks[::2], blocks[:-1:2]
last = blocks
before = psutil.Process().memory_info().rss
give_back_freed_memory()
print((before - psutil.Process().memory_info().rss) // 10**6, len(last[-1]))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators give memory back by themselves")
def test_freed_blocks_go_back() -> None:
    done = subprocess.run([sys.executable, "-c", _CODE], capture_output=True, text=True, check=True)
    freed, kept = map(int, done.stdout.split())
    assert freed > 20
    assert kept == 50_000
