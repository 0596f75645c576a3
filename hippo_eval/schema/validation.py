"""Do figures keep to the schema? In: a run's metrics, or their file. Out: one line a problem.

The schema (`metrics.schema.json`, draft 2020-12) says what a name may hold; what two names must say together is checked
here. Knows nothing of how figures come about.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from hippo_mem.errors import InputError, StoreFormatError

SCHEMA_FILE = "metrics.schema.json"
_SHOWN = 60


def schema() -> dict[str, Any]:
    """The schema itself."""
    found: dict[str, Any] = json.loads(files("hippo_eval.schema").joinpath(SCHEMA_FILE).read_text(encoding="utf-8"))
    return found


def problems_of(metrics: Mapping[str, Any]) -> list[str]:
    """What is wrong with the figures, a line each as `place: what`; none for good ones."""
    data = dict(metrics)
    wrong = [f"{place}: {value} is no number that JSON has" for place, value in _not_finite(data, "")]
    errors = sorted(_validator().iter_errors(data), key=lambda e: [str(p) for p in e.absolute_path])
    wrong += [f"{_place(e.absolute_path)}: {_short(e.message)}" for e in errors]
    return wrong + (_together(data) if not wrong else [])


def check(metrics: Mapping[str, Any], where: str) -> None:
    """Raise for figures that do not keep to the schema.

    Raises: StoreFormatError with the problems, and `where` they are.
    """
    wrong = problems_of(metrics)
    if wrong:
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise StoreFormatError(f"{where} does not keep to the schema of metrics: {'; '.join(wrong[:5])}{more}")


def check_file(file: str | Path) -> None:
    """Raise for a file whose figures do not keep to the schema.

    Raises: InputError when there is no such file; StoreFormatError when it is damaged or does not keep to it.
    """
    place = Path(file)
    try:
        data = json.loads(place.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"no such file: {place}") from None
    except (OSError, ValueError) as error:
        raise StoreFormatError(f"{place} cannot be read: {error}") from error
    if not isinstance(data, dict):
        raise StoreFormatError(f"{place} must be a JSON object, it is a {type(data).__name__}")
    check(data, str(place))


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(schema())


def _together(data: Mapping[str, Any]) -> list[str]:
    """What single names cannot say: counts that add up, a mean in its interval."""
    wrong = []
    gates = data["gates"]
    if gates["accepts"] > gates["attempts"]:
        wrong.append(f"gates: {gates['accepts']} accepts of {gates['attempts']} attempts")
    if gates.get("merged", 0) > gates["accepts"]:
        wrong.append(f"gates: {gates['merged']} merged of {gates['accepts']} accepts")
    if data.get("em_interval") is not None and data.get("em") is not None:
        low, high = map(float, data["em_interval"])
        if not low - 1e-9 <= data["em"] <= high + 1e-9:
            wrong.append(f"em_interval: {data['em']} is not in {low}..{high}")
    cell = data.get("cell") or {}
    differing = [n for n in ("preset", "suite", "seed", "model") if n in cell and cell[n] != data[n]]
    wrong += [f"cell.{name}: {cell[name]!r} here, {data[name]!r} in the figures" for name in differing]
    return wrong


def _not_finite(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, float) and not math.isfinite(value):
        yield place or "the whole", value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _not_finite(inner, f"{place}.{name}" if place else str(name))
    elif isinstance(value, (list, tuple)):
        for i, inner in enumerate(value):
            yield from _not_finite(inner, f"{place}[{i}]")


def _place(path: Any) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.lstrip(".") or "the whole"


def _short(message: str) -> str:
    return message if len(message) <= 3 * _SHOWN else f"{message[:_SHOWN]} ... {message[-_SHOWN:]}"
