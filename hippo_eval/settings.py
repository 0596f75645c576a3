"""What an evaluation run is told: overrides on the command line become one frozen `EvalConfig`.

    default.yaml  <  preset (configs/eval/<preset>.yaml)  <  key=value overrides

Hydra composes, the dataclass checks: an unknown key or a wrong value is one error with the nearest known one. Knows
nothing of what a run does with the values.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from hippo_mem.config import ReplayConfig, from_mapping
from hippo_mem.configs_path import configs_dir
from hippo_mem.errors import ConfigError, InputError, nearest
from hippo_mem.types import check_id

DEFAULT_PRESET = "memory/hei_nw"
# Which memories a preset's name stands for: facts and places rest on the episodes they were told in.
MEMORIES: dict[str, tuple[str, ...]] = {
    "hei_nw": ("episodic",),
    "sgc_rss": ("episodic", "relational"),
    "smpd": ("episodic", "spatial"),
    "all": ("episodic", "relational", "spatial"),
}
# Two spellings of one setting.
ALIASES = {"task": "suite", "replay_cycles": "replay.cycles", "lora": "adapter"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrievalConfig:
    """How many memories, or facts, a question brings back."""

    enabled: bool = True
    k: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class LongContextConfig:
    """Every taught fact in the prompt, the newest `max_tokens` of them."""

    enabled: bool = False
    max_tokens: int = 1536


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeConfig:
    """`pre_metrics`: ask once before anything is replayed or slept on, and report it as `pre_*`."""

    pre_metrics: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalConfig:
    """One run. `mode` full teaches, replays `replay.cycles` times, and tests, in one process.

    `memory` names what observes and answers (`MEMORIES`), None is a baseline. `gating_enabled` False pins every event,
    so that the gate keeps all. `isolate` key: a question sees the facts of its own `context_key` alone. `adapter` is a
    PEFT folder. `consolidation` names the recipe of `sleep`.
    """

    preset: str = DEFAULT_PRESET
    suite: str = "episodic"
    n: int = 50
    seed: int = 1337
    teach_file: str | None = None
    test_file: str | None = None
    mode: Literal["full", "teach", "replay", "test"] = "full"
    sleep: bool = False
    memory_off: bool = False
    isolate: Literal["key", "none"] = "key"
    model: str = "smollm2-135m"
    adapter: str | None = None
    consolidation: str = "default"
    persist: bool = False
    store_dir: str | None = None
    session_id: str | None = None
    run_id: str | None = None
    outdir: str | None = None
    dry_run: bool = False
    batch_size: int = 16
    memory: Literal["hei_nw", "sgc_rss", "smpd", "all"] | None = None
    gating_enabled: bool = True
    use_chat_template: bool = True
    system_prompt: str | None = None
    max_new_tokens: int = 16
    compute: ComputeConfig = field(default_factory=ComputeConfig)
    retrieval: RetrievalConfig = field(default_factory=RetrievalConfig)
    long_context: LongContextConfig = field(default_factory=LongContextConfig)
    replay: ReplayConfig = field(default_factory=ReplayConfig)

    @property
    def is_memory(self) -> bool:
        """Whether a memory of ours takes part (and not a baseline)."""
        return self.memory is not None

    @property
    def memories(self) -> tuple[str, ...]:
        """The memories that observe and answer; none for a baseline."""
        return MEMORIES[self.memory] if self.memory is not None else ()


def presets() -> list[str]:
    """The presets there are, as `memory/hei_nw`."""
    folder = configs_dir() / "eval"
    return sorted(p.relative_to(folder).with_suffix("").as_posix() for p in folder.glob("*/*.yaml"))


def resolve(overrides: Sequence[str]) -> EvalConfig:
    """The run that `key=value` overrides ask for.

    Raises: ConfigError for an unknown preset or key, a value of the wrong type or out of range, a sweep, or settings
        that contradict each other; InputError for an id that is not one.
    """
    given = _parse(overrides)
    preset = str(given.pop("preset", DEFAULT_PRESET))
    composed = _compose(check_preset(preset), given)
    config = from_mapping(EvalConfig, {**composed, "preset": preset}, origin="settings")
    return check(config)


def check_preset(preset: str) -> str:
    """The preset, if it exists.

    Raises: ConfigError.
    """
    if preset in presets():
        return preset
    raise ConfigError(f"no preset {preset!r}{nearest(preset, presets())}")


def check(config: EvalConfig) -> EvalConfig:
    """The configuration, if its values make sense together.

    Raises: ConfigError, InputError.
    """
    problems = [
        f"{name} must be {low} or more, got {value}"
        for name, value, low in (
            ("n", config.n, 1),
            ("batch_size", config.batch_size, 1),
            ("max_new_tokens", config.max_new_tokens, 1),
            ("retrieval.k", config.retrieval.k, 1),
            ("long_context.max_tokens", config.long_context.max_tokens, 16),
            ("replay.cycles", config.replay.cycles, 0),
        )
        if value < low
    ]
    for value, what in ((config.session_id, "session_id"), (config.run_id, "run_id")):
        if value is not None:
            check_id(value, what)
    keeps = config.persist or config.mode == "replay"
    if keeps and not (config.store_dir and config.session_id):
        problems.append("persist=true and mode=replay need store_dir=... and session_id=...")
    elif config.replay.cycles and not keeps and not config.sleep and config.is_memory:
        problems.append("replay.cycles needs persist=true: a replay works on a saved store (or sleep=true)")
    if not config.is_memory:
        if config.mode in ("teach", "replay"):
            problems.append(f"mode={config.mode} needs a memory preset, {config.preset} has no memory")
        if config.persist or config.sleep:
            problems.append(f"persist and sleep need a memory preset, {config.preset} has no memory")
    elif config.system_prompt is not None or not config.use_chat_template:
        problems.append("system_prompt and use_chat_template belong to the baselines; a memory's reader has its own")
    if config.mode != "full" and config.sleep:
        problems.append("sleep=true needs mode=full; for a saved store use scripts/replay_consolidate.py")
    if bool(config.teach_file) != bool(config.test_file) and config.mode != "teach":
        problems.append("teach_file and test_file belong together")
    if problems:
        raise ConfigError("; ".join(problems))
    return config


def _parse(overrides: Sequence[str]) -> dict[str, Any]:
    """`key=value` by hydra's grammar, to {dotted key: value}; aliases and plain strings settled."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import OverrideParseException

    given: dict[str, Any] = {}
    for text in overrides:
        try:
            (override,) = OverridesParser.create().parse_overrides([text])
        except OverrideParseException as error:
            remedy = "quote the value: key=\"'...'\"" if "=" in text else "give key=value"
            raise ConfigError(f"{text!r} is not a setting: {remedy} ({str(error).splitlines()[0]})") from None
        key = ALIASES.get(override.key_or_group, override.key_or_group)
        if override.package is not None or "=" not in text or text[:1] in "~+":
            raise ConfigError(f"{text!r}: settings are given as key=value")
        hint = _hint_of(key)
        if override.is_sweep_override():
            raise ConfigError(f"{text!r}: one value a setting; run once for each")
        value = override.value()
        raw = text.split("=", 1)[1].strip()
        # A name that looks like a number stays a name: run_id=20250825_1330, session_id=007.
        if str in (hint, *typing.get_args(hint)) and value is not None and not isinstance(value, str):
            value = raw
        if key in given and given[key] != value:
            raise ConfigError(f"{key} is given twice, as {given[key]!r} and {value!r}")
        given[key] = value
    return given


