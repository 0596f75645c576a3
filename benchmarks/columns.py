"""How fast is our network beside the same network written plainly with snnTorch?

Both have the same weights, see the same batches and are trained by the same optimizer; a round of one is followed by a
round of the other, and the median round is told. Before that both answer the same images, and the largest difference of
their logits and of their gradients is printed.

    python benchmarks/columns.py --rounds 7 --json runs/columns/speed.json        (after: hippo-columns data get mnist)
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import snntorch
import torch
from snntorch import surrogate
from torch import Tensor, nn
from torch.nn import functional as F

from hippo_columns.config import NetworkConfig
from hippo_columns.data import get, load
from hippo_columns.fit import SampleCounter, fit
from hippo_columns.network import ColumnNetwork
from hippo_columns.prompts import hashed_prompt
from hippo_columns.tasks import TaskSpec, build_tasks


class Plain(nn.Module):
    """The network as snnTorch's tutorials write one: a linear layer, a neuron, a loop over the steps, a readout."""

    def __init__(self, ours: ColumnNetwork, query: Tensor) -> None:
        super().__init__()
        config, bank = ours.config, ours.base
        self.config, self.query = config, query
        self.n_columns = bank.n_columns
        self.current = nn.Linear(config.n_inputs + config.prompt_dim, bank.n_columns * config.n_hidden)
        weights = torch.cat([bank.input_weight, bank.prompt_weight], dim=2).flatten(0, 1)
        self.current.weight.data = weights.detach().clone()
        self.current.bias.data = bank.bias.detach().flatten().clone()
        self.neuron = snntorch.Leaky(
            beta=bank.beta.detach().flatten().clone(),
            threshold=config.threshold,
            learn_beta=config.learn_beta,
            spike_grad=surrogate.fast_sigmoid(slope=25),
            reset_mechanism="zero",
        )
        self.readout = nn.Linear(config.n_hidden, 1)
        self.readout.weight.data = ours.readout.detach().clone()[None]
        self.readout.bias.data = ours.readout_bias.detach().clone()[None]

    def forward(self, x: Tensor) -> Tensor:
        """Logits, (B,)."""
        current = self.current(torch.cat([x, self.query.expand(len(x), -1)], dim=1))
        membrane = torch.zeros_like(current)
        spikes = []
        for _ in range(self.config.n_steps):
            spike, membrane = self.neuron(current, membrane)
            spikes.append(spike)
        rate = torch.stack(spikes).mean(0).view(len(x), self.n_columns, self.config.n_hidden)
        logit: Tensor = self.readout(rate.mean(1)).squeeze(1)
        return logit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batches", type=int, default=150, help="batches a round")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    get("mnist")
    (task,) = build_tasks([TaskSpec(name="task1")], {"mnist": load("mnist")})
    x, y = task.train.x, task.train.y

    sizes = {"ours, one bank of 4": 4, "ours, all 8 columns": 8, "one column of 64": 1}
    rows = []
    for name, n_columns in sizes.items():
        config = NetworkConfig(
            n_columns=n_columns, n_base_columns=n_columns, n_hidden=64 if n_columns == 1 else NetworkConfig().n_hidden
        )
        query = hashed_prompt("task1", config.prompt_dim)
        ours = ColumnNetwork(config, seed=0)
        context = ours.whole(query=query)
        plain = Plain(ours, query)
        forward: dict[str, Callable[[Tensor], Tensor]] = {
            "ours": lambda b, o=ours, c=context: o(b, c),
            "snnTorch": plain,
        }  # type: ignore[misc]
        difference = compare(ours, plain, forward, x[:256], y[:256])
        optimizers = {
            "ours": torch.optim.Adam([p for p in ours.parameters() if p.numel()], lr=1e-3, fused=True),
            "snnTorch": torch.optim.Adam(plain.parameters(), lr=1e-3, fused=True),
        }
        generator = torch.Generator().manual_seed(0)
        trained: dict[str, list[float]] = {k: [] for k in forward}
        answered: dict[str, list[float]] = {k: [] for k in forward}
        for _ in range(options.rounds):
            batches = [
                torch.randint(len(x), (options.batch_size,), generator=generator) for _ in range(options.batches)
            ]
            for who, answer in forward.items():
                fitted = fit(
                    batches,
                    lambda at, a=answer: F.binary_cross_entropy_with_logits(a(x[at]), y[at]),  # type: ignore[misc]
                    optimizers[who],
                    counter=SampleCounter(),
                )
                trained[who].append(fitted.samples_per_s)
                start = time.perf_counter()
                with torch.no_grad():
                    for part in x[:8192].split(1024):
                        answer(part)
                answered[who].append(8192 / (time.perf_counter() - start))
        row: dict[str, object] = {"network": name, "hidden": config.n_hidden * n_columns, **difference}
        for what, rates in (("train", trained), ("answer", answered)):
            for who, each in rates.items():
                row[f"{what}_{who}_samples_per_s"] = round(statistics.median(each))
            ratios = [a / b for a, b in zip(rates["ours"], rates["snnTorch"], strict=True)]
            row[f"{what}_ratio"] = round(statistics.median(ratios), 2)
            row[f"{what}_ratio_range"] = [round(min(ratios), 2), round(max(ratios), 2)]
        rows.append(row)
        print(
            f"{name:<20} {row['hidden']:>4} neurons, {config.n_steps} steps: training "
            f"{row['train_ours_samples_per_s']:>6} samples/s, snnTorch {row['train_snnTorch_samples_per_s']:>6}: "
            f"{row['train_ratio']}x {row['train_ratio_range']}; answering {row['answer_ratio']}x; "
            f"logits differ by {row['logit_difference']:.1e}, gradients by {row['gradient_difference']:.1e}"
        )
    if options.json:
        result = {"machine": platform.machine(), "threads": options.threads, "torch": torch.__version__,
                  "snntorch": snntorch.__version__, "batch_size": options.batch_size, "rows": rows}  # fmt: skip
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(result, indent=2) + "\n")


def compare(
    ours: ColumnNetwork, plain: Plain, forward: dict[str, Callable[[Tensor], Tensor]], x: Tensor, y: Tensor
) -> dict[str, float]:
    """How far apart the two are on the same images: the largest difference of logits and of input gradients."""
    logits = {}
    for who, answer in forward.items():
        logits[who] = answer(x)
        F.binary_cross_entropy_with_logits(logits[who], y).backward()
    gradient = ours.base.input_weight.grad
    theirs = plain.current.weight.grad
    assert gradient is not None
    assert theirs is not None
    found = {
        "logit_difference": float((logits["ours"] - logits["snnTorch"]).detach().abs().max()),
        "gradient_difference": float((gradient.flatten(0, 1) - theirs[:, : x.shape[1]]).abs().max()),
    }
    for module in (ours, plain):
        module.zero_grad()
    return found


if __name__ == "__main__":
    main()
