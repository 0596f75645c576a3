"""From words on a command line to runs: preset, ablations and `key=value` overrides become `EvalConfig`s.

Hydra's grammar reads the words, OmegaConf lays them over the files, the dataclasses check: an unknown key or a wrong
value is one error with the nearest known one. Several values of one setting (`seed=1,2,3`, `seeds=[1,2,3]`) are several
runs. Knows nothing of what a run does with the values.
"""

from __future__ import annotations

import dataclasses
import itertools
import typing
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from hippo_eval.cells import Cell
from hippo_eval.settings import DEFAULT_PRESET, EvalConfig, MemorySettings, cell_of, check, hash_of
from hippo_eval.suites.choose import check_profile, check_suite
from hippo_mem.config import SleepConfig, from_mapping, load_yaml
from hippo_mem.configs_path import configs_dir
from hippo_mem.errors import ConfigError, InputError, nearest

# Two spellings of one setting; the plural ones take a list.
ALIASES = {"task": "suite", "replay_cycles": "replay.cycles", "lora": "adapter", "ablation": "ablations"}
PLURALS = {"seeds": "seed", "suites": "suite", "tasks": "suite", "presets": "preset", "profiles": "profile"}
_ABLATIONS = "ablations"


def presets() -> list[str]:
    """The presets there are, as `memory/hei_nw`."""
    folder = configs_dir() / "eval"
    files = (p for p in folder.glob("*/*.yaml") if p.parent.name != _ABLATIONS)
    return sorted(p.relative_to(folder).with_suffix("").as_posix() for p in files)


def ablations() -> dict[str, str]:
    """The ablations there are, and what each leaves out or adds (the first line of its file)."""
    files = sorted((configs_dir() / "eval" / _ABLATIONS).glob("*.yaml"))
    return {f.stem: f.read_text(encoding="utf-8").splitlines()[0].lstrip("# ") for f in files}


def resolve(overrides: Sequence[str]) -> EvalConfig:
    """The one run that `key=value` overrides ask for.

    Raises: ConfigError for an unknown preset or key, a value of the wrong type or out of range, settings that
        contradict each other, or several runs; InputError for an id that is not one.
    """
    found = resolve_all(overrides)
    if len(found) > 1:
        raise ConfigError(f"{' '.join(overrides)}: {len(found)} runs where one is wanted; give one value a setting")
    return found[0]


def resolve_all(overrides: Sequence[str]) -> list[EvalConfig]:
    """The runs that overrides ask for, the last setting with several values changing first.

    Raises: as `resolve`.
    """
    given = _parse(overrides)
    several = [key for key, values in given.items() if len(values) > 1]
    runs = []
    for chosen in itertools.product(*(given[key] for key in several)):
        one = {key: values[0] for key, values in given.items()} | dict(zip(several, chosen, strict=True))
        preset = check_preset(str(one.pop("preset", DEFAULT_PRESET)))
        names = tuple(check_ablation(str(a)) for a in _listed(one.pop("ablations", ())))
        composed = {**_compose(preset, names, one), "preset": preset, "ablations": names}
        config = check(from_mapping(EvalConfig, composed, origin="settings"))
        check_night(config)
        if not config.teach_file:
            check_suite(config.suite)
            check_profile(config.profile)
        runs.append(config)
    if len(runs) > 1 and any(r.outdir for r in runs):
        raise ConfigError(f"{len(runs)} runs cannot share one outdir; give run_id=..., each has its own folder there")
    return runs


def plain_words(config: EvalConfig) -> list[str]:
    """The overrides that name the run's cell and nothing more: what its preset, ablations and items stand for."""
    words = [
        f"preset={config.preset}", f"ablations=[{','.join(config.ablations)}]", f"suite={config.suite}",
        f"profile={config.profile}", f"n={config.n}", f"seed={config.seed}", f"model='{config.model}'",
        f"mode={config.mode}", f"sleep={str(config.sleep).lower()}", f"memory_off={str(config.memory_off).lower()}",
        f"compute.pre_metrics={str(config.compute.pre_metrics).lower()}",
        f"compute.forgetting={str(config.compute.forgetting).lower()}",
    ]  # fmt: skip
    stored = ("store_dir", "session_id", "adapter", "teach_file", "test_file")
    words += [f"{key}='{getattr(config, key)}'" for key in stored if getattr(config, key) is not None]
    words += ["persist=true"] if config.persist else []
    return [*words, f"replay.cycles={config.replay.cycles}"]


