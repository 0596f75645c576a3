"""The baselines of a run id, so that a memory's figures have something beside them.

    python -m hippo_eval.baselines --run-id RUN_ID [--suite episodic --n 50 --seed 1337 --model NAME --profile default]

Measures each baseline whose cell this run does not have yet, then writes `baselines.json` and `baselines.csv` beside
them. Several suites and seeds are one command. Knows nothing of memories.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress as Bars
from rich.progress import TaskID

from hippo_eval.answerers import Progress
from hippo_eval.border import exit_code
from hippo_eval.cells import RUNS, run_folder
from hippo_eval.composing import presets, resolve_all, whole_cell_of
from hippo_eval.runner import run, silent
from hippo_mem.storage.jsonl import write_atomic

_COLUMNS = (
    "preset",
    "suite",
    "profile",
    "seed",
    "n_taught",
    "n",
    "model",
    "em",
    "em_raw",
    "f1",
    "hit_rate",
    "refusal_rate",
)


def run_baselines(
    run_id: str,
    *,
    suites: Sequence[str] = ("episodic",),
    n: int = 50,
    seeds: Sequence[int] = (1337,),
    profile: str = "default",
    model: str = "smollm2-135m",
    runs: str | Path = RUNS,
    progress: Progress = silent,
) -> list[dict[str, Any]]:
    """Figures of every baseline preset for `run_id`, as rows of the table it writes.

    Raises: InputError for a bad run id or suite; ModelUnavailable; StoreFormatError for a damaged cell.
    """
    folder = run_folder(run_id, runs) / "baselines"
    names = [p for p in presets() if p.startswith("baselines/")]
    words = [f"preset={','.join(names)}", f"suite={','.join(suites)}", f"seed={','.join(map(str, seeds))}"]
    configs = resolve_all([*words, f"n={n}", f"profile={profile}", f"model='{model}'", f"run_id={run_id}"])
    rows = []
    for config in configs:
        out = whole_cell_of(config).folder(run_id, runs)
        metrics = run(config, _named(f"{config.preset} {config.suite}", progress), out)
        rows.append({name: metrics.get(name) for name in _COLUMNS})
    write_atomic(folder / "baselines.json", (json.dumps(rows, indent=2) + "\n").encode())
    table = io.StringIO()
    writer = csv.DictWriter(table, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomic(folder / "baselines.csv", table.getvalue().encode())
    return rows


def _named(preset: str, progress: Progress) -> Progress:
    return lambda stage, done, total: progress(f"{preset} {stage}", done, total)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m hippo_eval.baselines", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--run-id", "--run_id", required=True)
    parser.add_argument("--suite", "--task", nargs="+", default=["episodic"])
    parser.add_argument("--n", type=int, default=50)
    parser.add_argument("--seed", "--seeds", type=int, nargs="+", default=[1337])
    parser.add_argument("--profile", default="default")
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--runs", default=RUNS, help="where runs are kept")
    given = parser.parse_args(arguments)
    tasks: dict[str, TaskID] = {}

    def work() -> None:
        with Bars(console=Console(stderr=True)) as bars:

            def progress(stage: str, done: int, total: int) -> None:
                if stage not in tasks:
                    tasks[stage] = bars.add_task(stage)
                bars.update(tasks[stage], completed=done, total=total)

            rows = run_baselines(
                given.run_id, suites=given.suite, n=given.n, seeds=given.seed, profile=given.profile,
                model=given.model, runs=given.runs, progress=progress,
            )  # fmt: skip
        for row in rows:
            what = f"{row['preset']:<22} {row['suite']} seed {row['seed']}"
            sys.stdout.write(f"{what}  em {row['em']:.3f}  f1 {row['f1']:.3f}  n {row['n']}\n")

    return exit_code("baselines", work)


if __name__ == "__main__":
    sys.exit(main())
