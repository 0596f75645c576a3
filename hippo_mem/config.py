"""Configuration as frozen dataclasses, read once from YAML, never a dictionary after that.

Precedence, highest first: command line, environment, file, preset, default. An unknown key is an error that names
the nearest known one; all errors of a file are reported together. Knows nothing of what the values are used for.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from hippo_mem.errors import ConfigError, nearest

T = TypeVar("T")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PeftConfig:
    """The adapter (LoRA, Hu et al. 2022): y = Wx + (alpha / rank) B A x."""

    method: Literal["lora"] = "lora"
    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """Optimisation. `steps` is a ceiling (None: from the number of facts and what is asked of each).

    The learning rate rises over `warmup_steps`, stays, and falls to nothing over the last `decay_share` of the steps.
    With `stop_early` it begins to fall as soon as the stop phrasings were answered in two checks running, for
    `decay_share` of the steps done so far. `lora_plus` multiplies the rate of every B matrix (LoRA+, Hayou et al.
    2024).
    """

    lr: float = 2.0e-3
    lora_plus: float = 3.0
    steps: int | None = None
    warmup_steps: int = 10
    decay_share: float = 0.3
    grad_accum: int = 1
    batch_size: int = 32
    weight_decay: float = 0.0
    clip_norm: float = 1.0
    ema: float = 0.9
    seed: int = 0
    stop_early: bool = True
    check_every: int = 20
    statement_share: float = 0.06
    statement_weight: float = 0.3
    # False asks for each fact's slots in one wording alone and states it as it was told: what paraphrases are worth.
    paraphrases: bool = True
    # Begin a first night from the adapter that ships with the model, where one of this shape does; False: from nothing.
    learned_start: bool = True
    # Examples are drawn by loss ** loss_power, mixed with this much of a uniform draw.
    loss_power: float = 0.7
    uniform_floor: float = 0.15


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AnchorConfig:
    """What must stay: KL to the frozen base on general prompts, one batch in every `every` steps (0: never)."""

    every: int = 5
    batch_size: int = 12
    weight: float = 1.0
    topk: int = 16


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PriorityWeights:
    """Weights of the replay priority; they need not sum to 1."""

    salience: float = 0.5
    usage: float = 0.3
    novelty: float = 0.2


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PriorityConfig:
    """How the priority of replay is weighed."""

    weights: PriorityWeights = dataclasses.field(default_factory=PriorityWeights)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MixConfig:
    """Shares of the three memories in a replay. A memory that is empty gives its share to the others."""

    episodic: float = 0.6
    relational: float = 0.3
    spatial: float = 0.1


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReplayConfig:
    """What is replayed, in which order, how often. `earlier_share` of a night's traces come from earlier nights."""

    policy: Literal["uniform", "priority", "spaced"] = "priority"
    cycles: int = 1
    mix: MixConfig = dataclasses.field(default_factory=MixConfig)
    priority: PriorityConfig = dataclasses.field(default_factory=PriorityConfig)
    noise_level: float = 0.0
    max_items: int = 100_000


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class VerifyConfig:
    """The bars a night must pass, else it is undone. Shares are of 1, `max_ce_delta` in nats per token."""

    min_recall: float = 0.6
    max_recall_drop: float = 0.1
    max_flips: float = 0.02
    max_ce_delta: float = 0.02


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TeacherConfig:
    """Answers of the same model with memory ON as soft targets (knowledge distillation). Off by default."""

    enabled: bool = False
    weight: float = 0.5
    topk: int = 16


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SleepConfig:
    """One night. The keys of `configs/consolidation/*.yaml`."""

    peft: PeftConfig = dataclasses.field(default_factory=PeftConfig)
    targets: tuple[str, ...] = ("gate_proj", "up_proj", "down_proj")
    train: TrainConfig = dataclasses.field(default_factory=TrainConfig)
    replay: ReplayConfig = dataclasses.field(default_factory=ReplayConfig)
    anchors: AnchorConfig = dataclasses.field(default_factory=AnchorConfig)
    teacher: TeacherConfig = dataclasses.field(default_factory=TeacherConfig)
    verify: VerifyConfig = dataclasses.field(default_factory=VerifyConfig)
    gate: bool = True


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GateConfig:
    """Is an event worth keeping: S = alpha*z(surprise) + beta*novelty + gamma*reward + delta*pin, kept iff S > tau.

    The defaults keep every event that says something new in its own words (the least such S is
    beta * new_words_novelty - alpha * 1 = 0.15) and drop what has no content. "adaptive" starts at `tau` and then
    follows the stream: 0.95 tau + 0.05 S after a write, 0.99 tau after a drop.
    """

    mode: Literal["fixed", "adaptive"] = "fixed"
    alpha: float = 0.1
    beta: float = 1.0
    gamma: float = 0.5
    delta: float = 1.0
    tau: float = 0.1
    # Cosine hardly sees one changed word ("Monday" for "Tuesday": 0.93); other words mean at least this much novelty.
    new_words_novelty: float = 0.25
    # Surprise is not standardized before this many events have been seen.
    warmup: int = 8
    # Who measures surprise: the language model, the frequency of the store's own words (no model at all), or nobody.
    surprise: Literal["model", "cheap", "off"] = "model"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RecallConfig:
    """Which rankings a recall fuses, and how the cue is completed first. Each can be switched off.

    A ranking adds weight / (rank_offset + rank). The defaults were chosen on long conversations (LoCoMo), where words
    find the evidence more often than meaning does and both together more often than either; completion hurts there,
    so it is off. `completion` "hopfield" moves the cue among its `completion_keys` nearest keys, "mlp" through the
    network that upkeep trains.
    """

    dense: bool = True
    lexical: bool = True
    sparse: bool = True
    dense_weight: float = 0.7
    lexical_weight: float = 1.0
    sparse_weight: float = 0.2
    extra_weight: float = 0.3
    rank_offset: float = 5.0
    completion: Literal["off", "hopfield", "mlp"] = "off"
    completion_keys: int = 32
    completion_beta: float = 20.0
    completion_steps: int = 1


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EpisodicConfig:
    """What upkeep of the episodic store does. None leaves that part out.

    Nothing is deleted: what goes is retired, can be restored, and is deleted by `vacuum` alone.
    """

    max_rows: int | None = None
    ttl_days: float | None = None
    # Strength S * (1 + ln(1 + uses)) halves with every so many days without use; what falls below the floor goes.
    half_life_days: float | None = None
    min_strength: float = 0.05
    # Cosine from which two texts may be one; their words must agree as well.
    redundant_cosine: float | None = 0.95
    recall: RecallConfig = dataclasses.field(default_factory=RecallConfig)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RelationalConfig:
    """What the graph of facts takes in and gives back.

    `topk_subgraphs` is how many facts a cue brings back (None: as many as episodes were asked for); statements below
    `tuple_conf_min`, 0..1, are not taken in.
    """

    topk_subgraphs: int | None = None
    tuple_conf_min: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SpatialConfig:
    """How the map plans, and whether it keeps what was done.

    `heuristic` is A*'s estimate of what is left to go: "auto" takes the sum of both differences where all ways run
    along the axes and the straight line elsewhere. `macros` False keeps no trajectories: no procedures, no shortcuts.
    """

    planner: Literal["astar", "dijkstra"] = "astar"
    heuristic: Literal["auto", "manhattan", "euclidean"] = "auto"
    macros: bool = True


