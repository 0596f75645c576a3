"""Values as JSON, and text as one safe line of a terminal. Knows nothing of commands."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import sys
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

# Remembered text is data: an escape sequence in it must not reach the terminal.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


def to_plain(value: Any) -> Any:
    """Dataclasses, mappings, sequences, paths and numpy scalars as JSON data; NaN and infinities become null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(k): to_plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(v) for v in value]
    if isinstance(value, AbstractSet):
        return sorted(to_plain(v) for v in value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int, bool)):
        return value
    if hasattr(value, "tolist"):  # numpy scalars and arrays
        return to_plain(value.tolist())
    return str(value)


def print_json(value: Any) -> None:
    """The value as indented JSON on stdout."""
    sys.stdout.write(json.dumps(to_plain(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def one_line(text: str, limit: int | None = None) -> str:
    """`text` without control characters or line breaks, cut to `limit` characters with an ellipsis."""
    clean = _CONTROL.sub(" ", text).strip()
    return clean if limit is None or len(clean) <= limit else clean[: limit - 1].rstrip() + "…"
