"""Replay out of experiment stores: saved sessions become items with scores.

The one module of this package that knows of traces and of stores on disk. Knows nothing of training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hippo_mem.config import ReplayConfig
from hippo_mem.errors import InputError
from hippo_mem.replay.dataset import ReplayDataset
from hippo_mem.replay.items import ReplayItem, excess, fading, saturating
from hippo_mem.storage.experiment import FILES, SavedSession, load_session, sessions
from hippo_mem.types import Trace

# Which memory a file of an algorithm belongs to.
MEMORY_OF = {"episodic": "episodic", "relational": "relational", "kg": "relational", "spatial": "spatial"}


def trace_item(trace: Trace, *, now: float) -> ReplayItem[Trace]:
    """A trace as a replay item.

    Salience is how far the gate's score stood above its threshold (1 for a pinned trace), usage counts recalls and
    repeated mentions, recency is the time since the last of them up to `now` (unix seconds).
    """
    told = trace.salience
    last = max(t for t in (trace.created, trace.last_access, trace.last_mention) if t is not None)
    who = trace.slots.get("who", "").strip().casefold()
    return ReplayItem(
        id=trace.id,
        payload=trace,
        memory="episodic",
        salience=1.0 if told.pin else excess(told.score, told.threshold),
        usage=saturating(trace.access_count + trace.mention_count - 1),
        novelty=min(max(told.novelty, 0.0), 1.0),
        recency=fading(now - last),
        signature=who or None,
    )


def row_item(row: Mapping[str, Any], *, memory: str, number: int) -> ReplayItem[Mapping[str, Any]]:
    """A row of another memory (a fact, a place) as a replay item: its confidence is its salience."""
    conf = row.get("conf", 1.0)
    sure = float(conf) if isinstance(conf, (int, float)) and not isinstance(conf, bool) else 1.0
    return ReplayItem(
        id=row.get("id", f"row-{number}"),
        payload=row,
        memory=memory,
        salience=min(max(sure, 0.0), 1.0),
        signature=row.get("head") if isinstance(row.get("head"), str) else None,
    )


def session_items(session: SavedSession) -> list[ReplayItem[Any]]:
    """All items of one saved session. "Now" is the newest time in it, so that the same files give the same scores."""
    times = (t for tr in session.traces for t in (tr.created, tr.last_access, tr.last_mention) if t is not None)
    now = max(times, default=0.0)
    items: list[ReplayItem[Any]] = [trace_item(t, now=now) for t in session.traces]
    for name, rows in session.rows.items():
        items += [row_item(row, memory=MEMORY_OF[name], number=at) for at, row in enumerate(rows, start=1)]
    return items


def load_sessions(store_dir: str | Path, session_id: str) -> list[SavedSession]:
    """The session of that id in every algorithm that saved one; `store_dir` is the base or one algorithm's folder.

    Raises: InputError when none did.
    """
    folder = Path(store_dir).expanduser()
    algorithms: Sequence[str] = [folder.name] if folder.name in FILES else list(FILES)
    found = [a for a in algorithms if session_id in sessions(folder, a)]
    # Asking for the first one gives the error that names what is there.
    return [load_session(folder, session_id, a) for a in found or algorithms[:1]]


def replay_from_store(
    store_dir: str | Path, session_id: str, config: ReplayConfig | None = None, seed: int = 0
) -> ReplayDataset[Any]:
    """A dataset over a saved session, all its memories together.

    Raises: InputError when there is no such session, or it holds nothing; StoreFormatError, StoreVersionError.
    """
    found = load_sessions(store_dir, session_id)
    items: list[ReplayItem[Any]] = []
    seen: set[tuple[str, Any]] = set()
    for session in found:
        # The same fact may stand in two algorithms' files; it is replayed once.
        for item in session_items(session):
            if item.key not in seen:
                seen.add(item.key)
                items.append(item)
    if not items:
        raise InputError(f"session {session_id!r} under {store_dir} holds nothing to replay")
    return ReplayDataset(items, config, seed)
