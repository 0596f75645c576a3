"""Suites written to a folder: their items, a card each, and checksums of every file.

    <out>/<suite>/<profile>_n<n>_seed<seed>_{teach,test}.jsonl
    <out>/<suite>/CARD.md
    <out>/SHA256SUMS              as `sha256sum --check` reads it

Knows nothing of the command line.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from hippo_eval.suites.cards import card
from hippo_eval.suites.choose import check_profile, check_suite, generate_suite
from hippo_eval.suites.files import write_suite
from hippo_mem.errors import InputError, StorageFull
from hippo_mem.storage.jsonl import write_atomic

SUMS = "SHA256SUMS"


def build(
    out: str | Path,
    suites: Sequence[str],
    *,
    sizes: Sequence[int] = (50,),
    seeds: Sequence[int] = (1337,),
    profiles: Sequence[str] = ("default",),
    said: Callable[[str], None] = lambda line: None,
) -> list[Path]:
    """Write every combination; the checksum file covers all files of the suites' folders, earlier builds included.

    Args:
        said: called with a line for every pair of files.
    Returns: the item files written.
    Raises: InputError for an unknown suite or profile, a size out of range, or a leak, before anything of that suite is
        written; StorageFull.
    """
    folder = Path(out).expanduser()
    levels = [check_profile(p) for p in profiles]
    names = [check_suite(name) for name in suites]
    if not (names and levels and sizes and seeds):
        raise InputError("name at least one suite, size, seed and profile")
    written: list[Path] = []
    for name in names:
        built = [(generate_suite(name, n, seed, level), n) for n in sizes for seed in seeds for level in levels]
        try:
            (folder / name).mkdir(parents=True, exist_ok=True)
            for suite, n in built:
                written += write_suite(suite, folder / name, f"{suite.profile}_n{n}_seed{suite.seed}")
                said(
                    f"{name} {suite.profile} n={n} seed={suite.seed}: {len(suite.teach)} told, {len(suite.test)} asked"
                )
            write_atomic(folder / name / "CARD.md", card(name, built[0][0]).encode())
        except OSError as error:
            raise StorageFull(f"cannot write {folder / name}: {error.strerror or error}") from error
    write_atomic(folder / SUMS, checksums(folder).encode())
    return written


def checksums(folder: Path) -> str:
    """One line a file below `folder`, sorted by path: its SHA-256, two spaces, its path."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix in (".jsonl", ".md"))
    return "".join(f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(folder).as_posix()}\n" for p in files)
