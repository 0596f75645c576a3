"""Rows of a JSONL file that is packaged with the code. Knows nothing of what the rows mean."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources

from hippo_mem.errors import StoreFormatError


def packaged_rows(package: str, name: str, fields: Mapping[str, tuple[str, ...]]) -> list[dict[str, str]]:
    """The rows of the file `name` in `package`, in file order.

    Args:
        package: dotted name of the package that holds the file.
        name: file name, one JSON object a line.
        fields: exactly the expected keys, each with its allowed values (empty: any text that is not blank).
    Raises: StoreFormatError naming the first line that is not such an object.
    """
    rows = []
    text = resources.files(package).joinpath(name).read_text("utf-8")
    for number, line in enumerate(text.removesuffix("\n").split("\n"), 1):
        try:
            row = json.loads(line)
        except ValueError as error:
            raise StoreFormatError(f"{name}, line {number}: not JSON ({error}); reinstall hippo") from error
        if not isinstance(row, dict) or row.keys() != fields.keys():
            raise StoreFormatError(f"{name}, line {number}: expected the keys {', '.join(fields)}; reinstall hippo")
        for key, allowed in fields.items():
            value = row[key]
            if not isinstance(value, str) or not value.strip() or (allowed and value not in allowed):
                expected = f"one of {', '.join(allowed)}" if allowed else "text"
                raise StoreFormatError(
                    f"{name}, line {number}: {key} must be {expected}, got {value!r}; reinstall hippo"
                )
        rows.append(row)
    return rows
