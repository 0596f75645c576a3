"""One cell, measured: told, perhaps slept on, asked, scored; every finished step is kept in the cell's checkpoint.

    tell ► (flush) ► (ask as "pre") ► (sleep) ► ask as "on" or "off" ► (what the night cost)

Asking writes nothing into what is asked. Knows nothing of which cells there are, or of files outside the checkpoint.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from hippo_eval import dummy
from hippo_eval.answerers import Answerer, Memory, Progress, Taught, calls
from hippo_eval.baseline_answerer import BaselineAnswerer
from hippo_eval.cells import ItemRow, Phase
from hippo_eval.checkpoint import Checkpoint
from hippo_eval.cost import cost_of
from hippo_eval.fresh import lent_model, memory_in, meter_of, open_model, shared_vectors
from hippo_eval.memory_answerer import MemoryAnswerer
from hippo_eval.metrics.cost import ModelShape
from hippo_eval.scoring import figures, row_of
from hippo_eval.settings import EvalConfig
from hippo_eval.suites.items import Suite, TestItem
from hippo_mem.config import SleepConfig
from hippo_mem.storage.experiment import load_session

if TYPE_CHECKING:
    from hippo_eval.forgetting import Baseline
    from hippo_eval.token_meter import TokenMeter
    from hippo_mem.lm import LanguageModel

_NIGHT = ("verdict", "reason", "seconds", "steps")
_PRE = ("em", "em_raw", "f1", "refusal_rate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The figures as plain data, the questions with their answers, and what happened."""

    figures: dict[str, Any]
    rows: list[ItemRow]
    events: list[dict[str, Any]]


def measure_cell(
    config: EvalConfig,
    suite: Suite,
    recipe: SleepConfig | None,
    work: Checkpoint,
    progress: Progress,
    after: Callable[[Memory], None] | None = None,
) -> Measured:
    """Measure one cell, or what is left of it.

    Args:
        recipe: the night's, where one is to pass.
        after: done with the open memory at the end (keeping its store).
    Raises: InputError, StoreError, ModelUnavailable, SleepError. What is finished by then is in the checkpoint.
    """
    weights_alone = config.is_memory and config.memory_off and config.mode == "test"
    if config.is_memory and not weights_alone:
        return _memory(config, suite, recipe, work, progress, after)
    bare = config
    if weights_alone:  # memory off and nothing to sleep on: there is nothing to open but the model
        off = dataclasses.replace(config.retrieval, enabled=False)
        bare = dataclasses.replace(config, memory=None, retrieval=off)
    phase: Phase = "off" if weights_alone else "on"
    with open_model(config.model, config.adapter) as model:
        answerer = BaselineAnswerer(model, bare, lambda: shared_vectors(config.model))
        answerer.teach(suite.teach, progress)
        if suite.flush:
            answerer.flush()
        rows = _ask(answerer, suite.test, phase, work, progress, memory=True)
        found = figures(rows, seed=config.seed)
        phases: dict[str, Any] = {phase: found}
        if config.compute.pre_metrics:
            phases["pre"] = found
            found = {**found, **_as_pre(found)}
        cost = cost_of(rows, suite, lambda t: len(model.encode(t)), _shape(config.model), isolate=_isolates(config))
    return Measured(figures={**found, "phases": phases, "cost": cost}, rows=rows, events=_asked_events(rows))


def _memory(
    config: EvalConfig, suite: Suite, recipe: SleepConfig | None, work: Checkpoint, progress: Progress,
    after: Callable[[Memory], None] | None,
) -> Measured:  # fmt: skip
    found: dict[str, Any] = {}
    rows: list[ItemRow] = []
    events: list[dict[str, Any]] = []
    phases: dict[str, Any] = {}
    phase: Phase = "on" if config.asks_memory else "off"
    meter = meter_of(lent_model(config.model)) if config.model != dummy.NAME else None
    shape = _shape(config.model)  # before a night is on the model
    taught = _tell(config, suite, work, progress, meter)
    with memory_in(work.home, config) as memory:
        answerer = MemoryAnswerer(memory, config, meter)
        if config.mode == "test" and config.store_dir and config.session_id:
            saved = load_session(config.store_dir, config.session_id)
            if work.get("loaded") is None:
                memory.load(config.store_dir, config.session_id)
                work.put("loaded", len(saved.traces))
            found["store"] = {"size": len(saved.traces)}
        if config.mode != "teach":
            if config.compute.pre_metrics:
                before = _ask(answerer, suite.test, "pre", work, progress, memory=config.asks_memory)
                phases["pre"] = figures(before, seed=config.seed)
                found.update(_as_pre(phases["pre"]))
                rows += before
            if recipe is not None:
                night = _sleep(config, memory, recipe, work, progress)
                found |= {"night": night, "replay": night.get("replay") or {"samples": 0}}
                found["lora_config_hash"] = night.get("lora_config_hash")
                events.append({"event": "night", **{k: night.get(k) for k in _NIGHT}})
            asked = _ask(answerer, suite.test, phase, work, progress, memory=config.asks_memory)
            phases[phase] = figures(asked, seed=config.seed)
            found.update(phases[phase])
            rows += asked
            found["cost"] = cost_of(asked, suite, _counter(config), shape, isolate=_isolates(config))
            if recipe is not None and config.compute.forgetting and config.model != dummy.NAME:
                found["forgetting"] = _forgetting(config, memory, work, progress)
        if after is not None:
            after(memory)
    found["gates"] = {"attempts": taught.attempts, "accepts": taught.accepts, "merged": taught.merged}
    found["retrieval"] = {"requests": sum(r.requests for r in rows)}
    found.setdefault("store", {"size": taught.accepts - taught.merged})
    told_s = [line["seconds"] for line in taught.told]
    found["tell"] = {"n": len(told_s), "seconds": sum(told_s)}
    return Measured(
        figures={**found, "phases": phases}, rows=rows, events=[*taught.told, *events, *_asked_events(rows)]
    )