def own_variant(config: EvalConfig) -> tuple[str, ...]:
    """`("set-1a2b3c",)` where something is set that neither preset nor ablations say, so that its cell is its own."""
    own = hash_of(config)
    return () if own == _hash_of_words(tuple(plain_words(config))) else (f"set-{own[:6]}",)


@lru_cache(maxsize=4096)
def _hash_of_words(words: tuple[str, ...]) -> str:
    return hash_of(resolve(words))


def whole_cell_of(config: EvalConfig) -> Cell:
    """The cell of a run, told apart by every setting."""
    return cell_of(config, own_variant(config))


def check_preset(preset: str) -> str:
    """The preset, if it exists.

    Raises: ConfigError.
    """
    if preset in presets():
        return preset
    raise ConfigError(f"no preset {preset!r}{nearest(preset, presets())}")


def check_ablation(name: str) -> str:
    """The ablation, if it exists.

    Raises: ConfigError.
    """
    if name in ablations():
        return name
    raise ConfigError(f"no ablation {name!r}{nearest(name, ablations())}")


def check_night(config: EvalConfig) -> None:
    """Raises: ConfigError for a key of `night` that no recipe has, or a value of the wrong type."""
    from_mapping(SleepConfig, config.night, origin="night")


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else [value]


def _parse(overrides: Sequence[str]) -> dict[str, list[Any]]:
    """`key=value` by hydra's grammar, to {dotted key: its values}; aliases and plain strings settled."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException, OverrideParseException

    given: dict[str, list[Any]] = {}
    for text in overrides:
        try:
            (override,) = OverridesParser.create().parse_overrides([text])
        except OverrideParseException as error:
            remedy = "quote the value: key=\"'...'\"" if "=" in text else "give key=value"
            raise ConfigError(f"{text!r} is not a setting: {remedy} ({str(error).splitlines()[0]})") from None
        key = ALIASES.get(override.key_or_group, override.key_or_group)
        plural = key in PLURALS
        key = PLURALS.get(key, key)
        if override.package is not None or "=" not in text or text[:1] in "~+":
            raise ConfigError(f"{text!r}: settings are given as key=value")
        hint = _hint_of(key)
        raw = text.split("=", 1)[1].strip()
        values: list[Any]
        if override.is_sweep_override():
            try:
                values = list(override.sweep_iterator())
            except (HydraException, ValueError, NotImplementedError) as error:
                raise ConfigError(f"{text!r}: give several values as {key}=a,b,c ({error})") from None
            values = [_plain(v) for v in values]
            raws = [str(v) for v in values]
        elif plural:
            listed: Any = override.value()
            values = list(listed) if isinstance(listed, list) else [listed]
            raws = [str(v) for v in values]
        else:
            values, raws = [override.value()], [raw]
        if not values:
            raise ConfigError(f"{text!r}: at least one value is needed")
        # A name that looks like a number stays a name: run_id=20250825_1330, session_id=007.
        if hint is str or (typing.get_origin(hint) is not tuple and str in typing.get_args(hint)):
            values = [r if v is not None and not isinstance(v, str) else v for v, r in zip(values, raws, strict=True)]
        if key in given and given[key] != values:
            raise ConfigError(f"{key} is given twice, as {_said(given[key])} and {_said(values)}")
        given[key] = values
    return given


def _said(values: Sequence[Any]) -> str:
    return ", ".join(repr(v) for v in values)


def _plain(value: Any) -> Any:
    """Hydra's sweep gives its values as they would be written."""
    import yaml

    return yaml.safe_load(value) if isinstance(value, str) else value


