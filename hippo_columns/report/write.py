"""Writes the report of a study: results.csv, report.md with its pictures, and report.html, which needs nothing else.

In: a study and the folder of its runs; what was not run is left out and said. Out: files. Knows nothing of training.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hippo_columns.peers.runs import replace_file
from hippo_columns.report.bars import PeerSets
from hippo_columns.report.blocks import Picture, markdown, page, png
from hippo_columns.report.collect import PeerRun, Run, read_peers, read_runs, read_speed
from hippo_columns.report.sections import TITLE, report
from hippo_columns.report.study import Study, jobs, stamp_of
from hippo_mem.errors import InputError

# What the summary's figures are called in results.csv.
_FIGURES = (
    "before_sleep.test_acc_mean", "before_sleep.train_acc_mean", "after_sleep.test_acc_mean",
    "after_sleep.train_acc_mean", "acc", "bwt", "forgetting", "samples_seen", "samples_seen_asleep", "seconds",
    "cpu_seconds", "samples_per_s",
)  # fmt: skip


def write_report(study: Study, runs_folder: Path, out: Path) -> dict[str, int]:
    """Write the report into `out` and tell how many runs it rests on. Runs made with other settings are left out.

    Raises: InputError when there is no finished run of the study; StorageFull when `out` cannot be written.
    """
    found, found_peers = read_runs(runs_folder), read_peers(runs_folder)
    seeds = {run.seed for each in found.values() for run in each}
    seeds |= {run.seed for labels in found_peers.values() for each in labels.values() for run in each}
    stamps = {job.label: stamp_of(job) for job in jobs(study, sorted(seeds), runs_folder)}
    runs, peers, stale = _current(found, found_peers, stamps)
    if not runs and not peers:
        other = f" ({len(stale)} were made with other settings)" if stale else ""
        raise InputError(
            f"no finished run of the study in {runs_folder}{other}; run: hippo-columns study --out {runs_folder}"
        )
    blocks = list(report(study, runs, peers, read_speed(runs_folder), stale))
    pictures = {block.name: png(block.figure) for block in blocks if isinstance(block, Picture)}
    for name, data in pictures.items():
        replace_file(out / f"{name}.png", data)
    replace_file(out / "report.md", markdown(blocks).encode())
    replace_file(out / "report.html", page(blocks, TITLE, pictures).encode())
    replace_file(out / "results.csv", results_csv(runs, peers).encode())
    return {
        "n_runs": sum(map(len, runs.values())),
        "n_peer_runs": sum(len(r) for p in peers.values() for r in p.values()),
    }


def _current(
    runs: Mapping[str, Sequence[Run]], peers: PeerSets, stamps: Mapping[str, str]
) -> tuple[dict[str, list[Run]], dict[tuple[str, str], dict[str, list[PeerRun]]], list[str]]:
    """What was made with the settings of now, and the labels of what belongs to the study but was not."""
    stale: list[str] = []

    def keep(label: str, summary: Mapping[str, Any]) -> bool:
        if label in stamps and summary.get("stamp") != stamps[label]:
            stale.append(label)
        return summary.get("stamp") == stamps.get(label)

    kept = {name: [r for r in each if keep(f"{name}/{r.seed}", r.summary)] for name, each in runs.items()}
    kept_peers = {
        (name, scenario): {
            label: [r for r in each if keep(f"{name}/{scenario}/{label}/{r.seed}", r.summary)]
            for label, each in labels.items()
        }
        for (name, scenario), labels in peers.items()
    }
    return (
        {name: each for name, each in kept.items() if each},
        {
            key: {label: each for label, each in labels.items() if each}
            for key, labels in kept_peers.items()
            if any(labels.values())
        },
        stale,
    )


def results_csv(runs: Mapping[str, Sequence[Run]], peers: PeerSets) -> str:
    """Every figure of every run: run, scenario, method, seed, figure, value. Accuracies are fractions of 1."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["run", "scenario", "method", "seed", "figure", "value"])
    for name, found in sorted(runs.items()):
        for run in found:
            paths = [*_FIGURES]
            for task in run.tasks:
                paths += [
                    f"{phase}.{part}_acc.{task}"
                    for phase in ("before_sleep", "after_sleep")
                    for part in ("test", "train")
                ]
                paths += [f"parent_prompt_without_sleep.{task}"]
                paths += [
                    f"errors.{task}.{k}"
                    for k in ("n", "n_errors_before", "overlap", "agreement", "new_error_rate", "kappa")
                ]
            for path in paths:
                if (value := run.figure(path)) is not None:
                    writer.writerow([name, "", "ours", run.seed, path, f"{value:.6g}"])
    for (name, scenario), labels in sorted(peers.items()):
        for label, found_peers in sorted(labels.items()):
            for peer in found_peers:
                flat = {f"test_acc.{t}": v for t, v in peer.summary["test_acc"].items()}
                flat |= {k: peer.summary[k] for k in ("test_acc_mean", "bwt", "forgetting", "samples_seen", "seconds")}
                for path, value in flat.items():
                    if value is not None:
                        writer.writerow([name, scenario, label, peer.seed, path, f"{value:.6g}"])
    return text.getvalue()
