"""Which night learned which trace, what was deleted since, and running counts. Knows nothing of training.

A trace that was deleted after a night learned it is still in that night's weights: `nights_to_unlearn` tells.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping

from hippo_mem.storage.database import Database


class Ledger:
    """The store's book of nights, deletions and counts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record_night(self, night: int, trace_ids: Iterable[int]) -> None:
        """Write down that `night` trained on these traces. Recording twice changes nothing."""
        with self._database.write() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO night_traces VALUES (?, ?)", [(night, int(i)) for i in trace_ids]
            )

    def remove_night(self, night: int) -> None:
        """Forget that `night` ever trained: it was undone, or its weights are gone."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM night_traces WHERE night = ?", (night,))

    def traces_of(self, night: int) -> tuple[int, ...]:
        """Ids that `night` trained on, ascending, the deleted ones included."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT trace_id FROM night_traces WHERE night = ? ORDER BY 1", (night,))
            return tuple(row[0] for row in rows)

    def nights_of(self, trace_id: int) -> tuple[int, ...]:
        """The nights that trained on a trace, ascending."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT night FROM night_traces WHERE trace_id = ? ORDER BY 1", (trace_id,))
            return tuple(row[0] for row in rows)

    def nights(self) -> dict[int, int]:
        """Every recorded night with its number of traces, ascending."""
        with self._database.read() as connection:
            return {
                row[0]: row[1]
                for row in connection.execute("SELECT night, count(*) FROM night_traces GROUP BY night ORDER BY night")
            }

    def nights_to_unlearn(self) -> dict[int, tuple[int, ...]]:
        """Nights whose weights hold deleted traces: night -> the deleted ids, both ascending."""
        found: dict[int, tuple[int, ...]] = {}
        with self._database.read() as connection:
            for row in connection.execute(
                "SELECT night, trace_id FROM night_traces JOIN tombstones USING (trace_id) ORDER BY night, trace_id"
            ):
                found[row[0]] = (*found.get(row[0], ()), row[1])
        return found

    def n_waiting(self) -> int:
        """What the next night has before it: true memories that no night has learned, and learned ones deleted."""
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT (SELECT count(*) FROM traces WHERE consolidated_at IS NULL AND valid_to IS NULL "
                "AND retired IS NULL), (SELECT count(DISTINCT trace_id) FROM night_traces JOIN tombstones "
                "USING (trace_id))"
            ).fetchone()
        return int(row[0] + row[1])

    def deletions(self) -> dict[int, float]:
        """Every deleted id with when (unix seconds), in the order of deletion."""
        with self._database.read() as connection:
            return {r[0]: r[1] for r in connection.execute("SELECT trace_id, deleted FROM tombstones ORDER BY seq")}

    def count(self, **amounts: int) -> None:
        """Add to counters: `count(gate_attempts=3, gate_accepts=1)`."""
        with self._database.write() as connection:
            add_counts(connection, amounts)

    def counts(self) -> dict[str, int]:
        """All counters."""
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute("SELECT name, value FROM counters ORDER BY name")}


def add_counts(connection: sqlite3.Connection, amounts: Mapping[str, int]) -> None:
    """Add to counters within an open transaction."""
    connection.executemany(
        "INSERT INTO counters VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
        [(name, amount) for name, amount in amounts.items() if amount],
    )
