"""The figures that the project set itself, beside what was reached. A bar that is missed says so.

In: finished runs. Out: rows of text. Knows nothing of how runs are made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hippo_columns.metrics import mean_sem
from hippo_columns.report.collect import PeerRun, Run, over_seeds

PeerSets = Mapping[tuple[str, str], Mapping[str, Sequence[PeerRun]]]

# Test accuracy in percent, in the order of the tasks.
BEFORE = {"task1": 99.7, "task2": 98.6, "task1p": 99.4, "task2p": 99.2}
AFTER_MEAN, AFTER_LEAST, TO_JOINT, BASE_DROP, MIXED_BASE, SECONDS = 98.9, 98.0, 0.5, 0.5, 97.0, 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One figure: what, how it should be, how it is, whether that holds (None: no bar, or not measured)."""

    what: str
    wanted: str
    reached: str
    met: bool | None

    @property
    def verdict(self) -> str:
        """In a word."""
        if self.met is None:
            return "" if self.reached else "not measured"
        return "met" if self.met else "missed"


def bars(runs: Mapping[str, Sequence[Run]], peers: PeerSets, headline: str, mixed: str, joint: str) -> list[Bar]:
    """All bars. `headline` and `mixed` name configurations, `joint` the set of peers of the headline."""
    mine = runs.get(headline, ())
    return [
        *_before(mine),
        *_after(mine),
        _to_joint(mine, peers.get((joint, "parent"), {}).get("joint", ())),
        _base_drop(mine),
        *_mixed(runs.get(mixed, ())),
        _time(mine),
    ]


def shown(values: Sequence[float], digits: int = 2) -> str:
    """Percent of fractions, as "98.91 ± 0.05 (n=5)"."""
    found = mean_sem([100 * v for v in values])
    error = "" if found.sem is None else f" ± {found.sem:.{digits}f}"
    return f"{found.mean:.{digits}f}{error} (n={found.n})"


def _values(runs: Sequence[Run], path: str) -> list[float]:
    return [v for run in runs if (v := run.figure(path)) is not None]


def _before(runs: Sequence[Run]) -> list[Bar]:
    rows = []
    for task, percent in BEFORE.items():
        values = _values(runs, f"before_sleep.test_acc.{task}")
        rows.append(
            Bar(
                what=f"before the last sleep, own prompt: {task}",
                wanted=f"≥ {percent}",
                reached=shown(values) if values else "",
                met=100 * float(np.mean(values)) >= percent if values else None,
            )
        )
    return rows


def _after(runs: Sequence[Run]) -> list[Bar]:
    means = _values(runs, "after_sleep.test_acc_mean")
    rows = [
        Bar(
            what="after sleep, parents' prompts, no labels: mean of the four tasks",
            wanted=f"≥ {AFTER_MEAN}",
            reached=shown(means) if means else "",
            met=100 * float(np.mean(means)) >= AFTER_MEAN if means else None,
        )
    ]
    least = [min(run.summary["after_sleep"]["test_acc"].values()) for run in runs if "after_sleep" in run.summary]
    by_task = {t: over_seeds(runs, f"after_sleep.test_acc.{t}") for t in (runs[0].tasks if runs else ())}
    lowest = min((m.mean for m in by_task.values() if m is not None), default=None)
    rows.append(
        Bar(
            what="after sleep: the lowest task",
            wanted=f"≥ {AFTER_LEAST}",
            reached=f"{100 * lowest:.2f} in the mean; single runs down to {100 * min(least):.2f}"
            if least and lowest
            else "",
            met=100 * lowest >= AFTER_LEAST if lowest is not None else None,
        )
    )
    kept = [bool(run.summary["verified"]) for run in runs if "verified" in run.summary]
    rows.append(
        Bar(
            what="runs whose last sleep passed its verification",
            wanted="all",
            reached=f"{sum(kept)} of {len(kept)}" if kept else "",
            met=all(kept) if kept else None,
        )
    )
    return rows


def _to_joint(runs: Sequence[Run], joint: Sequence[PeerRun]) -> Bar:
    mine = {run.seed: run.figure("after_sleep.test_acc_mean") for run in runs}
    theirs = {run.seed: float(run.summary["test_acc_mean"]) for run in joint}
    gaps = [theirs[s] - v for s, v in mine.items() if s in theirs and v is not None]
    return Bar(
        what="joint supervised training of the same network minus ours after sleep, points (same seeds)",
        wanted=f"≤ {TO_JOINT}",
        reached=shown(gaps) if gaps else "",
        met=100 * float(np.mean(gaps)) <= TO_JOINT if gaps else None,
    )


def _base_drop(runs: Sequence[Run]) -> Bar:
    drops = [max(run.summary["base_drop_by_novel"].values()) for run in runs if run.summary.get("base_drop_by_novel")]
    return Bar(
        what="largest loss of a base while primes are learned, before any sleep after them, points",
        wanted=f"≤ {BASE_DROP}",
        reached=shown(drops) if drops else "",
        met=100 * float(np.mean(drops)) <= BASE_DROP if drops else None,
    )


def _mixed(runs: Sequence[Run]) -> list[Bar]:
    if not runs:
        return [Bar(what="mixed schedule, bases after sleep", wanted=f"≥ {MIXED_BASE}", reached="", met=None)]
    rows = []
    primes = {t["name"]: t["consolidate_into"] for t in runs[0].config["tasks"] if t["consolidate_into"]}
    for task in runs[0].tasks:
        values = _values(runs, f"after_sleep.test_acc.{task}")
        is_prime = task in primes
        rows.append(
            Bar(
                what=f"mixed schedule after sleep: {task}" + (f" (held out, as {primes[task]})" if is_prime else ""),
                wanted="" if is_prime else f"≥ {MIXED_BASE}",
                reached=shown(values) if values else "",
                met=None if is_prime or not values else 100 * float(np.mean(values)) >= MIXED_BASE,
            )
        )
    return rows


def _time(runs: Sequence[Run]) -> Bar:
    wall, cpu = _values(runs, "seconds"), _values(runs, "cpu_seconds")
    if not wall:
        return Bar(what="one run with its sleeps, s", wanted=f"≤ {SECONDS:.0f}", reached="", met=None)
    reached = f"{min(wall):.0f} to {max(wall):.0f}"
    if cpu:
        reached += f"; {min(cpu):.0f} to {max(cpu):.0f} of processor time"
    return Bar(what="one run with its sleeps, s", wanted=f"≤ {SECONDS:.0f}", reached=reached, met=max(wall) <= SECONDS)
