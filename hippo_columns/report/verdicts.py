"""How a claim is judged: from runs to what was measured, in words, and a verdict.

A claim about accuracy is judged on test images; where only the training images reach the figure, the verdict says so.
Percentages throughout, as the log has them. Knows nothing of which claims there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hippo_columns.metrics import Floats, mean_sem
from hippo_columns.report.collect import Run, over_seeds

# In points: an accuracy this near to the log's figure counts as reaching it.
TOLERANCE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What was measured, in words, and the verdict."""

    measured: str
    verdict: str


Judge = Callable[[Sequence[Run], Mapping[str, Sequence[Run]]], Judged]


def _pct(values: Sequence[float]) -> str:
    found = mean_sem([100 * v for v in values])
    return f"{found.mean:.1f}" if found.sem is None else f"{found.mean:.1f} ± {found.sem:.1f}"


def _all(runs: Sequence[Run], path: str) -> list[float]:
    return [v for run in runs if (v := run.figure(path)) is not None]


def accuracies(runs: Sequence[Run], phase: str, wanted: Mapping[str, float]) -> Judged:
    """Whether the mean test accuracy of each task reaches a percentage (within the tolerance)."""
    shown, on_test, on_train = [], [], []
    for task, percent in wanted.items():
        test, train = (_all(runs, f"{phase}.{part}_acc.{task}") for part in ("test", "train"))
        if not test:
            return Judged(measured=f"no figure for {task}", verdict="not judged")
        shown.append(f"{task} {_pct(test)} (train {_pct(train)})")
        on_test.append(100 * float(np.mean(test)) >= percent - TOLERANCE)
        on_train.append(100 * float(np.mean(train)) >= percent - TOLERANCE)
    if all(on_test):
        verdict = "confirmed, on test images"
    elif all(on_train):
        verdict = "confirmed on training images only"
    else:
        missed = [task for task, ok in zip(wanted, on_test, strict=True) if not ok]
        verdict = f"not confirmed: {', '.join(missed)} below the log's figure"
    return Judged(measured="test: " + ", ".join(shown), verdict=verdict)


def accuracies_after(**wanted: float) -> Judge:
    """Do the tasks reach these percentages after the last sleep?"""

    return lambda runs, _: accuracies(runs, "after_sleep", wanted)


def yes(holds: bool, measured: str) -> Judged:
    """A plain verdict."""
    return Judged(measured=measured, verdict="confirmed" if holds else "not confirmed")


def _primes(run: Run) -> dict[str, str]:
    return {t["name"]: t["consolidate_into"] for t in run.config["tasks"] if t["consolidate_into"]}


def _n_base(run: Run) -> int:
    return int(run.config["network"]["n_base_columns"])


def residual_parents(runs: Sequence[Run], _: object) -> Judged:
    """Did task1 and task2 stay at 99 % or above until the last sleep?"""
    columns = [runs[0].tasks.index(t) for t in ("task1", "task2")]
    lows = [float(np.nanmin(_awake(run)[:, columns])) for run in runs]
    learned = [[float(run.matrix[run.stages.index(run.tasks[j]), j]) for j in columns] for run in runs]
    losses = [
        max(first - float(np.nanmin(_awake(run)[:, j])) for first, j in zip(firsts, columns, strict=True))
        for run, firsts in zip(runs, learned, strict=True)
    ]
    measured = f"lowest test accuracy of a parent before sleep: {_pct(lows)}; lost since it was learned: {_pct(losses)}"
    if 100 * float(np.mean(lows)) >= 99.0:
        return Judged(measured=measured, verdict="confirmed, on test images")
    if 100 * float(np.mean(losses)) <= TOLERANCE:
        return Judged(measured=measured, verdict="confirmed that nothing is lost; on test images it is not near 100")
    return Judged(measured=measured, verdict="not confirmed")


def _awake(run: Run) -> Floats:
    """The rows before the last sleep."""
    return run.matrix[: run.sleeps[-1]] if run.sleeps else run.matrix


def residual_columns(runs: Sequence[Run], _: object) -> Judged:
    """Do primes have their parents' masks after sleep, for less than 3 points?"""
    same = [_masks_of_parents(run) for run in runs]
    drops = [_worst_drop(run) for run in runs]
    return yes(
        all(same) and 100 * float(np.mean(drops)) < 3.0,
        f"primes have their parents' masks in {sum(same)} of {len(runs)} runs; the largest loss of a task in the last "
        f"sleep: {_pct(drops)} points",
    )


def _masks_of_parents(run: Run) -> bool:
    """Whether after the last sleep every prime has its parent's mask to the last digit."""
    if run.masks is None or not run.sleeps:
        return False
    last = run.masks[run.sleeps[-1]]
    return all(
        np.array_equal(last[run.tasks.index(prime)], last[run.tasks.index(parent)])
        for prime, parent in _primes(run).items()
    )


def _worst_drop(run: Run) -> float:
    at = run.sleeps[-1]
    return float(np.max(run.matrix[at - 1] - run.matrix[at]))


