"""One evaluation run: teach, replay, sleep, ask, score, judge, write the cell.

    full    teach ► (ask as pre_*) ► (sleep) ► ask ► (save ► replay)
    teach   teach ► save                      replay   replay a saved session
    test    load a saved session ► ask

A finished cell with the same stamp is read, not measured; one that was stopped goes on where it was. Knows nothing of
the command line: it takes an `EvalConfig` and reports progress through a callable.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hippo_eval import dummy, guardrails, invariants, schema
from hippo_eval.answerers import Memory, Progress
from hippo_eval.cells import METRICS, RUNS, Cell, ItemRow, read_cell, run_folder, stamp_of, write_cell
from hippo_eval.checkpoint import Checkpoint
from hippo_eval.composing import whole_cell_of
from hippo_eval.fresh import check_adapter, lent_model, meter_of
from hippo_eval.machine import machine, versions
from hippo_eval.measuring import Measured, measure_cell
from hippo_eval.rehearsal import rehearse
from hippo_eval.settings import EvalConfig, hash_of
from hippo_eval.stamps import meta, stamp
from hippo_eval.suites.choose import generate_suite
from hippo_eval.suites.files import read_suite, read_teach
from hippo_eval.suites.items import Suite
from hippo_mem.config import SleepConfig, from_mapping, load_yaml, to_dict
from hippo_mem.configs_path import find_config
from hippo_mem.errors import ConfigError
from hippo_mem.storage.experiment import session_folder, update_meta
from hippo_mem.storage.jsonl import write_atomic

if TYPE_CHECKING:
    from hippo_eval.kept_readings import KeptReadings

SCHEMA = 1


def silent(stage: str, done: int, total: int) -> None:
    """The progress of someone who does not look."""


def run(
    config: EvalConfig, progress: Progress = silent, out: Path | None = None, *, enforce: bool = True,
    readings: KeptReadings | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Measure a cell and write it into `out`, by default `out_dir(config)`; the metrics of a finished one are read.

    Args:
        enforce: raise for figures that forbid calling the run a success; False leaves that to the caller.
        readings: of the run's other cells, which count here as well.
    Returns: the metrics as plain data, without the questions.
    Raises: GuardrailError after everything is written; InputError, StoreFormatError, ModelUnavailable before anything
        is written; StorageFull with what was finished kept.
    """
    suite = load_suite(config)
    mark = stamp(config, suite, shares=readings is not None)
    folder = out or out_dir(config, suite)
    file = folder / METRICS
    if _repeatable(config) and not config.again and stamp_of(folder) == mark:
        metrics = dict(read_cell(folder).metrics)
    else:
        check_run(config)
        work = Checkpoint(folder, mark)
        about = meta(config, suite, mark)
        with _sharing(config, readings):
            metrics, measured = _measure(config, suite, work, progress)
        metrics["stamp"] = mark
        metrics["warnings"] = [w.to_dict() for w in invariants.of_cell(metrics, _core(config, metrics))]
        frame = {"run_id": config.run_id, "seed": config.seed, "config_hash": metrics["config_hash"]}
        events = [{**event, **frame} for event in measured.events]
        schema.check(metrics, str(file))
        write_cell(folder, metrics=metrics, meta=about, items=measured.rows, events=events)
        work.clear()
    if enforce:
        failures = list(metrics["guardrails"]["failures"])
        failures += [w["text"] for w in metrics["warnings"] if config.strict and w["text"] not in failures]
        guardrails.enforce(failures, str(file))
    return metrics


@contextlib.contextmanager
def _sharing(config: EvalConfig, readings: KeptReadings | None) -> Iterator[None]:
    if readings is None or config.model == dummy.NAME or not config.is_memory:
        yield
        return
    lm = lent_model(config.model)
    with lm.sharing(readings, meter_of(lm)):
        yield


def measure(config: EvalConfig, progress: Progress = silent) -> dict[str, Any]:
    """The metrics of a run with its questions as `items`, nothing written but the store it was told to keep."""
    suite = load_suite(config)
    check_run(config)
    with tempfile.TemporaryDirectory(prefix="hippo-eval-") as folder:
        metrics, measured = _measure(config, suite, Checkpoint(Path(folder), "once"), progress)
    metrics["warnings"] = [w.to_dict() for w in invariants.of_cell(metrics, None)]
    last = measured.rows[-1].phase if measured.rows else None
    metrics["items"] = [_plain(row) for row in measured.rows if row.phase == last]
    return metrics


def check_run(config: EvalConfig) -> None:
    """What can be found wrong before anything is loaded.

    Raises: InputError, ConfigError, StoreFormatError.
    """
    if config.adapter is not None:
        alone = config.is_memory and config.memory_off and config.mode == "test"
        if config.is_memory and not alone:
            raise ConfigError(
                "adapter=... with a memory preset needs mode=test memory_off=true, else nobody knows what answered"
            )
        check_adapter(config.adapter)
    if config.sleep:
        load_recipe(config)


def load_suite(config: EvalConfig) -> Suite:
    """The items of a run: from files where those are named, else generated.

    Raises: InputError, StoreFormatError.
    """
    if config.teach_file and config.test_file:
        return read_suite(config.teach_file, config.test_file)
    if config.teach_file:
        return Suite(name=Path(config.teach_file).stem, version=1, seed=0, teach=read_teach(config.teach_file), test=())
    return _generated(config.suite, config.n, config.seed, config.profile)


@lru_cache(maxsize=4)
def _generated(name: str, n: int, seed: int, profile: str) -> Suite:
    return generate_suite(name, n, seed, profile)


