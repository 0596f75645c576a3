"""Values as JSON, and text as one safe line of a terminal. Knows nothing of commands."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

from hippo_mem.plain import to_plain

# Remembered text is data: an escape sequence in it must not reach the terminal.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


def print_json(value: Any) -> None:
    """The value as indented JSON on stdout."""
    sys.stdout.write(json.dumps(to_plain(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def one_line(text: str, limit: int | None = None) -> str:
    """`text` without control characters or line breaks, cut to `limit` characters with an ellipsis."""
    clean = _CONTROL.sub(" ", text).strip()
    return clean if limit is None or len(clean) <= limit else clean[: limit - 1].rstrip() + "…"
