"""A set by name, measured: its folder, its memory, its figures. Knows nothing of any set's format."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hippo_eval.answerers import Memory, Progress
from hippo_eval.composing import resolve
from hippo_eval.fresh import embedder_for, fresh_hippo, fresh_memory
from hippo_eval.machine import machine, versions
from hippo_eval.runner import silent, write_metrics
from hippo_eval.sets.conversations import measure_evidence
from hippo_eval.sets.folders import check_set, data_folder
from hippo_eval.sets.stories import measure_stories
from hippo_eval.sets.vectors import KeptVectors
from hippo_eval.settings import EvalConfig
from hippo_mem.awake import Awake
from hippo_mem.config import GateConfig
from hippo_mem.errors import ConfigError

DEFAULT_PRESET = "memory/all"
SCHEMA = 1


def run_set(
    name: str,
    *,
    data: str | Path | None = None,
    preset: str = DEFAULT_PRESET,
    model: str = "smollm2-135m",
    out: str | Path | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Measure a third-party set through the ordinary memory. Surprise is off: no model is asked on a write.

    Args:
        name: "babi" or "locomo".
        data: its folder; by default `$HIPPO_DATA/<name>`.
        preset: a memory preset, which memories observe and answer.
        model: answers what no memory decides; loaded only then.
        out: where to write the figures; None writes nothing.
        progress: called with (stage, done, total).
    Returns: the figures of `measure_stories` or `measure_evidence`, and under what they were measured.
    Raises: InputError for an unknown set, or a folder without it, saying where the original is; StoreFormatError for a
        damaged file; ConfigError; ModelUnavailable.
    """
    config = resolve([f"preset={preset}"])
    if not config.is_memory:
        raise ConfigError(f"a set needs a memory preset, {preset} has no memory")
    folder = data_folder(check_set(name), data)
    began = time.perf_counter()
    figures = _MEASURED[name](folder, config, model, progress)
    result = {
        "schema": SCHEMA,
        "set": name,
        "preset": preset,
        "model": model,
        **figures,
        "seconds": round(time.perf_counter() - began, 3),
        "versions": versions(),
        "machine": machine(),
    }
    if out is not None:
        write_metrics(Path(out), result)
    return result


def _stories(folder: Path, config: EvalConfig, model: str, progress: Progress) -> dict[str, Any]:
    embedder = KeptVectors(embedder_for(model))

    def open_memory() -> contextlib.AbstractContextManager[Memory]:
        return fresh_memory(model, memories=config.memories, surprise=False, embedder=embedder)

    return measure_stories(folder, open_memory, progress)


def _conversations(folder: Path, config: EvalConfig, model: str, progress: Progress) -> dict[str, Any]:
    embedder = KeptVectors(embedder_for(model))

    @contextlib.contextmanager
    def open_memory(gate: GateConfig) -> Iterator[Awake]:
        with fresh_hippo(model, memories=config.memories, surprise=False, embedder=embedder, gate=gate) as hippo:
            yield hippo.awake

    return measure_evidence(folder, open_memory, progress)


_MEASURED: dict[str, Callable[[Path, EvalConfig, str, Progress], dict[str, Any]]] = {
    "babi": _stories,
    "locomo": _conversations,
}
