"""What an evaluation run is told, as one frozen `EvalConfig`: which values there are, and which go together.

    default.yaml  <  preset  <  ablations  <  key=value overrides  (all in `hippo_eval.composing`)

Knows nothing of where the values come from, or of what a run does with them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from hippo_eval.cells import Cell
from hippo_mem.config import (
    EpisodicConfig,
    GateConfig,
    RecallConfig,
    RelationalConfig,
    ReplayConfig,
    SpatialConfig,
    config_hash,
    to_dict,
)
from hippo_mem.errors import ConfigError
from hippo_mem.types import check_id

DEFAULT_PRESET = "memory/hei_nw"
# Where a run puts its files, and how much it does at once, decides nothing about its figures.
_NOT_HASHED = ("outdir", "run_id", "store_dir", "dry_run", "strict", "again", "batch_size", "ablations")


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodicSettings:
    """Episodes: how many are recalled, how near is measured, from which S on they are written, which rankings fuse."""

    k: int = 8
    metric: Literal["cosine"] = "cosine"
    write_threshold: float = 0.1
    gate: Literal["fixed", "adaptive"] = "fixed"
    surprise: Literal["model", "cheap", "off"] = "model"
    recall: RecallConfig = field(default_factory=RecallConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationalSettings:
    """The graph of facts. `schema` names the forms that enter it at once, None lets every form in."""

    topk_subgraphs: int | None = None
    tuple_conf_min: float = 0.0
    schema: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemorySettings:
    """Which memories observe and answer: those that are not None. Facts and places rest on the episodes they were told
    in.
    """

    episodic: EpisodicSettings = field(default_factory=EpisodicSettings)
    relational: RelationalSettings | None = None
    spatial: SpatialConfig | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrievalConfig:
    """Whether a store, or a list of facts, is asked; `k` is how many come back (None: the preset's memory decides)."""

    enabled: bool = True
    k: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LongContextConfig:
    """Every taught fact in the prompt, the newest `max_tokens` of them."""

    enabled: bool = False
    max_tokens: int = 1536


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeConfig:
    """`pre_metrics`: ask once before anything is replayed or slept on, and report it as `pre_*`. `forgetting`: after a
    night, what it cost in general knowledge and prose.
    """

    pre_metrics: bool = False
    forgetting: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalConfig:
    """One run. `mode` full teaches, replays `replay.cycles` times, and tests, in one process.

    `memory` None is a baseline. `gating_enabled` False pins every event, so that the gate keeps all. `isolate` key: a
    question sees the facts of its own `context_key` alone. `adapter` is a PEFT folder. `consolidation` names the
    recipe of `sleep`, `night` what is changed in it. `ablations` are the names of those that were applied. `strict`:
    a telemetry invariant that does not hold is a failure. `again`: measure even what is there already.
    """

    preset: str = DEFAULT_PRESET
    ablations: tuple[str, ...] = ()
    suite: str = "episodic"
    profile: str = "default"
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
    night: Mapping[str, Any] = field(default_factory=dict)
    persist: bool = False
    store_dir: str | None = None
    session_id: str | None = None
    run_id: str | None = None
    outdir: str | None = None
    dry_run: bool = False
    strict: bool = False
    again: bool = False
    batch_size: int = 64
    memory: MemorySettings | None = None
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
        if self.memory is None:
            return ()
        chosen = {"relational": self.memory.relational, "spatial": self.memory.spatial}
        return ("episodic", *(name for name, settings in chosen.items() if settings is not None))

    @property
    def k(self) -> int:
        """How many memories, or facts, a question brings back."""
        if self.retrieval.k is not None:
            return self.retrieval.k
        return (self.memory.episodic if self.memory is not None else EpisodicSettings()).k

    @property
    def asks_memory(self) -> bool:
        """Whether the last round of questions reads a store."""
        return self.is_memory and not self.memory_off and self.retrieval.enabled

    @property
    def gate(self) -> GateConfig:
        """The library's settings of the write gate."""
        own = (self.memory or MemorySettings()).episodic
        return GateConfig(mode=own.gate, tau=own.write_threshold, surprise=own.surprise)

    @property
    def episodic(self) -> EpisodicConfig:
        """The library's settings of the episodic store."""
        return EpisodicConfig(recall=(self.memory or MemorySettings()).episodic.recall)

    @property
    def relational(self) -> RelationalConfig:
        """The library's settings of the graph."""
        own = (self.memory.relational if self.memory is not None else None) or RelationalSettings()
        return RelationalConfig(topk_subgraphs=own.topk_subgraphs, tuple_conf_min=own.tuple_conf_min)

    @property
    def schema(self) -> str | None:
        """Which forms enter the graph at once."""
        own = self.memory.relational if self.memory is not None else None
        return own.schema if own is not None else None

    @property
    def spatial(self) -> SpatialConfig:
        """The library's settings of the map."""
        return (self.memory.spatial if self.memory is not None else None) or SpatialConfig()


def hash_of(config: EvalConfig) -> str:
    """Twelve hex digits of what decides a run's figures."""
    return config_hash({key: value for key, value in to_dict(config).items() if key not in _NOT_HASHED})


def cell_of(config: EvalConfig, more: tuple[str, ...] = ()) -> Cell:
    """The cell whose figures the run gives. `more` are variants beside those that follow from the settings."""
    variants: tuple[str, ...] = ()
    if config.sleep:
        variants += ("sleep" if config.memory_off else "sleep_on",)
    elif config.memory_off and config.is_memory:
        variants += ("memory_off",)
    if config.adapter is not None:
        variants += ("adapter",)
    if config.mode != "full":
        variants += (config.mode,)
    return Cell(
        preset=config.preset, variants=(*variants, *sorted(config.ablations), *more), suite=config.suite,
        profile=config.profile, n=config.n, seed=config.seed, model=config.model,
    )  # fmt: skip


def check(config: EvalConfig) -> EvalConfig:
    """The configuration, if its values make sense together.

    Raises: ConfigError, InputError.
    """
    memory = config.memory or MemorySettings()
    facts = (memory.relational or RelationalSettings()).topk_subgraphs
    problems = [
        f"{name} must be {low} or more, got {value}"
        for name, value, low in (
            ("n", config.n, 1),
            ("batch_size", config.batch_size, 1),
            ("max_new_tokens", config.max_new_tokens, 1),
            ("retrieval.k", config.retrieval.k, 1),
            ("memory.episodic.k", memory.episodic.k, 1),
            ("memory.relational.topk_subgraphs", facts, 1),
            ("long_context.max_tokens", config.long_context.max_tokens, 16),
            ("replay.cycles", config.replay.cycles, 0),
        )
        if value is not None and value < low
    ]
    for value, what in ((config.session_id, "session_id"), (config.run_id, "run_id")):
        if value is not None:
            check_id(value, what)
    problems += [*_store_problems(config), *_memory_problems(config)]
    if config.mode != "full" and config.sleep:
        problems.append("sleep=true needs mode=full; for a saved store use scripts/replay_consolidate.py")
    if bool(config.teach_file) != bool(config.test_file) and config.mode != "teach":
        problems.append("teach_file and test_file belong together")
    if problems:
        raise ConfigError("; ".join(problems))
    return config


def _store_problems(config: EvalConfig) -> list[str]:
    keeps = config.persist or config.mode == "replay"
    if keeps and not (config.store_dir and config.session_id):
        return ["persist=true and mode=replay need store_dir=... and session_id=..."]
    if config.replay.cycles and not keeps and not config.sleep and config.is_memory:
        return ["replay.cycles needs persist=true: a replay works on a saved store (or sleep=true)"]
    return []


def _memory_problems(config: EvalConfig) -> list[str]:
    problems = []
    if not config.is_memory:
        if config.mode in ("teach", "replay"):
            problems.append(f"mode={config.mode} needs a memory preset, {config.preset} has no memory")
        if config.persist or config.sleep:
            problems.append(f"persist and sleep need a memory preset, {config.preset} has no memory")
    elif config.system_prompt is not None or not config.use_chat_template:
        problems.append("system_prompt and use_chat_template belong to the baselines; a memory's reader has its own")
    if config.night and not config.sleep:
        what = "+".join(config.ablations) or ", ".join(f"night.{key}" for key in config.night)
        problems.append(f"{what} changes the night, and this run has none: add sleep=true")
    return problems


def replaced(config: EvalConfig, **values: Any) -> EvalConfig:
    """The configuration with other values, checked.

    Raises: ConfigError, InputError.
    """
    return check(dataclasses.replace(config, **values))
