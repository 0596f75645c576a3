"""Which peers are run, on which tasks, with which settings: frozen dataclasses read from YAML.

Knows nothing of how a peer works.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from hippo_columns import settings
from hippo_columns.config import DataConfig, ExperimentConfig, NetworkConfig
from hippo_columns.tasks import TaskSpec, check_specs
from hippo_mem.config import config_hash, from_mapping, load_yaml, to_dict
from hippo_mem.errors import ConfigError, nearest

MethodName = Literal["naive", "joint", "ewc", "si", "lwf", "er", "der++", "xdg"]

# task: every task is told by its own context, at test too (task-incremental). parent: a prime is told by its parent's,
# so one answer serves both (domain-incremental). one: all tasks are told alike (domain-incremental).
Scenario = Literal["task", "parent", "one"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodConfig:
    """One peer. Only what its method reads is looked at; see `hippo_columns.peers.choose`.

    Args:
        label: what tables call it. scenarios: those it is run in, None for all of the run.
        capacity: images kept (er, der++), None for all. strength: of the penalty (ewc, si). lr,
            weight_decay: None for the run's own. published: reached by the
            authors of the protocol, test accuracy in percent by scenario, to stand beside ours.
    """

    method: MethodName
    label: str
    scenarios: tuple[str, ...] | None = None
    capacity: int | None = None
    strength: float = 1.0
    fisher: Literal["samples", "batches"] = "samples"
    n_fisher: int | None = 1000
    damping: float = 0.1
    temperature: float = 2.0
    weight: float = 1.0
    weight_by_tasks: bool = False
    alpha: float = 0.5
    beta: float = 0.5
    gated: float = 0.8
    lr: float | None = None
    weight_decay: float | None = None
    published: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PeersConfig:
    """A set of peers over one sequence of tasks.

    Args:
        backbone: "spiking" is our network as one layer, "mlp" that of the published protocol.
        epochs: passes over each task's images; with `n_samples` a total instead, replayed images counted in, shared out
            among the tasks by their size.
        schedule: the order of training by name; None: `tasks`.
        decay: over each task the rate falls in a straight line to almost nothing, as it does in our own training.
    """

    name: str
    tasks: tuple[TaskSpec, ...]
    methods: tuple[MethodConfig, ...]
    scenarios: tuple[Scenario, ...] = ("task", "parent")
    schedule: tuple[str, ...] | None = None
    backbone: Literal["spiking", "mlp"] = "spiking"
    data: DataConfig = field(default_factory=DataConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    n_hidden: int = 400
    epochs: int = 5
    n_samples: int | None = None
    batch_size: int = 64
    lr: float = 3.0e-3
    weight_decay: float = 0.0
    decay: bool = True

    @property
    def order(self) -> tuple[str, ...]:
        """The names of the tasks in the order of training."""
        return self.schedule if self.schedule is not None else tuple(t.name for t in self.tasks)

    @property
    def pairs(self) -> tuple[tuple[Scenario, MethodConfig], ...]:
        """Every method in every scenario that it is to be run in."""
        return tuple((s, m) for s in self.scenarios for m in self.methods if m.scenarios is None or s in m.scenarios)


def load_peers(path: str | Path, overrides: tuple[str, ...] = ()) -> PeersConfig:
    """The peers of a YAML file, with `a.b=c` over it.

    A key `experiment` names a configuration of ours, relative to the file: tasks, schedule, data, network, batch
    size, rate and weight decay are taken from there unless the file gives them itself.

    Raises: ConfigError for every unknown key, wrong type or value out of range.
    """
    data = load_yaml(path)
    for override in overrides:
        settings.put(data, override)
    if "experiment" in data:
        data = _like(settings.load(Path(path).parent / str(data.pop("experiment"))), data)
    missing = [key for key in ("name", "tasks", "methods") if not data.get(key)]
    if missing:
        raise ConfigError(f"{path}: {', '.join(missing)} must be given")
    config = from_mapping(PeersConfig, data, origin=str(path))
    _check(config)
    return config


def stamp(config: PeersConfig, scenario: Scenario, method: MethodConfig, seed: int) -> str:
    """Twelve hex digits that change when anything does that this one run depends on."""
    own = dataclasses.asdict(dataclasses.replace(config, methods=(method,), scenarios=(scenario,)))
    # What only changes what is printed beside a result does not make it another result.
    own["methods"][0].pop("published")
    own["methods"][0].pop("scenarios")
    return config_hash({**own, "seed": seed})


def _like(experiment: ExperimentConfig, data: dict[str, Any]) -> dict[str, Any]:
    """`data` over what peers share with an experiment."""
    plain = to_dict(experiment)
    taken = {
        "tasks": plain["tasks"],
        "schedule": plain["schedule"],
        "data": plain["data"],
        "network": plain["network"] | data.get("network", {}),
        "epochs": experiment.training.epochs,
        "batch_size": experiment.training.batch_size,
        "lr": experiment.training.lr,
        "weight_decay": experiment.training.weight_decay,
    }
    return taken | {key: value for key, value in data.items() if key != "network"}


def _check(config: PeersConfig) -> None:
    check_specs(config.tasks)
    problems = []
    names = [t.name for t in config.tasks]
    problems += [f"schedule names no task {n!r}{nearest(n, names)}" for n in config.order if n not in names]
    problems += [f"task {n!r} is not in the schedule" for n in names if n not in config.order]
    labels = [(scenario, m.label) for scenario, m in config.pairs]
    problems += [
        f"two methods of scenario {s!r} are labelled {m!r}" for s, m in set(labels) if labels.count((s, m)) > 1
    ]
    for scenario in config.scenarios:
        if scenario not in ("task", "parent", "one"):
            problems.append(f"unknown scenario {scenario!r}{nearest(scenario, ('task', 'parent', 'one'))}")
    for key, value in (("epochs", config.epochs), ("batch_size", config.batch_size), ("n_hidden", config.n_hidden)):
        if value < 1:
            problems.append(f"{key} must be 1 or more, got {value}")
    if config.lr <= 0:
        problems.append(f"lr must be above 0, got {config.lr}")
    if config.n_samples is not None and config.n_samples < len(names):
        problems.append(f"n_samples must be at least one a task, got {config.n_samples}")
    if problems:
        raise ConfigError(f"{config.name}: " + "; ".join(problems))
