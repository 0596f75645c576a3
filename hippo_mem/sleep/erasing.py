"""Everything of one user forgotten at once: the memories, every night that learned from them, and what lies about.

Where nothing is left to keep, there is nothing to train: no language model is needed. What a killed night, restore or
repair left in the user's folder goes as well. Knows nothing of training.
"""

from __future__ import annotations

import shutil

from hippo_mem.awake import Awake
from hippo_mem.home import UserHome, locked, sync_folder
from hippo_mem.sleep.nights import Nights
from hippo_mem.storage.restoring import LOCK, restoring

_WAIT_S = 10.0  # for a restore of another process


def forget_everything(awake: Awake, nights: Nights) -> int:
    """Delete every memory, every night with its reports, and every other file of the user but their schedule; returns
    how many memories went.

    Raises: StoreBusy while a sleep or a restore runs, which would bring back what it knew.
    """
    home = awake.home
    with locked(home.sleep_lock, "forgetting everything"), restoring(home.folder, timeout_s=_WAIT_S):
        gone = awake.forget(everything=True)
        nights.clear()
        for night in awake.ledger.nights():
            awake.ledger.remove_night(night)
        _sweep(home)
        return gone


def _sweep(home: UserHome) -> None:
    """Remove what is no part of an empty memory: the index, which is derived, and what killed processes left."""
    kept = {home.sleep_lock.name, LOCK, home.schedule.name, home.nights.name}
    for path in home.folder.iterdir():
        if path.name in kept or path.name in {home.database.name + end for end in ("", "-wal", "-shm", "-journal")}:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    sync_folder(home.folder)
