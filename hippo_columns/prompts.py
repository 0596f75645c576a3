"""Prompts: the vector that tells the network which task it is in.

In: a task's name, or its position and the mean of its inputs. Out: one vector a task, fixed or learned. Knows nothing
of columns, masks or training.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from statistics import NormalDist

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hippo_columns.config import ExperimentConfig
from hippo_mem.errors import InputError


def hashed_prompt(text: str, dim: int) -> Tensor:
    """A vector of independent standard normal numbers, always the same for the same text, (dim,) float32.

    The numbers are made from SHA-256 of the text and a counter by the inverse of the normal distribution, so they do
    not depend on the process, the machine, or a library's generator.

    Raises: InputError for an empty text or no dimensions.
    """
    if not text or dim < 1:
        raise InputError(f"a hashed prompt needs a text and a dimension of 1 or more, got {text!r} and {dim}")
    normal = NormalDist()
    numbers = []
    for i in range(dim):
        digest = hashlib.sha256(f"{i}:{text}".encode()).digest()
        # 52 bits, moved off 0 and 1 by half a step.
        numbers.append(normal.inv_cdf((int.from_bytes(digest[:8], "big") // 2**12 + 0.5) / 2**52))
    return torch.tensor(numbers, dtype=torch.float32)


class HashedPrompts(nn.Module):
    """A fixed prompt for each name. Shapes: T tasks, D width."""

    table: Tensor

    def __init__(self, names: Sequence[str], dim: int) -> None:
        super().__init__()
        self.register_buffer("table", torch.stack([hashed_prompt(name, dim) for name in names]))

    def query(self, task: int) -> Tensor:
        """The prompt of a task, (D,)."""
        return self.table[task]


class LearnedPrompts(nn.Module):
    """normalise(E[t] + scale * P mean_x[t]): a learned row for each task, and with it what its inputs look like.

    Shapes: T tasks, D width, P pixels: embedding (T, D), projection (D, P) or None, mean_inputs (T, P), zero until
    `tell_inputs` is called when a task arrives.
    """

    mean_inputs: Tensor

    def __init__(
        self,
        n_tasks: int,
        dim: int,
        *,
        n_inputs: int | None,
        scale: float,
        train_projection: bool,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.scale = scale
        self.embedding = nn.Parameter(torch.randn(n_tasks, dim, generator=generator) / dim**0.5)
        self.projection: nn.Parameter | None = None
        if n_inputs is not None:
            weights = torch.randn(dim, n_inputs, generator=generator) / n_inputs**0.5
            self.projection = nn.Parameter(weights, requires_grad=train_projection)
            self.register_buffer("mean_inputs", torch.zeros(n_tasks, n_inputs))

    def tell_inputs(self, task: int, x: Tensor) -> None:
        """A task has arrived with these training inputs, (N, P). Without a projection nothing is kept of them."""
        if self.projection is not None:
            self.mean_inputs[task] = x.mean(0)

    def query(self, task: int) -> Tensor:
        """The prompt of a task, (D,), of length 1."""
        vector = self.embedding[task]
        if self.projection is not None:
            vector = vector + self.scale * (self.projection @ self.mean_inputs[task])
        return F.normalize(vector, dim=0)


Prompts = HashedPrompts | LearnedPrompts


def build_prompts(config: ExperimentConfig, generator: torch.Generator) -> Prompts:
    """The prompts that a configuration asks for, one a task, in the order of its tasks."""
    masking, names = config.masking, [task.name for task in config.tasks]
    if masking.prompt_mode == "hashed":
        return HashedPrompts(names, config.network.prompt_dim)
    return LearnedPrompts(
        len(names),
        config.network.prompt_dim,
        n_inputs=config.network.n_inputs if masking.include_input_in_prompt else None,
        scale=masking.prompt_input_scale,
        train_projection=masking.train_input_projection,
        generator=generator,
    )
