"""Tasks of two classes each, as tensors, with training, validation and test images kept apart.

In: what each task is (`TaskSpec`) and the sets of images. Out: `Task`s with one binary target, 1 for the second class
of the pair. A prime is a task that sleep will consolidate into its parent. Knows nothing of networks or stages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from hippo_columns.data import ImageSet
from hippo_mem.errors import ConfigError, InputError, nearest

TaskKind = Literal["base", "pair", "heldout_samples", "permuted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpec:
    """What one task is.

    Args:
        name: unique in a run.
        dataset: a set known by name, or a folder of IDX files.
        classes: the pair (a, b); b is the target 1. A prime of kind "heldout_samples" or "permuted" has its parent's.
        kind: "base"; or a prime: "pair" has classes of its own, "heldout_samples" has images of its parent's classes
            that the parent never sees, "permuted" has its parent's images with their pixels in another fixed order.
        consolidate_into: the parent of a prime, None for a base.
    """

    name: str
    dataset: str = "mnist"
    classes: tuple[int, int] = (0, 1)
    kind: TaskKind = "base"
    consolidate_into: str | None = None

    @property
    def is_prime(self) -> bool:
        """Whether sleep has a parent to move this task to."""
        return self.consolidate_into is not None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """Images of one purpose.

    Shapes: N images, P pixels: `x` (N, P) float32 in 0..1, `y` (N,) float32 of 0 or 1, `index` (N,) int64, the images'
    positions in their set (`ImageSet`).
    """

    x: Tensor
    y: Tensor
    index: Tensor

    def __len__(self) -> int:
        return len(self.y)

    def take(self, positions: Tensor) -> Split:
        """The images at `positions` of this split, (M,) int64."""
        return Split(x=self.x[positions], y=self.y[positions], index=self.index[positions])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Task:
    """One task, ready to train on. The official test images are in `test` alone."""

    spec: TaskSpec
    train: Split
    val: Split
    test: Split

    @property
    def name(self) -> str:
        """The task's name."""
        return self.spec.name

    @property
    def parent(self) -> str | None:
        """The parent's name, None for a base."""
        return self.spec.consolidate_into


def build_tasks(
    specs: Sequence[TaskSpec],
    sets: Mapping[str, ImageSet],
    *,
    seed: int = 0,
    val_share: float = 0.05,
    max_train: int | None = None,
    max_test: int | None = None,
) -> tuple[Task, ...]:
    """The tasks of `specs`, in order.

    The images of a pair are shuffled by `seed` once; `val_share` of the official training images go to validation.
    Where a prime holds out samples, each of the parent's splits is cut in two halves: the parent keeps the first.

    Args:   sets: by the name that specs give as `dataset`. val_share: 0 up to but not including 1. max_train, max_test:
            at most so many images a task; validation images are not counted.
    Raises: ConfigError for specs that do not fit together, a class that the set does not have, or a split that would be
        empty; InputError for a set that is not in `sets`.
    """
    check_specs(specs)
    if not 0.0 <= val_share < 1.0:
        raise ConfigError(f"val_share must be 0 or more and below 1, got {val_share}")
    for cap, value in (("max_train", max_train), ("max_test", max_test)):
        if value is not None and value < 1:
            raise ConfigError(f"{cap} must be 1 or more, got {value}; leave it out for all images")
    by_name = {spec.name: spec for spec in specs}
    tasks = []
    for spec in specs:
        source = by_name[spec.consolidate_into] if spec.kind in _OF_PARENT and spec.consolidate_into else spec
        if source.dataset not in sets:
            raise InputError(f"task {spec.name!r} needs the set {source.dataset!r}{nearest(source.dataset, sets)}")
        images = sets[source.dataset]
        indices = _pair_indices(images, source.classes, seed, val_share, spec.name)
        sharers = [s for s in specs if s.kind == "heldout_samples" and s.consolidate_into == source.name]
        if sharers:
            part = 1 + sharers.index(spec) if spec in sharers else 0
            indices = [split[part :: 1 + len(sharers)] for split in indices]
        caps = (max_train, None, max_test)
        indices = [split[:cap] for split, cap in zip(indices, caps, strict=True)]
        for purpose, split in zip(("training", "validation", "test"), indices, strict=True):
            if not len(split) and not (purpose == "validation" and val_share == 0.0):
                raise ConfigError(f"task {spec.name!r} would have no {purpose} images of classes {source.classes}")
        order = _pixel_order(images.pixels.shape[1], spec, seed)
        train, val, test = (_gather(images, split, source.classes[1], order) for split in indices)
        tasks.append(Task(spec=spec, train=train, val=val, test=test))
    return tuple(tasks)


