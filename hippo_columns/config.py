"""What a run is made of, as frozen dataclasses: one schema per stage of the results log, one resolved form for all.

A stage's schema has the keys that do something in that stage and no others, so a key that would be ignored is refused.
`resolved` turns any of them into an `ExperimentConfig`, which is what the rest of the package reads. Knows nothing of
files (`hippo_columns.settings` reads them) or of what the values are used for.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal

from hippo_columns.lif import Neuron, Surrogate
from hippo_columns.tasks import TaskSpec, check_specs
from hippo_mem.errors import ConfigError, nearest

PromptMode = Literal["hashed", "learned_task_id"]
MaskMode = Literal["soft", "hard", "residual"]
Routing = Literal["logits", "key_query", "next_free", "fixed_one_hot"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataConfig:
    """Which part of the data a run sees. None: all of it. `val_share` of the training images is held out for tuning."""

    max_train_samples: int | None = None
    max_test_samples: int | None = None
    val_share: float = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkConfig:
    """The network. `beta` is the decay of the membrane at the start, `n_steps` the time steps, None the usual slope."""

    n_inputs: int = 784
    prompt_dim: int = 16
    n_columns: int = 8
    n_base_columns: int = 4
    n_hidden: int = 48
    n_steps: int = 8
    beta: float = 0.9
    learn_beta: bool = True
    threshold: float = 1.0
    # A learned addition to the threshold for each task and column, 0 at the start.
    learn_threshold_shift: bool = False
    neuron: Neuron = "spiking"
    surrogate: Surrogate = "arctan"
    surrogate_slope: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage4Masking:
    """Masks over columns, prompts hashed from the tasks' names.

    soft: alpha = softmax(logits / temperature) in the task's bank, penalised by entropy_weight * entropy,
    balance_weight * mean squared distance from uniform, and overlap_weight * mean overlap with other tasks' masks.
    Shares below `min_share` count as nothing, and such columns are not computed.
    hard: one column a task. residual: a prime reads its own column and its parent's, which is frozen.
    """

    mode: MaskMode = "soft"
    temperature: float = 0.3
    lr: float = 0.05
    init_std: float = 0.1
    entropy_weight: float = 0.03
    balance_weight: float = 0.02
    overlap_weight: float = 0.03
    min_share: float = 1.0e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage5AMasking(Stage4Masking):
    """Stage 4 with prompts that learn, from the task alone or also from the mean of its inputs."""

    prompt_mode: PromptMode = "learned_task_id"
    prompt_lr: float = 0.01
    include_input_in_prompt: bool = False
    prompt_input_scale: float = 0.8
    train_input_projection: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyQueryConfig:
    """Routing by key and query: alpha = softmax(scores / temperature), scores = K q plus who occupies what.

    A task owns a column after `owner_batches` training batches in a row with alpha >= `owner_share` there. Columns that
    other tasks own get `occupied_score`, the own one `owner_score`. margin_weight is that of the margin lock
    max(0, margin - (own score - best other)); novel_entropy_weight that of the entropy of a novel task's mask;
    base_regularization that of positive cosine between queries of base tasks.
    """

    cosine: bool = False
    base_temperature: float = 0.2
    novel_temperature: float = 0.05
    min_temperature: float = 1.0e-3
    owner_share: float = 0.75
    owner_batches: int = 20
    occupied_score: float = -1.0
    owner_score: float = 0.5
    margin: float = 0.2
    margin_weight: float = 0.1
    novel_entropy_weight: float = 0.5
    base_regularization: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage5BMasking(Stage5AMasking):
    """Stage 5A with the mask computed from prompts. The other routings are there to be compared with."""

    routing: Routing = "key_query"
    key_lr: float = 0.01
    key_query: KeyQueryConfig = field(default_factory=KeyQueryConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """Learning while awake.

    While a novel task trains, what it shares with others (readout, base columns, base prompts) learns at
    `base_lr_scale_during_novel` of the rate; 0 leaves it as it is to the bit. `shared_lr_scale` is the same for the
    readout while any task but the first trains, `occupied_lr_scale` for a column that another task uses alone (1: no
    such protection). `sleep_after` names the tasks that a sleep follows; None: the last.
    """

    epochs: int = 5
    batch_size: int = 64
    lr: float = 1.0e-2
    weight_decay: float = 0.5
    base_lr_scale_during_novel: float = 0.2
    occupied_lr_scale: float = 0.1
    shared_lr_scale: float = 0.1
    sleep_after: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamicReplayConfig:
    """Replay that follows the loss, see `hippo_mem.replay.DynamicReplay`. Percents are 0..100.

    rank_by "excess" subtracts the entropy of the teacher's answer, which no student can get below; "loss" does not.
    prime_warmup: passes over the primes once, before all else; base_pass: passes over the bases in every epoch.
    gradient_similarity_influence 0 switches the nudge off.
    """

    ema: float = 0.85
    top_percent: float = 40.0
    extra_percent: float = 20.0
    prob_floor: float = 0.1
    rank_by: Literal["excess", "loss"] = "excess"
    prime_warmup: float = 1.0
    base_pass: float = 1.0
    gradient_similarity_influence: float = 0.2
    gradient_update_interval: int = 5
    nudge_decay: float = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class SleepConfig:
    """Distillation of what was learned into the parents' prompts, columns and masks.

    label_weight: of the true labels beside the teacher's answers. temperature: of the distillation, at least 1e-3.
    buffer_per_task: how many of a task's wake images sleep may see, None all. held_out_replay: static replay passes
    over the primes so many more times an epoch. max_samples: sleep ends when so many samples were seen.
    max_drop: a sleep is verified when no member loses more validation accuracy than this.
    """

    enabled: bool = True
    replay: Literal["static", "dynamic"] = "static"
    epochs: int = 15
    batch_size: int = 64
    lr: float = 1.0e-2
    temperature: float = 1.0
    label_weight: float = 0.0
    clip_norm: float = 1.0
    held_out_replay: int = 0
    buffer_per_task: int | None = None
    max_samples: int | None = None
    max_drop: float = 0.02
    dynamic: DynamicReplayConfig = field(default_factory=DynamicReplayConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageConfig:
    """What all stages have. `schedule` is the order of training by name, where a name may come again; None: `tasks`."""

    seed: int = 0
    tasks: tuple[TaskSpec, ...] = ()
    schedule: tuple[str, ...] | None = None
    data: DataConfig = field(default_factory=DataConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    sleep: SleepConfig = field(default_factory=SleepConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage4Config(StageConfig):
    """Stage 4: residual columns or soft masks, hashed prompts."""

    stage: Literal["4"] = "4"
    masking: Stage4Masking = field(default_factory=Stage4Masking)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage5AConfig(StageConfig):
    """Stages 5A1 and 5A2: prompts that learn."""

    stage: Literal["5A1", "5A2"] = "5A1"
    masking: Stage5AMasking = field(default_factory=Stage5AMasking)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage5BConfig(StageConfig):
    """Stages 5B0 and 5B1: routing by key and query."""

    stage: Literal["5B0", "5B1"] = "5B0"
    masking: Stage5BMasking = field(default_factory=Stage5BMasking)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentConfig(StageConfig):
    """A run of any stage, every value in place."""

    stage: str = "4"
    masking: Stage5BMasking = field(default_factory=Stage5BMasking)

    @property
    def order(self) -> tuple[str, ...]:
        """The names of the tasks in the order in which they are trained; a name may come more than once."""
        return self.schedule if self.schedule is not None else tuple(t.name for t in self.tasks)

    @property
    def sleeps(self) -> tuple[str, ...]:
        """The tasks after whose last training a sleep follows."""
        if not self.sleep.enabled:
            return ()
        return self.training.sleep_after if self.training.sleep_after is not None else self.order[-1:]


STAGES: dict[str, type[StageConfig]] = {
    "4": Stage4Config,
    "5A1": Stage5AConfig,
    "5A2": Stage5AConfig,
    "5B0": Stage5BConfig,
    "5B1": Stage5BConfig,
}


def resolved(config: StageConfig) -> ExperimentConfig:
    """The one form that the package reads: what a stage does not have is as that stage has always been.

    Raises: ConfigError naming every value that is out of range or does not fit the others.
    """
    values = {f.name: getattr(config, f.name) for f in dataclasses.fields(config)}
    masking = values.pop("masking")
    if type(masking) is not Stage5BMasking:
        older: dict[str, Any] = {"routing": "logits", "prompt_mode": "hashed"}
        older |= {f.name: getattr(masking, f.name) for f in dataclasses.fields(masking)}
        masking = Stage5BMasking(**older)
    result = ExperimentConfig(masking=masking, **values)
    _check(result)
    return result


def _check(config: ExperimentConfig) -> None:
    check_specs(config.tasks)
    problems: list[str] = []
    names = [t.name for t in config.tasks]

    def need(ok: bool, problem: str) -> None:
        if not ok:
            problems.append(problem)

    for key, given in (("schedule", config.order), ("training.sleep_after", config.sleeps)):
        for name in given:
            need(name in names, f"{key} names no task {name!r}{nearest(name, names)}")
    for name in names:
        need(name in config.order, f"task {name!r} is not in the schedule, so it would never be trained")
    n, m, t, s, d = config.network, config.masking, config.training, config.sleep, config.sleep.dynamic
    positive = {
        "network.n_inputs": n.n_inputs, "network.prompt_dim": n.prompt_dim, "network.n_base_columns": n.n_base_columns,
        "network.n_hidden": n.n_hidden, "network.n_steps": n.n_steps, "training.epochs": t.epochs,
        "training.batch_size": t.batch_size, "sleep.epochs": s.epochs, "sleep.batch_size": s.batch_size,
        "masking.key_query.owner_batches": m.key_query.owner_batches,
        "sleep.dynamic.gradient_update_interval": d.gradient_update_interval,
    }  # fmt: skip
    for key, value in positive.items():
        need(value >= 1, f"{key} must be 1 or more, got {value}")
    for key, rate in (("training.lr", t.lr), ("sleep.lr", s.lr), ("masking.temperature", m.temperature)):
        need(rate > 0, f"{key} must be above 0, got {rate}")
    for key, share in (
        ("training.base_lr_scale_during_novel", t.base_lr_scale_during_novel),
        ("training.shared_lr_scale", t.shared_lr_scale),
        ("training.occupied_lr_scale", t.occupied_lr_scale),
        ("network.beta", n.beta),
        ("masking.min_share * n_columns", m.min_share * n.n_columns),
        ("sleep.dynamic.top_percent / 100", d.top_percent / 100),
        ("sleep.dynamic.extra_percent / 100", d.extra_percent / 100),
        ("sleep.dynamic.prob_floor", d.prob_floor),
        ("sleep.max_drop", s.max_drop),
    ):
        need(0 <= share <= 1, f"{key} is a share of 1, got {share}")
    need(n.n_columns >= n.n_base_columns, f"network.n_columns={n.n_columns} is below n_base_columns={n.n_base_columns}")
    if any(task.is_prime for task in config.tasks):
        need(
            n.n_columns > n.n_base_columns, f"primes need novel columns, but all {n.n_columns} columns are base columns"
        )
    if m.include_input_in_prompt:
        need(m.prompt_mode == "learned_task_id", "masking.include_input_in_prompt needs prompt_mode learned_task_id")
    if m.mode != "soft":
        need(m.routing == "logits", f"masking.mode {m.mode!r} has its columns fixed; routing {m.routing!r} needs soft")
    if problems:
        raise ConfigError("; ".join(problems))
