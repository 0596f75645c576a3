"""Bytes of a file that is only ever believed whole: a line that says its kind, a header of JSON, a body, a checksum.

Knows nothing of what is in the header or the body, nor of files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def seal(magic: bytes, header: Mapping[str, Any], body: bytes) -> bytes:
    """`magic` (a line), the header with the checksum of the body, and the body."""
    return magic + json.dumps({**header, "checksum": _checksum(body)}).encode() + b"\n" + body


def unseal(data: bytes, magic: bytes, what: str) -> tuple[dict[str, Any], memoryview]:
    """The header, without its checksum, and the body.

    Args: what: "an index file", for the message.
    Raises: ValueError, KeyError, TypeError, AttributeError for anything that `seal` did not make.
    """
    if not data.startswith(magic):
        raise ValueError(f"not {what} of this version")
    end = data.index(b"\n", len(magic))
    header: dict[str, Any] = json.loads(data[len(magic) : end])
    body = memoryview(data)[end + 1 :]
    if _checksum(body) != header.pop("checksum"):
        raise ValueError("the checksum does not match")
    return header, body


def _checksum(body: bytes | memoryview) -> str:
    return hashlib.blake2b(body, digest_size=16).hexdigest()
