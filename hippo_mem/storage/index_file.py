"""The file of an index: a stamp of what it was built from, and a body with a checksum. Knows nothing of vectors."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path

from hippo_mem.errors import StorageFull
from hippo_mem.home import write_private
from hippo_mem.storage.sealed import seal, unseal

_MAGIC = b"hippo-index-3\n"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What an index was built from. Equal stamps mean equal contents.

    `last_created` is when the newest row was made: it tells a store apart from a backup that went its own way.
    """

    store_id: str
    schema: int
    generation: int
    embedder: str
    dim: int
    rows: int
    last_id: int
    deletions: int
    last_created: float


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexFile:
    """What a file holds: `n` positions, `folded` of them in the graph, and the bytes of both."""

    stamp: Stamp
    n: int
    folded: int
    body: bytes


def write(path: Path, file: IndexFile) -> None:
    """Write the file so that a crash leaves the old one or the new one.

    Raises: StorageFull.
    """
    write_private(path, seal(_MAGIC, {**asdict(file.stamp), "n": file.n, "folded": file.folded}, file.body))


def read(path: Path, dim: int) -> IndexFile | None:
    """The file, whole and of vectors of `dim` numbers; None (and a log line why) when there is no usable one."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        _log.warning("cannot read %s (%s); the index is built from the store", path, error)
        return None
    try:
        header, body = unseal(data, _MAGIC, "an index file")
        n, folded = int(header.pop("n")), int(header.pop("folded"))
        stamp = Stamp(**header)
        if stamp.dim != dim:
            raise ValueError(f"dimension {stamp.dim} instead of {dim}")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        _log.warning("%s is unusable (%s); the index is built from the store", path, error)
        return None
    return IndexFile(stamp=stamp, n=n, folded=folded, body=bytes(body))


def whose(path: Path) -> tuple[str, int] | None:
    """Which store the file says it is of, and how many of its rows it holds; None when it does not say.

    Only the first lines are read: a file whose body is damaged or of another embedder says it as well.
    """
    try:
        with path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                return None
            header = json.loads(file.readline())
        return str(header["store_id"]), int(header["rows"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def discard(path: Path) -> None:
    """Remove a saved index, so that no deleted vector stays in it.

    Raises: StorageFull when it cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StorageFull(f"cannot remove {path}: {error.strerror}; remove it by hand") from error
