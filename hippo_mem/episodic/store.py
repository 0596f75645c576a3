"""The store of single events: rows in SQLite, indexes in memory that follow them. Knows nothing of fusing ranks.

Every change is one transaction. The indexes are brought up to date from the rows before they are used, so changes by
other processes are seen and a lost index costs time only.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hippo_mem.embed import Embedder
from hippo_mem.episodic.following import FollowingIndexes
from hippo_mem.episodic.novelty import BatchNovelty
from hippo_mem.episodic.rows import Draft, check_choice, checked, draft_of, insert
from hippo_mem.episodic.upkeep import KeptTable
from hippo_mem.episodic.view import View
from hippo_mem.errors import InputError
from hippo_mem.storage.database import Database
from hippo_mem.storage.identity import note_lost, store_id
from hippo_mem.types import Event, Salience, Where

_log = logging.getLogger(__name__)

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]


class EpisodicStore(KeptTable):
    """Traces of one user.

    Args:
        database: the open store.
        embedder: its id and dim name the vector space; rows of another space are embedded again when it opens.
        index_path: where the index is kept between runs; None keeps it in memory.
        clock: unix seconds.
    Raises: StoreError and its kinds, here and in every method.
    """

    def __init__(
        self,
        database: Database,
        embedder: Embedder,
        index_path: Path | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        with database.read() as connection:
            name = store_id(connection, database.path)
        if index_path is not None and (lost := note_lost(index_path, name)):
            _log.error(
                "%s was emptied or replaced: the index beside it knew %d memories of another store; see hippo doctor",
                database.path, lost.rows,
            )  # fmt: skip
        net = None if index_path is None else index_path.with_name("completion.safetensors")
        super().__init__(database, FollowingIndexes(database, embedder, index_path), net, clock=clock)
        self._embedder = embedder

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything inside is on disk when the block ends, or nothing of it, in rows and index alike."""
        with self._indexes.transaction() as connection:
            yield connection

    # The three calls of the specification.

    def write(self, key: Floats, value: Mapping[str, Any]) -> int:
        """Store one event under a vector, without asking the gate; returns its id, on disk.

        Shapes: key (d,), made length 1.
        Args:
            value: `text`, and any other field of `Event`.
        Raises: InputError.
        """
        unknown = set(value) - set(Event.__dataclass_fields__)
        if unknown or "text" not in value:
            raise InputError(f"value needs 'text' and may have fields of Event, got {sorted(value)}")
        event = checked(Event(**value))
        verdict = Salience(surprise=0.0, novelty=1.0, reward=event.reward, pin=event.pin, score=1.0, threshold=0.0)
        return self.add(draft_of(event, verdict, self._clock()), key)

    def recall(self, query: Floats, k: int) -> list[dict[str, Any]]:
        """The `k` nearest traces by cosine: `id, text, score, source, time, context`, best first."""
        found = self.nearest(query, k)
        traces = self.get_many([i for i, _ in found])
        return [
            {
                "id": trace.id,
                "text": trace.text,
                "score": score,
                "source": trace.provenance.source,
                "time": trace.provenance.time,
                "context": trace.context_key,
            }
            for trace, (_, score) in zip(traces, found, strict=True)
        ]

    def delete(self, key_id: int) -> bool:
        """Delete one trace for good; False when there was none."""
        return self.forget(trace_id=key_id) == 1

    # Writing.

    def add(self, draft: Draft, vector: Floats) -> int:
        """Store a judged event; returns its id. Part of an open `transaction` when there is one.

        Raises: InputError for a vector of another width, of length 0, or not finite.
        """
        unit = self.unit(vector)
        with self.transaction() as connection:
            return insert(connection, draft, unit, self._embedder.id)

    def merge(self, trace_id: int, *, now: float, reward: bool = False, pin: bool = False) -> None:
        """Count another mention of a stored trace; a reward or pin is kept."""
        with self.transaction() as connection:
            connection.execute(
                "UPDATE traces SET mention_count = mention_count + 1, last_mention = ?, reward = max(reward, ?), "
                "pin = max(pin, ?) WHERE id = ?",
                (now, int(reward), int(pin), trace_id),
            )

    def mark_accessed(self, counts: Mapping[int, int], now: float) -> None:
        """Add to access counts: id -> how many times. Ids that are gone are ignored."""
        with self.transaction() as connection:
            connection.executemany(
                "UPDATE traces SET access_count = access_count + ?, last_access = ? WHERE id = ?",
                [(n, now, i) for i, n in counts.items()],
            )

    def mark_consolidated(self, trace_ids: Iterable[int], now: float | None) -> None:
        """Write down that a night learned these traces; `now` None takes it back (a night that was undone)."""
        with self.transaction() as connection:
            connection.executemany(
                "UPDATE traces SET consolidated_at = ? WHERE id = ?", [(now, int(i)) for i in trace_ids]
            )

    def close_validity(self, trace_id: int, valid_to: float) -> None:
        """The trace was true until `valid_to` (unix seconds): kept for `as_of`, out of ordinary recall."""
        with self.transaction() as connection:
            connection.execute("UPDATE traces SET valid_to = ? WHERE id = ?", (valid_to, trace_id))

    def set_slots(self, trace_id: int, slots: Mapping[str, str]) -> None:
        """Replace the slots (who, what, where, when) that were read from a trace's text."""
        with self.transaction() as connection:
            connection.execute(
                "UPDATE traces SET slots = ? WHERE id = ?", (json.dumps(dict(slots), ensure_ascii=False), trace_id)
            )

    # Deleting.

    def forget(
        self,
        *,
        trace_id: int | None = None,
        source: str | None = None,
        doc_id: str | None = None,
        everything: bool = False,
    ) -> int:
        """Delete by exactly one of id, source, document, or all: row, words, vector. Returns how many went.

        What remains is the id and when it was deleted. The index file is removed at once, the deleted text is
        overwritten in the store's file.

        Raises: InputError when not exactly one choice is given, or it is none.
        """
        check_choice(trace_id, source, doc_id, everything)
        chosen = [
            ("id = ?", trace_id, trace_id is not None),
            ("source = ?", source, source is not None),
            ("doc_id = ?", doc_id, doc_id is not None),
            ("? = 1", 1, everything),
        ]
        sql, value = next((sql, value) for sql, value, is_given in chosen if is_given)
        return self._delete(sql, (value,))

    # Nearness.

    @contextlib.contextmanager
    def view(self) -> Iterator[View]:
        """Rankings of the rows as they are now; everything asked of the view sees the same state."""
        with self._database.read() as connection:
            yield View(connection, self._indexes, self._clock(), self._net)

    def select(self, where: Where | None = None, as_of: float | None = None) -> Ids | None:
        """Ids that pass the filters, ascending, (n,); None when every trace does."""
        with self.view() as view:
            mask = view.passing(where, as_of)
            return None if mask is None else view.ids(mask)

    def nearest(self, query: Floats, k: int, allowed: Ids | None = None) -> list[tuple[int, float]]:
        """The `k` traces of highest cosine, best first: (id, cosine). `allowed`: only these ids, from `select`."""
        unit = self.unit(query)
        with self.view() as view:
            return view.dense(unit, k, view.mask(allowed))

    def lexical(self, cue: str, k: int, allowed: Ids | None = None) -> list[int]:
        """The `k` best traces by BM25 over stemmed words, best first. `allowed`: only these ids, from `select`."""
        with self.view() as view:
            return view.lexical(cue, k, view.mask(allowed))

    def novelty(self, vectors: Floats, contexts: Sequence[str | None]) -> BatchNovelty:
        """How near events are to the store and to each other, before the first of them is written.

        Shapes: vectors (n, d). Raises: InputError for a vector of another width, of length 0, or not finite.
        """
        units = np.stack([self.unit(vector) for vector in vectors])
        with self.view() as view:
            return BatchNovelty(view, units, contexts)

    def surprise(self, texts: Sequence[str]) -> list[float]:
        """How unexpected each text's words are by the store's own, mean nats a word; no language model takes part."""
        with self.view() as view:
            return view.surprise(texts)

    def settle(self) -> None:
        """Do at once what writes otherwise do little by little, so that the next search is as quick as can be."""
        self._indexes.settle()

    def close(self) -> None:
        """Keep the index for the next time. The database stays open."""
        self._indexes.save()

    def unit(self, vector: Floats) -> Floats:
        """A vector made length 1, (d,).

        Raises: InputError for another width, length 0, or what is not finite.
        """
        unit = np.asarray(vector, dtype=np.float32).reshape(-1)
        length = float(np.linalg.norm(unit))
        if unit.shape != (self._embedder.dim,) or not np.isfinite(length) or length == 0.0:
            raise InputError(
                f"a vector must have shape ({self._embedder.dim},) and a length, got {unit.shape}, {length}"
            )
        return unit / length