def from_mapping(cls: type[T], data: Mapping[str, Any], *, origin: str = "config") -> T:
    """Build the dataclass `cls` from nested mappings.

    Raises: ConfigError naming every unknown key (with the nearest known one) and every value of a wrong type.
    """
    problems: list[str] = []
    result = _build(cls, data, "", problems)
    if problems:
        raise ConfigError(f"{origin}: " + "; ".join(problems))
    return typing.cast(T, result)


def _build(cls: Any, data: Any, path: str, problems: list[str]) -> Any:
    if not isinstance(data, Mapping):
        problems.append(f"{path.rstrip('.') or 'top level'} must be a mapping, got {type(data).__name__}")
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
    except TypeError as error:  # a required key is missing
        problems.append(f"{path.rstrip('.') or 'top level'}: {error}")
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
        if value is None:
            return None
        (inner,) = (a for a in arguments if a is not type(None))
        return _coerce(inner, value, path, problems)
    if origin is tuple:
        if isinstance(value, str) or not hasattr(value, "__iter__"):
            problems.append(f"{path} must be a list, got {value!r}")
            return ()
        return tuple(_coerce(arguments[0], item, f"{path}.{i}", problems) for i, item in enumerate(value))
    if hint is float and isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:  # YAML 1.1 reads 1e-4 as a string
            return float(value)
        except ValueError:
            problems.append(f"{path} must be a number, got {value!r}")
            return value
    if hint in (int, bool, str) and type(value) is not hint:
        problems.append(f"{path} must be {hint.__name__}, got {value!r}")
    return value


def load_yaml(path: str | Path) -> dict[str, Any]:
    """Read a YAML mapping.

    Raises: ConfigError when the file is missing, is not YAML, or is not a mapping.
    """
    import yaml

    file = Path(path)
    try:
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        there = sorted(p.name for p in file.parent.glob("*.yaml")) if file.parent.is_dir() else []
        raise ConfigError(f"no config file {file}{nearest(file.name, there) if there else ''}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not valid YAML: {error}") from error
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise ConfigError(f"{file} must be a mapping, got {type(data).__name__}")
    return data


def to_dict(config: Any) -> dict[str, Any]:
    """The resolved configuration as plain data, for reports."""
    plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(config)))
    return plain


def config_hash(config: Any) -> str:
    """Twelve hex digits that change when any resolved value does. Takes a dataclass or plain data."""
    data = to_dict(config) if dataclasses.is_dataclass(config) else config
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:12]
