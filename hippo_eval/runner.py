"""One evaluation run: teach, replay, sleep, ask, score, judge, write `metrics.json`.

    full    teach ► (ask as pre_*) ► (sleep) ► ask ► (save ► replay)
    teach   teach ► save                      replay   replay a saved session
    test    load a saved session ► ask

Knows nothing of the command line: it takes an `EvalConfig` and reports progress through a callable.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from pathlib import Path
from typing import Any

from hippo_eval import guardrails
from hippo_eval.answerers import Answerer, BaselineAnswerer, MemoryAnswerer, Progress, Taught
from hippo_eval.fresh import check_adapter, embedder_for, fresh_memory, open_model
from hippo_eval.machine import machine, versions
from hippo_eval.rehearsal import rehearse
from hippo_eval.scoring import score
from hippo_eval.settings import EvalConfig
from hippo_eval.suites.choose import generate_suite
from hippo_eval.suites.files import read_suite, read_teach
from hippo_eval.suites.items import Suite
from hippo_mem.config import SleepConfig, config_hash, from_mapping, load_yaml, to_dict
from hippo_mem.configs_path import find_config
from hippo_mem.errors import ConfigError
from hippo_mem.storage.experiment import load_session, session_folder, update_meta
from hippo_mem.storage.jsonl import write_atomic

METRICS = "metrics.json"
SCHEMA = 1
# Where a run puts its files decides nothing about its figures.
_NOT_HASHED = ("outdir", "run_id", "store_dir", "dry_run", "batch_size")


def silent(stage: str, done: int, total: int) -> None:
    """The progress of someone who does not look."""


def run(config: EvalConfig, progress: Progress = silent, out: Path | None = None) -> dict[str, Any]:
    """Run and write `metrics.json` into `out`, by default `out_dir(config)`.

    Returns: the metrics as plain data, those of `_base_metrics` and `hippo_eval.scoring.score`.
    Raises: GuardrailError after everything is written, when the figures forbid calling it a success; InputError,
        StoreFormatError, ModelUnavailable before anything is written.
    """
    file = (out or out_dir(config)) / METRICS
    metrics = measure(config, progress)
    write_metrics(file, metrics)
    guardrails.enforce(metrics["guardrails"]["failures"], str(file))
    return metrics


def measure(config: EvalConfig, progress: Progress = silent) -> dict[str, Any]:
    """The metrics of a run, nothing written but the store it was told to keep."""
    began = time.perf_counter()
    suite = load_suite(config)
    if config.adapter is not None:
        if config.is_memory and not _asks_weights_alone(config):
            raise ConfigError(
                "adapter=... with a memory preset needs mode=test memory_off=true, else nobody knows what answered"
            )
        check_adapter(config.adapter)
    recipe = load_recipe(config) if config.sleep else None
    found = _base_metrics(config, suite)
    if config.mode == "replay":
        found["replay"] = _replay(config, progress)
    elif _asks_weights_alone(config):
        found.update(score(suite.test, _baseline(config).ask(suite.test, progress), seed=config.seed))
    elif config.is_memory:
        found.update(_with_memory(config, suite, recipe, progress))
    else:
        answerer = _baseline(config)
        answerer.teach(suite.teach, progress)
        figures = score(suite.test, answerer.ask(suite.test, progress), seed=config.seed)
        found.update(figures)
        if config.compute.pre_metrics:
            found.update(_as_pre(figures))
    found["seconds"] = round(time.perf_counter() - began, 3)
    failures, remarks = guardrails.judge(found)
    found["guardrails"] = {"failures": failures, "remarks": remarks}
    return found


def _with_memory(config: EvalConfig, suite: Suite, recipe: SleepConfig | None, progress: Progress) -> dict[str, Any]:
    found: dict[str, Any] = {}
    keeps = config.persist and config.mode != "test"
    requests = 0
    with fresh_memory(config.model, memories=config.memories) as memory:
        answerer = MemoryAnswerer(memory, config)
        taught = Taught()
        if config.mode == "test":
            if config.store_dir and config.session_id:
                saved = load_session(config.store_dir, config.session_id)
                memory.load(config.store_dir, config.session_id)
                found["store"] = {"size": len(saved.traces)}
        else:
            taught = answerer.teach(suite.teach, progress)
        if config.mode != "teach":
            if config.compute.pre_metrics:
                before = answerer.ask(suite.test, progress)
                requests += sum(a.requests for a in before)
                found.update(_as_pre(score(suite.test, before, seed=config.seed)))
            if recipe is not None:
                night = memory.sleep(recipe, progress=progress)
                found["night"] = night if isinstance(night, dict) else night.to_dict()
            asked = answerer.ask(suite.test, progress)
            requests += sum(a.requests for a in asked)
            found.update(score(suite.test, asked, seed=config.seed))
        found["gates"] = {"attempts": taught.attempts, "accepts": taught.accepts, "merged": taught.merged}
        found["retrieval"] = {"requests": requests}
        if "store" not in found:
            found["store"] = {"size": taught.accepts - taught.merged}
        if keeps:
            memory.save(str(config.store_dir), str(config.session_id))
    if keeps:
        folder = session_folder(str(config.store_dir), str(config.session_id))
        update_meta(folder, source="teach", model=config.model, config_hash=hash_of(config))
        if config.replay.cycles:
            found["replay"] = _replay(config, progress)
    return found


def load_suite(config: EvalConfig) -> Suite:
    """The items of a run: from files where those are named, else generated.

    Raises: InputError, StoreFormatError.
    """
    if config.teach_file and config.test_file:
        return read_suite(config.teach_file, config.test_file)
    if config.teach_file:
        return Suite(name=Path(config.teach_file).stem, version=1, seed=0, teach=read_teach(config.teach_file), test=())
    return generate_suite(config.suite, config.n, config.seed)


def load_recipe(config: EvalConfig) -> SleepConfig:
    """The night's recipe; the run's own replay settings stand in it when cycles were asked for.

    Raises: ConfigError.
    """
    file = find_config(config.consolidation, "consolidation")
    recipe = from_mapping(SleepConfig, load_yaml(file), origin=str(file))
    return dataclasses.replace(recipe, replay=config.replay) if config.replay.cycles else recipe


def hash_of(config: EvalConfig) -> str:
    """The hash of what decides a run's figures."""
    return config_hash({key: value for key, value in to_dict(config).items() if key not in _NOT_HASHED})