def describe(tasks: Sequence[Task]) -> list[str]:
    """One line a task: what it is and how many images it really has."""
    width = max((len(task.name) for task in tasks), default=0)
    lines = []
    for task in tasks:
        spec = task.spec
        what = _OF_PARENT.get(spec.kind, "{0.dataset} {0.classes[0]}/{0.classes[1]}").format(spec)
        into = f", sleeps into {spec.consolidate_into}" if spec.consolidate_into else ""
        counts = f"{len(task.train)} training, {len(task.val)} validation, {len(task.test)} test images"
        lines.append(f"{task.name:<{width}}  {what}{into}: {counts}")
    return lines


# Kinds that take their images from the parent.
_OF_PARENT = {
    "heldout_samples": "held-out samples of {0.consolidate_into}",
    "permuted": "{0.consolidate_into} with permuted pixels",
}


def check_specs(specs: Sequence[TaskSpec]) -> None:
    """Whether the specs make sense together.

    Raises: ConfigError naming every problem: no tasks, a name twice, a parent that is missing or itself a prime, a
        prime without parent, a base with one, a pair of one class.
    """
    problems = [] if specs else ["there are no tasks"]
    names = [spec.name for spec in specs]
    by_name = {spec.name: spec for spec in specs}
    for spec in specs:
        if names.count(spec.name) > 1:
            problems.append(f"two tasks are called {spec.name!r}")
        if spec.kind not in _OF_PARENT and (len(spec.classes) != 2 or spec.classes[0] == spec.classes[1]):
            problems.append(f"task {spec.name!r} needs two different classes, got {list(spec.classes)}")
        if (spec.kind == "base") is spec.is_prime:
            state = "no base" if spec.is_prime else "a prime"
            problems.append(
                f"task {spec.name!r} of kind {spec.kind!r} is {state}: a base has no consolidate_into, a prime has one"
            )
        if spec.consolidate_into is None:
            continue
        parent = by_name.get(spec.consolidate_into)
        if parent is None:
            there = [n for n in names if n != spec.name]
            problems.append(
                f"task {spec.name!r} consolidates into {spec.consolidate_into!r}, which is no task"
                f"{nearest(spec.consolidate_into, there)}"
            )
        elif parent.is_prime:
            problems.append(f"task {spec.name!r} consolidates into {parent.name!r}, which is a prime itself")
    if problems:
        raise ConfigError("tasks: " + "; ".join(dict.fromkeys(problems)))


def _pair_indices(images: ImageSet, classes: tuple[int, int], seed: int, val_share: float, name: str) -> list[Tensor]:
    """Positions of the pair's training, validation and test images, shuffled."""
    is_pair = (images.labels == classes[0]) | (images.labels == classes[1])
    there = torch.nonzero(is_pair).flatten()
    for label in classes:
        if not bool((images.labels == label).any()):
            have = sorted({int(v) for v in images.labels.unique()})
            raise ConfigError(f"task {name!r}: the set {images.name!r} has no class {label}, it has {have}")
    generator = torch.Generator().manual_seed(seed)
    there = there[torch.randperm(len(there), generator=generator)]
    training, test = there[there < images.n_train], there[there >= images.n_train]
    n_val = round(val_share * len(training))
    return [training[n_val:], training[:n_val], test]


def _pixel_order(n_pixels: int, spec: TaskSpec, seed: int) -> Tensor | None:
    if spec.kind != "permuted":
        return None
    # The name takes part, so that two permuted primes of one parent differ.
    salt = sum((i + 1) * byte for i, byte in enumerate(spec.name.encode()))
    return torch.randperm(n_pixels, generator=torch.Generator().manual_seed(seed * 1_000_003 + salt))


def _gather(images: ImageSet, index: Tensor, positive: int, order: Tensor | None) -> Split:
    x = images.pixels[index].float().div_(255.0)
    return Split(
        x=x if order is None else x[:, order],
        y=(images.labels[index] == positive).float(),
        index=index,
    )
