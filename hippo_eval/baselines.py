"""The baselines of a run id, so that a memory's figures have something beside them.

    python -m hippo_eval.baselines --run-id RUN_ID [--suite episodic --n 50 --seed 1337 --model NAME]

Runs each baseline that has no metrics for this run yet, then writes `baselines.json` and `baselines.csv` beside them.
Knows nothing of memories.
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
from hippo_eval.runner import METRICS, run, silent
from hippo_eval.settings import presets, resolve
from hippo_mem.errors import StoreFormatError
from hippo_mem.storage.jsonl import write_atomic
from hippo_mem.types import check_id

_COLUMNS = ("preset", "suite", "seed", "n_taught", "n", "model", "em", "em_raw", "f1", "hit_rate", "refusal_rate")


def run_baselines(
    run_id: str,
    *,
    suite: str = "episodic",
    n: int = 50,
    seed: int = 1337,
    model: str = "smollm2-135m",
    runs: str | Path = "runs",
    progress: Progress = silent,
) -> list[dict[str, Any]]:
    """Figures of every baseline preset for `run_id`, as rows of the table it writes.

    A baseline that was run with other items or another model is run again.

    Raises: InputError for a bad run id or suite; ModelUnavailable; StoreFormatError for damaged metrics.
    """
    folder = Path(runs) / check_id(run_id, "run_id") / "baselines"
    wanted = {"suite": suite, "n_taught": n, "seed": seed, "model": model}
    rows = []
    for preset in (p for p in presets() if p.startswith("baselines/")):
        out = folder / preset.partition("/")[2] / suite
        metrics = _read(out / METRICS)
        if metrics is None or any(metrics.get(key) != value for key, value in wanted.items()):
            settings = [f"preset={preset}", f"suite={suite}", f"n={n}", f"seed={seed}", f"model='{model}'"]
            config = resolve([*settings, f"run_id={run_id}", f"outdir='{out}'"])
            metrics = run(config, _named(preset, progress))
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


def _read(file: Path) -> dict[str, Any] | None:
    if not file.is_file():
        return None
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise StoreFormatError(f"{file} is not valid JSON ({error}); delete it to run the baseline again") from error
    return found if isinstance(found, dict) else None


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m hippo_eval.baselines", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--run-id", "--run_id", required=True)
    parser.add_argument("--suite", "--task", default="episodic")
    parser.add_argument("--n", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1337)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--runs", default="runs", help="where runs are kept")
    given = parser.parse_args(arguments)
    tasks: dict[str, TaskID] = {}

    def work() -> None:
        with Bars(console=Console(stderr=True)) as bars:

            def progress(stage: str, done: int, total: int) -> None:
                if stage not in tasks:
                    tasks[stage] = bars.add_task(stage)
                bars.update(tasks[stage], completed=done, total=total)

            rows = run_baselines(
                given.run_id, suite=given.suite, n=given.n, seed=given.seed, model=given.model, runs=given.runs,
                progress=progress,
            )  # fmt: skip
        for row in rows:
            sys.stdout.write(f"{row['preset']:<22} em {row['em']:.3f}  f1 {row['f1']:.3f}  n {row['n']}\n")

    return exit_code("baselines", work)


if __name__ == "__main__":
    sys.exit(main())