def own_banks(runs: Sequence[Run], _: object) -> Judged:
    """Are masks inside the bank of their task?"""
    inside = []
    for run in runs:
        if run.masks is None:
            return Judged(measured="no masks recorded", verdict="not judged")
        n, primes = _n_base(run), _primes(run)
        before = run.masks[run.sleeps[-1] - 1] if run.sleeps else run.masks[-1]
        for task in run.tasks:
            mask = before[run.tasks.index(task)]
            inside.append(float(mask[n:].sum() if task in primes else mask[:n].sum()))
    return Judged(
        measured=f"least share of a task's mask inside its own bank before sleep: {100 * min(inside):.1f} %",
        verdict="true by construction: a task's bank is configured, only the column within it is learned",
    )


def soft_accuracies_before(runs: Sequence[Run], _: object) -> Judged:
    """Do the tasks reach the log's figures before sleep?"""
    return accuracies(runs, "before_sleep", {"task1": 99, "task2": 97, "task1p": 98, "task2p": 98})


def soft_masks(runs: Sequence[Run], _: object) -> Judged:
    """Do primes have their parents' masks after sleep, for about 3 points?"""
    same, drops = [_masks_of_parents(run) for run in runs], [_worst_drop(run) for run in runs]
    primes = [max(-float(run.figure(f"sleep_gain.{p}") or 0.0) for p in _primes(run)) for run in runs]
    return yes(
        all(same) and 100 * float(np.mean(primes)) <= 3.0 + TOLERANCE,
        f"masks equal to the last digit in {sum(same)} of {len(runs)} runs; the prime that lost most lost "
        f"{_pct(primes)} points, the task that lost most {_pct(drops)}",
    )


def error_overlaps(low: float, high: float | None = None) -> Judge:
    """Is every task's share of repeated errors between these percentages?"""

    def judge(runs: Sequence[Run], _: object) -> Judged:
        shown, means = [], []
        for task in runs[0].tasks:
            values = _all(runs, f"errors.{task}.overlap")
            if not values:
                continue
            counts = [int(n) for n in _all(runs, f"errors.{task}.n_errors_before")]
            among = f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"
            shown.append(f"{task} {_pct(values)} % of {among} errors")
            means.append(100 * float(np.mean(values)))
        if not means:
            return Judged(measured="no task made an error before sleep", verdict="not judged: an overlap of nothing")
        inside = all(mean >= low - TOLERANCE and (high is None or mean <= high + TOLERANCE) for mean in means)
        return yes(inside, "error overlap: " + ", ".join(shown))

    return judge


def mixed_arrival(runs: Sequence[Run], _: object) -> Judged:
    """Do bases keep 95 % and move by 5 points at most before sleep?"""
    lows, swings = [], []
    for run in runs:
        bases = [run.tasks.index(t) for t in run.tasks if t not in _primes(run)]
        awake = _awake(run)[:, bases]
        lows.append(float(np.nanmin(awake)))
        swings.append(float(np.nanmax(np.abs(np.diff(awake, axis=0)))))
    return yes(
        100 * float(np.mean(lows)) >= 95 - TOLERANCE and 100 * float(np.mean(swings)) <= 5 + TOLERANCE,
        f"lowest test accuracy of a base before sleep: {_pct(lows)}; largest change between stages: {_pct(swings)} "
        "points",
    )


def mixed_occupancy(runs: Sequence[Run], _: object) -> Judged:
    """Is no base column occupied beyond a half once four bases are trained?"""
    most, used, n_bases = [], [], 0
    for run in runs:
        n_bases = len(run.tasks) - len(_primes(run))
        for event in run.events:
            report = event.get("masks") or {}
            if "base_occupancy" in report and len(report.get("argmax", ())) >= 4:
                most.append(max(report["base_occupancy"]))
                used.append(report["base_columns_used"])
    if not most:
        return Judged(measured="no occupancy recorded", verdict="not judged")
    among = f"{most[0]:.2f}" if min(most) == max(most) else f"{min(most):.2f} to {max(most):.2f}"
    measured = (
        f"once four bases are trained, the most occupied base column has a mean mask of {among}; {min(used)} base "
        f"columns or more are used by {n_bases} bases"
    )
    if max(most) > 0.5 + 1e-6:
        return Judged(measured=measured, verdict="not confirmed")
    if min(used) >= n_bases:
        return Judged(
            measured=measured, verdict="half confirmed: none is occupied beyond a half, but none is shared either"
        )
    return Judged(measured=measured, verdict="confirmed")


def mixed_primes(runs: Sequence[Run], _: object) -> Judged:
    """Are all errors of the held-out primes repeated after sleep?"""
    overlaps, gains = [], []
    for run in runs:
        for prime in _primes(run):
            overlaps += [v for v in (run.figure(f"errors.{prime}.overlap"),) if v is not None]
            gains += [v for v in (run.figure(f"sleep_gain.{prime}"),) if v is not None]
    if not overlaps or not gains:
        return Judged(measured="no prime made an error before sleep", verdict="not judged: an overlap of nothing")
    return Judged(
        measured=f"error overlap of the primes {_pct(overlaps)} %, change by sleep {_pct(gains)} points (test images "
        "that neither parent nor prime was trained on)",
        verdict="confirmed" if min(overlaps) >= 1.0 else "not confirmed: a full overlap needs that nothing was learned",
    )


