"""What each part is worth: every ablation against its reference, seed by seed. Knows nothing of how runs are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hippo_columns.metrics import Mean, mean_sem
from hippo_columns.report.bars import shown
from hippo_columns.report.blocks import Table
from hippo_columns.report.collect import Run, over_seeds
from hippo_columns.report.study import ABLATION, Study

_FIGURE = "after_sleep.test_acc_mean"


def difference(runs: Sequence[Run], reference: Sequence[Run], path: str = _FIGURE) -> Mean | None:
    """The mean over common seeds of a figure minus the reference's; None without a common seed."""
    theirs = {run.seed: run.figure(path) for run in reference}
    pairs = [(run.figure(path), theirs.get(run.seed)) for run in runs]
    values = [mine - other for mine, other in pairs if mine is not None and other is not None]
    return mean_sem(values) if values else None


def ablation_table(study: Study, runs: Mapping[str, Sequence[Run]]) -> Table | None:
    """A row an ablation that was run; None when none was."""
    rows = []
    for entry in study.ablations:
        mine = runs.get(f"{ABLATION}{entry.label}", ())
        values = [v for run in mine if (v := run.figure(_FIGURE)) is not None]
        if not values:
            continue
        change = difference(mine, runs.get(f"{ABLATION}{entry.against}", ()))
        asleep = over_seeds(mine, "samples_seen_asleep")
        lowest = [100 * min(run.summary["after_sleep"]["test_acc"].values()) for run in mine]
        rows.append(
            [
                entry.question or entry.label,
                shown(values),
                "" if entry.label == entry.against or change is None else signed(change),
                f"{min(lowest):.1f}",
                "" if asleep is None else f"{asleep.mean:.0f}",
            ]
        )
    header = [
        "what",
        "mean of the tasks after sleep, %",
        "against its reference, points",
        "lowest task",
        "samples asleep",
    ]
    return Table(header=header, rows=rows) if rows else None


def signed(change: Mean) -> str:
    """Points with their sign and error; a change within two standard errors of zero says that it may be none."""
    points = f"{100 * change.mean:+.2f}"
    if change.sem is None:
        return points
    unclear = " (may be none)" if abs(change.mean) <= 2 * change.sem else ""
    return f"{points} ± {100 * change.sem:.2f}{unclear}"
