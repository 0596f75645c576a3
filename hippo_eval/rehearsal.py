"""Replay of a saved store while awake: items are drawn by the policy and their use is written back.

What was drawn counts as used, so it stands higher in the next replay's priorities; `store_meta.json` then says
`source: replay`. Nothing is trained here: that is a night's work. Knows nothing of models or scores.
"""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hippo_mem.config import ReplayConfig
from hippo_mem.errors import InputError
from hippo_mem.replay.from_store import load_sessions, replay_from_store
from hippo_mem.storage.experiment import save_session

Progress = Callable[[str, int, int], None]


def rehearse(
    store_dir: str | Path,
    session_id: str,
    config: ReplayConfig,
    *,
    seed: int,
    progress: Progress,
    config_hash: str | None = None,
    now: float | None = None,
) -> dict[str, Any]:
    """`config.cycles` cycles over a saved session.

    Args: now: unix seconds that the drawn traces were last used at; None is the clock.
    Returns: the statistics of what was drawn (`ReplayStats.to_dict`).
    Raises: InputError when there is no such session, it is empty, or no cycle is asked for.
    """
    if config.cycles < 1:
        raise InputError("a replay needs replay.cycles=1 or more")
    moment = time.time() if now is None else now
    dataset = replay_from_store(store_dir, session_id, config, seed)
    drawn: Counter[Any] = Counter()
    for cycle in range(config.cycles):
        drawn.update(item.key for item in dataset.draw())
        progress("replay", cycle + 1, config.cycles)
    for session in load_sessions(store_dir, session_id):
        traces = [
            dataclasses.replace(t, access_count=t.access_count + drawn["episodic", t.id], last_access=moment)
            if drawn["episodic", t.id]
            else t
            for t in session.traces
        ]
        save_session(
            store_dir,
            session_id,
            traces,
            algorithm=session.meta.algorithm,
            rows=session.rows,
            source="replay",
            replay_samples=session.meta.replay_samples + dataset.stats.samples,
            config_hash=config_hash or session.meta.config_hash,
            model=session.meta.model,
            format=session.meta.format,
        )
    return dataset.stats.to_dict()
