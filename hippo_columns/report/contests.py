"""Ours beside the peers: tables and bars for one scenario. Knows nothing of how runs are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hippo_columns.metrics import Mean, mean_sem
from hippo_columns.peers.config import PeersConfig
from hippo_columns.report.bars import shown
from hippo_columns.report.blocks import Table
from hippo_columns.report.collect import PeerRun, Run

OURS, NO_SLEEP = "ours, after sleep", "ours without sleep, parents' prompts"
OURS_AWAKE = "ours before sleep, own prompts"

# A published figure counts as reproduced within so many points.
REPRODUCED = 2.0


def ours(
    scenario: str, headline: Sequence[Run], no_sleep: Sequence[Run]
) -> dict[str, list[tuple[Mapping[str, float], int]]]:
    """Our own rows of a scenario: for each label the test accuracies and the samples seen, a pair a seed.

    After sleep a prime is told by its parent's prompt (parent), before it by its own (task).
    """
    rows: dict[str, list[tuple[Mapping[str, float], int]]] = {}
    if scenario == "parent":
        slept = [run for run in headline if "after_sleep" in run.summary]
        rows[OURS] = [(r.summary["after_sleep"]["test_acc"], r.summary["samples_seen"]) for r in slept]
        rows[NO_SLEEP] = [
            (
                r.summary["before_sleep"]["test_acc"] | r.summary["parent_prompt_without_sleep"],
                r.summary["samples_seen"],
            )
            for r in no_sleep
            if "parent_prompt_without_sleep" in r.summary
        ]
    elif scenario == "task":
        rows[OURS_AWAKE] = [(r.summary["before_sleep"]["test_acc"], _until_last_sleep(r)) for r in headline]
    return {label: values for label, values in rows.items() if values}


def _until_last_sleep(run: Run) -> int:
    """The samples seen before the last sleep."""
    slept = [event["n_samples"] for event in run.events if event.get("event") == "slept"]
    return int(run.summary["samples_seen"]) - (int(slept[-1]) if slept else 0)


def contest_table(
    tasks: Sequence[str],
    own: Mapping[str, Sequence[tuple[Mapping[str, float], int]]],
    peers: Mapping[str, Sequence[PeerRun]],
) -> Table:
    """A row a method, best first: each task, the mean, the samples seen."""
    found = {
        label: [(run.summary["test_acc"], run.summary["samples_seen"]) for run in runs] for label, runs in peers.items()
    }
    found |= {label: list(values) for label, values in own.items()}
    means = {label: [sum(a[t] for t in tasks) / len(tasks) for a, _ in each] for label, each in found.items()}
    rows = []
    for label in sorted(found, key=lambda name: -sum(means[name]) / len(means[name])):
        each = found[label]
        rows.append(
            [
                f"**{label}**" if label in own else label,
                *(f"{100 * sum(a[t] for a, _ in each) / len(each):.1f}" for t in tasks),
                shown(means[label]),
                f"{sum(n for _, n in each) / len(each):.0f}",
            ]
        )
    return Table(header=["method", *tasks, "mean, %", "samples seen"], rows=rows)


def contest_bars(
    tasks: Sequence[str],
    own: Mapping[str, Sequence[tuple[Mapping[str, float], int]]],
    peers: Mapping[str, Sequence[PeerRun]],
) -> dict[str, Mean]:
    """The mean accuracy of every method with its error, for a plot."""
    bars = {label: mean_sem([run.summary["test_acc_mean"] for run in runs]) for label, runs in peers.items()}
    return bars | {
        label: mean_sem([sum(a[t] for t in tasks) / len(tasks) for a, _ in each]) for label, each in own.items()
    }


def published_table(config: PeersConfig, scenario: str, peers: Mapping[str, Sequence[PeerRun]]) -> Table | None:
    """Ours of their methods beside the published figures; None when none was run."""
    rows = []
    for at, method in config.pairs:
        runs = peers.get(method.label, ())
        if at != scenario or not runs or method.published is None:
            continue
        values = [float(run.summary["test_acc_mean"]) for run in runs]
        found = mean_sem(values)
        gap = 100 * found.mean - method.published
        verdict = "yes" if abs(gap) <= REPRODUCED else "no"
        if verdict == "no" and abs(gap) <= 200 * (found.sem or 0.0):
            verdict = "no, but within two standard errors of ours"
        rows.append([method.label, f"{method.published:.2f}", shown(values), f"{gap:+.2f}", verdict])
    header = ["method", "published, %", "here, %", "difference, points", f"within {REPRODUCED:.0f} points"]
    return Table(header=header, rows=rows) if rows else None
