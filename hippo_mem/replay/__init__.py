"""Replay: which memories come again, in which order, how often.

In: items with an id and scores in 0..1. Out: orders, draws and counts, the same for the same seed. Anything can be
replayed: `hippo_mem.replay.from_store` is the one module here that knows of stores on disk. Knows nothing of
language models or sleep.
"""

from hippo_mem.replay.dataset import ReplayDataset, ReplayStats
from hippo_mem.replay.dynamic import DynamicReplay, LossSampler, RunningLoss, excess, interleave_queues
from hippo_mem.replay.items import ReplayItem, similarity_signatures
from hippo_mem.replay.priority import priorities, priority
from hippo_mem.replay.queue import ReplayQueue
from hippo_mem.replay.schedule import SpacedSchedule, interleave, order

__all__ = [
    "DynamicReplay",
    "LossSampler",
    "ReplayDataset",
    "ReplayItem",
    "ReplayQueue",
    "ReplayStats",
    "RunningLoss",
    "SpacedSchedule",
    "excess",
    "interleave",
    "interleave_queues",
    "order",
    "priorities",
    "priority",
    "similarity_signatures",
]
