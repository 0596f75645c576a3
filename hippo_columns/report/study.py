"""The runs that a report rests on, as one list of work: read from YAML, done in parallel, resumed by stamps.

    <out>/<name>/<seed>/                    our own configurations; an ablation's folder is ablation.<name>
    <out>/peers/<name>/<scenario>/...       peers

Knows nothing of what a run does or of what a report says.
"""

from __future__ import annotations

import dataclasses
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import torch

from hippo_columns import runner, settings
from hippo_columns.peers.config import MethodConfig, PeersConfig, Scenario, load_peers
from hippo_columns.peers.config import stamp as peer_stamp
from hippo_columns.peers.runs import run_peers
from hippo_mem.config import config_hash, from_mapping, load_yaml
from hippo_mem.errors import ConfigError, HippoError, nearest

ABLATION = "ablation."


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One configuration of the study.

    Args: config: the file's name without ending. set: settings over it. question: what a reader learns from it.
        against: the entry that it is compared with, for ablations.
    """

    config: str
    name: str | None = None
    set: tuple[str, ...] = ()
    question: str = ""
    against: str = "reference"

    @property
    def label(self) -> str:
        """Its name, else its configuration's."""
        return self.name or self.config


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """All entries. `folder` is where their configurations are."""

    folder: Path
    headline: str
    log: tuple[Entry, ...]
    peers: tuple[PeersConfig, ...]
    ablations: tuple[Entry, ...]
    ablation_set: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One run: an entry of ours, or one method of a set of peers."""

    seed: int
    out: Path
    entry: Entry | None = None
    config: Path | None = None
    peers: PeersConfig | None = None
    method: MethodConfig | None = None
    scenario: Scenario | None = None

    @property
    def label(self) -> str:
        """What progress calls it."""
        if self.entry is not None:
            return f"{self.entry.label}/{self.seed}"
        assert self.peers is not None
        assert self.method is not None
        return f"{self.peers.name}/{self.scenario}/{self.method.label}/{self.seed}"


def load_study(path: str | Path) -> Study:
    """Read a study.

    Raises: ConfigError for unknown keys, two entries of one name, an entry compared with none, or a configuration that
        cannot be read.
    """
    data = load_yaml(path)
    known = ("headline", "log", "peers", "ablations", "ablation_set")
    for key in data:
        if key not in known:
            raise ConfigError(f"{path}: unknown key {key!r}{nearest(str(key), known)}")
    folder = Path(path).parent
    lists = {
        key: tuple(from_mapping(Entry, item, origin=f"{path}: {key}.{i}") for i, item in enumerate(data.get(key) or ()))
        for key in ("log", "ablations")
    }
    for key, entries in lists.items():
        labels = [entry.label for entry in entries]
        if twice := [label for label in labels if labels.count(label) > 1]:
            raise ConfigError(f"{path}: {key} has {twice[0]!r} twice")
    there = [entry.label for entry in lists["ablations"]]
    for entry in lists["ablations"]:
        if entry.against not in there:
            raise ConfigError(
                f"{path}: {entry.label!r} is compared with {entry.against!r}{nearest(entry.against, there)}"
            )
    headline = str(data.get("headline", ""))
    if headline not in [entry.label for entry in lists["log"]]:
        raise ConfigError(f"{path}: headline {headline!r} is no entry of log")
    study = Study(
        folder=folder,
        headline=headline,
        log=lists["log"],
        peers=tuple(load_peers(folder / name) for name in data.get("peers") or ()),
        ablations=lists["ablations"],
        ablation_set=tuple(data.get("ablation_set") or ()),
    )
    for job in jobs(study, [0], Path()):
        if job.entry is not None and job.config is not None:
            settings.load(job.config, job.entry.set)
    return study


def jobs(study: Study, seeds: Sequence[int], out: Path, only: Sequence[str] = ()) -> Iterator[Job]:
    """All runs: the log's configurations first, then peers, then ablations, each with seeds as the outer loop.

    Args:   only: of all runs those whose label contains one of these, empty for all.
    """

    def wanted(job: Job) -> bool:
        return not only or any(part in job.label for part in only)

    ablations = [
        dataclasses.replace(e, name=f"{ABLATION}{e.label}", set=(*study.ablation_set, *e.set)) for e in study.ablations
    ]
    for seed in seeds:
        for entry in study.log:
            job = Job(seed=seed, out=out, entry=entry, config=study.folder / f"{entry.config}.yaml")
            if wanted(job):
                yield job
    for seed in seeds:
        for peers in study.peers:
            for scenario, method in peers.pairs:
                job = Job(seed=seed, out=out, peers=peers, method=method, scenario=scenario)
                if wanted(job):
                    yield job
    for seed in seeds:
        for entry in ablations:
            job = Job(seed=seed, out=out, entry=entry, config=study.folder / f"{entry.config}.yaml")
            if wanted(job):
                yield job


def stamp_of(job: Job) -> str:
    """The stamp that the run of a job has when it was made with the settings of now."""
    if job.entry is not None and job.config is not None:
        return config_hash(settings.load(job.config, job.entry.set, seed=job.seed))
    assert job.peers is not None
    assert job.method is not None
    assert job.scenario is not None
    return peer_stamp(job.peers, job.scenario, job.method, job.seed)


def run_job(job: Job) -> str:
    """Do one run unless it is done, and give its label. Raises: what the run raises."""
    torch.set_num_threads(1)
    try:
        _run(job)
    except HippoError as error:
        error.args = (f"{job.label}: {error}",)
        raise
    return job.label


def _run(job: Job) -> None:
    if job.entry is not None and job.config is not None:
        config = settings.load(job.config, job.entry.set, seed=job.seed)
        runner.run(config, job.out / job.entry.label / str(job.seed), name=job.entry.label)
    elif job.peers is not None and job.method is not None and job.scenario is not None:
        one = dataclasses.replace(job.peers, methods=(job.method,), scenarios=(job.scenario,))
        run_peers(one, [job.seed], job.out / "peers")


def run_study(work: Sequence[Job], *, n_jobs: int = 1, progress: Callable[[str, int, int], None] | None = None) -> None:
    """Do all runs, `n_jobs` at a time, each in a process of its own with one thread.

    Raises: ConfigError for no work; what a run raises, after the runs that were under way have ended.
    """
    if not work:
        raise ConfigError("nothing of the study matches; leave out --only to see all of it")
    tell = progress or (lambda _label, _done, _all: None)
    if n_jobs == 1:
        for done, job in enumerate(work):
            tell(job.label, done, len(work))
            run_job(job)
        tell("done", len(work), len(work))
        return
    with ProcessPoolExecutor(n_jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting = [pool.submit(run_job, job) for job in work]
        try:
            for done, finished in enumerate(as_completed(waiting), 1):
                tell(finished.result(), done, len(work))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
