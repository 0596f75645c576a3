"""Did the night teach the weights: the same questions before and after, memory off, and the difference.

`ask_phase` is one of the two rounds, `train` makes what lies between them out of a saved store. Knows nothing of
argument parsing.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, Literal

from hippo_eval import dummy, guardrails
from hippo_eval.answerers import Progress
from hippo_eval.cells import METRICS
from hippo_eval.composing import resolve
from hippo_eval.runner import measure, silent, write_metrics
from hippo_eval.settings import EvalConfig, check
from hippo_mem.config import SleepConfig, config_hash, from_mapping, load_yaml, to_dict
from hippo_mem.configs_path import find_config
from hippo_mem.errors import ConfigError, InputError, StoreFormatError
from hippo_mem.home import make_folder
from hippo_mem.replay.from_store import load_sessions, replay_from_store
from hippo_mem.storage.jsonl import write_atomic
from hippo_mem.types import Trace

DEFAULT_MODEL = "smollm2-135m"
TRAINING = "consolidation.json"
# What both rounds must share for a difference to mean anything.
_SAME = ("suite", "suite_version", "seed", "n_taught", "n", "model")


def ask_phase(
    phase: Literal["pre", "post"],
    *,
    outdir: str | Path,
    suite: str = "episodic",
    n: int = 50,
    seed: int = 1337,
    model: str = DEFAULT_MODEL,
    memory_off: bool = True,
    adapter: str | Path | None = None,
    pre_dir: str | Path | None = None,
    store_dir: str | None = None,
    session_id: str | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Ask one round and write `metrics.json` into `outdir`; after the post round with `pre_em`, `uplift`.

    Args:
        adapter: what the night wrote; needed for "post".
        pre_dir: the folder of the pre round; None is the folder `pre` beside `outdir`.
        memory_off: False asks with a saved store open, which shows what the store alone gives; no adapter then.
    Raises: InputError for a missing adapter or pre folder, or rounds that do not compare; GuardrailError.
    """
    config = _config(suite, n, seed, model, memory_off, adapter, store_dir, session_id)
    before: dict[str, Any] | None = None
    if phase == "post":
        if memory_off and adapter is None:
            raise InputError("the post phase with memory off needs the adapter: --lora or --adapter FOLDER")
        before = read_pre(Path(pre_dir) if pre_dir is not None else Path(outdir).parent / "pre")
        wanted = {"suite": suite, "seed": seed, "model": model}
        differing = [f"{k} {before.get(k)!r} and now {v!r}" for k, v in wanted.items() if before.get(k) != v]
        if differing:
            raise InputError(f"the pre phase asked something else: {'; '.join(differing)}")
    elif adapter is not None:
        raise InputError("the pre phase asks the model before its night: no adapter")
    metrics = {**measure(config, progress), "phase": phase}
    if before is not None:
        unequal = [f"{k} {before.get(k)!r} and now {metrics[k]!r}" for k in _SAME if before.get(k) != metrics[k]]
        if unequal:
            raise InputError(f"the two phases do not compare: {'; '.join(unequal)}")
        metrics |= {"pre_em": before["em"], "pre_f1": before["f1"], "post_em": metrics["em"]}
        metrics |= {"uplift": metrics["em"] - before["em"], "uplift_f1": metrics["f1"] - before["f1"]}
        failures, remarks = guardrails.judge(metrics)
        metrics["guardrails"] = {"failures": failures, "remarks": remarks}
    file = Path(outdir) / METRICS
    write_metrics(file, metrics)
    guardrails.enforce(metrics["guardrails"]["failures"], str(file))
    return metrics


