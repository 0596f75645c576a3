"""From a peer's settings to the method itself. Knows nothing of tasks or training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from hippo_columns.peers.backbone import Backbone
from hippo_columns.peers.config import MethodConfig
from hippo_columns.peers.distilling import LearningWithoutForgetting
from hippo_columns.peers.gating import ContextGating
from hippo_columns.peers.method import Method
from hippo_columns.peers.penalties import Ewc, SynapticIntelligence
from hippo_columns.peers.rehearsal import DarkExperienceReplay, ExperienceReplay
from hippo_mem.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Setting:
    """What every method is built from."""

    backbone: Backbone
    generator: torch.Generator
    n_contexts: int


_METHODS: Mapping[str, Callable[[MethodConfig, Setting], Method]] = {
    "naive": lambda _, s: Method(s.backbone, s.generator),
    "joint": lambda _, s: Method(s.backbone, s.generator),
    "ewc": lambda m, s: Ewc(s.backbone, s.generator, strength=m.strength, fisher=m.fisher, n_fisher=m.n_fisher),
    "si": lambda m, s: SynapticIntelligence(s.backbone, s.generator, strength=m.strength, damping=m.damping),
    "lwf": lambda m, s: LearningWithoutForgetting(
        s.backbone, s.generator, temperature=m.temperature, weight="by_tasks" if m.weight_by_tasks else m.weight
    ),
    "er": lambda m, s: ExperienceReplay(s.backbone, s.generator, capacity=m.capacity),
    "der++": lambda m, s: DarkExperienceReplay(
        s.backbone, s.generator, capacity=m.capacity, alpha=m.alpha, beta=m.beta
    ),
    "xdg": lambda m, s: ContextGating(s.backbone, s.generator, n_contexts=s.n_contexts, gated=m.gated),
}


def build_method(config: MethodConfig, setting: Setting) -> Method:
    """The method that `config` describes, over a fresh backbone. "joint" differs in what it is trained on.

    Raises: ConfigError for an unknown method or settings out of range.
    """
    if config.method not in _METHODS:
        raise ConfigError(f"unknown method {config.method!r}; known: {', '.join(_METHODS)}")
    return _METHODS[config.method](config, setting)
