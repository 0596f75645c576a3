"""A bounded waiting line of what is to be replayed, most important first.

When it is full the least important item leaves. Knows nothing of policies or stores.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Iterable, Iterator
from typing import Any

from hippo_mem.config import PriorityWeights
from hippo_mem.errors import ConfigError, InputError
from hippo_mem.replay.items import ReplayItem
from hippo_mem.replay.priority import priority

Key = tuple[str, Hashable]


class ReplayQueue:
    """Push, pop and update in O(log n). Of equally important items the older one is popped, and dropped, first.

    Both heaps are lazy: an entry that no longer matches `_entries` is skipped when it surfaces.
    """

    def __init__(self, max_items: int = 100_000, weights: PriorityWeights | None = None) -> None:
        if max_items < 1:
            raise ConfigError(f"a replay queue needs room for at least one item, got max_items={max_items}")
        self.max_items = max_items
        self._weights = weights or PriorityWeights()
        self._entries: dict[Key, tuple[float, int, ReplayItem[Any]]] = {}
        self._best: list[tuple[float, int, Key]] = []
        self._worst: list[tuple[float, int, Key]] = []
        self._pushed = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def __iter__(self) -> Iterator[ReplayItem[Any]]:
        """All items, most important first, without taking them."""
        for _, _, item in sorted(self._entries.values(), key=lambda e: (-e[0], e[1])):
            yield item

    def push(self, item: ReplayItem[Any]) -> ReplayItem[Any] | None:
        """Add `item`, or replace the one with its key.

        Returns: the item that had to leave (it may be `item` itself), None when there was room.
        """
        self._put(item)
        if len(self._entries) <= self.max_items:
            return None
        return self._take(self._worst)

    def extend(self, items: Iterable[ReplayItem[Any]]) -> int:
        """Push all. Returns how many items had to leave."""
        return sum(self.push(item) is not None for item in items)

    def pop(self) -> ReplayItem[Any]:
        """Take the most important item.

        Raises: IndexError when the queue is empty.
        """
        if not self._entries:
            raise IndexError("pop from an empty replay queue")
        return self._take(self._best)

    def update(self, key: Key, **scores: float) -> None:
        """Give the item of `key` (`ReplayItem.key`) new scores.

        Raises: InputError when there is no such item or score.
        """
        if key not in self._entries:
            raise InputError(f"no replay item {key!r} in the queue of {len(self)}")
        self._put(self._entries[key][2].rescored(**scores))

    def _put(self, item: ReplayItem[Any]) -> None:
        value = priority(item, self._weights)
        old = self._entries.get(item.key)
        self._pushed += 1
        self._entries[item.key] = (value, self._pushed, item)
        heapq.heappush(self._best, (-value, self._pushed, item.key))
        heapq.heappush(self._worst, (value, self._pushed, item.key))
        if old is not None and len(self._best) > 2 * len(self._entries) + 64:
            # Many updates leave many dead entries; without this an endless stream of updates grows without bound.
            self._rebuild()

    def _take(self, heap: list[tuple[float, int, Key]]) -> ReplayItem[Any]:
        while True:
            _, serial, key = heapq.heappop(heap)
            entry = self._entries.get(key)
            if entry is not None and entry[1] == serial:
                del self._entries[key]
                return entry[2]

    def _rebuild(self) -> None:
        live = [(value, serial, item.key) for value, serial, item in self._entries.values()]
        self._worst = list(live)
        self._best = [(-value, serial, key) for value, serial, key in live]
        heapq.heapify(self._best)
        heapq.heapify(self._worst)