def _hint_of(key: str) -> Any:
    """The type of a dotted key.

    Raises: ConfigError with the nearest key.
    """
    cls: Any = EvalConfig
    hint: Any = None
    above = ""
    for part in key.split("."):
        hints = typing.get_type_hints(cls) if dataclasses.is_dataclass(cls) else {}
        names = set(hints) | (set(ALIASES) if cls is EvalConfig else set())
        if cls is EvalConfig:
            names.discard("memory")
        if part not in names:
            if key == "memory":
                raise ConfigError("the memory is chosen by its preset: preset=memory/hei_nw")
            raise ConfigError(f"unknown setting {key!r}" + nearest(part, names) + (f" (of {above})" if above else ""))
        hint = cls = hints[part]
        above = f"{above}.{part}" if above else part
    if dataclasses.is_dataclass(hint):
        inner = ", ".join(f"{key}.{name}" for name in typing.get_type_hints(hint))
        raise ConfigError(f"{key} is a group; set one of {inner}")
    return hint


def _compose(preset: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """default.yaml, the preset and the overrides as one nested mapping."""
    from hydra import compose, initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    folder = configs_dir()
    group, name = preset.split("/")
    lines = [f"hydra.searchpath=[file://{folder}]", f"+{group}@_global_={name}"]
    try:
        with initialize_config_dir(str(folder / "eval"), version_base="1.3"):
            composed = compose("default", overrides=lines)
        OmegaConf.set_struct(composed, False)
        for key, value in given.items():
            OmegaConf.update(composed, key, value, force_add=True)
        plain = OmegaConf.to_container(composed, resolve=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(f"preset {preset} does not compose: {str(error).splitlines()[0]}") from error
    if not isinstance(plain, dict):
        raise InputError(f"preset {preset} is not a mapping")
    return {str(key): value for key, value in plain.items()}
