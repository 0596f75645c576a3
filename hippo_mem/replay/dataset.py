"""What a replay draws from several memories: so much of each, in an order a policy decides, cycle after cycle.

`ReplayDataset` holds items in memory and is a function of (items, config, seed): the same three give the same draws.
`hippo_mem.replay.from_store` fills one from stores on disk. Knows nothing of files, models or sleep.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from hippo_mem.config import ReplayConfig, to_dict
from hippo_mem.errors import ConfigError, InputError
from hippo_mem.replay.items import ReplayItem
from hippo_mem.replay.priority import priorities
from hippo_mem.replay.schedule import interleave, order

T = TypeVar("T")

MEMORIES = ("episodic", "relational", "spatial")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayStats:
    """What was drawn so far: samples in all, per cycle and per memory, distinct items, and the policy."""

    samples: int
    cycles: int
    per_cycle: tuple[int, ...]
    per_memory: Mapping[str, int]
    available: Mapping[str, int]
    distinct: int
    policy: str

    def to_dict(self) -> dict[str, Any]:
        """Plain data, with each memory's share of the samples."""
        shares = {m: round(n / self.samples, 4) if self.samples else 0.0 for m, n in self.per_memory.items()}
        return {**to_dict(self), "shares": shares}


def shares(mix: Mapping[str, float], available: Mapping[str, int]) -> dict[str, float]:
    """Each memory's share of a replay: its part of the mix, over the memories that have something.

    Returns: shares that sum to 1 (all 0 when nothing is available). Two of (60, 30, 10) with the third empty keep
    their ratio. When the mix gives nothing to any memory that has something, those share equally.
    Raises: ConfigError when a share is negative or not finite.
    """
    bad = {m: s for m, s in mix.items() if not (np.isfinite(s) and s >= 0)}
    if bad:
        raise ConfigError(f"replay mix shares must be 0 or more, got {bad}")
    there = {m: float(mix.get(m, 0.0)) for m, n in available.items() if n > 0}
    if there and not sum(there.values()):
        there = dict.fromkeys(there, 1.0)
    total = sum(there.values())
    return {m: there.get(m, 0.0) / total if total else 0.0 for m in available}


def quotas(n: int, share: Mapping[str, float]) -> dict[str, int]:
    """`n` draws split by shares to whole numbers that sum to `n` (largest remainders)."""
    exact = {m: n * s for m, s in share.items()}
    counts = {m: int(x + 1e-9) for m, x in exact.items()}
    by_remainder = sorted(exact, key=lambda m: counts[m] - exact[m])
    for m in by_remainder[: n - sum(counts.values())] if sum(share.values()) else []:
        counts[m] += 1
    return counts