def adapter_hash(adapter: str | Path) -> str:
    """Twelve hex digits of an adapter's own settings (`adapter_config.json`)."""
    return hashlib.sha256((check_adapter(adapter) / "adapter_config.json").read_bytes()).hexdigest()[:12]


def out_dir(config: EvalConfig) -> Path:
    """`outdir`, else `runs/<run_id>/<preset>/<suite>`, with the time as run id when none is given."""
    if config.outdir is not None:
        return Path(config.outdir).expanduser()
    run_id = config.run_id or time.strftime("%Y%m%d_%H%M%S")
    return Path("runs") / run_id / config.preset / config.suite


def write_metrics(file: Path, metrics: dict[str, Any]) -> None:
    """Put the metrics at `file`, whole or not at all."""
    write_atomic(file, (json.dumps(metrics, indent=2, ensure_ascii=False, default=str) + "\n").encode())


def _base_metrics(config: EvalConfig, suite: Suite) -> dict[str, Any]:
    """What every `metrics.json` has, a count of 0 where nothing of the kind happened."""
    return {
        "schema": SCHEMA,
        "preset": config.preset,
        "mode": config.mode,
        "memory_off": config.memory_off,
        "model": config.model,
        "suite": suite.name,
        "suite_version": suite.version,
        "seed": config.seed,
        "seeds": {"suite": suite.seed, "replay": config.seed, "bootstrap": config.seed},
        "n_taught": len(suite.teach),
        "answer_in_reach": _answer_in_reach(config),
        "retrieval": {"requests": 0},
        "gates": {"attempts": 0, "accepts": 0, "merged": 0},
        "replay": {"samples": 0},
        "store": {"size": 0},
        "adapter": config.adapter,
        "lora_config_hash": adapter_hash(config.adapter) if config.adapter else None,
        "config": to_dict(config),
        "config_hash": hash_of(config),
        "versions": versions(),
        "machine": machine(),
    }


def _answer_in_reach(config: EvalConfig) -> bool:
    if config.is_memory and not config.memory_off:
        return config.retrieval.enabled
    return bool(config.adapter or config.sleep or config.long_context.enabled) or (
        not config.is_memory and config.retrieval.enabled
    )


def _asks_weights_alone(config: EvalConfig) -> bool:
    """A memory preset with the memory off has nothing to open but the model, unless it sleeps in this run."""
    return config.is_memory and config.memory_off and config.mode == "test"


def _baseline(config: EvalConfig) -> Answerer:
    bare = config
    if config.is_memory:  # memory off: neither store nor retrieval
        off = dataclasses.replace(config.retrieval, enabled=False)
        bare = dataclasses.replace(config, memory=None, retrieval=off)
    return BaselineAnswerer(open_model(config.model, config.adapter), bare, lambda: embedder_for(config.model))


def _replay(config: EvalConfig, progress: Progress) -> dict[str, Any]:
    replay = config.replay if config.replay.cycles else dataclasses.replace(config.replay, cycles=1)
    return rehearse(
        str(config.store_dir),
        str(config.session_id),
        replay,
        seed=config.seed,
        progress=progress,
        config_hash=hash_of(config),
    )


def _as_pre(figures: dict[str, Any]) -> dict[str, Any]:
    """The round before replay or sleep; `pre_em_norm` is another name that reports look for."""
    pre = {f"pre_{name}": figures[name] for name in ("em", "em_raw", "f1", "refusal_rate")}
    return {**pre, "pre_em_norm": figures["em"]}
