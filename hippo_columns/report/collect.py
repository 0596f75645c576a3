"""Finished runs, read from their folders. In: `runs/`. Out: values. Knows nothing of what a report makes of them."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hippo_columns.metrics import Floats, Mean, mean_sem
from hippo_mem.errors import StoreFormatError

PEERS, SPEED = "peers", "speed.json"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Run:
    """One finished run of ours.

    Shapes: matrix (S, T): test accuracy after each stage; masks (S, T, C) or None.
    """

    name: str
    seed: int
    summary: Mapping[str, Any]
    config: Mapping[str, Any]
    events: Sequence[Mapping[str, Any]]
    stages: Sequence[str]
    tasks: Sequence[str]
    matrix: Floats
    masks: Floats | None
    replay: Mapping[str, NDArray[np.int64]]

    def figure(self, path: str) -> float | None:
        """A number of the summary by its dotted path, such as "after_sleep.test_acc.task1"; None where it has none."""
        found: Any = self.summary
        for key in path.split("."):
            if not isinstance(found, Mapping) or key not in found:
                return None
            found = found[key]
        return float(found) if isinstance(found, (int, float)) and not isinstance(found, bool) else None

    @property
    def sleeps(self) -> list[int]:
        """The rows of the matrix that are sleeps."""
        return [i for i, stage in enumerate(self.stages) if stage not in self.tasks]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerRun:
    """One finished run of a peer."""

    name: str
    scenario: str
    label: str
    seed: int
    summary: Mapping[str, Any]


def read_runs(folder: Path) -> dict[str, list[Run]]:
    """Every finished run under `folder`, by the name of its configuration, seeds in order. Peers are left out.

    Raises: StoreFormatError for a run whose files cannot be read.
    """
    found: dict[str, list[Run]] = {}
    for summary in sorted(folder.glob("*/*/summary.json")):
        if summary.parent.parent.name != PEERS:
            run = _read_run(summary.parent)
            found.setdefault(run.name, []).append(run)
    for runs in found.values():
        runs.sort(key=lambda run: run.seed)
    return found


def read_peers(folder: Path) -> dict[tuple[str, str], dict[str, list[PeerRun]]]:
    """Every finished run of a peer under `folder`/peers: by name and scenario, then by label, seeds in order."""
    found: dict[tuple[str, str], dict[str, list[PeerRun]]] = {}
    for file in sorted((folder / PEERS).glob("*/*/*/*/summary.json")):
        s = _json(file)
        run = PeerRun(
            name=str(s["name"]),
            scenario=str(s["scenario"]),
            label=str(s["label"]),
            seed=int(s["seed"]),
            summary=s,
        )
        found.setdefault((run.name, run.scenario), {}).setdefault(run.label, []).append(run)
    for labels in found.values():
        for runs in labels.values():
            runs.sort(key=lambda run: run.seed)
    return found


def read_speed(folder: Path) -> dict[str, Any]:
    """What `benchmarks/columns.py --json <folder>/speed.json` wrote; empty when it was not run."""
    file = folder / SPEED
    return _json(file) if file.is_file() else {}


def over_seeds(runs: Sequence[Run], path: str) -> Mean | None:
    """The mean of a figure over the runs that have it; None when none has."""
    values = [v for v in (run.figure(path) for run in runs) if v is not None]
    return mean_sem(values) if values else None


def _read_run(folder: Path) -> Run:
    summary = _json(folder / "summary.json")
    try:
        with (folder / "acc_matrix.csv").open(encoding="utf-8", newline="") as file:
            header, *rows = list(csv.reader(file))
        stages = [row[0] for row in rows]
        matrix = np.array([[float(v) if v else np.nan for v in row[1:]] for row in rows])
        lines = (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()
        config_file = folder / "config.json"
        return Run(
            name=folder.parent.name,
            seed=int(folder.name) if folder.name.isdigit() else int(summary["seed"]),
            summary=summary,
            config=_json(config_file)["config"] if config_file.is_file() else {},
            events=[json.loads(line) for line in lines],
            stages=stages,
            tasks=header[1:],
            matrix=_masked(matrix, stages, header[1:]),
            masks=_arrays(folder / "masks.npz").get("alpha"),
            replay=_arrays(folder / "replay.npz"),
        )
    except (OSError, ValueError, KeyError) as error:
        raise StoreFormatError(
            f"the run in {folder} cannot be read: {error}; delete the folder and run again"
        ) from error


def _masked(matrix: Floats, stages: Sequence[str], tasks: Sequence[str]) -> Floats:
    """What is known of a task before it was trained is a guess: it is left out."""
    masked = matrix.copy()
    for j, task in enumerate(tasks):
        if task in stages:
            masked[: stages.index(task), j] = np.nan
    return masked


def _arrays(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    with np.load(path, allow_pickle=False) as arrays:
        return {key: arrays[key] for key in arrays.files}


def _json(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise StoreFormatError(f"{path} cannot be read: {error}; delete its folder and run again") from error
    return found
