"""Events from the command line, a file or standard input: one a line. Knows nothing of what becomes of them."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from hippo_mem.errors import InputError
from hippo_mem.text import clean_text

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_DATE = re.compile(r"[0-9]{4}|[0-9]{8}")  # a year, or YYYYMMDD
_MONTH = re.compile(r"(?:19|20|21)[0-9]{2}(?:0[1-9]|1[0-2])")


def read_events(texts: Sequence[str], file: str | None) -> list[str]:
    """The events to remember: the arguments, then the non-empty lines of `file`; "-" in either place is stdin.

    All of them are checked before the first is used, so a bad line means that nothing is remembered.
    Raises: InputError when there is nothing, when the file cannot be read, or with the number of the bad line.
    """
    if file == "-" and "-" in texts:
        raise InputError("standard input is named twice; give '-' once")
    events: list[str] = []
    for text in texts:
        events += _lines(sys.stdin.buffer.read(), "standard input") if text == "-" else [clean_text(text)]
    if file == "-":
        events += _lines(sys.stdin.buffer.read(), "standard input")
    elif file is not None:
        events += _lines(_read(Path(file)), file)
    if not events:
        raise InputError("nothing to remember; give a sentence, --file FILE with one event a line, or - for stdin")
    return events


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error


def _lines(data: bytes, origin: str) -> list[str]:
    lines = []
    for number, raw in enumerate(data.removeprefix(_BYTE_ORDER_MARK).split(b"\n"), start=1):
        if raw.strip():
            try:
                lines.append(clean_text(raw, f"{origin}, line {number},"))
            except InputError as error:
                raise InputError(f"{error}; nothing was remembered") from error
    return lines


def parse_time(text: str | None) -> float | None:
    """Unix seconds of an ISO 8601 date ("2026-05-01", "2026-05-01T18:30+02:00"), of a year, or of a number of seconds.

    Four digits are a year, which means its first moment, and eight are YYYYMMDD: as seconds they would be early in
    1970, which nobody means. A date without a zone is local time.
    Raises: InputError when it is none of these.
    """
    if text is None:
        return None
    said = text.strip()
    if _MONTH.fullmatch(said):
        raise InputError(f"time {text!r} may be a month or seconds; for the month write {said[:4]}-{said[4:]}-01")
    try:
        seconds = None if _DATE.fullmatch(said) else float(said)
    except ValueError:
        seconds = None
    try:
        if seconds is not None:
            datetime.fromtimestamp(seconds)  # nan, and what is in no calendar, is no moment
            return seconds
        return datetime.fromisoformat(f"{said}-01-01" if len(said) == len("2026") else said).timestamp()
    except (ValueError, OverflowError, OSError) as error:
        raise InputError(
            f"time {text!r} is neither a date such as 2026-05-01T18:30 nor a number of unix seconds"
        ) from error
