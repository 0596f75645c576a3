"""The matrix: suites by presets, nights and ablations, then the report.

    python -m hippo_eval.matrix --run-id RUN_ID [--full] [--dry-run] [--strict] [--model NAME]
        [--suites ...] [--presets ...] [--n N ...] [--seeds S ...] [--profile P] [--no-nights] [--no-ablations]

Finished cells are read, a stopped one goes on where it was: the same command again is how a run is resumed. Knows
nothing of how a cell is measured.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from hippo_eval.answerers import Progress
from hippo_eval.border import exit_code
from hippo_eval.cells import RUNS, run_folder, stamp_of
from hippo_eval.composing import whole_cell_of
from hippo_eval.estimate import calibrate, forecast
from hippo_eval.kept_readings import FILE, KeptReadings
from hippo_eval.matrix_plan import FULL_SEEDS, FULL_SIZES, Matrix, cells, sizes_said
from hippo_eval.runner import load_suite, recheck, run, silent
from hippo_eval.settings import EvalConfig
from hippo_eval.stamps import foundation, stamp
from hippo_eval.suites.choose import SUITES, check_suite
from hippo_mem.errors import GuardrailError, HippoError, ModelUnavailable, StorageFull

_SECONDS_BETWEEN_LINES = 20.0
Say = Callable[[str], None]


def measure_matrix(
    matrix: Matrix,
    run_id: str,
    *,
    runs: str | Path = RUNS,
    reports: str | Path | None = "reports",
    dry_run: bool = False,
    strict: bool = False,
    say: Say = lambda line: None,
    progress: Progress = silent,
) -> list[EvalConfig]:
    """Measure every cell that is not there yet, judge them together, write the report.

    Args:
        reports: where the report goes; None writes none.
        dry_run: say what would be measured and how long it would take, and measure nothing.
        say: takes one line at a time for whoever watches.
    Returns: the cells.
    Raises: GuardrailError at the end for cells that failed, or, with `strict`, have warnings; ModelUnavailable,
        StorageFull, InputError at once.
    """
    planned = cells(matrix, run_id)
    for line in sizes_said(matrix.suites, matrix.sizes, matrix.profile):
        say(line)
    folders = [whole_cell_of(c).folder(run_id, runs) for c in planned]
    todo = [
        (c, f) for c, f in zip(planned, folders, strict=True) if stamp_of(f) != stamp(c, load_suite(c), shares=True)
    ]  # fmt: skip
    say(f"{len(planned)} cells, {len(planned) - len(todo)} of them finished; timing this machine on a sample")
    speed = calibrate(matrix.model)
    expected = forecast([c for c, _ in todo], speed)
    say(f"about {spell(sum(expected))} for {len(todo)} cells at {speed.read_tokens_per_s:.0f} tokens read a second")
    if dry_run:
        for (config, _), seconds in zip(todo, expected, strict=True):
            cell = whole_cell_of(config)
            say(f"{cell.label:<40} {cell.suite:<20} {cell.items_label:<24} {spell(seconds)}")
        return planned
    readings = KeptReadings(run_folder(run_id, runs) / FILE, rests_on=json.dumps(foundation(matrix.model)))
    failed = _measure(todo, expected, readings, say, progress)
    warned = recheck(run_id, runs)
    say(f"{warned} cells with warnings")
    if reports is not None:
        from hippo_eval.report import write_report

        written = write_report(run_id, runs=runs, reports=reports)
        say(f"report: {written.page}")
    problems = [*failed, *([f"{warned} cells have warnings"] if strict and warned else [])]
    if problems:
        raise GuardrailError(f"{len(failed)} of {len(planned)} cells failed: {'; '.join(problems)}")
    return planned


def _measure(
    todo: Sequence[tuple[EvalConfig, Path]], expected: Sequence[float], readings: KeptReadings, say: Say,
    progress: Progress,
) -> list[str]:  # fmt: skip
    """Measure one cell after the other; returns what failed, a line each. What no cell would survive is raised."""
    failed = []
    spent = due = 0.0
    for at, (config, folder) in enumerate(todo):
        cell = whole_cell_of(config)
        name = f"{cell.label} {cell.suite} {cell.items_label}"
        began = time.perf_counter()
        try:
            metrics = run(config, progress, folder, enforce=False, readings=readings)
            said = f"em {metrics['em']:.3f}"
        except (ModelUnavailable, StorageFull):
            raise
        except HippoError as error:
            said = f"failed: {' '.join(str(error).split())}"
            failed.append(f"{name} {said}")
        seconds = time.perf_counter() - began
        spent, due = spent + seconds, due + expected[at]
        left = sum(expected[at + 1 :]) * (spent / due if due else 1.0)
        say(f"{at + 1}/{len(todo)} {name}: {said}, {seconds:.0f} s; about {spell(left)} left")
    return failed


def spell(seconds: float) -> str:
    """`"45 s"`, `"12 min"`, `"3.4 h"`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def matrix_of(given: argparse.Namespace) -> Matrix:
    """The matrix of parsed flags.

    Raises: InputError for an unknown suite.
    """
    sizes = tuple(given.n) if given.n else FULL_SIZES if given.full else (50,)
    seeds = tuple(given.seeds) if given.seeds else FULL_SEEDS if given.full else (1337,)
    return Matrix(
        suites=tuple(check_suite(s) for s in given.suites) if given.suites else tuple(SUITES),
        presets=tuple(given.presets or ()), sizes=sizes, seeds=seeds, profile=given.profile, model=given.model,
        nights=not given.no_nights, ablations=not given.no_ablations, night_size=given.night_size,
    )  # fmt: skip


def parser() -> argparse.ArgumentParser:
    """The flags."""
    found = argparse.ArgumentParser(prog="python -m hippo_eval.matrix", description=(__doc__ or "").splitlines()[0])
    found.add_argument("--run-id", "--run_id", default="eval")
    found.add_argument("--full", action="store_true", help="sizes 50, 200 and 1000 by three seeds")
    found.add_argument("--dry-run", action="store_true", help="say what would be measured, and how long it would take")
    found.add_argument("--strict", action="store_true", help="warnings are failures")
    found.add_argument("--suites", nargs="+")
    found.add_argument("--presets", nargs="+")
    found.add_argument("--n", type=int, nargs="+")
    found.add_argument("--seeds", type=int, nargs="+")
    found.add_argument("--profile", default="default")
    found.add_argument("--model", default="smollm2-135m")
    found.add_argument("--no-nights", action="store_true")
    found.add_argument("--no-ablations", action="store_true")
    found.add_argument("--night-size", type=int, help="stories or households a night is given (default: as fits)")
    found.add_argument("--runs", default=RUNS, help="where runs are kept")
    found.add_argument("--reports", default="reports", help="where the report goes")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line: lines on stderr as cells finish."""
    given = parser().parse_args(arguments)

    def work() -> None:
        measure_matrix(
            matrix_of(given), given.run_id, runs=given.runs, reports=given.reports, dry_run=given.dry_run,
            strict=given.strict, say=_say, progress=_Now(_say),
        )  # fmt: skip

    return exit_code("eval", work)


class _Now:
    """What the cell at work is doing, a line every so often."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._last = time.monotonic()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Take one report of progress."""
        if time.monotonic() - self._last >= _SECONDS_BETWEEN_LINES:
            self._last = time.monotonic()
            self._say(f"    {stage} {done}/{total}" if total > 0 else f"    {stage} {done}")


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
