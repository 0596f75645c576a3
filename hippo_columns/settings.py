"""Reads a run's configuration: a YAML file, then `a.b=c` from the command line over it.

In: a file that names its stage. Out: an `ExperimentConfig`. Unknown keys are refused with the nearest known one, and
all errors are reported together. Knows nothing of what the values mean.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml

from hippo_columns.config import STAGES, ExperimentConfig, resolved
from hippo_mem.errors import ConfigError, nearest


def load(path: str | Path, overrides: Sequence[str] = (), *, seed: int | None = None) -> ExperimentConfig:
    """The configuration in a file, changed by `overrides` ("sleep.epochs=3"; the value is YAML) and by `seed`.

    Raises: ConfigError when the file is missing or not a YAML mapping, for every unknown key, every value of a wrong
        type or out of range.
    """
    file = Path(path)
    data = _read(file)
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals or not key.strip():
            raise ConfigError(f"cannot read the override {override!r}; write it as a.b=c")
        _put(data, key.strip(), yaml.safe_load(text), override)
    if seed is not None:
        data["seed"] = seed
    return from_mapping(data, origin=str(file))


def from_mapping(data: Mapping[str, Any], *, origin: str = "config") -> ExperimentConfig:
    """The configuration of plain data with a key `stage`. See `load`."""
    stage = str(data.get("stage", "4"))
    if stage not in STAGES:
        raise ConfigError(f"{origin}: unknown stage {stage!r}{nearest(stage, STAGES)}")
    problems: list[str] = []
    built = _build(STAGES[stage], {**data, "stage": stage}, "", problems)
    if problems:
        raise ConfigError(f"{origin}: " + "; ".join(problems))
    try:
        return resolved(built)
    except ConfigError as error:
        raise ConfigError(f"{origin}: {error}") from None


def to_dict(config: Any) -> dict[str, Any]:
    """A configuration as plain data, as it is written beside a run."""
    plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(config)))
    return plain


def stamp(config: ExperimentConfig) -> str:
    """Twelve hex digits that change when any value does."""
    return hashlib.sha256(json.dumps(to_dict(config), sort_keys=True).encode()).hexdigest()[:12]


def _read(file: Path) -> dict[str, Any]:
    try:
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        there = sorted(p.name for p in file.parent.glob("*.yaml")) if file.parent.is_dir() else []
        raise ConfigError(f"no config file {file}{nearest(file.name, there) if there else ''}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not valid YAML: {error}") from error
    if not isinstance(data, dict):
        raise ConfigError(f"{file} must be a mapping, got {type(data).__name__}")
    return data


def _put(data: dict[str, Any], key: str, value: Any, override: str) -> None:
    """Set `a.b` in nested mappings; what is missing on the way is made, and checked later like the rest."""
    *path, last = key.split(".")
    for step in path:
        inner = data.setdefault(step, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"override {override!r}: {step!r} holds {type(inner).__name__}, not keys")
        data = inner
    data[last] = value


def _build(cls: Any, data: Any, path: str, problems: list[str]) -> Any:
    if not isinstance(data, Mapping):
        problems.append(f"{path.rstrip('.') or 'the file'} must be a mapping, got {type(data).__name__}")
        return None
    hints = typing.get_type_hints(cls)
    kwargs = {}
    for key, value in data.items():
        if key not in hints:
            problems.append(f"unknown key {path + str(key)!r}{nearest(str(key), hints)}")
            continue
        kwargs[key] = _coerce(hints[key], value, path + str(key), problems)
    if problems:
        return None
    try:
        return cls(**kwargs)
    except TypeError as error:  # a required key, such as a task's name
        problems.append(f"{path.rstrip('.') or 'the file'}: {error}")
        return None


def _coerce(hint: Any, value: Any, path: str, problems: list[str]) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint):
        return _build(hint, value, path + ".", problems)
    if origin is Literal:
        if value not in arguments:
            problems.append(f"{path} must be one of {list(arguments)}, got {value!r}{nearest(str(value), arguments)}")
        return value
    if origin in (typing.Union, types.UnionType):
        if value is None or (value == "all" and type(None) in arguments):
            return None
        (inner,) = (a for a in arguments if a is not type(None))
        return _coerce(inner, value, path, problems)
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            problems.append(f"{path} must be a list, got {value!r}")
            return ()
        each = arguments[0]
        return tuple(_coerce(each, item, f"{path}.{i}", problems) for i, item in enumerate(value))
    if hint is float and isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:  # YAML 1.1 reads 1e-4 as a string
            return float(value)
        except ValueError:
            problems.append(f"{path} must be a number, got {value!r}")
            return value
    if hint in (int, bool, str) and type(value) is not hint:
        problems.append(f"{path} must be {hint.__name__}, got {value!r}")
    return value
