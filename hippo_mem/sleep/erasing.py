"""Everything of one user forgotten at once: the memories, and every night that learned from them.

Where nothing is left to keep, there is nothing to train: no language model is needed. Knows nothing of training.
"""

from __future__ import annotations

from hippo_mem.awake import Awake
from hippo_mem.home import locked
from hippo_mem.sleep.nights import Nights


def forget_everything(awake: Awake, nights: Nights) -> int:
    """Delete every memory and every night with its reports; returns how many memories went.

    Raises: StoreBusy while a sleep runs, which would bring back what it learned.
    """
    with locked(awake.home.sleep_lock, "forgetting everything"):
        gone = awake.forget(everything=True)
        nights.clear()
        for night in awake.ledger.nights():
            awake.ledger.remove_night(night)
        return gone
