"""Rows of a JSONL file that is packaged with the code. Knows nothing of what the rows mean."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources

from hippo_mem.errors import StoreFormatError
from hippo_mem.storage.jsonl import read_jsonl


def packaged_rows(package: str, name: str, fields: Mapping[str, tuple[str, ...]]) -> list[dict[str, str]]:
    """The rows of the file `name` in `package`, in file order.

    Args:
        package: dotted name of the package that holds the file.
        name: file name, one JSON object a line.
        fields: exactly the expected keys, each with its allowed values (empty: any text that is not blank).
    Raises: StoreFormatError naming the first line that is not such an object; InputError when there is no such file.
    """
    rows = []
    with resources.as_file(resources.files(package).joinpath(name)) as path:
        for number, row in read_jsonl(path):
            if row.keys() != fields.keys():
                raise StoreFormatError(f"{path}, line {number}: expected the keys {', '.join(fields)}; reinstall hippo")
            for key, allowed in fields.items():
                value = row[key]
                if not isinstance(value, str) or not value.strip() or (allowed and value not in allowed):
                    expected = f"one of {', '.join(allowed)}" if allowed else "text"
                    raise StoreFormatError(
                        f"{path}, line {number}: {key} must be {expected}, got {value!r}; reinstall hippo"
                    )
            rows.append(row)
    return rows
