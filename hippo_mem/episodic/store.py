"""The store of single events: rows in SQLite, their vectors in an index that follows it. Knows nothing of ranking.

Every change is one transaction. The index is brought up to date from the rows before it is used, so changes by
other processes are seen and a lost index costs time only.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hippo_mem.embed import Embedder
from hippo_mem.episodic.following import FollowingIndex
from hippo_mem.episodic.reading import TraceTable
from hippo_mem.episodic.rows import Draft, checked, draft_of, insert
from hippo_mem.errors import InputError
from hippo_mem.storage.database import Database
from hippo_mem.types import Event, Salience

Ids = NDArray[np.int64]
Floats = NDArray[np.float32]

_COMPARED = 16  # neighbors looked at for one with the same source, document and context


class EpisodicStore(TraceTable):
    """Traces of one user.

    Args:
        database: the open store.
        embedder: its id and dim name the vector space; rows of another space are embedded again when it opens.
        index_path: where the index is kept between runs; None keeps it in memory.
    Raises: StoreError and its kinds, here and in every method.
    """

    def __init__(self, database: Database, embedder: Embedder, index_path: Path | None = None) -> None:
        super().__init__(database)
        self._embedder = embedder
        self._index = FollowingIndex(database, embedder, index_path)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything inside is on disk when the block ends, or nothing of it, in rows and index alike."""
        with self._index.transaction() as connection:
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
        return self.add(draft_of(event, verdict, time.time()), key)

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
        unit = self._unit(vector)
        with self.transaction() as connection:
            trace_id = insert(connection, draft, unit, self._embedder.id)
            self._index.append(trace_id, unit)
        return trace_id

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

        Raises: InputError when not exactly one choice is given.
        """
        chosen = [
            ("id = ?", trace_id, trace_id is not None),
            ("source = ?", source, source is not None),
            ("doc_id = ?", doc_id, doc_id is not None),
            ("? = 1", 1, everything),
        ]
        given = [(sql, value) for sql, value, is_given in chosen if is_given]
        if len(given) != 1:
            raise InputError("say what to forget by exactly one of trace_id, source, doc_id or everything")
        sql, value = given[0]
        return self._delete(sql, (value,))

    def prune(self, keep: int) -> int:
        """Delete the least salient traces beyond `keep`; pinned ones stay. Returns how many went.

        Learned ones go before others, then by S, mentions and age.
        """
        if keep < 0:
            raise InputError(f"keep must be 0 or more, got {keep}")
        return self._delete(
            "id IN (SELECT id FROM traces WHERE pin = 0 ORDER BY consolidated_at IS NULL, score, mention_count, "
            "access_count, created LIMIT max(0, (SELECT count(*) FROM traces) - ?))",
            (keep,),
        )

    def _delete(self, sql: str, values: tuple[Any, ...]) -> int:
        with self.transaction() as connection:
            gone = connection.execute(f"DELETE FROM traces WHERE {sql}", values).rowcount
            if gone:  # a word's entry stays in the lexical index until its segments are merged
                connection.execute("INSERT INTO traces_fts (traces_fts) VALUES ('optimize')")
        if gone:
            self._index.drop_file()
            self._database.flush_log()
        return gone

    # Nearness.

    def nearest(self, query: Floats, k: int, allowed: Ids | None = None) -> list[tuple[int, float]]:
        """The `k` traces of highest cosine, best first: (id, cosine). `allowed` restricts to those ids (ascending)."""
        return self._index.search(self._unit(query), k, allowed)

    def nearest_in_context(self, vector: Floats, context: str | None) -> float | None:
        """Cosine to the nearest trace of the same context among the closest few of all; None when there is none."""
        found = self.nearest(vector, _COMPARED)
        marks = ", ".join("?" * len(found))
        with self._database.read() as connection:
            rows = connection.execute(
                f"SELECT id FROM traces WHERE id IN ({marks}) AND +context_key IS ?", (*(i for i, _ in found), context)
            ).fetchall()
        same = {row[0] for row in rows}
        return next((cosine for i, cosine in found if i in same), None)

    def close(self) -> None:
        """Keep the index for the next time. The database stays open."""
        self._index.save()

    def _unit(self, vector: Floats) -> Floats:
        unit = np.asarray(vector, dtype=np.float32).reshape(-1)
        length = float(np.linalg.norm(unit))
        if unit.shape != (self._embedder.dim,) or not np.isfinite(length) or length == 0.0:
            raise InputError(
                f"a vector must have shape ({self._embedder.dim},) and a length, got {unit.shape}, {length}"
            )
        return unit / length