def _tell(
    config: EvalConfig, suite: Suite, work: Checkpoint, progress: Progress, meter: TokenMeter | None
) -> Taught:  # fmt: skip
    """Tell the suite once, in a session of its own: whoever asks opens the memory anew."""
    if config.mode == "test":
        return Taught()
    kept = work.get("taught")
    if kept is not None:
        return Taught(**{**kept, "told": tuple(kept["told"])})
    work.begin_anew()
    with memory_in(work.home, config) as memory:
        taught = MemoryAnswerer(memory, config, meter).teach(suite.teach, progress)
    work.put("taught", dataclasses.asdict(taught))
    return taught


def _ask(
    answerer: Answerer, items: Sequence[TestItem], phase: Phase, work: Checkpoint, progress: Progress, *, memory: bool
) -> list[ItemRow]:
    """Ask what has not been asked yet, one call after the other; a call's answers are on disk before the next."""
    every = calls(len(items), answerer.batch, answerer.alone)
    rows = work.rows(phase, every)
    for call in every:
        if call.start < len(rows):
            continue
        chosen = [items[i] for i in call]
        asked = answerer.ask(chosen, memory=memory)
        new = [row_of(i, a, number=at, phase=phase) for at, i, a in zip(call, chosen, asked, strict=True)]
        work.add(new)
        rows += new
        progress("ask", len(rows), len(items))
    return rows


def _sleep(
    config: EvalConfig, memory: Memory, recipe: SleepConfig, work: Checkpoint, progress: Progress
) -> dict[str, Any]:
    kept: dict[str, Any] | None = work.get("night")
    if kept is None:
        with contextlib.nullcontext() if config.model == dummy.NAME else lent_model(config.model).by_itself():
            night = memory.sleep(recipe, progress=progress)
        kept = dict(night) if isinstance(night, dict) else night.to_dict()
        work.put("night", kept)
    return kept


def _forgetting(config: EvalConfig, memory: Memory, work: Checkpoint, progress: Progress) -> dict[str, Any]:
    """What the night in force flips of general knowledge, and adds to prose."""
    from hippo_eval.forgetting import measure
    from hippo_mem.memory import Hippo

    kept: dict[str, Any] | None = work.get("forgetting")
    if kept is None:
        assert isinstance(memory, Hippo)
        progress("forgetting", 0, 1)
        cost = measure(memory.lm, _knowledge(lent_model(config.model)))
        progress("forgetting", 1, 1)
        kept = dataclasses.asdict(cost)
        work.put("forgetting", kept)
    return kept


@cache
def _knowledge(lm: LanguageModel) -> Baseline:
    """What the base alone says, asked once a process."""
    from hippo_eval.forgetting import baseline

    return baseline(lm)


def _asked_events(rows: Sequence[ItemRow]) -> list[dict[str, Any]]:
    kept = ("phase", "id", "em", "decoding", "decided_by", "requests", "latency_ms", "n_in_call")
    return [{"event": "asked", **{name: getattr(row, name) for name in kept}} for row in rows]


def _as_pre(found: dict[str, Any]) -> dict[str, Any]:
    """The round before replay or sleep; `pre_em_norm` is another name that reports look for."""
    return {**{f"pre_{name}": found[name] for name in _PRE}, "pre_em_norm": found["em"]}


def _counter(config: EvalConfig) -> Callable[[str], int]:
    if config.model == dummy.NAME:
        return lambda text: len(text.split())
    lm = lent_model(config.model)
    return lambda text: len(lm.encode(text))


def _shape(model: str) -> ModelShape | None:
    return None if model == dummy.NAME else _shape_of(lent_model(model))


@cache
def _shape_of(lm: LanguageModel) -> ModelShape:
    n_params = sum(p.numel() for p in lm.base.parameters())
    return ModelShape.of(lm.base.config, n_params, lm.dtype.itemsize)


def _isolates(config: EvalConfig) -> bool:
    return config.isolate == "key"
