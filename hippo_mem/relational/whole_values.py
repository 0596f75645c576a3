"""Codes, telephone numbers and dates in digits are one word each: "555-1234", "1990-05-01", "DE89 3704 0044", "12*34".

A tokenizer takes them for differences, products or lists, and a part of them would be told as the whole. In: a
tokenizer; out: one that puts them together again. Knows nothing of what is said of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

_CHUNK = re.compile(r"[^\s,;()\[\]{}\"\u201c\u201d]+")
_AROUND = ".:!?'\u2018\u2019"
_JOINED = frozenset("-\u2013*+/&$=:?_~^%#@!")
_HOURS = re.compile(r"\d{1,2}[:.]\d\d[-\u2013]\d{1,2}(?:[:.]\d\d)?")  # from one to the other
_HYPHEN = re.compile(r"[-\u2013]")
# Groups with blanks between them: accounts and cards, and numbers that are called.
_GROUPS = re.compile(
    r"\b[A-Z]{2}\d{2}(?: [0-9A-Z]{4}){2,7}(?: [0-9A-Z]{1,3})?\b|\b\d{4}(?: \d{4}){3}\b|"
    r"\+\d{1,3}(?:[ -]?\(\d{1,5}\))?(?:[ -]\d{2,})+\b|\(\d{2,5}\) ?\d+(?:[ -]\d+)*\b|"
    r"\b0\d{2,4}[ /]\d{3,}(?:[ -]\d{2,})*\b"
)


class WholeValues:
    """A tokenizer that leaves values whole; the rest is as `tokenize` does it."""

    def __init__(self, tokenize: Callable[[str], Any]) -> None:
        self.tokenize = tokenize

    def __call__(self, text: str) -> Any:
        """The document of a text, each value one token."""
        doc = self.tokenize(text)
        spans = [s for at in values(text) if (s := doc.char_span(*at)) is not None and len(s) > 1]
        if spans:
            with doc.retokenize() as together:
                for span in spans:
                    together.merge(span)
        return doc


def values(text: str) -> Iterator[tuple[int, int]]:
    """Where the values of a text begin and end, none within another."""
    reached = 0
    groups = list(_GROUPS.finditer(text)) if any(c.isdigit() for c in text) else []
    for found in sorted((*groups, *_CHUNK.finditer(text)), key=lambda m: (m.start(), -m.end())):
        begin, end = found.span()
        if found.re is _CHUNK:
            begin += len(found[0]) - len(found[0].lstrip(_AROUND))
            end -= len(found[0]) - len(found[0].rstrip(_AROUND))
            if not _is_code(text[begin:end]):
                continue
        if begin >= reached:
            yield begin, end
            reached = end


def _is_code(chunk: str) -> bool:
    """Whether a chunk is one value: it has a digit and a sign within, and hyphens part no words ("10-year-old")."""
    if len(chunk) < 3 or not any(c.isdigit() for c in chunk) or not _JOINED.intersection(chunk[1:]):
        return False
    if not (chunk[0].isalnum() or chunk[0] in "#+@") or not (chunk[-1].isalnum() or chunk[-1] in "%#"):
        return False
    if _HOURS.fullmatch(chunk):
        return False
    parts = _HYPHEN.split(chunk)
    return len(parts) == 1 or all(part.isupper() or any(c.isdigit() for c in part) for part in parts)
