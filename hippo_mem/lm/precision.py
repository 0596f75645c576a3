"""Which number format is quicker on this machine, by measurement.

bfloat16 is several times faster where the processor multiplies it natively and slower where it does not; the answer is
cached per machine and torch version. Knows nothing of models.
"""

from __future__ import annotations

import hashlib
import json
import logging
import platform
import time
from pathlib import Path

import torch

from hippo_mem.errors import StorageFull
from hippo_mem.home import write_private

log = logging.getLogger(__name__)

# Rows, inner and outer width of the default model's MLP in a training step.
_ROWS, _INNER, _OUTER = 512, 576, 1536
_REPEATS = 5


def measure() -> dict[str, float]:
    """Seconds of one matrix product by format: the minimum over a few repeats after a warm-up."""
    seconds = {}
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        a = torch.ones(_ROWS, _INNER, dtype=dtype)
        b = torch.ones(_OUTER, _INNER, dtype=dtype)
        best = float("inf")
        for _ in range(_REPEATS):
            start = time.perf_counter()
            torch.nn.functional.linear(a, b)
            best = min(best, time.perf_counter() - start)
        seconds[name] = best
    return seconds


def choose(cache: Path | None = None) -> torch.dtype:
    """bfloat16 where it is at least 1.2 times as fast as float32, else float32.

    Args:
        cache: a JSON file that keeps the measurement; not written when it cannot be.
    """
    key = f"{platform.processor() or platform.machine()}/{_cpu_name()}/{torch.__version__}/{torch.get_num_threads()}"
    known = _read(cache)
    if key not in known:
        known[key] = measure()
        _write(cache, known)
    seconds = known[key]
    # A near tie goes to float32: it loses no digits.
    return torch.bfloat16 if seconds["float32"] > 1.2 * seconds["bfloat16"] else torch.float32


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(errors="replace").splitlines():
            if line.startswith("flags"):  # the name alone hides what a virtual machine masks
                return f"{hash_text(line)}"
    return platform.machine()


def hash_text(text: str) -> str:
    """Eight hex digits of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _read(cache: Path | None) -> dict[str, dict[str, float]]:
    if cache is None or not cache.is_file():
        return {}
    try:
        data = json.loads(cache.read_text())
        return {k: {"float32": float(v["float32"]), "bfloat16": float(v["bfloat16"])} for k, v in data.items()}
    except (ValueError, KeyError, TypeError, OSError):
        log.warning("ignoring the unreadable cache %s", cache)
        return {}


def _write(cache: Path | None, known: dict[str, dict[str, float]]) -> None:
    if cache is None:
        return
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        write_private(cache, json.dumps(known).encode())
    except (OSError, StorageFull) as error:
        log.info("the precision measurement is not cached: %s", error)
