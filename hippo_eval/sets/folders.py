"""Where a set lies on this machine, and where its original is. Knows nothing of what is in it."""

from __future__ import annotations

import os
from pathlib import Path

from hippo_mem.errors import InputError, nearest

ORIGINS = {
    "babi": "bAbI v1.2 (Weston et al. 2015, CC BY 3.0): https://research.facebook.com/downloads/babi/",
    "locomo": "LoCoMo (Maharana et al. 2024, CC BY-NC 4.0): data/locomo10.json of "
    "https://github.com/snap-research/locomo",
}


def check_set(name: str) -> str:
    """The name of a set, if there is one.

    Raises: InputError with the nearest one.
    """
    if name not in ORIGINS:
        raise InputError(f"no set {name!r}{nearest(name, ORIGINS)}")
    return name


def data_folder(name: str, data: str | Path | None) -> Path:
    """The folder of a set: `data`, else `$HIPPO_DATA/<name>`.

    Raises: InputError saying where the original is, when there is no such folder.
    """
    root = os.environ.get("HIPPO_DATA")
    if data is None and root is None:
        raise InputError(f"say where {name} lies: --data DIR, or HIPPO_DATA with a folder {name}. {ORIGINS[name]}")
    folder = Path(data).expanduser() if data is not None else Path(str(root)).expanduser() / name
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder. {ORIGINS[name]}")
    return folder


def nothing_in(folder: Path, name: str) -> InputError:
    """The error of a folder without a file of the set; it names what is there instead."""
    inside = sorted(p.name + ("/" if p.is_dir() else "") for p in folder.iterdir())
    there = f"there is {', '.join(inside[:8])}{', …' if len(inside) > 8 else ''}" if inside else "it is empty"
    return InputError(f"{folder} holds no file of {name}; {there}. {ORIGINS[name]}")