def fewer_samples_than(against: str) -> Judge:
    """Is the accuracy that of another configuration, for two thirds of its sleep samples at most?"""

    def judge(runs: Sequence[Run], everything: Mapping[str, Sequence[Run]]) -> Judged:
        other = everything.get(against, ())
        if not other:
            return Judged(measured=f"{against} was not run", verdict="not judged")
        mine, theirs = (over_seeds(r, "after_sleep.test_acc_mean") for r in (runs, other))
        samples = [over_seeds(r, "samples_seen_asleep") for r in (runs, other)]
        if mine is None or theirs is None or samples[0] is None or samples[1] is None:
            return Judged(measured="no sleep recorded", verdict="not judged")
        less = samples[0].mean / samples[1].mean
        same = 100 * (mine.mean - theirs.mean) >= -TOLERANCE
        return Judged(
            measured=f"mean test accuracy after sleep {100 * mine.mean:.2f} with {samples[0].mean:.0f} samples asleep, "
            f"static {100 * theirs.mean:.2f} with {samples[1].mean:.0f}",
            verdict=("confirmed: " if same and less <= 2 / 3 else "not confirmed: ")
            + f"{less:.2f} times the samples of static replay, {'the same' if same else 'a lower'} accuracy",
        )

    return judge


def as_accurate_as(against: str) -> Judge:
    """Is the accuracy after sleep that of another configuration?"""

    def judge(runs: Sequence[Run], everything: Mapping[str, Sequence[Run]]) -> Judged:
        mine = over_seeds(runs, "after_sleep.test_acc_mean")
        theirs = over_seeds(everything.get(against, ()), "after_sleep.test_acc_mean")
        if mine is None or theirs is None:
            return Judged(measured=f"{against} was not run", verdict="not judged")
        return yes(
            abs(100 * (mine.mean - theirs.mean)) <= TOLERANCE,
            f"mean test accuracy after sleep {100 * mine.mean:.2f}, with mask logits {100 * theirs.mean:.2f}",
        )

    return judge


def one_hot_masks(runs: Sequence[Run], _: object) -> Judged:
    """Is the entropy of every mask near zero after sleep?"""
    entropies = []
    for run in runs:
        slept = [event for event in run.events if event.get("event") == "slept"]
        if slept:
            entropies.append(max(slept[-1]["masks"]["entropy"].values()))
    if not entropies:
        return Judged(measured="no sleep recorded", verdict="not judged")
    return yes(max(entropies) < 0.05, f"largest mask entropy after sleep: {max(entropies):.3f} nats")


def recovery_of_task2(runs: Sequence[Run], _: object) -> Judged:
    """Does task2 lose little to primes and get it back, and do primes lose little in sleep?"""
    drops, back, primes = [], [], []
    for run in runs:
        j, at = run.tasks.index("task2"), run.sleeps[-1]
        first = next((i for i, stage in enumerate(run.stages) if stage in _primes(run)), at)
        drops.append(float(run.matrix[first - 1, j] - np.nanmin(run.matrix[first:at, j])))
        back.append(float(run.matrix[at, j] - run.matrix[first - 1, j]))
        primes.append(max(-float(run.figure(f"sleep_gain.{p}") or 0.0) for p in _primes(run)))
    return yes(
        100 * float(np.mean(drops)) <= 0.7 + TOLERANCE
        and 100 * float(np.mean(back)) >= -TOLERANCE
        and 100 * float(np.mean(primes)) < 1.0,
        f"task2 loses {_pct(drops)} points while primes are learned and stands at {_pct(back)} points against before "
        f"after the last sleep; the prime that lost most lost {_pct(primes)}",
    )


def nudged_replay(runs: Sequence[Run], _: object) -> Judged:
    """Did the nudge change how much is replayed?"""
    biases: dict[str, list[float]] = {}
    for run in runs:
        for event in run.events:
            for epoch in event.get("biases") or ():
                for task, bias in epoch.items():
                    biases.setdefault(task, []).append(float(bias))
    if not biases:
        return Judged(measured="no nudge recorded", verdict="not judged")
    means = {task: float(np.mean(values)) for task, values in biases.items()}
    shown = ", ".join(f"{task} {mean:+.2f}" for task, mean in means.items())
    measured = f"mean change of the extra replay by the nudge, as a share: {shown}"
    most, spread = max(map(abs, means.values())), max(means.values()) - min(means.values())
    if most <= 0.01:
        return Judged(measured=measured, verdict="not confirmed: it changed nothing")
    if spread < 0.1 * most:
        return Judged(measured=measured, verdict="not confirmed: it raises all tasks alike")
    return Judged(measured=measured, verdict="confirmed")
