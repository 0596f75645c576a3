"""Runs of peers kept on disk, so that a second call does only what is missing.

    <out>/<name>/<scenario>/<label>/<seed>/summary.json    accuracies as fractions of 1, samples, seconds, stamp
                                           acc_matrix.csv  a row a stage, a column a task

Knows nothing of how a peer works or of reports.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hippo_columns.data import ImageSet, get, load
from hippo_columns.metrics import Floats
from hippo_columns.peers.config import MethodConfig, PeersConfig, Scenario, stamp
from hippo_columns.peers.train import PeerResult, run_peer
from hippo_columns.tasks import build_tasks
from hippo_mem.errors import InputError, StorageFull

SUMMARY, MATRIX = "summary.json", "acc_matrix.csv"

# What is run now, how many runs are done, and of how many.
RunProgress = Callable[[str, int, int], None]


def run_peers(
    config: PeersConfig,
    seeds: Sequence[int],
    out: Path,
    *,
    only: Sequence[str] = (),
    progress: RunProgress | None = None,
    home: Path | None = None,
) -> list[dict[str, Any]]:
    """The summaries of all peers over all seeds; what is on disk with the same stamp is not run again.

    Seeds are the outer loop, so that what was stopped early is complete for the seeds that were reached.

    Args:   only: labels of methods to run, empty for all.
    Raises: InputError for an unknown label; what `run_peer` and the data raise.
    """
    unknown = [label for label in only if label not in {m.label for m in config.methods}]
    if unknown:
        raise InputError(f"no method is labelled {unknown[0]!r}; known: {', '.join(m.label for m in config.methods)}")
    pairs = [(s, m) for s, m in config.pairs if not only or m.label in only]
    waiting = [(seed, s, m) for seed in seeds for s, m in pairs]
    sets: dict[str, ImageSet] = {}
    summaries = []
    tasks_of_seed: tuple[int, Any] | None = None
    for done, (seed, scenario, method) in enumerate(waiting):
        folder = folder_of(out, config, scenario, method, seed)
        if progress is not None:
            progress(f"{scenario}/{method.label}/{seed}", done, len(waiting))
        wanted = stamp(config, scenario, method, seed)
        found = read_summary(folder)
        if found is None or found.get("stamp") != wanted:
            if not sets:
                sets = load_sets([t.dataset for t in config.tasks], home)
            if tasks_of_seed is None or tasks_of_seed[0] != seed:
                tasks = build_tasks(
                    config.tasks,
                    sets,
                    seed=seed,
                    val_share=config.data.val_share,
                    max_train=config.data.max_train_samples,
                    max_test=config.data.max_test_samples,
                )
                tasks_of_seed = (seed, tasks)
            result = run_peer(config, tasks_of_seed[1], scenario, method, seed)
            found = summary_of(result, config, scenario, method, seed)
            names = [t.name for t in config.tasks]
            replace_file(folder / MATRIX, matrix_csv(result.matrix, names).encode())
            replace_file(folder / SUMMARY, (json.dumps(found, indent=2) + "\n").encode())
        summaries.append(found)
    if progress is not None:
        progress("done", len(waiting), len(waiting))
    return summaries


def load_sets(names: Sequence[str], home: Path | None = None) -> dict[str, ImageSet]:
    """Each set once; one that is known by name is fetched first where it is missing."""
    sets = {}
    for name in dict.fromkeys(names):
        if os.sep not in name:
            get(name, home=home)
        sets[name] = load(name, home=home)
    return sets


def summary_of(
    result: PeerResult, config: PeersConfig, scenario: Scenario, method: MethodConfig, seed: int
) -> dict[str, Any]:
    """One run as plain data."""
    return {
        "name": config.name,
        "scenario": scenario,
        "method": method.method,
        "label": method.label,
        "seed": seed,
        "stamp": stamp(config, scenario, method, seed),
        "test_acc": dict(result.test),
        "test_acc_mean": result.test_mean,
        "val_acc": dict(result.val),
        "train_acc": dict(result.train),
        "bwt": result.bwt,
        "forgetting": result.forgetting,
        "samples_seen": result.n_samples,
        "seconds": result.seconds,
    }


def folder_of(out: Path, config: PeersConfig, scenario: Scenario, method: MethodConfig, seed: int) -> Path:
    """Where one run is kept."""
    return out / config.name / scenario / re.sub(r"[^A-Za-z0-9_+.-]+", "_", method.label).strip("_") / str(seed)


def read_summary(folder: Path) -> dict[str, Any] | None:
    """What is kept in a run's folder, None when nothing whole is."""
    try:
        found: dict[str, Any] = json.loads((folder / SUMMARY).read_bytes())
    except (OSError, ValueError):
        return None
    return found


def matrix_csv(matrix: Floats, names: Sequence[str]) -> str:
    """A matrix as CSV: a header of task names, a row a stage, empty where nothing is known."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["stage", *names])
    for i, row in enumerate(matrix):
        writer.writerow([i, *("" if np.isnan(v) else f"{v:.6f}" for v in row)])
    return text.getvalue()


def replace_file(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, its folder made where it is missing. Raises: StorageFull."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(data)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise StorageFull(f"cannot write {path}: {error.strerror or error}; choose another --out") from error
