"""A value that is not the JSON of its column is found in every table, and mended without losing a told text."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from hippo_mem.storage.database import Database
from hippo_mem.storage.json_columns import damaged, json_columns, mend
from tests.storage.rows import fill

COLUMNS = [
    (table, column) for table in ("misfits", "trajectories", "macros") for column in json_columns(table)
]  # fmt: skip


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "memory.sqlite")
    with opened.write() as connection:
        fill(connection, [])
    yield opened
    opened.close()


def _value(connection: sqlite3.Connection, table: str, column: str) -> list[object]:
    return [row[0] for row in connection.execute(f"SELECT {column} FROM {table}")]


def test_every_column_that_holds_json_is_known(database: Database) -> None:
    assert COLUMNS == [
        ("misfits", "details"), ("trajectories", "steps"), ("trajectories", "details"), ("macros", "steps"),
        ("macros", "details"),
    ]  # fmt: skip
    assert json_columns("traces") == ("slots", "tags")
    with database.read() as connection:
        assert damaged(connection) == []


@pytest.mark.parametrize(("table", "column"), COLUMNS)
@pytest.mark.parametrize("value", ["{bad", "5", "null", '["a", 1]', b"{}", b"\xff", "[" * 100_000])
def test_each_is_found_and_mended(database: Database, table: str, column: str, value: str | bytes) -> None:
    with database.write() as connection:
        connection.execute(f"UPDATE {table} SET {column} = ?", (value,))
        found = damaged(connection)
        assert [(d.table, d.column, d.row_id) for d in found] == [(table, column, 1)]
        assert sum(mend(connection, found, lambda _texts: []).values()) == 1
        assert damaged(connection) == []


def test_a_text_that_is_no_text_is_found(database: Database) -> None:
    with database.write() as connection:
        connection.execute("UPDATE trajectories SET details = CAST(x'ff' AS TEXT)")
        assert "is not text" in damaged(connection)[0].why


def test_a_misfit_is_written_again_from_its_own_columns(database: Database) -> None:
    with database.write() as connection:
        connection.execute("UPDATE misfits SET details = '{}'")
        mend(connection, damaged(connection), lambda _texts: [])
        assert [json.loads(str(v)) for v in _value(connection, "misfits", "details")] == [
            {"head": "x", "relation": "y", "tail": "z"}
        ]


def test_a_macro_without_steps_goes_and_a_trajectory_without_steps_succeeded_in_nothing(database: Database) -> None:
    with database.write() as connection:
        connection.execute("UPDATE macros SET steps = '{}'")
        connection.execute("UPDATE trajectories SET steps = '[{}]'")
        mend(connection, damaged(connection), lambda _texts: [])
        assert _value(connection, "macros", "id") == []
        assert _value(connection, "trajectories", "success") == [0]
        assert connection.execute("SELECT count(*) FROM origins WHERE kind = 'macro'").fetchone()[0] == 0
