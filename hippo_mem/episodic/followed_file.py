"""Words and sparse keys of a store's rows in one file beside its vectors, so that a new process need not read every
text again before its first recall.

Derived, and only ever believed whole: a stamp says which store and which vector space it is of, a checksum that it is
what was written. Rows that came since are read from the store; a row that was deleted is not in the file. Knows nothing
of SQL or of searching.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hippo_mem.episodic.keys import KeyIndex, Separator
from hippo_mem.episodic.word_index import WordIndex
from hippo_mem.home import write_private
from hippo_mem.storage.sealed import seal, unseal

_log = logging.getLogger(__name__)

_MAGIC = b"hippo-words-1\n"

Ids = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Which rows: of this store and vector space, up to the row `last_id`, which was made at `last_created`."""

    store_id: str
    generation: int
    embedder: str
    dim: int
    last_id: int
    last_created: float


def save(path: Path, origin: Origin, ids: Ids, live: Mask, words: WordIndex, keys: KeyIndex) -> None:
    """Write both for the rows that live; a crash leaves the old file or the new one.

    Shapes: P positions; ids (P,), live (P,). Words and keys must have all of them.
    Raises: StorageFull.
    """
    to = np.where(live, np.cumsum(live) - 1, -1)
    stems, word_parts = words.pack(to)
    parts: dict[str, NDArray[Any]] = {"ids": ids[live], **word_parts, **keys.pack(to)}
    body = b"".join([stems, *(np.ascontiguousarray(part).tobytes() for part in parts.values())])
    header = {
        "origin": [getattr(origin, name) for name in Origin.__dataclass_fields__],
        "stems": len(stems),
        "parts": {name: [str(part.dtype), len(part)] for name, part in parts.items()},
    }
    write_private(path, seal(_MAGIC, header, body))


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What a file holds."""

    origin: Origin
    ids: Ids
    stems: bytes
    parts: dict[str, NDArray[Any]]

    def at(self, ids: Ids, live: Mask, separator: Separator) -> tuple[WordIndex, KeyIndex] | None:
        """Both for the first positions of an index, as far as the file reaches; None where it lacks one that lives.

        Shapes: ids (P,) ascending, live (P,).
        """
        n = int(np.searchsorted(ids, self.ids[-1], side="right")) if len(self.ids) else 0
        known = np.isin(ids[:n], self.ids)
        if (live[:n] & ~known).any():
            return None
        to = np.full(len(self.ids), -1, dtype=np.int64)
        to[np.searchsorted(self.ids, ids[:n][known])] = np.flatnonzero(known)
        try:
            return WordIndex.unpack(self.stems, self.parts, to, n), KeyIndex.unpack(separator, self.parts, to, n)
        except (IndexError, ValueError) as error:
            _log.warning("the saved words do not fit together (%s); they are read from the store", error)
            return None


def load(path: Path) -> Followed | None:
    """What was saved; None (and a log line why) when there is no usable file."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        _log.warning("cannot read %s (%s); words are read from the store", path, error)
        return None
    try:
        header, body = unseal(data, _MAGIC, "a file of words")
        origin = Origin(**dict(zip(Origin.__dataclass_fields__, header["origin"], strict=True)))
        at = int(header["stems"])
        stems, parts = bytes(body[:at]), {}
        for name, (dtype, length) in header["parts"].items():
            parts[name] = np.frombuffer(body, dtype=np.dtype(dtype), count=int(length), offset=at)
            at += parts[name].nbytes
        return Followed(origin=origin, ids=parts["ids"], stems=stems, parts=parts)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        _log.warning("%s is not usable (%s); words are read from the store", path, error)
        return None
