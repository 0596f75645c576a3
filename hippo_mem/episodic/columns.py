"""What rows are filtered by, in memory: one value a row and column, so that a filter costs microseconds.

In: rows of `COLUMNS` in the order of their positions. Out: which positions pass. Knows nothing of ranking or of SQL
beyond the names of columns.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hippo_mem.text import STOP_WORDS, words
from hippo_mem.types import Where

Mask = NDArray[np.bool_]
Ids = NDArray[np.int64]

COLUMNS = "id, context_key, source, doc_id, tags, slots, time, valid_from, valid_to, expires, retired"
_NAMES = ("context_key", "source", "doc_id", "tags", "place")
_TIMES = ("time", "valid_from", "valid_to", "expires", "retired")
_ENDS = ("valid_to", "expires", "retired")
_NEVER = float("inf")  # an end that is not set


class Columns:
    """The filter columns of P positions."""

    def __init__(self) -> None:
        self._codes = {name: array("i") for name in _NAMES}
        self._values: dict[str, list[str | None]] = {name: [] for name in _NAMES}
        self._code_of: dict[str, dict[str | None, int]] = {name: {} for name in _NAMES}
        self._times = {name: array("d") for name in _TIMES}

    def __len__(self) -> int:
        return len(self._times["time"])

    def extend(self, rows: Sequence[Mapping[str, Any] | None]) -> None:
        """The rows of the next positions; None for a position whose row is gone."""
        for name in _NAMES:
            code = self._code
            column = "slots" if name == "place" else name
            values = [None if row is None else row[column] for row in rows]
            told = [_place(value) for value in values] if name == "place" else values
            self._codes[name].extend([code(name, value) for value in told])
        for name in _TIMES:
            unset = _NEVER if name in _ENDS else 0.0
            self._times[name].extend(
                [0.0 if row is None else unset if row[name] is None else row[name] for row in rows]
            )

    def update(self, position: int, row: Mapping[str, Any]) -> None:
        """The row of a position as it is now."""
        one = Columns()
        one.extend([row])
        for name in _NAMES:
            self._codes[name][position] = self._code(name, one._values[name][0])
        for name in _TIMES:
            self._times[name][position] = one._times[name][0]

    def keep(self, positions: Ids) -> None:
        """Only these positions stay, in this order."""
        self._codes = {n: array("i", _view(column)[positions].tobytes()) for n, column in self._codes.items()}
        self._times = {n: array("d", _view(column)[positions].tobytes()) for n, column in self._times.items()}

    def truncate(self, n: int) -> None:
        """Go back to the first `n` positions."""
        for codes in self._codes.values():
            del codes[n:]
        for times in self._times.values():
            del times[n:]

    def passing(self, where: Where | None, *, as_of: float | None, now: float, linked: Ids | None = None) -> Mask:
        """Which positions pass, (P,): neither retired nor expired, true at `as_of` (None: still true), and `where`.

        Args:
            linked: positions that another memory links to `where.place`.
        """
        moment = now if as_of is None else as_of
        mask: Mask = (self._time("retired") == _NEVER) & (self._time("expires") > moment)
        if as_of is None:
            mask &= self._time("valid_to") == _NEVER
        else:
            mask &= (self._time("valid_from") <= as_of) & (self._time("valid_to") > as_of)
        if where is None:
            return mask
        for name, wanted in (("context_key", where.context_key), ("source", where.source), ("doc_id", where.doc_id)):
            if wanted is not None:
                mask &= self._is(name, wanted)
        if where.since is not None:
            mask &= self._time("time") >= where.since
        if where.until is not None:
            mask &= self._time("time") <= where.until
        if (tag := where.tag) is not None:
            mask &= self._any("tags", lambda tags: tag in json.loads(tags))
        if where.place is not None:
            asked = place_words(where.place)
            here = self._any("place", lambda told: names_place(place_words(told), asked))
            if linked is not None:
                here[linked] = True
            mask &= here
        return mask

    def comparable(self, context: str | None, now: float) -> Mask:
        """Positions of exactly this context (None: of none) that are neither retired nor expired, (P,)."""
        fresh: Mask = (self._time("retired") == _NEVER) & (self._time("expires") > now)
        return fresh & self._is("context_key", context)

    def _time(self, name: str) -> NDArray[np.float64]:
        return _view(self._times[name])

    def _is(self, name: str, value: str | None) -> Mask:
        codes: Mask = _view(self._codes[name]) == self._code_of[name].get(value, -1)
        return codes

    def _any(self, name: str, test: Callable[[str], bool]) -> Mask:
        """Positions whose value satisfies a test, asked once for each distinct value."""
        passes = np.array([value is not None and test(value) for value in self._values[name]], dtype=bool)
        return passes[_view(self._codes[name])] if len(passes) else np.zeros(len(self), dtype=bool)

    def _code(self, name: str, value: str | None) -> int:
        known = self._code_of[name]
        if value not in known:
            known[value] = len(known)
            self._values[name].append(value)
        return known[value]


def place_words(text: str) -> tuple[str, ...]:
    """The words of a place's name without what only joins them: "In the Old Attic" -> ("old", "attic")."""
    found = words(text)
    return tuple(word for word in found if word not in STOP_WORDS) or found


def names_place(told: tuple[str, ...], asked: tuple[str, ...]) -> bool:
    """Whether the words of a told place hold those of the asked one, side by side."""
    n = len(asked)
    return any(told[i : i + n] == asked for i in range(len(told) - n + 1))


def _place(slots: str | None) -> str | None:
    return json.loads(slots).get("where") if slots is not None and '"where"' in slots else None


def _view(column: array[Any]) -> NDArray[Any]:
    """The column as numpy, for use at once: an array that is looked at cannot grow."""
    return np.frombuffer(column, dtype=np.int32 if column.typecode == "i" else np.float64)