class ReplayDataset(Generic[T]):
    """Draws items of several memories by the mix, cycle after cycle.

    One cycle, unless `draw` is told a number, is the shortest in which every item of every memory with a share comes
    at least once while the mix holds, at most `max_items` long; a small memory repeats to keep its share. Under
    `spaced` a cycle is what is due, without repeats.
    """

    def __init__(self, items: Iterable[ReplayItem[T]], config: ReplayConfig | None = None, seed: int = 0) -> None:
        """Raises: ConfigError for impossible settings, InputError for two items with one id in one memory."""
        self.config = config or ReplayConfig()
        if self.config.max_items < 1 or self.config.cycles < 0:
            raise ConfigError(
                f"replay needs max_items >= 1 and cycles >= 0, got {self.config.max_items} and {self.config.cycles}"
            )
        self.seed = seed
        self._items: dict[str, list[ReplayItem[T]]] = {m: [] for m in MEMORIES}
        keys = Counter[Any]()
        for item in items:
            self._items.setdefault(item.memory, []).append(item)
            keys[item.key] += 1
        if keys and keys.most_common(1)[0][1] > 1:
            memory, name = keys.most_common(1)[0][0]
            raise InputError(f"two replay items of the {memory} memory share the id {name!r}")
        mix = {m: float(s) for m, s in to_dict(self.config.mix).items()}
        self._shares = shares(mix, self.available)
        self._weights = {m: priorities(held, self.config.priority.weights) for m, held in self._items.items()}
        order(self.config.policy, np.zeros(0), np.random.default_rng(0), noise_level=self.config.noise_level)  # checks
        self._cycle = 0
        self._drawn: Counter[Any] = Counter()
        self._lengths: list[int] = []

    @property
    def available(self) -> dict[str, int]:
        """Items held, per memory."""
        return {m: len(held) for m, held in self._items.items()}

    @property
    def cycle_length(self) -> int:
        """Draws in one cycle under `uniform` and `priority`."""
        needed = (np.ceil(len(h) / self._shares[m] - 1e-9) for m, h in self._items.items() if h and self._shares[m])
        return min(int(max(needed, default=0)), self.config.max_items)

    def __iter__(self) -> Iterator[ReplayItem[T]]:
        """`config.cycles` cycles from the beginning, whatever was drawn before."""
        fresh = ReplayDataset(
            (item for held in self._items.values() for item in held), config=self.config, seed=self.seed
        )
        for _ in range(self.config.cycles):
            yield from fresh.draw()

    def draw(self, n: int | None = None) -> list[ReplayItem[T]]:
        """One cycle: `n` items (fewer under `spaced`, where only the due ones come), memories evenly interleaved.

        Raises: InputError when `n` is negative.
        """
        if n is not None and n < 0:
            raise InputError(f"cannot draw {n} items")
        orders = self._orders()
        if self.config.policy == "spaced":
            counts = self._due_counts({m: len(o) for m, o in orders.items()}, n)
        else:
            length = self.cycle_length if n is None else n
            counts = quotas(length, self._shares)
        streams = {m: self._stream(m, orders[m], counts[m]) for m in self._items}
        drawn = interleave(_merge(streams))
        self._cycle += 1
        self._lengths.append(len(drawn))
        self._drawn.update(item.key for item in drawn)
        return drawn

    @property
    def stats(self) -> ReplayStats:
        """What `draw` has given out so far."""
        per_memory = dict.fromkeys(self._items, 0)
        for (memory, _), count in self._drawn.items():
            per_memory[memory] += count
        return ReplayStats(
            samples=sum(self._lengths),
            cycles=self._cycle,
            per_cycle=tuple(self._lengths),
            per_memory=per_memory,
            available=self.available,
            distinct=len(self._drawn),
            policy=self.config.policy,
        )

    def _rng(self, memory: str, lap: int) -> np.random.Generator:
        # From (seed, memory, cycle, lap) and not from one running generator: a memory's order must not depend on how
        # much was drawn from the others.
        return np.random.default_rng([self.seed & 0xFFFFFFFF, *memory.encode(), self._cycle, lap])

    def _orders(self, lap: int = 0) -> dict[str, list[int]]:
        return {m: self._order(m, lap) for m in self._items}

    def _order(self, memory: str, lap: int) -> list[int]:
        return order(
            self.config.policy,
            self._weights[memory],
            self._rng(memory, lap),
            noise_level=self.config.noise_level,
            cycle=self._cycle,
        )

    def _due_counts(self, due: Mapping[str, int], n: int | None) -> dict[str, int]:
        """At most what is due; what a memory cannot fill goes to the others."""
        due = {m: k if self._shares[m] else 0 for m, k in due.items()}
        left = min(sum(due.values()), self.config.max_items if n is None else n)
        counts = dict.fromkeys(due, 0)
        while left:
            room = {m: due[m] - counts[m] for m in due}
            share = shares(self._shares, room)
            given = {m: min(q, room[m]) for m, q in quotas(left, share).items()}
            for m, k in given.items():
                counts[m] += k
            left -= sum(given.values())
        return counts

    def _stream(self, memory: str, first: Sequence[int], n: int) -> list[ReplayItem[T]]:
        """`n` items of one memory: the order of this cycle, and again in a new order for as long as needed."""
        held, positions, lap = self._items[memory], list(first[:n]), 0
        while len(positions) < n:
            lap += 1
            positions += self._order(memory, lap)[: n - len(positions)]
        return [held[p] for p in positions]


def _merge(streams: Mapping[str, Sequence[ReplayItem[T]]]) -> list[ReplayItem[T]]:
    """All streams as one, each spread evenly over the whole."""
    at = [((i + 0.5) / len(s), m, i) for m, s in streams.items() for i in range(len(s))]
    return [streams[m][i] for _, m, i in sorted(at)]