def load_recipe(config: EvalConfig) -> SleepConfig:
    """The night's recipe: the file's, with what `night` changes; the run's own replay where cycles were asked for.

    Raises: ConfigError.
    """
    file = find_config(config.consolidation, "consolidation")
    data = _over(load_yaml(file), config.night)
    recipe = from_mapping(SleepConfig, data, origin=str(file))
    return dataclasses.replace(recipe, replay=config.replay) if config.replay.cycles else recipe


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`above` laid over `below`, mapping by mapping."""
    found = dict(below)
    for key, value in above.items():
        under = found.get(key)
        both = isinstance(value, Mapping) and isinstance(under, Mapping)
        found[key] = _over(under, value) if both and isinstance(under, Mapping) else value
    return found


def adapter_hash(adapter: str | Path) -> str:
    """Twelve hex digits of an adapter's own settings (`adapter_config.json`)."""
    return hashlib.sha256((check_adapter(adapter) / "adapter_config.json").read_bytes()).hexdigest()[:12]


def out_dir(config: EvalConfig, suite: Suite | None = None) -> Path:
    """`outdir`, else the cell's folder under `runs/<run_id>`, with the time as run id when none is given."""
    if config.outdir is not None:
        return Path(config.outdir).expanduser()
    return cell_for(config, suite or load_suite(config)).folder(config.run_id or time.strftime("%Y%m%d_%H%M%S"))


def cell_for(config: EvalConfig, suite: Suite) -> Cell:
    """The run's cell; items from files have the file's name and their own number."""
    cell = whole_cell_of(config)
    return dataclasses.replace(cell, suite=suite.name, n=len(suite.teach)) if config.teach_file else cell


def write_metrics(file: Path, metrics: dict[str, Any]) -> None:
    """Put the metrics at `file`, whole or not at all."""
    write_atomic(file, (json.dumps(metrics, indent=2, ensure_ascii=False, default=str) + "\n").encode())


def _measure(config: EvalConfig, suite: Suite, work: Checkpoint, progress: Progress) -> tuple[dict[str, Any], Measured]:
    began = time.perf_counter()
    earlier = float(work.get("seconds") or 0.0)
    found = _base_metrics(config, suite)
    measured = Measured(figures={}, rows=[], events=[])
    try:
        if config.mode == "replay":
            found["replay"] = _replay(config, progress)
        else:
            keeps = config.persist and config.mode != "test"
            recipe = load_recipe(config) if config.sleep else None

            def keep(memory: Memory) -> None:
                if keeps:
                    memory.save(str(config.store_dir), str(config.session_id))

            measured = measure_cell(config, suite, recipe, work, progress, keep)
            found.update(measured.figures)
            if keeps:
                folder = session_folder(str(config.store_dir), str(config.session_id))
                update_meta(folder, source="teach", model=config.model, config_hash=hash_of(config))
                if config.replay.cycles:
                    found["replay"] = _replay(config, progress)
    finally:
        seconds = earlier + time.perf_counter() - began
        work.put("seconds", seconds)
    found["seconds"] = round(seconds, 3)
    failures, remarks = guardrails.judge(found)
    found["guardrails"] = {"failures": failures, "remarks": remarks}
    return found, measured


def _base_metrics(config: EvalConfig, suite: Suite) -> dict[str, Any]:
    """What every `metrics.json` has, a count of 0 where nothing of the kind happened."""
    return {
        "schema": SCHEMA,
        "cell": cell_for(config, suite).to_dict(),
        "preset": config.preset,
        "mode": config.mode,
        "memory_off": config.memory_off,
        "model": config.model,
        "suite": suite.name,
        "suite_version": suite.version,
        "profile": config.profile,
        "seed": config.seed,
        "seeds": {"suite": suite.seed, "replay": config.seed, "bootstrap": config.seed},
        "n_taught": len(suite.teach),
        "answer_in_reach": _answer_in_reach(config, suite),
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


def _answer_in_reach(config: EvalConfig, suite: Suite) -> bool:
    """Whether what was told is anywhere that the answers come from; a context window does not outlive its session."""
    if config.is_memory and not config.memory_off:
        return config.retrieval.enabled
    in_context = config.long_context.enabled and not suite.flush
    return bool(config.adapter or config.sleep or in_context) or (not config.is_memory and config.retrieval.enabled)


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


def _repeatable(config: EvalConfig) -> bool:
    """Whether the run does nothing but measure, so that its figures can stand for doing it again."""
    return config.mode == "full" and not config.persist


def _core(config: EvalConfig, metrics: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The figures of the baseline that the cell's are held against, where the same run has them."""
    if config.run_id is None:
        return None
    core = dataclasses.replace(Cell.from_dict(metrics["cell"]), preset=invariants.REFERENCE, variants=())
    folder = core.folder(config.run_id)
    return read_cell(folder).metrics if (folder / METRICS).is_file() else None


def _plain(row: ItemRow) -> dict[str, Any]:
    """A question in the form of a single file: `answer` is the true one, `prediction` what was said."""
    data = row.to_dict()
    gold, said, hits = data.pop("gold"), data.pop("answer"), data.pop("hits")
    return {**data, "answer": gold, "prediction": said, "recalled": [hit["text"] for hit in hits]}


def recheck(run_id: str, runs: str | Path = RUNS) -> int:
    """Look at a run's invariants again now that all of its cells are there; returns how many cells have warnings.

    Raises: InputError when there is no such run.
    """
    return invariants.recheck(run_folder(run_id, runs))
