"""In which order items are replayed, which of them in which cycle, and what stands next to what.

Three policies, each a function of priorities and a random generator alone: `uniform` (a random permutation),
`priority` (most important first, shaken by `noise_level`), `spaced` (those due in this cycle, at expanding intervals).
Knows nothing of where items come from.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hippo_mem.errors import ConfigError, nearest
from hippo_mem.replay.items import ReplayItem

POLICIES = ("uniform", "priority", "spaced")


def order(
    policy: str, weights: NDArray[np.float64], rng: np.random.Generator, *, noise_level: float = 0.0, cycle: int = 0
) -> list[int]:
    """The items to replay in one cycle, in order, each at most once.

    Shapes: weights (N,), priorities in 0..1.
    Args:   noise_level: 0..1; a share of this much of each priority is replaced by a uniform draw. 1 forgets the
                priorities. `uniform` has none to shake.
            cycle: counts from 0; only `spaced` looks at it.
    Returns: positions into `weights`. All N of them, except under `spaced`: those due.
    Raises: ConfigError for an unknown policy, a noise level outside 0..1 or a negative cycle.
    """
    if policy not in POLICIES:
        raise ConfigError(f"unknown replay policy {policy!r}{nearest(policy, POLICIES)}")
    if not 0.0 <= noise_level <= 1.0:
        raise ConfigError(f"replay noise_level must be in 0..1, got {noise_level}")
    if cycle < 0:
        raise ConfigError(f"replay cycles count from 0, got {cycle}")
    n = len(weights)
    if policy == "uniform":
        return [int(i) for i in rng.permutation(n)]
    noise = rng.random(n)
    shaken = (1.0 - noise_level) * weights + noise_level * noise
    ranked = [int(i) for i in np.argsort(-shaken, kind="stable")]
    return ranked if policy == "priority" else [i for i in ranked if is_due(float(weights[i]), cycle)]


def is_due(weight: float, cycle: int) -> bool:
    """Whether an item of this priority is replayed in `cycle` under `spaced`.

    Every item is due in cycle 0; each further interval is the last one times 3 - 2 * priority (at least one cycle): an
    item of priority 1 comes every cycle, of 0.5 in cycles 0, 1, 3, 7, 15, of 0 in 0, 1, 4, 13, 40.
    Source: expanding retrieval practice (Landauer & Bjork 1978).
    """
    growth = 3.0 - 2.0 * min(max(weight, 0.0), 1.0)
    if growth <= 1.0:
        return True
    at, gap = 0, 1.0
    while at < cycle:
        at += max(1, math.floor(gap + 1e-9))
        gap *= growth
    return at == cycle


class SpacedSchedule:
    """Expanding intervals with feedback: what was recalled waits longer, what was lost comes back at once.

    For a learner that can say how each replay went; `order("spaced", …)` is the same without feedback. Unknown ids
    are due at once.
    """

    def __init__(self, growth: float = 2.0, max_interval: int = 64) -> None:
        if growth < 1.0 or max_interval < 1:
            raise ConfigError(f"spacing needs growth >= 1 and max_interval >= 1, got {growth} and {max_interval}")
        self._growth, self._max = growth, max_interval
        self._next: dict[Hashable, int] = {}
        self._gap: dict[Hashable, float] = {}

    def due(self, keys: Sequence[Hashable], cycle: int) -> list[Hashable]:
        """Those of `keys` whose time has come, in the given order."""
        return [k for k in keys if self._next.get(k, 0) <= cycle]

    def record(self, key: Hashable, cycle: int, *, recalled: bool) -> int:
        """Say how the replay of `key` in `cycle` went. Returns the cycle in which it is due again."""
        gap = min(self._gap[key] * self._growth, self._max) if recalled and key in self._gap else 1.0
        self._gap[key] = gap
        self._next[key] = cycle + max(1, math.floor(gap))
        return self._next[key]


def interleave(items: Sequence[ReplayItem[Any]]) -> list[ReplayItem[Any]]:
    """The same items with no two similar ones adjacent, as near to the given order as that allows.

    Two items are similar when they share a `signature` that is not None, or are the same item. When one group makes up
    more than half of what is left it is spread as far as it goes and only then repeats itself.

    Returns: a permutation of `items`. Adjacent similar pairs appear only where no order avoids them.
    """
    waiting: dict[Hashable, deque[int]] = {}
    for position, item in enumerate(items):
        waiting.setdefault(_likeness(item), deque()).append(position)
    heads = [(positions[0], group) for group, positions in waiting.items()]
    # Positions are distinct, so groups (which may not be comparable) never decide an order.
    heapq.heapify(heads)
    sizes = [(-len(p), p[0], g) for g, p in waiting.items()]
    heapq.heapify(sizes)
    last: Hashable = _NOTHING
    result: list[ReplayItem[Any]] = []
    for remaining in range(len(items), 0, -1):
        while -sizes[0][0] != len(waiting[sizes[0][2]]):  # counted before something was taken from the group
            _, tie, group = heapq.heappop(sizes)
            if waiting[group]:
                heapq.heappush(sizes, (-len(waiting[group]), tie, group))
        largest = sizes[0][2]
        if 2 * len(waiting[largest]) > remaining and largest != last:
            chosen = largest
        else:
            chosen = _first_other(heads, waiting, last)
        position = waiting[chosen].popleft()
        if waiting[chosen]:
            heapq.heappush(heads, (waiting[chosen][0], chosen))
        result.append(items[position])
        last = chosen
    return result


_NOTHING = object()


def _first_other(heads: list[tuple[int, Hashable]], waiting: Mapping[Hashable, deque[int]], last: Hashable) -> Hashable:
    """The group, other than `last`, whose next item comes first; `last` when it is the only one left."""
    held: list[tuple[int, Hashable]] = []
    found: Hashable = _NOTHING
    while heads and found is _NOTHING:
        head = heapq.heappop(heads)
        position, group = head
        if not waiting[group] or waiting[group][0] != position:
            continue  # taken meanwhile as the largest group
        held.append(head)
        if group != last:
            found = group
    for head in held:
        if head[1] != found:
            heapq.heappush(heads, head)
    return found if found is not _NOTHING else last


def _likeness(item: ReplayItem[Any]) -> Hashable:
    return ("like", item.signature) if item.signature is not None else ("self", item.key)
