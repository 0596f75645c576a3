import sqlite3
from pathlib import Path

import pytest

from hippo_mem.errors import StorageFull, StoreBusy, StoreError, StoreVersionError
from hippo_mem.storage import Database
from hippo_mem.storage.migrations import LATEST, MIGRATIONS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.sqlite"


def count(database: Database) -> int:
    with database.read() as connection:
        return int(connection.execute("SELECT count(*) FROM counters").fetchone()[0])


def put(connection: sqlite3.Connection, name: str) -> None:
    connection.execute("INSERT INTO counters VALUES (?, 1)", (name,))


def test_a_new_store_is_private_durable_and_of_the_latest_schema(path: Path) -> None:
    database = Database(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert database.schema == LATEST
    with database.read() as connection:
        pragmas = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        }
        records = connection.execute("SELECT number, name FROM migrations").fetchall()
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}
    assert [tuple(r) for r in records] == [(m.number, m.name) for m in MIGRATIONS]
    with database.write() as connection:
        put(connection, "a")
    for beside in path.parent.glob("memory.sqlite*"):
        assert beside.stat().st_mode & 0o777 == 0o600
    assert database.check() == []
    database.close()
    database.close()


def test_migrations_are_numbered_without_gaps() -> None:
    assert [m.number for m in MIGRATIONS] == list(range(1, LATEST + 1))


def test_a_failed_block_leaves_nothing(path: Path) -> None:
    database = Database(path)
    with pytest.raises(KeyboardInterrupt), database.write() as connection:  # noqa: PT012
        put(connection, "a")
        raise KeyboardInterrupt
    assert count(database) == 0
    database.close()


def test_an_inner_block_undoes_its_own_part_only(path: Path) -> None:
    database = Database(path)
    with database.write() as connection:
        put(connection, "outer")
        with pytest.raises(ValueError, match="inner"), database.write():  # noqa: PT012
            put(connection, "inner")
            raise ValueError("inner")
        with database.write():
            put(connection, "second")
    assert count(database) == 2
    database.close()


def test_a_write_inside_a_read_is_refused(path: Path) -> None:
    database = Database(path)
    with database.read(), pytest.raises(RuntimeError, match="inside a read block"), database.write():
        pass
    with database.write(), database.read() as connection:
        put(connection, "a")
    assert count(database) == 1
    database.close()


def test_a_second_writer_waits_and_then_says_so(path: Path) -> None:
    first, second = Database(path), Database(path, timeout_s=0.05)
    with first.write() as connection:
        put(connection, "a")
        said = r"another process has been writing to .* for more than 0\.05 s"
        with pytest.raises(StoreBusy, match=said), second.write():
            pass
        assert count(second) == 0  # readers do not wait, and see what was committed
    assert count(second) == 1
    first.close()
    second.close()


def test_a_newer_store_is_refused_untouched(path: Path) -> None:
    Database(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO migrations VALUES (?, 'from the future', 0)", (LATEST + 1,))
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreVersionError, match=rf"has schema {LATEST + 1}, .* knows up to {LATEST}; upgrade hippo"):
        Database(path)
    assert path.read_bytes() == before


def test_a_file_that_is_no_store_is_refused_untouched(path: Path) -> None:
    path.write_bytes(b"these are not the bytes you are looking for" * 100)
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"damaged or not a store .* put back a backup, or move the file away"):
        Database(path)
    assert path.read_bytes() == before


def test_a_damaged_file_is_found(path: Path) -> None:
    database = Database(path)
    with database.write() as connection:
        for i in range(2000):
            put(connection, f"counter number {i}")
    database.flush_log()
    database.close()
    data = bytearray(path.read_bytes())
    data[-40_000:] = b"\xff" * 40_000
    path.write_bytes(data)
    database = Database(path)
    assert database.check() != []
    with pytest.raises(StoreError, match="damaged"), database.read() as connection:
        connection.execute("SELECT sum(value) FROM counters WHERE length(name) > 1").fetchall()
    database.close()


def test_a_full_disk_is_said_and_changes_nothing(path: Path) -> None:
    database = Database(path)
    with database.write() as connection:
        put(connection, "kept")
    with database.read() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages}")
    with (  # noqa: PT012
        pytest.raises(StorageFull, match=r"disk is full; nothing was changed\. Free space"),
        database.write() as connection,
    ):
        for i in range(10_000):
            put(connection, f"{i}" * 50)
    assert count(database) == 1
    with database.write() as connection:  # what fits is still taken
        put(connection, "b")
    database.close()


def test_a_read_only_store_is_said(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Database(path).close()
    connect = sqlite3.connect

    def read_only(place: Path, **options: object) -> sqlite3.Connection:
        return connect(f"file:{place}?mode=ro", uri=True, **options)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr(sqlite3, "connect", read_only)
    database = Database(path)
    with pytest.raises(StorageFull, match="readonly database; nothing was changed"), database.write() as connection:
        put(connection, "a")
    database.close()


def test_a_place_that_takes_no_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(StorageFull, match=r"cannot write .*set HIPPO_HOME"):
        Database(tmp_path / "missing" / "memory.sqlite")


def test_a_step_and_its_record_stand_or_fall_together(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hippo_mem.storage import migrations

    broken = migrations.Migration(
        number=LATEST + 1, name="broken", statements=("CREATE TABLE good (x)", "CREATE TABLE (")
    )
    Database(path).close()
    monkeypatch.setattr(migrations, "MIGRATIONS", (*MIGRATIONS, broken))
    monkeypatch.setattr(migrations, "LATEST", LATEST + 1)
    with pytest.raises(StoreError, match="syntax error"):
        Database(path)
    monkeypatch.undo()
    database = Database(path)
    with database.read() as connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    assert "good" not in tables
    assert database.schema == LATEST
    database.close()


def test_named_values_are_kept(path: Path) -> None:
    database = Database(path)
    assert database.meta("colour") is None
    database.set_meta("colour", "blue")
    database.set_meta("colour", "green")
    database.close()
    again = Database(path)
    assert again.meta("colour") == "green"
    assert len(again.meta("store_id") or "") == 32
    again.close()
