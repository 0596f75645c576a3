"""Where and with what a figure was measured. Knows nothing of the figure."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_PACKAGES = ("hippo-memory", "torch", "transformers", "peft", "faiss-cpu", "spacy", "numpy")


def versions() -> dict[str, str]:
    """Version of Python and of each package that can change a figure; "not installed" where it is not."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def machine() -> dict[str, Any]:
    """Processor, cores this process may use, memory in GiB, system. No names of host or user."""
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": _memory_gib(),
    }


def _processor() -> str:
    """Its name, with family and model where known: processors of one name are of several generations."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(errors="replace").splitlines() if info.is_file() else []
    said = {key.strip(): value.strip() for key, colon, value in (line.partition(":") for line in lines) if colon}
    name = said.get("model name") or platform.processor() or "unknown"
    if "cpu family" in said and "model" in said:
        return f"{name} (family {said['cpu family']}, model {said['model']})"
    return name


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (ValueError, OSError, AttributeError):
        return None