def _hint_of(key: str) -> Any:
    """The type of a dotted key.

    Raises: ConfigError with the nearest key.
    """
    cls: Any = EvalConfig
    hint: Any = None
    above = ""
    for part in key.split("."):
        hints = typing.get_type_hints(cls) if dataclasses.is_dataclass(cls) else {}
        names = set(hints) | (set(ALIASES) | set(PLURALS) if cls is EvalConfig else set())
        if part not in names:
            raise ConfigError(f"unknown setting {key!r}" + nearest(part, names) + (f" (of {above})" if above else ""))
        hint = hints[part]
        cls = SleepConfig if part == "night" and cls is EvalConfig else _inner(hint)
        above = f"{above}.{part}" if above else part
    if key == "memory":
        raise ConfigError(
            "the memory is chosen by its preset: preset=memory/hei_nw; its settings are memory.episodic.k=8"
        )
    if dataclasses.is_dataclass(cls):
        inner = ", ".join(f"{key}.{name}" for name in typing.get_type_hints(cls))
        raise ConfigError(f"{key} is a group; set one of {inner}")
    return hint


def _inner(hint: Any) -> Any:
    """The dataclass of `X | None`, or the hint itself."""
    return next((a for a in typing.get_args(hint) if dataclasses.is_dataclass(a)), hint)


def _compose(preset: str, names: Sequence[str], given: Mapping[str, Any]) -> dict[str, Any]:
    """default.yaml, the preset, the ablations and the overrides as one nested mapping."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    folder = configs_dir()
    try:
        there = _preset(preset, folder)
        composed = OmegaConf.create(there)
        changes = {}
        for ablation in names:
            leaves = dict(_leaves(load_yaml(folder / "eval" / _ABLATIONS / f"{ablation}.yaml")))
            _refuse_absent(there, leaves, f"ablation {ablation}", preset)
            changes.update(leaves)
        _refuse_absent(there, given, "", preset)
        for key, value in {**changes, **given}.items():
            OmegaConf.update(composed, key, value, force_add=True)
        plain = OmegaConf.to_container(composed, resolve=True)
    except OmegaConfBaseException as error:
        raise ConfigError(f"preset {preset} does not compose: {str(error).splitlines()[0]}") from error
    if not isinstance(plain, dict):
        raise InputError(f"preset {preset} is not a mapping")
    return {str(key): value for key, value in plain.items()}


@lru_cache(maxsize=64)
def _preset(preset: str, folder: Path) -> dict[Any, Any]:
    """default.yaml and the preset, laid over one another by hydra.

    Raises: ConfigError.
    """
    from hydra import compose, initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    group, name = preset.split("/")
    lines = [f"hydra.searchpath=[file://{folder}]", f"+{group}@_global_={name}"]
    try:
        with initialize_config_dir(str(folder / "eval"), version_base="1.3"):
            composed = OmegaConf.to_container(compose("default", overrides=lines), resolve=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(f"preset {preset} does not compose: {str(error).splitlines()[0]}") from error
    if not isinstance(composed, dict):
        raise InputError(f"preset {preset} is not a mapping")
    return composed


def _leaves(data: Mapping[str, Any], above: str = "") -> typing.Iterator[tuple[str, Any]]:
    """(dotted key, value) of each value that is no mapping."""
    for key, value in data.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _refuse_absent(there: Any, changes: Mapping[str, Any], who: str, preset: str) -> None:
    """A setting of a memory that the preset lacks would switch that memory on.

    Raises: ConfigError.
    """
    memory = there.get("memory") if isinstance(there, dict) else None
    for key in changes:
        part, *rest = key.split(".")
        if part != "memory":
            continue
        if not isinstance(memory, dict) or rest[0] not in memory:
            kind = rest[0] if rest else "memory"
            known = "memories" if kind not in MemorySettings.__dataclass_fields__ else f"{kind} memory"
            raise ConfigError(f"{who or key} needs a preset with {known}, {preset} has none")
