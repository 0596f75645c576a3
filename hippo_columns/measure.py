"""What a network answers now: accuracies of all tasks, masks of all tasks, and what both amount to.

In: the network, the controller, tasks. Out: plain numbers for records. Changes nothing. Knows nothing of training,
files or the order of stages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from hippo_columns.controller import Controller
from hippo_columns.metrics import effective_columns, mask_entropy, mask_overlap, occupancy
from hippo_columns.network import ColumnNetwork, logits
from hippo_columns.tasks import Split, Task

Purpose = Literal["train", "val", "test"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What was answered to the images of one task. Shapes: given and right (N,) bool, the second class or not."""

    given: NDArray[np.bool_]
    right: NDArray[np.bool_]

    @property
    def accuracy(self) -> float:
        """The share answered right, 0..1."""
        return float((self.given == self.right).mean())


def answers(network: ColumnNetwork, controller: Controller, split: Split, *, asked_as: str) -> Answers:
    """The answers to images in the context of the task `asked_as`, or of its parent where sleep has moved it."""
    z = logits(network, split.x, controller.context(asked_as).detached())
    return Answers(given=(z > 0).numpy(), right=split.y.bool().numpy())


def all_answers(
    network: ColumnNetwork,
    controller: Controller,
    tasks: Sequence[Task],
    purpose: Purpose = "test",
    *,
    asked_as: Mapping[str, str] | None = None,
) -> dict[str, Answers]:
    """The answers to every task, each in its own context unless `asked_as` names another one for it."""
    other = asked_as or {}
    return {
        task.name: answers(network, controller, getattr(task, purpose), asked_as=other.get(task.name, task.name))
        for task in tasks
    }


def accuracies(found: Mapping[str, Answers]) -> dict[str, float]:
    """The accuracy of each task, 0..1."""
    return {name: each.accuracy for name, each in found.items()}


@torch.no_grad()
def masks(controller: Controller, asked_as: Mapping[str, str] | None = None) -> NDArray[np.float64]:
    """How much each column of both banks counts for each task now, (T, C), rows sum to 1."""
    other = asked_as or {}
    rows = [controller.mask(other.get(name, name)).double() for name in controller.names]
    stacked: NDArray[np.float64] = torch.stack([row / row.sum() for row in rows]).numpy()
    return stacked


def mask_report(controller: Controller, found: NDArray[np.float64]) -> dict[str, Any]:
    """Entropy, argmax and overlap of the masks of the tasks that were trained, and how the banks are occupied.

    Args: found: (T, C), as `masks` gives it. A task whose mask lies in a bank counts for that bank's occupancy.
    """
    n_base = controller.config.network.n_base_columns
    trained = [name for name in controller.names if name in controller.trained]
    mine = {name: found[controller.position(name)] for name in trained}
    report: dict[str, Any] = {
        "entropy": {name: mask_entropy(mask) for name, mask in mine.items()},
        "argmax": {name: int(mask.argmax()) for name, mask in mine.items()},
        "overlap": {f"{t}|{u}": value for (t, u), value in mask_overlap(mine).items()},
    }
    for bank, columns in (("base", slice(0, n_base)), ("novel", slice(n_base, found.shape[1]))):
        inside = [mask for mask in mine.values() if mask[columns].sum() > 0.5]
        if inside:
            share = occupancy(inside, columns)
            report[f"{bank}_occupancy"] = share.tolist()
            report[f"{bank}_columns_used"] = int((share > 0.01).sum())
            report[f"{bank}_effective_columns"] = effective_columns(share)
    return report
