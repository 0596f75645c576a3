"""Keeping the store lean: what fades, expires, repeats itself or is too much is retired. Knows nothing of ranking.

Retired traces are out of every recall and every count, and come back by `restore_retired`, until `vacuum` deletes
them. Pinned traces are never retired.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hippo_mem.config import EpisodicConfig
from hippo_mem.episodic.following import FollowingIndexes
from hippo_mem.episodic.reading import TraceTable
from hippo_mem.errors import InputError
from hippo_mem.storage.database import Database
from hippo_mem.storage.index_file import discard
from hippo_mem.text import words

_DAY_S = 86_400.0
_NEIGHBORS = 8  # of each trace, looked at for one that says the same
_PAGE = 500  # ids a statement
_STANDING = "pin = 0 AND retired IS NULL"
# Words whose presence makes another statement of the rest.
_TURNS = frozenset(
    "not no never none nor neither without except hardly barely almost nearly if unless maybe perhaps may might could "
    "would should will used stop stopped quit didn't doesn't don't isn't wasn't aren't weren't won't can't cannot "
    "couldn't shouldn't wouldn't hasn't haven't hadn't ?".split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retired:
    """How many traces one round of upkeep retired, and why."""

    expired: int = 0
    decayed: int = 0
    redundant: int = 0
    capped: int = 0


class KeptTable(TraceTable):
    """A store's rows and their indexes, with the means to retire, restore and delete."""

    def __init__(
        self, database: Database, indexes: FollowingIndexes, net: Path | None, *, clock: Callable[[], float]
    ) -> None:
        super().__init__(database, clock=clock)
        self._indexes = indexes
        self._net = net

    def maintain(self, config: EpisodicConfig | None = None) -> Retired:
        """One round of upkeep as configured: expiry, decay, redundancy, cap. Each is a transaction of its own."""
        c = config or EpisodicConfig()
        if c.recall.completion == "mlp":
            self.train_completion()
        return Retired(
            expired=self.expire(c.ttl_days),
            decayed=0 if c.half_life_days is None else self.decay(c.half_life_days, c.min_strength),
            redundant=0 if c.redundant_cosine is None else self.prune_redundant(c.redundant_cosine),
            capped=0 if c.max_rows is None else self.prune(c.max_rows),
        )

    def expire(self, ttl_days: float | None = None) -> int:
        """Retire what has expired, and what was neither told nor used for `ttl_days`; returns how many."""
        now = self._clock()
        gone = self._retire(f"{_STANDING} AND expires <= ?", (now,))
        if ttl_days is not None:
            if not ttl_days > 0:
                raise InputError(f"ttl_days must be above 0, got {ttl_days}")
            gone += self._retire(
                f"{_STANDING} AND max(created, coalesce(last_access, 0), coalesce(last_mention, 0)) <= ?",
                (now - ttl_days * _DAY_S,),
            )
        return gone

    def set_expiry(self, trace_ids: Iterable[int], expires: float | None) -> None:
        """From `expires` on (unix seconds; None: never) these traces are out of recall."""
        with self._indexes.transaction() as connection:
            connection.executemany("UPDATE traces SET expires = ? WHERE id = ?", [(expires, int(i)) for i in trace_ids])

    def decay(self, half_life_days: float, min_strength: float) -> int:
        """Retire what has faded below `min_strength`; returns how many.

        strength = max(S, 0) * (1 + ln(1 + uses)) * 2 ** (-idle / half life), where uses are accesses and repeated
        mentions, and idle is the time since the last of them.
        """
        if not half_life_days > 0 or not math.isfinite(min_strength):
            raise InputError(
                f"decay needs a half life above 0 and a finite floor, got {half_life_days}, {min_strength}"
            )
        now = self._clock()
        with self._indexes.transaction() as connection:
            rows = connection.execute(
                "SELECT id, score, access_count + mention_count - 1, "
                f"max(created, coalesce(last_access, 0), coalesce(last_mention, 0)) FROM traces WHERE {_STANDING}"
            ).fetchall()
            faded = []
            for trace_id, score, uses, last in rows:
                idle_days = max(0.0, now - last) / _DAY_S
                strength = max(0.0, score) * (1 + math.log1p(max(0, uses))) * 0.5 ** (idle_days / half_life_days)
                if strength < min_strength:
                    faded.append(trace_id)
            return self._retire_ids(connection, faded, now)

    def prune(self, keep: int) -> int:
        """Retire the least salient traces beyond `keep`; pinned ones stay. Returns how many.

        Learned ones go before others, then by S, mentions and age.
        """
        if keep < 0:
            raise InputError(f"keep must be 0 or more, got {keep}")
        return self._retire(
            f"id IN (SELECT id FROM traces WHERE {_STANDING} ORDER BY consolidated_at IS NULL, score, mention_count, "
            "access_count, created LIMIT max(0, (SELECT count(*) FROM traces WHERE retired IS NULL) - ?))",
            (keep,),
        )

    def prune_redundant(self, min_cosine: float = 0.95) -> int:
        """Retire traces that say nothing beyond a near one, counting their mentions into it; returns how many.

        Two traces of the same source, document and context are compared when each is among the other's nearest and
        their cosine is at least `min_cosine`. Cosine alone would take "at four" for "at five", so the words must
        agree: all words of the one that goes are in the one that stays, in the same order, and what that one says
        besides does not turn the statement. The one that stays is pinned, or used no less than the
        one that goes.

        Raises: InputError for a cosine outside 0..1.
        """
        if not 0.0 <= min_cosine <= 1.0:
            raise InputError(f"min_cosine must be 0 to 1, got {min_cosine}")
        now = self._clock()
        with self._indexes.transaction() as connection:
            near = self._near(connection, min_cosine)
            rows = self._candidates(connection, sorted(near))
            order = sorted(rows, key=lambda i: (not rows[i].pinned, -rows[i].uses, -len(rows[i].words), i))
            place = {trace_id: i for i, trace_id in enumerate(order)}
            into: dict[int, int] = {}
            for keeper in order:
                if keeper in into:
                    continue
                for other in near[keeper]:
                    later = other in place and place[other] > place[keeper]
                    if later and other not in into and rows[keeper].covers(rows[other]):
                        into[other] = keeper
            for other, keeper in into.items():
                self._count_into(connection, other, keeper, +1)
            connection.executemany("UPDATE traces SET merged_into = ? WHERE id = ?", [(k, o) for o, k in into.items()])
            return self._retire_ids(connection, list(into), now)

    def restore_retired(self, since: float | None = None) -> int:
        """Bring back what was retired (at or after `since`, unix seconds); returns how many.

        What had expired does so no more; mentions that were counted elsewhere are counted here again.
        """
        with self._indexes.transaction() as connection:
            chosen = "retired IS NOT NULL AND retired >= ?"
            moment = -math.inf if since is None else since
            merged = connection.execute(
                f"SELECT id, merged_into FROM traces WHERE {chosen} AND merged_into IS NOT NULL", (moment,)
            ).fetchall()
            for other, keeper in merged:
                self._count_into(connection, other, keeper, -1)
            return connection.execute(
                "UPDATE traces SET expires = CASE WHEN expires <= ? THEN NULL ELSE expires END, retired = NULL, "
                f"merged_into = NULL WHERE {chosen}",
                (self._clock(), moment),
            ).rowcount

    def vacuum(self, until: float | None = None) -> int:
        """Delete for good what is retired (at or before `until`, unix seconds); returns how many went."""
        return self._delete("retired IS NOT NULL AND retired <= ?", (math.inf if until is None else until,))

    def train_completion(self, *, epochs: int = 20, seed: int = 0) -> None:
        """Train the completion network on the vectors of this store and keep it beside the index."""
        from hippo_mem.episodic.completion import CompletionNet

        if self._net is None:
            return
        with self._database.read() as connection:
            index = self._indexes.vectors(connection)
            present = self._indexes.columns.passing(None, as_of=None, now=self._clock()) & index.live
            vectors = index.vectors(np.flatnonzero(present).astype(np.int64))
        if len(vectors):
            CompletionNet.fit(vectors, epochs=epochs, seed=seed).save(self._net)

    def _retire(self, sql: str, values: Sequence[Any]) -> int:
        with self._indexes.transaction() as connection:
            return connection.execute(f"UPDATE traces SET retired = ? WHERE {sql}", (self._clock(), *values)).rowcount

    def _retire_ids(self, connection: sqlite3.Connection, ids: Sequence[int], now: float) -> int:
        connection.executemany("UPDATE traces SET retired = ? WHERE id = ?", [(now, i) for i in ids])
        return len(ids)

    def _delete(self, sql: str, values: tuple[Any, ...]) -> int:
        with self._indexes.transaction() as connection:
            gone = connection.execute(f"DELETE FROM traces WHERE {sql}", values).rowcount
        if gone:
            self._indexes.drop_file()
            if self._net is not None:
                discard(self._net)  # it learned from what was deleted
            self._database.flush_log()
        return gone

    def _near(self, connection: sqlite3.Connection, min_cosine: float) -> dict[int, list[int]]:
        """Ids that are near each other, best first; each has at least one."""
        index = self._indexes.vectors(connection)
        present = self._indexes.columns.passing(None, as_of=None, now=self._clock()) & index.live
        positions = np.flatnonzero(present).astype(np.int64)
        at, cosines = index.neighbors(positions, _NEIGHBORS + 1)
        usable = (at >= 0) & (cosines >= min_cosine) & (at != positions[:, None]) & present[at]
        found: dict[int, list[int]] = {}
        ids: NDArray[np.int64] = index.positions
        for row in np.flatnonzero(usable.any(axis=1)):
            me = int(ids[positions[row]])
            for other in ids[at[row][usable[row]]].tolist():
                found.setdefault(me, []).append(other)
                found.setdefault(other, []).append(me)
        return found

    def _candidates(self, connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, _Candidate]:
        found = {}
        for start in range(0, len(ids), _PAGE):
            page = ids[start : start + _PAGE]
            for row in connection.execute(
                "SELECT id, text, source, doc_id, context_key, pin, access_count + mention_count FROM traces "
                f"WHERE id IN ({', '.join('?' * len(page))})",
                page,
            ):
                found[row[0]] = _Candidate(
                    words=words(row[1]), group=(row[2], row[3], row[4]), pinned=bool(row[5]), uses=row[6]
                )
        return found

    def _count_into(self, connection: sqlite3.Connection, other: int, keeper: int, sign: int) -> None:
        connection.execute(
            "UPDATE traces SET mention_count = max(1, mention_count + ? * (SELECT mention_count FROM traces WHERE "
            "id = ?)), access_count = max(0, access_count + ? * (SELECT access_count FROM traces WHERE id = ?)) "
            "WHERE id = ?",
            (sign, other, sign, other, keeper),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    words: tuple[str, ...]
    group: tuple[str, str | None, str | None]
    pinned: bool
    uses: int

    def covers(self, other: _Candidate) -> bool:
        """Whether all that the other says is said here."""
        if other.pinned or self.group != other.group:
            return False
        rest = iter(other.words)
        wanted = next(rest, None)
        beside = []
        for word in self.words:
            if word == wanted:
                wanted = next(rest, None)
            else:
                beside.append(word)
        return wanted is None and not _TURNS.intersection(beside)
