"""What was told by one source goes with it, and nothing that another told."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from hippo_mem.errors import InputError
from hippo_mem.storage.database import Database
from hippo_mem.storage.origins import (
    Kind,
    MemoryName,
    add_origin,
    bump,
    dangling,
    delete_by,
    origins_of,
    orphans,
    sweep,
    version,
)
from hippo_mem.types import Provenance


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "memory.sqlite")
    yield opened
    opened.close()


def told(source: str = "user", span: str = "words", time: float = 1.0, doc_id: str | None = None) -> Provenance:
    return Provenance(text_span=span, source=source, time=time, doc_id=doc_id, conf=0.5)


def entity(connection: sqlite3.Connection, name: str) -> int:
    row = connection.execute("SELECT id FROM entities WHERE key = ?", (name,)).fetchone()
    if row:
        return int(row[0])
    found = connection.execute(
        "INSERT INTO entities (name, key, kind, created) VALUES (?, ?, 'thing', 0)", (name, name)
    ).lastrowid
    connection.execute("INSERT INTO aliases (key, entity_id) VALUES (?, ?)", (f"alias of {name}", found))
    assert found
    return found


def fact(
    connection: sqlite3.Connection, head: str, relation: str, tail: str, *origins: Provenance,
    negated: bool = False, valid_from: float = 0.0, trace_id: int | None = None,
) -> int:  # fmt: skip
    row_id = connection.execute(
        "INSERT INTO facts (head, relation, tail, negated, conf, mention_count, created, valid_from) "
        "VALUES (?, ?, ?, ?, 1, ?, 0, ?)",
        (entity(connection, head), relation, entity(connection, tail), negated, len(origins), valid_from),
    ).lastrowid
    assert row_id
    for origin in origins:
        add_origin(connection, "fact", row_id, origin, trace_id)
    return row_id


def supersede(connection: sqlite3.Connection, old: int, new: int) -> None:
    connection.execute(
        "UPDATE facts SET superseded_by = ?, valid_to = (SELECT valid_from FROM facts WHERE id = ?) WHERE id = ?",
        (new, new, old),
    )


def place(connection: sqlite3.Connection, name: str, *origins: Provenance) -> int:
    row_id = connection.execute(
        "INSERT INTO places (name, key, created, last_seen) VALUES (?, ?, 0, 0)", (name, name)
    ).lastrowid
    assert row_id
    for origin in origins:
        add_origin(connection, "place", row_id, origin, None)
    return row_id


def edge(connection: sqlite3.Connection, src: int, dst: int, *origins: Provenance) -> int:
    row_id = connection.execute(
        "INSERT INTO edges (src, dst, relation, cost, created, last_seen) VALUES (?, ?, 'north', 1, 0, 0)", (src, dst)
    ).lastrowid
    assert row_id
    for origin in origins:
        add_origin(connection, "edge", row_id, origin, None)
    return row_id


def ids(connection: sqlite3.Connection, table: str) -> list[int]:
    return [row[0] for row in connection.execute(f"SELECT id FROM {table} ORDER BY id")]


def test_every_telling_is_read_back_in_the_order_it_was_told(database: Database) -> None:
    with database.write() as connection:
        row = fact(connection, "Ana", "likes", "tea", told("a", "first", 2.0, "d1"), told("b", "second", 1.0))
        found = origins_of(connection, "fact", [row, 999])
    assert found == {row: [(told("a", "first", 2.0, "d1"), None), (told("b", "second", 1.0), None)], 999: []}


def test_an_unknown_kind_is_an_error_and_not_a_broken_constraint(database: Database) -> None:
    with database.write() as connection, pytest.raises(InputError, match="'trace' has origins; known: fact"):
        add_origin(connection, "trace", 1, told(), None)  # type: ignore[arg-type]


def test_deleting_one_source_leaves_what_another_told(database: Database) -> None:
    with database.write() as connection:
        alone = fact(connection, "Ana", "likes", "tea", told("a"))
        both = fact(connection, "Ana", "owns", "a boat", told("a"), told("b"))
        gone = delete_by(connection, source="a")
        assert ids(connection, "facts") == [both] != [alone]
        assert gone == {"origins": 2, "facts": 1, "entities": 1, "aliases": 1}
        assert connection.execute("SELECT mention_count FROM facts").fetchone()[0] == 1
        names = [r[0] for r in connection.execute("SELECT name FROM entities ORDER BY name")]
    assert names == ["Ana", "a boat"]


def test_a_place_takes_its_edges_and_their_origins(database: Database) -> None:
    with database.write() as connection:
        hall, kitchen = place(connection, "hall", told("a")), place(connection, "kitchen", told("b"))
        edge(connection, hall, kitchen, told("b"))
        connection.execute("INSERT INTO place_links VALUES (?, 'trace', 7)", (hall,))
        gone = delete_by(connection, source="a")
        assert gone == {"origins": 2, "places": 1, "edges": 1, "place_links": 1}
        assert ids(connection, "places") == [kitchen]
        assert orphans(connection) == {}


@pytest.mark.parametrize("choice", ["trace_ids", "doc_id", "everything"])
def test_every_choice_reaches_every_kind(database: Database, choice: str) -> None:
    origin = told("a", doc_id="d")
    with database.write() as connection:
        trace = insert_trace(connection, "t")
        fact(connection, "Ana", "likes", "tea", origin, trace_id=trace)
        hall, yard = place(connection, "hall"), place(connection, "yard")
        link = edge(connection, hall, yard)
        misfit = connection.execute(
            "INSERT INTO misfits (head, relation, tail, signature, details, created) VALUES ('a','b','c','s','{}',0)"
        ).lastrowid
        walk = connection.execute(
            "INSERT INTO trajectories (start, goal, steps, success, created) VALUES ('a', 'b', '[]', 1, 0)"
        ).lastrowid
        macro = connection.execute("INSERT INTO macros (signature, steps, created) VALUES ('s', '[]', 0)").lastrowid
        rows: list[tuple[Kind, int | None]] = [
            ("place", hall), ("place", yard), ("edge", link), ("misfit", misfit), ("trajectory", walk),
            ("macro", macro),
        ]  # fmt: skip
        for kind, row in rows:
            assert row
            add_origin(connection, kind, row, origin, trace)
        assert orphans(connection) == {}
        if choice == "trace_ids":
            gone = delete_by(connection, trace_ids=[trace])
        elif choice == "doc_id":
            gone = delete_by(connection, doc_id="d")
        else:
            gone = delete_by(connection, everything=True)
    assert gone == {
        "origins": 7, "facts": 1, "misfits": 1, "places": 2, "edges": 1, "trajectories": 1, "macros": 1,
        "entities": 2, "aliases": 2,
    }  # fmt: skip


def insert_trace(connection: sqlite3.Connection, text: str) -> int:
    found = connection.execute(
        "INSERT INTO traces (text, digest, slots, tags, surprise, novelty, reward, pin, score, threshold, text_span, "
        "source, time, conf, created, valid_from, vector, embedder, dim) "
        "VALUES (?, x'00', '{}', '[]', 0, 0, 0, 0, 0, 0, '', 'user', 0, 1, 0, 0, x'00000000', 'e', 1)",
        (text,),
    ).lastrowid
    assert found
    return found


def test_a_trace_deleted_by_plain_sql_takes_along_what_it_alone_told(database: Database) -> None:
    with database.write() as connection:
        trace, other = insert_trace(connection, "one"), insert_trace(connection, "two")
        alone = fact(connection, "Ana", "likes", "tea", told(), trace_id=trace)
        kept = fact(connection, "Ana", "owns", "a boat", told(), trace_id=other)
        before = version(connection, "relational")
        connection.execute("DELETE FROM traces WHERE id = ?", (trace,))
        assert ids(connection, "facts") == [kept] != [alone]
        assert version(connection, "relational") != before
        assert orphans(connection) == {}


def test_a_fact_is_open_again_when_what_closed_it_goes(database: Database) -> None:
    with database.write() as connection:
        paris = fact(connection, "Ana", "lives in", "Paris", told("a"), valid_from=1)
        rome = fact(connection, "Ana", "lives in", "Rome", told("b"), valid_from=2)
        supersede(connection, paris, rome)
        delete_by(connection, source="b")
        row = connection.execute("SELECT valid_to, superseded_by FROM facts WHERE id = ?", (paris,)).fetchone()
    assert tuple(row) == (None, None)


def test_in_a_chain_the_next_one_closes_what_the_deleted_one_had_closed(database: Database) -> None:
    with database.write() as connection:
        chain = [
            fact(connection, "Ana", "lives in", city, told(city), valid_from=at)
            for at, city in enumerate(["Paris", "Rome", "Oslo"], start=1)
        ]
        supersede(connection, chain[0], chain[1])
        supersede(connection, chain[1], chain[2])
        delete_by(connection, source="Rome")
        row = connection.execute("SELECT valid_to, superseded_by FROM facts WHERE id = ?", (chain[0],)).fetchone()
        assert tuple(row) == (3.0, chain[2])
        delete_by(connection, source="Oslo")
        row = connection.execute("SELECT valid_to, superseded_by FROM facts WHERE id = ?", (chain[0],)).fetchone()
    assert tuple(row) == (None, None)


def test_a_denial_of_the_deleted_fact_does_not_close_the_one_before(database: Database) -> None:
    with database.write() as connection:
        paris = fact(connection, "Ana", "lives in", "Paris", told("a"), valid_from=1)
        rome = fact(connection, "Ana", "lives in", "Rome", told("b"), valid_from=2)
        denial = fact(connection, "Ana", "lives in", "Rome", told("c"), valid_from=3, negated=True)
        supersede(connection, paris, rome)
        supersede(connection, rome, denial)
        delete_by(connection, source="b")
        row = connection.execute("SELECT valid_to, superseded_by FROM facts WHERE id = ?", (paris,)).fetchone()
    assert tuple(row) == (None, None)


@pytest.mark.parametrize("memory", ["relational", "spatial"])
def test_a_change_number_never_comes_again(database: Database, memory: MemoryName) -> None:
    seen = {0}
    with database.read() as connection:
        assert version(connection, memory) == 0

    def change(*, fail: bool) -> None:
        with database.write() as connection:
            bump(connection, memory)
            assert version(connection, memory) not in seen
            seen.add(version(connection, memory))
            if fail:
                raise KeyboardInterrupt

    for _ in range(20):
        with pytest.raises(KeyboardInterrupt):
            change(fail=True)
        change(fail=False)


@pytest.mark.parametrize("given", [{}, {"source": "a", "doc_id": "b"}])
def test_exactly_one_choice_is_needed(database: Database, given: dict[str, str]) -> None:
    with database.write() as connection, pytest.raises(InputError, match="exactly one of trace_ids"):
        delete_by(connection, **given)  # type: ignore[arg-type]


def test_sweep_removes_what_nothing_accounts_for(database: Database) -> None:
    with database.write() as connection:
        kept = fact(connection, "Ana", "likes", "tea", told())
        fact(connection, "Bo", "likes", "jam")
        hall = place(connection, "hall", told())
        connection.execute("INSERT INTO place_links VALUES (?, 'fact', 4711)", (hall,))
        connection.execute("UPDATE facts SET superseded_by = 4711, valid_to = 1 WHERE id = ?", (kept,))
        add_origin(connection, "fact", kept, told(span="of a trace that is gone"), 4711)
        add_origin(connection, "edge", 4711, told(), None)
        assert orphans(connection) == {
            "origins": 2, "facts": 1, "place_links": 1, "superseded facts": 1,
        }  # fmt: skip
        assert sweep(connection) == {"origins": 2, "facts": 1, "entities": 2, "aliases": 2, "place_links": 1}
        assert orphans(connection) == {}
        row = connection.execute("SELECT id, valid_to, superseded_by FROM facts").fetchone()
    assert tuple(row) == (kept, None, None)


def test_what_points_at_a_row_that_is_gone_goes_as_the_schema_would_have_it(tmp_path: Path) -> None:
    database = Database(tmp_path / "memory.sqlite")
    with database.write() as connection:
        ana = fact(connection, "Ana", "likes", "tea", told())
        gone = fact(connection, "Ana", "likes", "jam", told())
        connection.execute("INSERT INTO aliases VALUES ('annie', 1, ?, NULL)", (gone,))
        hall, yard = place(connection, "hall", told()), place(connection, "yard", told())
        edge(connection, hall, yard, told())
        connection.execute("INSERT INTO place_links VALUES (?, 'fact', ?)", (yard, ana))
    database.close()
    with sqlite3.connect(database.path) as another:  # a program that does not ask for foreign keys
        another.execute("DELETE FROM facts WHERE id = ?", (gone,))
        another.execute("DELETE FROM places WHERE id = ?", (yard,))
    another.close()
    database = Database(database.path)
    with database.write() as connection:
        assert "row 4 of aliases points at a row of facts that is gone" in dangling(connection)
        assert orphans(connection) == {"edges": 1, "aliases": 2, "place_links": 1}
        assert sweep(connection) == {"origins": 1, "edges": 1, "aliases": 2, "place_links": 1}
        assert orphans(connection) == {}
        assert dangling(connection) == []
    database.close()


def test_no_deleted_word_stays_in_the_file(database: Database) -> None:
    with database.write() as connection:
        fact(connection, "Quillfeather", "hid", "the zanthium", told("a", "Quillfeather hid the zanthium"))
        fact(connection, "Ana", "likes", "tea", told("b"))
    with database.write() as connection:
        delete_by(connection, source="a")
    database.flush_log()
    for file in database.path.parent.iterdir():
        content = file.read_bytes()
        assert b"uillfeather" not in content, file
        assert b"zanthium" not in content, file
