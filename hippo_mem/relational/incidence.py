"""The graph in memory: which facts touch which entities, as arrays that follow the store.

In: the store's facts. Out: for a set of entities, the facts at them, newest first and bounded. Refreshed when the
graph's change number moved: by what was added where that is all, else anew. Knows nothing of names, questions or
scores.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from hippo_mem.storage.origins import version

Ints = NDArray[np.int64]
_COLUMNS = "id, head, tail, relation, context_key, valid_from, valid_to, negated, conf"
_FIELDS = ("id", "head", "tail", "relation", "context", "valid_from", "valid_to", "negated", "conf")


class Incidence:
    """Arrays over n facts, in the order of their ids: `id`, `head`, `tail` and `negated` (int64), `relation` and
    `context` (codes), `valid_from`, `valid_to` (inf: still true) and `conf` (float64); and the CSR matrix (entities,
    facts) of who takes part in what.
    """

    def __init__(self) -> None:
        self.relations: dict[str, int] = {}
        self.contexts: dict[str | None, int] = {}
        self.version = -1
        self.n = 0
        self._patched = False
        self._words: dict[str, list[tuple[int, float]]] = {}
        self._n_worded = 0
        self._arrays: dict[str, NDArray[Any]] = {}
        self._fill([])

    def __getattr__(self, name: str) -> NDArray[Any]:
        if name in _FIELDS:
            return self._arrays[name]
        raise AttributeError(name)

    def refresh(self, connection: sqlite3.Connection, *, exact_times: bool = False) -> bool:
        """Follow the store; returns whether anything had moved.

        `exact_times`: also read again the beginnings of known facts, which a later telling can move back.
        """
        current = version(connection, "relational")
        if current == self.version and not (exact_times and self._patched):
            return False
        count, last = connection.execute("SELECT count(*), coalesce(max(id), 0) FROM facts").fetchone()
        known = int(self._arrays["id"][-1]) if self.n else 0
        rows: list[tuple[Any, ...]] | None = None
        if self.version >= 0 and not exact_times and last >= known:
            rows = connection.execute(f"SELECT {_COLUMNS} FROM facts WHERE id > ? ORDER BY id", (known,)).fetchall()
            if count != self.n + len(rows):
                rows = None  # some are gone
        if rows is None:
            self._fill(connection.execute(f"SELECT {_COLUMNS} FROM facts ORDER BY id").fetchall())
            self._patched = False
        else:
            self._append(connection, rows)
            self._patched = True
        self.version = current
        return True

    def _fill(self, rows: list[tuple[Any, ...]]) -> None:
        self._arrays = self._columns(rows)
        self._index()

    def _append(self, connection: sqlite3.Connection, rows: list[tuple[Any, ...]]) -> None:
        closers = [row[0] for row in rows]
        closed = connection.execute(
            "SELECT id, valid_to FROM facts WHERE superseded_by IN (SELECT value FROM json_each(?))",
            (json.dumps(closers),),
        ).fetchall()
        if rows:
            new = self._columns(rows)
            self._arrays = {f: np.concatenate([self._arrays[f], new[f]]) for f in _FIELDS}
            self._index()
        for fact_id, valid_to in closed:
            at = int(np.searchsorted(self._arrays["id"], fact_id))
            if at < self.n and valid_to is not None:
                self._arrays["valid_to"][at] = valid_to

    def _columns(self, rows: list[tuple[Any, ...]]) -> dict[str, NDArray[Any]]:
        columns: list[Any] = list(zip(*rows, strict=True)) if rows else [()] * len(_FIELDS)
        relation = [self.relations.setdefault(r, len(self.relations)) for r in columns[3]]
        context = [self.contexts.setdefault(c, len(self.contexts)) for c in columns[4]]
        valid_to = [np.inf if v is None else v for v in columns[6]]
        return {
            "id": np.array(columns[0], dtype=np.int64),
            "head": np.array(columns[1], dtype=np.int64),
            "tail": np.array(columns[2], dtype=np.int64),
            "relation": np.array(relation, dtype=np.int64),
            "context": np.array(context, dtype=np.int64),
            "valid_from": np.array(columns[5], dtype=np.float64),
            "valid_to": np.array(valid_to, dtype=np.float64),
            "negated": np.array(columns[7], dtype=np.int64),
            "conf": np.array(columns[8], dtype=np.float64),
        }

    def _index(self) -> None:
        head, tail = self._arrays["head"], self._arrays["tail"]
        self.n = len(head)
        width = int(max(head.max(initial=0), tail.max(initial=0))) + 1
        facts = np.arange(self.n, dtype=np.int64)
        ones = np.ones(2 * self.n, dtype=np.int8)
        matrix = sparse.coo_matrix(
            (ones, (np.concatenate([head, tail]), np.concatenate([facts, facts]))), shape=(width, self.n)
        ).tocsr()
        matrix.sort_indices()
        self._indptr: Ints = matrix.indptr
        self._indices: Ints = matrix.indices

    def degree(self, entity: int) -> int:
        """How many facts there are at an entity, closed ones included."""
        if not 0 <= entity < len(self._indptr) - 1:
            return 0
        return int(self._indptr[entity + 1] - self._indptr[entity])

    def at(self, entity: int) -> Ints:
        """Positions of the facts at an entity, oldest first."""
        if not 0 <= entity < len(self._indptr) - 1:
            return np.empty(0, dtype=np.int64)
        return self._indices[self._indptr[entity] : self._indptr[entity + 1]]

    def around(self, entities: Ints, mask: NDArray[np.bool_], limit: int, enough: int) -> tuple[Ints, Ints]:
        """Positions of the facts at each of these entities that `mask` (n,) allows, newest first, at most `limit` an
        entity; and beside each the entity it is at. In the order of the entities; those after which there are `enough`
        facts are left out.
        """
        known = entities[(entities >= 0) & (entities < len(self._indptr) - 1)]
        sizes = np.minimum(self._indptr[known + 1] - self._indptr[known], limit)
        known = known[: int(np.searchsorted(np.cumsum(sizes), enough)) + 1]
        begins, ends = self._indptr[known].astype(np.int64), self._indptr[known + 1].astype(np.int64)
        counts = ends - begins
        owner = np.repeat(np.arange(len(known)), counts)
        # Counting down from each entity's last: its newest fact comes first.
        down = np.repeat(ends - 1, counts) - (
            np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        )
        facts = self._indices[down].astype(np.int64)
        keep = mask[facts]
        facts, owner = facts[keep], owner[keep]
        starts = np.searchsorted(owner, np.arange(len(known)))
        rank = np.arange(len(owner)) - starts[owner] if len(owner) else owner
        few = rank < limit
        return facts[few], known[owner[few]]

    def relation_words(self, stems: Callable[[str], Iterable[str]]) -> dict[str, list[tuple[int, float]]]:
        """For each word, the relations (codes) it stands in and its share of their words; kept as relations come."""
        new = list(self.relations.items())[self._n_worded :] if self._n_worded < len(self.relations) else ()
        for relation, code in new:
            own = list(stems(relation))
            for stem in own:
                self._words.setdefault(stem, []).append((code, 1.0 / len(own)))
        self._n_worded = len(self.relations)
        return self._words

    def mask(self, context_key: str | None, as_of: float | None, allowed: set[int] | None) -> NDArray[np.bool_]:
        """Which facts may be looked at: true at `as_of` (None: now), of the context (None: any), of those ids."""
        if as_of is None:
            keep = np.isinf(self._arrays["valid_to"])
        else:
            keep = (self._arrays["valid_from"] <= as_of) & (as_of < self._arrays["valid_to"])
        if context_key is not None:
            keep &= self._arrays["context"] == self.contexts.get(context_key, -1)
        if allowed is not None:
            keep &= np.isin(self._arrays["id"], np.fromiter(allowed, dtype=np.int64, count=len(allowed)))
        return np.asarray(keep)
