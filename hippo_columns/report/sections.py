"""What the report of a study says, section by section, as blocks.

In: a study and its finished runs. Out: blocks. What was not run is left out, and said. Knows nothing of files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from hippo_columns import metrics, plots
from hippo_columns.report import contests
from hippo_columns.report.ablations import ablation_table, difference, signed
from hippo_columns.report.bars import Bar, PeerSets, bars, shown
from hippo_columns.report.blocks import Block, Heading, Paragraph, Picture, Table
from hippo_columns.report.claims import judge_all
from hippo_columns.report.collect import Run, over_seeds
from hippo_columns.report.study import ABLATION, Study

TITLE = "Spiking columns that learn continually, and sleep"
NO_SLEEP, MIXED = "no_sleep", "stage4_sequential_mixed_soft_sleep"

Runs = Mapping[str, Sequence[Run]]


def report(
    study: Study, runs: Runs, peers: PeerSets, speed: Mapping[str, Any], stale: Sequence[str]
) -> Iterator[Block]:
    """All blocks, in order. `speed`: what `benchmarks/columns.py --json` wrote, or empty; `stale`: runs left out."""
    yield Heading(text=TITLE, level=1)
    yield Paragraph(
        text="Accuracies are of the official test images unless a column says otherwise, in percent; ± is the "
        "standard error of the mean over seeds, n their number. The results log reports percentages that read like "
        "accuracies on the data just trained on; wherever one of them stands beside ours, keep that in mind."
    )
    yield from _summary(study, runs, peers, stale)
    yield from _bars(study, runs, peers, speed)
    yield from _configurations(study, runs)
    for entry in study.log:
        if runs.get(entry.label):
            yield from _one(entry.label, runs[entry.label], in_full=entry.label in (study.headline, MIXED))
    yield from _peers(study, runs, peers)
    yield from _ablations(study, runs)
    yield from _claims(runs)


def _summary(study: Study, runs: Runs, peers: PeerSets, stale: Sequence[str]) -> Iterator[Block]:
    mine = runs.get(study.headline, ())
    if mine:
        images = mine[0].summary["n_images"]
        counts = ", ".join(f"{task} {n['train']}" for task, n in images.items())
        n_test = ", ".join(f"{task} {n['test']}" for task, n in images.items())
        yield Paragraph(text=f"Headline: `{study.headline}`. Training images: {counts}; test images: {n_test}.")
    if stale:
        yield Paragraph(
            text=f"Left out, because they were made with other settings than those of now: {', '.join(stale)}."
        )
    missing = [entry.label for entry in study.log if entry.label not in runs]
    ablations = [entry.label for entry in study.ablations if f"{ABLATION}{entry.label}" not in runs]
    missing += _some("ablations", ablations, len(study.ablations))
    for config in study.peers:
        for scenario in config.scenarios:
            wanted = [m.label for s, m in config.pairs if s == scenario]
            there = peers.get((config.name, scenario), {})
            missing += _some(f"{config.name}, scenario {scenario}", [w for w in wanted if w not in there], len(wanted))
    if missing:
        yield Paragraph(text=f"Not run for this report: {'; '.join(missing)}.")


def _some(what: str, missing: Sequence[str], n_all: int) -> list[str]:
    """What is missing of a group, in a few words."""
    if not missing:
        return []
    return [f"{what}: {'all' if len(missing) == n_all else ', '.join(missing)}"]


def _bars(study: Study, runs: Runs, peers: PeerSets, speed: Mapping[str, Any]) -> Iterator[Block]:
    yield Heading(text="What was to be shown")
    joint = study.peers[0].name if study.peers else ""
    found = [*bars(runs, peers, study.headline, MIXED, joint), _half_the_samples(runs), *_speed(speed)]
    yield Table(
        header=["figure", "wanted", "reached", ""], rows=[[b.what, b.wanted, b.reached, b.verdict] for b in found]
    )


def _half_the_samples(runs: Runs) -> Bar:
    """Dynamic replay with half the samples of static replay, which may lose 0.2 points to count as equal."""
    change = difference(runs.get(f"{ABLATION}dynamic_30k", ()), runs.get(f"{ABLATION}static_60k", ()))
    return Bar(
        what="dynamic replay with half the samples of static replay (30 000 and 60 000), points against it",
        wanted="≥ -0.2",
        reached="" if change is None else f"{signed(change)} (n={change.n})",
        met=None if change is None else 100 * change.mean >= -0.2,
    )


def _speed(speed: Mapping[str, Any]) -> Iterator[Bar]:
    """Training samples a second beside snnTorch."""
    if not speed.get("rows"):
        yield Bar(what="training speed against plain snnTorch", wanted="≥ 2 times", reached="", met=None)
    for row in speed.get("rows", ()):
        yield Bar(
            what=f"training speed against plain snnTorch, {row['network']} ({row['hidden']} neurons)",
            wanted="≥ 2 times",
            reached=f"{row['train_ours_samples_per_s']} against {row['train_snnTorch_samples_per_s']} samples/s: "
            f"{row['train_ratio']} times",
            met=row["train_ratio"] >= 2.0,
        )


def _configurations(study: Study, runs: Runs) -> Iterator[Block]:
    yield Heading(text="All configurations of the log")
    yield Paragraph(
        text="Before: the last stage before the last sleep, every task by its own prompt (task-incremental). After: "
        "primes by their parents' prompts (domain-incremental). The two columns answer different questions."
    )
    rows = []
    for entry in study.log:
        mine = runs.get(entry.label, ())
        if mine:
            cells = [entry.label]
            for path in ("before_sleep.test_acc_mean", "after_sleep.test_acc_mean", "after_sleep.train_acc_mean"):
                values = [v for run in mine if (v := run.figure(path)) is not None]
                cells.append(shown(values) if values else "no sleep")
            verified = [run.summary["verified"] for run in mine if "verified" in run.summary]
            cells.append(f"{sum(verified)} of {len(verified)}" if verified else "")
            for path, scale in (("bwt", 100), ("forgetting", 100), ("samples_seen_asleep", 1), ("seconds", 1)):
                mean = over_seeds(mine, path)
                cells.append("" if mean is None else f"{scale * mean.mean:.2f}" if scale > 1 else f"{mean.mean:.0f}")
            rows.append(cells)
    header = [
        "configuration",
        "before, test",
        "after, test",
        "after, train",
        "sleeps kept",
        "BWT",
        "forgetting",
        "samples asleep",
        "s",
    ]
    yield Table(header=header, rows=rows)
    yield Paragraph(
        text="BWT (Lopez-Paz & Ranzato 2017) and forgetting (Chaudhry et al. 2018: the best accuracy since a task was "
        "learned minus the last one) are in points over all stages, sleeps included. A sleep is kept when no task "
        "loses more validation accuracy than `sleep.max_drop`; after another one the network goes back to what it "
        "was, and the figures after sleep are those of what was not kept."
    )


def _one(name: str, runs: Sequence[Run], *, in_full: bool) -> Iterator[Block]:
    """The error table of one configuration, and its pictures: accuracy over stages, `in_full` all of them."""
    yield Heading(text=f"`{name}`", level=3)
    first = runs[0]
    alike = [run for run in runs if list(run.stages) == list(first.stages)]
    stages = [plots.Stage(name=stage, is_sleep=i in first.sleeps) for i, stage in enumerate(first.stages)]
    yield Picture(
        name=f"{name}.stages",
        figure=plots.accuracy_over_stages(np.stack([run.matrix for run in alike]), stages, first.tasks),
        caption="Test accuracy over the stages, sleeps shaded. After a sleep a prime is told by its parent's prompt.",
    )
    if in_full:
        yield from _in_full(name, first, alike)
    yield from _errors(runs)


def _in_full(name: str, first: Run, alike: Sequence[Run]) -> Iterator[Block]:
    """R, masks, occupancy and replay."""
    mean = np.mean([run.matrix for run in alike], axis=0)
    yield Picture(
        name=f"{name}.accuracy",
        figure=plots.accuracy_heat_map(mean, first.stages, first.tasks),
        caption=f"R of {name}, mean over {len(alike)} seeds.",
    )
    yield from _masks(name, first)
    counts = {
        key.split(".", 1)[1]: values for key, values in first.replay.items() if key.startswith(_last_sleep(first))
    }
    if counts:
        yield Picture(
            name=f"{name}.replay",
            figure=plots.replay_histogram(counts, title=f"replay in the last sleep, seed {first.seed}"),
            caption="How often each image was replayed.",
        )


def _last_sleep(run: Run) -> str:
    return f"{run.stages[run.sleeps[-1]]}." if run.sleeps else "no sleep"


def _masks(name: str, run: Run) -> Iterator[Block]:
    if run.masks is None or not run.config:
        return
    n_base = int(run.config["network"]["n_base_columns"])
    before = run.sleeps[-1] - 1 if run.sleeps else len(run.masks) - 1
    yield Picture(
        name=f"{name}.masks",
        figure=plots.mask_heat_map(run.masks[before], run.tasks, n_base, title=f"masks awake, seed {run.seed}"),
        caption=f"Masks before the last sleep. Entropy in nats: {_entropies(run, before)}.",
    )
    if run.sleeps:
        yield Picture(
            name=f"{name}.masks_after",
            figure=plots.mask_heat_map(run.masks[run.sleeps[-1]], run.tasks, n_base, title="masks after sleep"),
            caption=f"Masks after the last sleep: a prime has its parent's. Entropy in nats: "
            f"{_entropies(run, run.sleeps[-1])}.",
        )
    share = np.zeros(run.masks.shape[2])
    told = []
    for bank, columns in (("base", slice(0, n_base)), ("novel", slice(n_base, run.masks.shape[2]))):
        inside = [mask for mask in run.masks[before] if mask[columns].sum() >= 0.5]
        if inside:
            share[columns] = metrics.occupancy(inside, columns)
            told.append(f"{bank} bank {metrics.effective_columns(share[columns]):.2f} over {len(inside)} tasks")
    yield Picture(
        name=f"{name}.occupancy",
        figure=plots.occupancy_bars(share, n_base, title=f"occupancy before the last sleep, seed {run.seed}"),
        caption=f"Mean mask over the tasks of a bank. Effective columns, exp of its entropy: {', '.join(told)}.",
    )


def _entropies(run: Run, stage: int) -> str:
    assert run.masks is not None
    return ", ".join(f"{t} {metrics.mask_entropy(m):.2f}" for t, m in zip(run.tasks, run.masks[stage], strict=True))


def _range(counts: Sequence[int]) -> str:
    """ "3" or "3-7"."""
    return f"{min(counts)}-{max(counts)}" if min(counts) < max(counts) else f"{counts[0]}"


def _errors(runs: Sequence[Run]) -> Iterator[Block]:
    rows = []
    for task in runs[0].tasks:
        n_before = [int(v) for run in runs if (v := run.figure(f"errors.{task}.n_errors_before")) is not None]
        if not n_before:
            continue
        row = [task, str(int(runs[0].figure(f"errors.{task}.n") or 0)), _range(n_before)]
        for key in ("overlap", "agreement", "new_error_rate", "kappa"):
            mean = over_seeds(runs, f"errors.{task}.{key}")
            row.append("" if mean is None else f"{mean.mean:.3f}" + ("" if mean.sem is None else f" ± {mean.sem:.3f}"))
        rows.append(row)
    if rows:
        yield Paragraph(
            text="Errors on test images before and after the last sleep, by the prompts in force then. Overlap is the "
            "share of the earlier errors that are made again; new errors are a share of what was right before; kappa "
            "is error consistency (Geirhos et al. 2020), 0 for chance."
        )
        header = ["task", "test images", "errors before", "overlap", "agreement", "new errors", "kappa"]
        yield Table(header=header, rows=rows)


def _peers(study: Study, runs: Runs, peers: PeerSets) -> Iterator[Block]:
    if not study.peers:
        return
    yield Heading(text="Peers")
    own_config, *published = study.peers
    titles = {
        "parent": ("Domain-incremental: a prime is told by its parent's prompt", "domain"),
        "task": ("Task-incremental: every task has a prompt of its own at test", "task"),
    }
    yield Paragraph(
        text="All see the same images in batches of the same size, and as many samples in all, replayed ones counted "
        f"each time. Peers have {own_config.network.n_columns} columns of {own_config.network.n_hidden} neurons in one "
        "layer: the size of the bank that answers after our sleep. Their settings, and where they differ, are in "
        f"`configs/peers/{own_config.name}.yaml`."
    )
    tasks = [t.name for t in own_config.tasks]
    for scenario, (title, short) in titles.items():
        found = peers.get((own_config.name, scenario), {})
        own = contests.ours(scenario, runs.get(study.headline, ()), runs.get(NO_SLEEP, ()))
        if not found:
            continue
        yield Heading(text=title, level=3)
        yield contests.contest_table(tasks, own, found)
        yield Picture(
            name=f"peers.{short}",
            figure=plots.method_bars(contests.contest_bars(tasks, own, found), highlight=[*own, "joint"], title=title),
            caption="Ours and joint training in orange.",
        )
    for config in published:
        yield Heading(text=f"The published protocol: `{config.name}`", level=3)
        yield Paragraph(
            text="Five-task SplitMNIST after Hsu et al. 2018 (arXiv 1810.12488, table 2), test accuracy after the last "
            "task. Their LwF was run in another code base with another number of batches."
        )
        for scenario in config.scenarios:
            table = contests.published_table(config, scenario, peers.get((config.name, scenario), {}))
            if table is not None:
                label = "Task-incremental" if scenario == "task" else "Domain-incremental"
                yield Paragraph(text=f"{label}:")
                yield table


def _ablations(study: Study, runs: Runs) -> Iterator[Block]:
    table = ablation_table(study, runs)
    if table is not None:
        yield Heading(text="Ablations")
        yield Paragraph(
            text=f"With {', '.join(f'`{s}`' for s in study.ablation_set)}; each row against its reference on the same "
            "seeds."
        )
        yield table


def _claims(runs: Runs) -> Iterator[Block]:
    yield Heading(text="The log's claims, and what was measured")
    yield Paragraph(
        text="The claims are paraphrased. Their percentages read like accuracies on the data just trained on; ours are "
        "test accuracies, with the training accuracy in brackets. A mean within 0.5 points of the log's figure counts "
        "as reaching it."
    )
    judged = judge_all(runs)
    for config in dict.fromkeys(claim.config for claim, _ in judged):
        yield Heading(text=f"`{config}`", level=3)
        rows = [[c.number, c.says, j.measured, j.verdict] for c, j in judged if c.config == config]
        yield Table(header=["", "the log says", "measured here", "verdict"], rows=rows, align="left")
