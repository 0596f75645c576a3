"""A set by name, measured: its folder, its memory or model, its figures. Knows nothing of any set's format."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hippo_eval.answerers import Memory, Progress
from hippo_eval.composing import resolve
from hippo_eval.fresh import embedder_for, fresh_hippo, fresh_memory
from hippo_eval.machine import machine, versions
from hippo_eval.runner import silent, write_metrics
from hippo_eval.sets.conversations import measure_evidence
from hippo_eval.sets.edits import measure_edits
from hippo_eval.sets.folders import check_limit, check_set, data_folder
from hippo_eval.sets.known_facts import measure_known
from hippo_eval.sets.locomo import read_folder
from hippo_eval.sets.locomo_answers import measure_answers
from hippo_eval.sets.multiple_choice import measure_choices
from hippo_eval.sets.stories import measure_stories
from hippo_eval.sets.vectors import KeptVectors
from hippo_mem.awake import Awake
from hippo_mem.config import GateConfig, SleepConfig, from_mapping, load_yaml
from hippo_mem.configs_path import find_config
from hippo_mem.errors import ConfigError, InputError

if TYPE_CHECKING:
    from hippo_mem.memory import Hippo

DEFAULT_PRESET = "memory/all"
SCHEMA = 1
# One night learns hundreds of facts, and takes minutes for each hundred.
DEFAULT_EDITS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a set is measured with: which memories, which model, whose night, how much of the set."""

    memories: tuple[str, ...]
    model: str
    limit: int | None
    home: Path | None
    user: str
    consolidation: str


def run_set(
    name: str,
    *,
    data: str | Path | None = None,
    preset: str = DEFAULT_PRESET,
    model: str = "smollm2-135m",
    limit: int | None = None,
    home: str | Path | None = None,
    user: str = "default",
    consolidation: str = "default",
    out: str | Path | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Measure a third-party set. Memories are fresh and surprise is off: no model is asked on a write.

    Args:
        name: "babi", "locomo" and "counterfact" are told to a fresh memory; "mmlu" and "known_facts" are asked of the
            bare model and, where the user has a night in force, of the model with it.
        data: its folder; by default `$HIPPO_DATA/<name>`.
        preset: a memory preset, which memories observe and answer.
        model: answers what no memory decides; loaded only then.
        limit: at most so many questions (babi: a task; counterfact: edits, 100 by default), evenly spread; None: all.
        home, user: whose night in force is measured by mmlu and known_facts; by default the data home's default user.
        consolidation: the recipe of counterfact's night.
        out: where to write the figures; None writes nothing.
        progress: called with (stage, done, total).
    Returns: the figures of `measure_stories`, `measure_evidence` with `answers` of `measure_answers`, `measure_edits`,
        `measure_choices` or `measure_known`, and under what they were measured.
    Raises: InputError for an unknown set, or a folder without it, saying where the original is; StoreFormatError for a
        damaged file; ConfigError; ModelUnavailable; SleepError.
    """
    config = resolve([f"preset={preset}"])
    if not config.is_memory:
        raise ConfigError(f"a set needs a memory preset, {preset} has no memory")
    folder = data_folder(check_set(name), data)
    asked = Asked(
        memories=config.memories, model=model, limit=check_limit(limit), home=Path(home) if home else None, user=user,
        consolidation=consolidation,
    )  # fmt: skip
    began = time.perf_counter()
    figures = _MEASURED[name](folder, asked, progress)
    result = {
        "schema": SCHEMA,
        "set": name,
        "preset": preset,
        "model": model,
        "limit": limit,
        **figures,
        "seconds": round(time.perf_counter() - began, 3),
        "versions": versions(),
        "machine": machine(),
    }
    if out is not None:
        write_metrics(Path(out), result)
    return result


def _stories(folder: Path, asked: Asked, progress: Progress) -> dict[str, Any]:
    embedder = KeptVectors(embedder_for(asked.model))

    def open_memory() -> contextlib.AbstractContextManager[Memory]:
        return fresh_memory(asked.model, memories=asked.memories, surprise=False, embedder=embedder)

    return measure_stories(folder, open_memory, progress, limit=asked.limit)


def _conversations(folder: Path, asked: Asked, progress: Progress) -> dict[str, Any]:
    embedder = KeptVectors(embedder_for(asked.model))

    @contextlib.contextmanager
    def open_memory(gate: GateConfig) -> Iterator[Awake]:
        with fresh_hippo(
            asked.model, memories=asked.memories, surprise=False, embedder=embedder, gate=gate
        ) as hippo:  # fmt: skip
            yield hippo.awake

    def open_whole() -> contextlib.AbstractContextManager[Memory]:
        return fresh_memory(asked.model, memories=asked.memories, surprise=False, embedder=embedder)

    evidence = measure_evidence(folder, open_memory, progress, limit=asked.limit)
    return {**evidence, "answers": measure_answers(read_folder(folder), open_whole, progress, limit=asked.limit)}


def _edits(folder: Path, asked: Asked, progress: Progress) -> dict[str, Any]:
    file = find_config(asked.consolidation, "consolidation")
    recipe = from_mapping(SleepConfig, load_yaml(file), origin=str(file))

    def open_hippo() -> contextlib.AbstractContextManager[Hippo]:
        return fresh_hippo(_real(asked.model), memories=asked.memories, surprise=False)

    return measure_edits(folder, open_hippo, progress, limit=asked.limit or DEFAULT_EDITS, recipe=recipe)


def _choices(folder: Path, asked: Asked, progress: Progress) -> dict[str, Any]:
    with _own(asked) as hippo:
        return {**measure_choices(folder, hippo.lm, progress, limit=asked.limit), "night": _in_force(hippo)}


def _known(folder: Path, asked: Asked, progress: Progress) -> dict[str, Any]:
    with _own(asked) as hippo:
        return {**measure_known(folder, hippo.lm, progress, limit=asked.limit), "night": _in_force(hippo)}


def _own(asked: Asked) -> Hippo:
    """The user's own memory, of which only the model and its night are used."""
    from hippo_mem.memory import Hippo

    return Hippo.open(asked.home, asked.user, model=_real(asked.model))


def _in_force(hippo: Hippo) -> dict[str, Any] | None:
    night: dict[str, Any] | None = hippo.status()["night_in_force"]
    return night


def _real(model: str) -> str:
    """Raises: InputError for the dummy: it has no weights that could be asked."""
    if model == "dummy":
        raise InputError("the dummy model has no weights; this set needs a language model, e.g. --model smollm2-135m")
    return model


_MEASURED: dict[str, Callable[[Path, Asked, Progress], dict[str, Any]]] = {
    "babi": _stories,
    "locomo": _conversations,
    "counterfact": _edits,
    "mmlu": _choices,
    "known_facts": _known,
}
