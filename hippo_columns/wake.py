"""Learning one task while awake.

In: the network, the controller, one task's images. Out: both changed, by the columns the task uses and at the rates the
configuration gives to what is shared. Knows nothing of sleep, stages or files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hippo_columns.config import ExperimentConfig
from hippo_columns.controller import Controller
from hippo_columns.fit import Fitted, SampleCounter, TrainingError, fit, shuffled
from hippo_columns.network import BASE, ColumnNetwork, Context
from hippo_columns.optimizer import ColumnAdam, ParameterGroup
from hippo_columns.tasks import Split

# Of the rate, what is left at the end of a training: it falls in a straight line.
_FINAL_RATE = 0.02


class Pace:
    """How fast to learn now: 1 at the start, falling in a straight line over the planned samples.

    `context` is the one of the batch at hand, which says how much each column may learn.
    """

    def __init__(self, n_planned: int, counter: SampleCounter) -> None:
        self._n_planned, self._counter, self._start = max(1, n_planned), counter, counter.n_samples
        self.context: Context | None = None

    def rate(self) -> float:
        """The share of the configured rate that is in force now."""
        done = (self._counter.n_samples - self._start) / self._n_planned
        return max(_FINAL_RATE, 1.0 - done)


def column_groups(
    network: ColumnNetwork,
    pace: Pace,
    lr: float,
    weight_decay: float,
    *,
    bank_scales: Mapping[str, Sequence[float]],
    shared_scale: float,
) -> list[ParameterGroup]:
    """The network's parameters: each column learns at alpha times its scale, the readout at `shared_scale`.

    Columns that the batch's context does not use, or marks as frozen, have a rate of exactly 0.
    """

    def columns(bank: str) -> Callable[[], list[float]]:
        scales = bank_scales[bank]

        def scale() -> list[float]:
            each = [0.0] * len(scales)
            for part in pace.context.parts if pace.context is not None else ():
                if part.bank == bank and not part.frozen:
                    for k, share in enumerate(part.alpha.tolist(), part.start):
                        each[k] += share * scales[k] * pace.rate()
            return each

        return scale

    groups = []
    for name, bank in network.banks.items():
        if bank.n_columns:
            weights = (bank.input_weight, bank.prompt_weight, bank.bias)
            scale = columns(name)
            groups.append(ParameterGroup(parameters=weights, lr=lr, weight_decay=weight_decay, scale=scale))
            # A decay that fades to nothing would leave neurons without memory.
            groups.append(ParameterGroup(parameters=(bank.beta,), lr=lr, scale=scale))
    readout = (network.readout, network.readout_bias)
    return [*groups, ParameterGroup(parameters=readout, lr=lr, scale=lambda: shared_scale * pace.rate())]


def learn(
    network: ColumnNetwork,
    controller: Controller,
    task: str,
    split: Split,
    config: ExperimentConfig,
    *,
    generator: torch.Generator,
    counter: SampleCounter,
) -> Fitted:
    """Train on one task for the configured epochs.

    A prime changes what others use (readout, base columns) at `base_lr_scale_during_novel`, a base that is not the
    first one changes the readout at `shared_lr_scale`; a column learns the less the more another task uses it.

    Raises: TrainingError when there was nothing to train on, the loss is no number, or no weight changed.
    """
    training = config.training
    controller.arrive(task, split.x)
    if controller.is_prime(task):
        shared = training.base_lr_scale_during_novel
    else:
        shared = 1.0 if controller.trained == [task] else training.shared_lr_scale
    pace = Pace(training.epochs * len(split), counter)
    # Before its mask is sharp, a task would train on columns that others have made theirs.
    scales = {
        bank: [1.0 - (1.0 - training.occupied_lr_scale) * share for share in shares]
        for bank, shares in controller.occupied(task).items()
    }
    if controller.is_prime(task):
        scales[BASE] = [scale * training.base_lr_scale_during_novel for scale in scales[BASE]]
    optimizer = ColumnAdam(
        [
            *column_groups(
                network,
                pace,
                training.lr,
                training.weight_decay,
                bank_scales=scales,
                shared_scale=shared,
            ),
            *controller.groups([task], pace.rate, shared=shared),
        ]
    )
    before = weights_of(network)

    def loss_of(positions: Tensor) -> Tensor:
        context = pace.context = controller.context(task)
        answer = F.binary_cross_entropy_with_logits(network(split.x[positions], context), split.y[positions])
        return answer + controller.penalty(task, context)

    def after_step() -> None:
        if pace.context is not None:
            controller.batch_done(task, pace.context)

    batches = (b for _ in range(training.epochs) for b in shuffled(len(split), training.batch_size, generator))
    fitted = fit(batches, loss_of, optimizer, counter=counter, after_step=after_step)
    if same_weights(before, network):
        raise TrainingError(f"training on {task!r} changed no weight; check training.lr={training.lr}")
    return fitted


def weights_of(*modules: nn.Module) -> list[Tensor]:
    """A copy of all weights."""
    return [p.detach().clone() for module in modules for p in module.parameters()]


def same_weights(before: Sequence[Tensor], *modules: nn.Module) -> bool:
    """Whether no weight has changed by a bit since `weights_of`."""
    now = [p for module in modules for p in module.parameters()]
    return all(torch.equal(old, new) for old, new in zip(before, now, strict=True))
