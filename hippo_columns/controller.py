"""Which context a task is answered in: its prompt, its bank, its mask, and after sleep its parent's.

In: the configuration. Out: a `Context` for each task, the penalty on its mask, and the parameters behind both with the
rates they learn at. Knows nothing of images, and of the network only the banks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from hippo_columns.config import ExperimentConfig
from hippo_columns.masks import FixedMasks, Router, SoftMasks
from hippo_columns.network import BASE, NOVEL, ColumnNetwork, Context, Part
from hippo_columns.optimizer import ParameterGroup
from hippo_columns.prompts import LearnedPrompts, build_prompts
from hippo_columns.routing import KeyQueryRouter, Seat
from hippo_mem.errors import InputError, nearest

# A column that counts less than this for a task is not the task's.
_OWN_SHARE = 0.1


class Controller(nn.Module):
    """Prompts, masks and overrides of all tasks.

    `trained` are the tasks that had a training; `overrides` those that are answered as their parents are.
    """

    def __init__(self, config: ExperimentConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.config = config
        self._specs = config.tasks
        self._position = {spec.name: i for i, spec in enumerate(self._specs)}
        n = config.network
        self._seats = tuple(
            Seat(bank=NOVEL, start=n.n_base_columns, n_columns=n.n_columns - n.n_base_columns)
            if spec.is_prime
            else Seat(bank=BASE, start=0, n_columns=n.n_base_columns)
            for spec in self._specs
        )
        self.prompts = build_prompts(config, generator)
        self.router = self._build_router(generator)
        shifts = torch.zeros(len(self._specs), n.n_columns)
        self.threshold_shift = nn.Parameter(shifts) if n.learn_threshold_shift else None
        self.trained: list[str] = []
        self.overrides: dict[str, str] = {}

    def _build_router(self, generator: torch.Generator) -> SoftMasks | FixedMasks | KeyQueryRouter:
        masking, sizes = self.config.masking, [seat.n_columns for seat in self._seats]
        banks = [seat.bank for seat in self._seats]
        if masking.mode != "soft" or masking.routing == "fixed_one_hot":
            return FixedMasks(banks, sizes, reuse=False)
        if masking.routing == "next_free":
            return FixedMasks(banks, sizes, reuse=True)
        if masking.routing == "key_query":
            return KeyQueryRouter(self._seats, self.config.network.prompt_dim, masking.key_query, generator)
        return SoftMasks(sizes, masking, generator)

    @property
    def names(self) -> tuple[str, ...]:
        """All tasks, in the order of the configuration."""
        return tuple(self._position)

    def position(self, task: str) -> int:
        """A task's place in the configuration. Raises: InputError for an unknown name."""
        if task not in self._position:
            raise InputError(f"no task is called {task!r}{nearest(task, self._position)}")
        return self._position[task]

    def answers_as(self, task: str) -> str:
        """The task itself, or its parent once sleep has moved it there."""
        self.position(task)
        return self.overrides.get(task, task)

    def is_prime(self, task: str) -> bool:
        """Whether the task sits in the novel bank until sleep."""
        return self._specs[self.position(task)].is_prime

    def parent(self, task: str) -> str | None:
        """The task that sleep will move this one to, None for a base."""
        return self._specs[self.position(task)].consolidate_into

    def arrive(self, task: str, x: Tensor) -> None:
        """A task is about to be trained on these inputs, (N, P)."""
        if isinstance(self.prompts, LearnedPrompts):
            self.prompts.tell_inputs(self.position(task), x)
        if isinstance(self.router, FixedMasks):
            self.router.claim(self.position(task))
        if task not in self.trained:
            self.trained.append(task)

    def query(self, task: str) -> Tensor:
        """The prompt a task has of its own, (D,)."""
        return self.prompts.query(self.position(task))

    def alpha(self, task: str, query: Tensor | None = None) -> Tensor:
        """The shares of the columns of the task's own bank, (K,)."""
        router: Router = self.router
        return router.alpha(self.position(task), self.query(task) if query is None else query)

    def context(self, task: str) -> Context:
        """What the network is told when it is to do this task; gradients flow into prompts and masks.

        Shares below `masking.min_share` are left out, the others again sum to 1.
        """
        own = self.answers_as(task)
        at = self.position(own)
        seat, spec, query = self._seats[at], self._specs[at], self.query(own)
        alpha = self.alpha(own, query)
        if isinstance(self.router, FixedMasks):
            column = int(alpha.argmax())
            parts = [Part(bank=seat.bank, alpha=torch.ones(1), start=column, shift=self._shift(at, seat, column, 1))]
            if self.config.masking.mode == "residual" and spec.consolidate_into is not None:
                beside = int(self.alpha(spec.consolidate_into).argmax())
                half = torch.full((1,), 0.5)
                parts = [
                    Part(bank=seat.bank, alpha=half, start=column, shift=parts[0].shift),
                    Part(bank=BASE, alpha=half, start=beside, frozen=True),
                ]
            return Context(query=query, parts=tuple(parts))
        kept = alpha.detach() >= self.config.masking.min_share
        positions = kept.nonzero().flatten().tolist()
        first, n = positions[0], positions[-1] - positions[0] + 1
        if len(positions) < len(alpha):
            alpha = alpha * kept
            alpha = (alpha / alpha.sum())[first : first + n]
        part = Part(bank=seat.bank, alpha=alpha, start=first, shift=self._shift(at, seat, first, n))
        return Context(query=query, parts=(part,))

    def _shift(self, at: int, seat: Seat, first: int, n: int) -> Tensor | None:
        if self.threshold_shift is None:
            return None
        return self.threshold_shift[at, seat.start + first : seat.start + first + n]

    @torch.no_grad()
    def mask(self, task: str) -> Tensor:
        """How much each column of both banks counts for the task now, (C,), sums to 1."""
        mask = torch.zeros(self.config.network.n_columns)
        for part in self.context(task).parts:
            start = part.start + (self.config.network.n_base_columns if part.bank == NOVEL else 0)
            mask[start : start + len(part.alpha)] += part.alpha
        return mask

    @torch.no_grad()
    def occupied(self, task: str) -> dict[str, list[float]]:
        """By bank, the largest share that a column has for any task that was trained and is not this one, 0..1."""
        n = self.config.network
        most = torch.zeros(n.n_columns)
        for other in self.trained:
            if other != self.answers_as(task) and other not in self.overrides:
                most = torch.maximum(most, self.mask(other))
        return {BASE: most[: n.n_base_columns].tolist(), NOVEL: most[n.n_base_columns :].tolist()}

    def penalty(self, task: str, context: Context) -> Tensor:
        """What the mask of a task costs for how it is, given those of the tasks that were trained before."""
        own = self.answers_as(task)
        at = self.position(own)
        if isinstance(self.router, FixedMasks):
            return context.query.new_zeros(())
        others = {}
        with torch.no_grad():
            for other in self.trained:
                i = self.position(other)
                if other != own and other not in self.overrides and self._seats[i].bank == self._seats[at].bank:
                    query = self.query(other)
                    others[i] = (query, self.alpha(other, query))
        router: Router = self.router
        return router.penalty(at, context.query, self.alpha(own, context.query), others)

    def batch_done(self, task: str, context: Context) -> None:
        """One training batch of the task is over."""
        router: Router = self.router
        part = context.parts[0]
        share, at = part.alpha.detach().max(0)
        router.batch_done(self.position(self.answers_as(task)), part.start + int(at), float(share))

    def groups(self, tasks: Sequence[str], rate: Callable[[], float], *, shared: float) -> list[ParameterGroup]:
        """The parameters of prompts and masks, with only the rows of `tasks` learning.

        Keys of columns that other tasks own do not learn. `rate` is asked at every step; `shared` scales what all tasks
        have in common, the projection of inputs into prompts.
        """
        rows = [0.0] * len(self._specs)
        for task in tasks:
            rows[self.position(self.answers_as(task))] = 1.0
        masking = self.config.masking
        groups = []

        def per_row() -> list[float]:
            now = rate()
            return [row * now for row in rows]

        def per_key() -> list[float]:
            now = rate()
            owners = self.router.owners if isinstance(self.router, KeyQueryRouter) else {}
            owned = {self._seats[t].start + c for t, c in owners.items() if not rows[t]}
            return [0.0 if k in owned else now for k in range(self.config.network.n_columns)]

        if isinstance(self.router, SoftMasks):
            groups.append(ParameterGroup(parameters=(self.router.logits,), lr=masking.lr, scale=per_row))
        if isinstance(self.router, KeyQueryRouter):
            groups.append(ParameterGroup(parameters=(self.router.keys,), lr=masking.key_lr, scale=per_key))
        if isinstance(self.prompts, LearnedPrompts):
            groups.append(ParameterGroup(parameters=(self.prompts.embedding,), lr=masking.prompt_lr, scale=per_row))
            if self.prompts.projection is not None and self.prompts.projection.requires_grad:
                groups.append(
                    ParameterGroup(
                        parameters=(self.prompts.projection,),
                        # A row's update is summed over the pixels of the mean image; this keeps a step the size of
                        # the embedding's.
                        lr=masking.prompt_lr / self.config.network.n_inputs**0.5,
                        scale=lambda: shared * rate(),
                    )
                )
        if self.threshold_shift is not None:
            groups.append(ParameterGroup(parameters=(self.threshold_shift,), lr=masking.prompt_lr, scale=per_row))
        return groups

    @torch.no_grad()
    def promote(self, prime: str, network: ColumnNetwork, generator: torch.Generator) -> tuple[int, ...]:
        """Answer a prime as its parent from now on, for good, and free its columns for others.

        Returns: the columns of the novel bank that were given new weights: those the prime used and no other prime
            still uses.
        Raises: InputError for a task without a parent.
        """
        at = self.position(prime)
        spec, seat = self._specs[at], self._seats[at]
        if spec.consolidate_into is None:
            raise InputError(f"{prime!r} has no parent to be answered as")
        used = self._columns_of(prime)
        waiting = [t for t in self.trained if t not in self.overrides and t != prime and self.is_prime(t)]
        used -= {column for t in waiting for column in self._columns_of(t)}
        router: Router = self.router
        for column in sorted(used):
            router.release(at, column, generator)
            network.banks[seat.bank].reset_column(column, generator)
        self.overrides[prime] = spec.consolidate_into
        return tuple(sorted(used))

    def _columns_of(self, task: str) -> set[int]:
        """The columns of its bank that a task really uses."""
        return {int(k) for k in (self.alpha(task) >= _OWN_SHARE).nonzero().flatten()}
