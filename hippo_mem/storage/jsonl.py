"""Lines of JSON on disk: a line is one object, a bad line an error with its number; a file changes whole or not at all.

Knows nothing of what the objects mean.
"""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from hippo_mem.errors import InputError, StorageFull, StoreFormatError


def read_jsonl(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line number from 1, object) of each line; empty lines are passed over.

    Raises: InputError when there is no such file; StoreFormatError with file and line number for a line that is not
        UTF-8, not JSON (a file that was cut off ends so), or not an object.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"no file {path}") from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    for at, raw in enumerate(lines, start=1):
        if not raw.strip():
            continue
        try:
            row = json.loads(raw.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            cut = at == len(lines) and not data.endswith(b"\n")
            hint = "the file ends in the middle of it" if cut else str(error)
            raise StoreFormatError(f"{path}, line {at} is not valid JSON: {hint}") from error
        if not isinstance(row, dict):
            raise StoreFormatError(f"{path}, line {at} must be a JSON object, got {type(row).__name__}")
        yield at, row


def read_appended(path: Path) -> list[dict[str, Any]]:
    """The objects of a file that `append_jsonl` writes; none where there is none.

    From the first line on that is not whole, what a killed process left behind is cut off.
    """
    data = path.read_bytes() if path.is_file() else b""
    found: list[dict[str, Any]] = []
    at = 0
    for line in data.split(b"\n")[:-1]:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            break
        if not isinstance(row, dict):
            break
        found.append(row)
        at += len(line) + 1
    if at < len(data):
        os.truncate(path, at)
    return found


def append_jsonl(path: Path, rows: Iterable[Mapping[str, Any]], *, sync: bool = True) -> None:
    """Put rows at the end of a file.

    Args: sync: they are on disk when this returns; False leaves that to the system.
    Raises: OSError.
    """
    with path.open("ab") as file:
        file.write(encode_jsonl(rows))
        if sync:
            file.flush()
            os.fsync(file.fileno())


def encode_jsonl(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """The rows as UTF-8 lines."""
    return "".join(json.dumps(dict(row), ensure_ascii=False) + "\n" for row in rows).encode("utf-8", "surrogatepass")


def write_atomic(path: Path, data: bytes) -> None:
    """Put `data` at `path`, making its folders: after a crash the file is the old one or the new one, never a part.

    Raises: StorageFull when the disk is full or may not be written; InputError when the place is not a file's.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        temporary = None
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # else the rename itself may be lost
        finally:
            os.close(folder)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM):
            raise StorageFull(f"cannot write {path}: {error.strerror}; free space or choose another folder") from error
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
