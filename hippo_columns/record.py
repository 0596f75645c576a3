"""The folder of one run: what it was asked, what happened, what came out. Knows nothing of how a run is done.

<folder>/
├── config.json         the resolved configuration, its stamp
├── environment.json    versions, machine, threads
├── events.jsonl        one line a stage, written as it ends
├── acc_matrix.csv      test accuracy: one row a stage, one column a task
├── masks.npz           alpha (stages, tasks, columns), with the names of stages and tasks
├── replay.npz          for each sleep and task, how often each image came
└── summary.json        written last: a folder that has it is a finished run
"""

from __future__ import annotations

import csv
import io
import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hippo_columns.config import ExperimentConfig
from hippo_mem.config import config_hash, to_dict
from hippo_mem.errors import StorageFull, StoreFormatError

CONFIG, ENVIRONMENT, EVENTS, MATRIX, MASKS, REPLAY, SUMMARY = (
    "config.json", "environment.json", "events.jsonl", "acc_matrix.csv", "masks.npz", "replay.npz", "summary.json",
)  # fmt: skip


def finished(folder: Path, config: ExperimentConfig) -> dict[str, Any] | None:
    """The summary of a finished run of exactly this configuration, or None: the resume by stamp.

    Raises: StoreFormatError for a summary that is no JSON.
    """
    file = folder / SUMMARY
    if not file.is_file():
        return None
    try:
        summary: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise StoreFormatError(f"{file} is not JSON ({error}); delete {folder} and run again") from error
    return summary if summary.get("stamp") == config_hash(config) else None


class RunFolder:
    """Writes a run's files, each whole or not at all; `events.jsonl` grows line by line.

    Raises: StorageFull when the folder cannot be written.
    """

    def __init__(self, folder: Path, config: ExperimentConfig, name: str) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / SUMMARY).unlink(missing_ok=True)
            (folder / EVENTS).write_text("", encoding="utf-8")
        except OSError as error:
            raise StorageFull(f"cannot write {folder}: {error.strerror or error}; choose another --out") from error
        self._write(CONFIG, _json({"name": name, "stamp": config_hash(config), "config": to_dict(config)}))
        self._write(ENVIRONMENT, _json(environment()))

    def event(self, kind: str, **values: Any) -> None:
        """Append one line."""
        with (self.folder / EVENTS).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"event": kind, **values}, default=_plain) + "\n")

    def matrix(self, stages: Sequence[str], tasks: Sequence[str], rows: Sequence[Mapping[str, float]]) -> None:
        """Write the matrix of test accuracies, fractions of 1."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["stage", *tasks])
        for stage, row in zip(stages, rows, strict=True):
            writer.writerow([stage, *(f"{row[task]:.6f}" for task in tasks)])
        self._write(MATRIX, text.getvalue().encode())

    def arrays(self, file: str, **arrays: NDArray[Any]) -> None:
        """Write arrays into one `.npz`."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **arrays)
        self._write(file, buffer.getvalue())

    def summary(self, values: Mapping[str, Any]) -> None:
        """Write the summary; the run is finished."""
        self._write(SUMMARY, _json(values))

    def _write(self, name: str, data: bytes) -> None:
        temporary = self.folder / f".{name}.{os.getpid()}.tmp"
        try:
            temporary.write_bytes(data)
            temporary.replace(self.folder / name)
        except OSError as error:
            raise StorageFull(f"cannot write {self.folder / name}: {error.strerror or error}") from error


def environment() -> dict[str, Any]:
    """Versions and machine kind: what a figure depends on. No paths, no names of people or hosts."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "machine": platform.machine(),
        "n_cpus": os.cpu_count(),
        "n_threads": torch.get_num_threads(),
    }


def _json(values: Mapping[str, Any]) -> bytes:
    return (json.dumps(values, indent=2, default=_plain) + "\n").encode()


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is no plain value")