def read_pre(folder: Path) -> dict[str, Any]:
    """The metrics of the pre round.

    Raises: InputError when there are none, StoreFormatError when the file is damaged.
    """
    file = folder / METRICS
    if not file.is_file():
        raise InputError(f"no pre metrics at {file}; run --phase pre first, or say where they are with --pre_dir")
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(found, dict) or not all(isinstance(found[key], (int, float)) for key in ("em", "f1")):
            raise ValueError("em or f1 is not a number")
    except (ValueError, KeyError) as error:
        raise StoreFormatError(f"{file} is not the metrics of a pre phase: {error}") from error
    return found


def train(
    *,
    store_dir: str | Path,
    session_id: str,
    config: str | Path,
    outdir: str | Path,
    model: str | None = None,
    merge: bool = False,
    seed: int | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """One night out of a saved store: draw by the recipe's replay, train, write the adapter into `outdir`.

    Args:
        model: None is the model that was taught, as `store_meta.json` has it.
        seed: of the replay; None is the recipe's `train.seed`.
    Returns: what `consolidation.json` in `outdir` holds: replay statistics, recipe and its hash, the night's report.
    Raises: InputError when the store is missing, empty, or of memories that cannot be trained from yet; ConfigError,
        SleepError, ModelUnavailable.
    """
    file = find_config(config, "consolidation")
    recipe = from_mapping(SleepConfig, load_yaml(file), origin=str(file))
    if recipe.replay.cycles < 1:
        raise ConfigError(f"{file}: replay.cycles must be 1 or more to learn anything, got {recipe.replay.cycles}")
    dataset = replay_from_store(store_dir, session_id, recipe.replay, recipe.train.seed if seed is None else seed)
    # In the order of their first replay: where a night has room for some only, the most important come first.
    drawn = {item.key: item.payload for _ in range(recipe.replay.cycles) for item in dataset.draw()}
    traces = [payload for payload in drawn.values() if isinstance(payload, Trace)]
    if not traces:
        raise InputError(f"session {session_id!r} under {store_dir} holds no episodes, only rows of other memories")
    chosen = model or load_sessions(store_dir, session_id)[0].meta.model or DEFAULT_MODEL
    out = make_folder(Path(outdir))  # a place that cannot be written is found out before the training
    result = {
        "model": chosen,
        "session_id": session_id,
        "replay": dataset.stats.to_dict(),
        "traces": len(traces),
        "untrained_rows": len(drawn) - len(traces),
        "config_file": file.name,
        "config": to_dict(recipe),
        "config_hash": config_hash(recipe),
        "lora_config_hash": config_hash({"peft": to_dict(recipe.peft), "targets": list(recipe.targets)}),
    }
    result["night"] = _consolidate(traces, chosen, out, recipe, merge, progress)
    write_atomic(out / TRAINING, (json.dumps(result, indent=2, default=str) + "\n").encode())
    return result


def _consolidate(
    traces: list[Trace], model: str, out: Path, recipe: SleepConfig, merge: bool, progress: Progress
) -> dict[str, Any]:
    if model == dummy.NAME:
        if merge:
            raise InputError("the dummy model has no weights to merge into")
        return dummy.dummy_consolidate(traces, out)
    from hippo_mem.sleep import consolidate

    report = consolidate(traces, model=model, out_dir=out, config=recipe, progress=progress, merge=merge)
    plain: dict[str, Any] = report.to_dict()
    return plain


def _config(
    suite: str,
    n: int,
    seed: int,
    model: str,
    memory_off: bool,
    adapter: str | Path | None,
    store_dir: str | None,
    session_id: str | None,
) -> EvalConfig:
    """The bare model for memory off; the saved store with its memory for memory on."""
    if memory_off:
        base = resolve(["preset=baselines/core"])
    elif store_dir and session_id:
        base = resolve(["preset=memory/hei_nw", "mode=test"])
    else:
        raise InputError("--memory_off false needs the store to ask: --store_dir and --session_id")
    return check(
        dataclasses.replace(
            base,
            suite=suite,
            n=n,
            seed=seed,
            model=model,
            adapter=None if adapter is None else str(adapter),
            store_dir=store_dir,
            session_id=session_id,
        )
    )
