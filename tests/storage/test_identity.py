"""A store says which one it is, and what an index knew of another is not forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hippo_mem.errors import StoreError
from hippo_mem.storage.database import Database
from hippo_mem.storage.identity import find_lost, name_again, note_lost, note_of, store_id, unnamed
from hippo_mem.storage.index_file import IndexFile, Stamp, write


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "memory.sqlite")
    yield opened
    opened.close()


def index(path: Path, name: str, rows: int) -> Path:
    stamp = Stamp(
        store_id=name,
        schema=1,
        generation=1,
        embedder="e",
        dim=4,
        rows=rows,
        last_id=rows,
        deletions=0,
        last_created=1.0,
    )
    write(path, IndexFile(stamp=stamp, n=rows, folded=0, body=b"not read"))
    return path


def test_a_store_without_a_name_is_an_error_with_a_remedy_until_named_again(database: Database) -> None:
    with database.write() as connection:
        before = store_id(connection, database.path)
        assert unnamed(connection) == []
        connection.execute("DELETE FROM meta")
        with pytest.raises(StoreError, match=r"does not say which store it is.*hippo doctor --repair"):
            store_id(connection, database.path)
        assert unnamed(connection) == ["no store_id in its table meta"]
        name_again(connection)
        assert unnamed(connection) == []
        assert store_id(connection, database.path) != before


def test_a_number_that_is_none_is_made_up_and_the_name_stays(database: Database) -> None:
    with database.write() as connection:
        before = store_id(connection, database.path)
        connection.execute("INSERT INTO meta VALUES ('generation', 'many')")
        assert unnamed(connection) == ["generation in its table meta is 'many', not a number"]
        name_again(connection)
        assert unnamed(connection) == []
        assert store_id(connection, database.path) == before


def test_an_index_of_this_store_or_of_an_empty_one_tells_of_no_loss(tmp_path: Path) -> None:
    assert find_lost(tmp_path / "index.faiss", "a") is None
    assert find_lost(index(tmp_path / "index.faiss", "a", 3), "a") is None
    assert find_lost(index(tmp_path / "index.faiss", "b", 0), "a") is None
    (tmp_path / "index.faiss").write_bytes(b"garbage")
    assert note_lost(tmp_path / "index.faiss", "a") is None
    assert not note_of(tmp_path / "index.faiss").exists()


def test_what_an_index_knew_of_another_store_outlives_the_index(tmp_path: Path) -> None:
    file = index(tmp_path / "index.faiss", "b", 3)
    noted = note_lost(file, "a")
    assert noted is not None
    assert noted.rows == 3
    assert note_lost(file, "a") is None  # said once
    found = find_lost(index(file, "a", 1), "a")
    assert found is not None
    assert (found.rows, found.said_by) == (3, (note_of(file),))
    assert find_lost(file, "b") is not None  # of b's own loss nothing is known, but a's rows are not b's
    note_lost(index(file, "c", 2), "a")
    again = find_lost(file, "a")
    assert again is not None
    assert again.rows == 3
