"""The commands of `hippo-columns`: fetch images, run a configuration or a whole study, write its report.

Exit codes are those of `hippo`; Ctrl-C ends in `columns`. Knows nothing of how anything is done.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from typer.exceptions import TyperException

from hippo_cli import border
from hippo_mem.configs_path import find_config
from hippo_mem.errors import InputError

log = logging.getLogger("hippo_cli.columns")

app = typer.Typer(
    name="hippo-columns",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    no_args_is_help=True,
    context_settings={"help_option_names": ["--help", "-h"]},
    help="Spiking columns that learn task after task and sleep. Example: [bold]hippo-columns data get[/bold], then "
    "[bold]hippo-columns run --config configs/stage5B1_sequential_X_Xprime_soft_sleep_keyquery.yaml[/bold]",
)
data_app = typer.Typer(no_args_is_help=True, help="The sets of images.")
app.add_typer(data_app, name="data")

OutOption = Annotated[Path, typer.Option("--out", help="The folder of all runs.")]
StudyOption = Annotated[Path, typer.Option("--study", help="The list of runs.")]
SeedsOption = Annotated[str, typer.Option("--seeds", help="Such as 0-4 or 0,3,7.")]
_STUDY, _RUNS = Path("configs/columns_study.yaml"), Path("runs/columns")


@data_app.command(name="get")
def data_get(
    names: Annotated[list[str] | None, typer.Argument(help="mnist, fashion; default: both.")] = None,
    home: Annotated[Path | None, typer.Option("--home", help="Data home; $HIPPO_HOME says it too.")] = None,
) -> None:
    """Fetch images once, check them by sha256, and keep them in the data home."""
    from hippo_columns.data import DATASETS, get

    for name in names or DATASETS:
        with _bars() as bars:
            bar = bars.add_task(name, total=1.0)
            folder = get(
                name,
                home=home,
                progress=lambda what, share, bars=bars, bar=bar, name=name: bars.update(  # type: ignore[misc]
                    bar, description=f"{name} from {what}", completed=share
                ),
            )
        typer.echo(f"{name}: {folder}")


@app.command()
def run(
    config: Annotated[Path, typer.Option("--config", help="configs/<name>.yaml")],
    seed: Annotated[int | None, typer.Option("--seed", help="Default: the configuration's.")] = None,
    overrides: Annotated[list[str] | None, typer.Option("--set", metavar="A.B=C", help="Over the file.")] = None,
    out: Annotated[Path, typer.Option("--out", help="The run goes to <out>/<name>/<seed>.")] = Path("runs"),
    again: Annotated[bool, typer.Option("--again", help="Repeat a finished run.")] = False,
) -> None:
    """Run one configuration, as scripts/run_experiment.py does."""
    from hippo_columns import settings
    from hippo_columns.runner import run as run_experiment

    config = find_config(config)
    resolved = settings.load(config, overrides or (), seed=seed)
    folder = out / config.stem / str(resolved.seed)
    summary = run_experiment(resolved, folder, name=config.stem, say=typer.echo, again=again)
    for key in ("before_sleep", "after_sleep"):
        if key in summary:
            accuracies = ", ".join(f"{task} {100 * a:.2f}" for task, a in summary[key]["test_acc"].items())
            typer.echo(f"{key.replace('_', ' ')}, test: {accuracies}; mean {100 * summary[key]['test_acc_mean']:.2f} %")
    typer.echo(f"{summary['samples_seen']} samples in {summary['seconds']:.1f} s; {folder / 'summary.json'}")


@app.command()
def study(
    seeds: SeedsOption = "0-4",
    study_file: StudyOption = _STUDY,
    out: OutOption = _RUNS,
    n_jobs: Annotated[int, typer.Option("--jobs", min=1, help="Runs at a time, one thread each.")] = 1,
    only: Annotated[
        list[str] | None, typer.Option("--only", help="Only runs whose label contains this; may be repeated.")
    ] = None,
) -> None:
    """Run every configuration, peer and ablation of a study. What is finished is not repeated."""
    from hippo_columns.report import jobs, load_study, run_study

    work = list(jobs(load_study(find_config(study_file)), parse_seeds(seeds), out, only or ()))
    with _bars() as bars:
        bar = bars.add_task("study", total=len(work))
        run_study(
            work, n_jobs=n_jobs, progress=lambda label, done, _: bars.update(bar, description=label, completed=done)
        )
    typer.echo(f"{len(work)} runs in {out}; next: hippo-columns report --runs {out}")


@app.command()
def report(
    runs: Annotated[Path, typer.Option("--runs", help="The folder of all runs.")] = _RUNS,
    out: Annotated[Path, typer.Option("--out", help="Where the report goes.")] = Path("reports/columns"),
    study_file: StudyOption = _STUDY,
) -> None:
    """Write results.csv, report.md with its pictures, and a report.html that needs nothing else."""
    from hippo_columns.report import load_study, write_report

    counts = write_report(load_study(find_config(study_file)), runs, out)
    typer.echo(f"{counts['n_runs']} runs of ours and {counts['n_peer_runs']} of peers: {out / 'report.html'}")


def parse_seeds(text: str) -> list[int]:
    """`"0-2,7"` as [0, 1, 2, 7]. Raises: InputError for anything else."""
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdigit() or (dash and not last.isdigit()) or (dash and int(last) < int(first)):
            raise InputError(f"cannot read the seeds {text!r}; write them as 0-4 or 0,3,7")
        seeds += range(int(first), int(last or first) + 1)
    return list(dict.fromkeys(seeds))


def _bars() -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:g}/{task.total:g}"),
                    console=Console(stderr=True), transient=True)  # fmt: skip


def run_line(words: Sequence[str]) -> int:
    """Run one command line and return its exit code.

    Raises: KeyboardInterrupt when it was stopped with Ctrl-C.
    """
    return border.run(app, words, "hippo-columns", usage=_usage, unexpected=_unexpected)


def _usage(error: TyperException) -> str:
    return f"{border.message_of(error)} (try: hippo-columns --help)"


def _unexpected(error: Exception) -> str:
    log.exception("where it came from")
    return f"{type(error).__name__}: {error} (an error in hippo itself)"
