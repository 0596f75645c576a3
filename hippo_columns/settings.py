"""Reads a run's configuration: a YAML file, then `a.b=c` from the command line over it.

In: a file that names its stage. Out: an `ExperimentConfig`. Unknown keys are refused with the nearest known one, and
all errors are reported together. Knows nothing of what the values mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from hippo_columns.config import STAGES, ExperimentConfig, resolved
from hippo_mem import config
from hippo_mem.errors import ConfigError, nearest


def load(path: str | Path, overrides: Sequence[str] = (), *, seed: int | None = None) -> ExperimentConfig:
    """The configuration in a file, changed by `overrides` and by `seed`.

    An override is "sleep.epochs=3": its value is YAML, or "all" where a number limits something.

    Raises: ConfigError when the file is missing or not a YAML mapping, for every unknown key, every value of a wrong
        type or out of range.
    """
    file = Path(path)
    data = config.load_yaml(file)
    for override in overrides:
        put(data, override)
    if seed is not None:
        data["seed"] = seed
    return from_mapping(data, origin=str(file))


def from_mapping(data: Mapping[str, Any], *, origin: str = "config") -> ExperimentConfig:
    """The configuration of plain data with a key `stage`. See `load`."""
    stage = str(data.get("stage", "4"))
    if stage not in STAGES:
        raise ConfigError(f"{origin}: unknown stage {stage!r}{nearest(stage, STAGES)}")
    built = config.from_mapping(STAGES[stage], {**data, "stage": stage}, origin=origin)
    try:
        return resolved(built)
    except ConfigError as error:
        raise ConfigError(f"{origin}: {error}") from None


def put(data: dict[str, Any], override: str) -> None:
    """Set "a.b=c" in nested mappings; what is missing on the way is made, and checked later like the rest.

    Raises: ConfigError for what is no such setting, or a way through something that holds no keys.
    """
    key, equals, text = override.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"cannot read the override {override!r}; write it as a.b=c")
    *path, last = key.strip().split(".")
    for step in path:
        data = data.setdefault(step, {})
        if not isinstance(data, dict):
            raise ConfigError(f"override {override!r}: {step!r} holds {type(data).__name__}, not keys")
    data[last] = None if text.strip() == "all" else yaml.safe_load(text)  # "all" of a number that limits something
