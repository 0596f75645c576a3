"""Graph and map go out as readable rows in the specified layout and come back as they were."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from hippo_mem.errors import StoreFormatError
from hippo_mem.replay.from_store import load_sessions, session_items
from hippo_mem.storage.database import Database
from hippo_mem.storage.experiment import load_session
from hippo_mem.storage.origins import orphans
from hippo_mem.storage.session_rows import load_rows, relational_rows, save_store, spatial_rows
from tests.storage.rows import fill
from tests.storage.test_experiment import trace
from tests.storage.test_origins import insert_trace


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "one.sqlite")
    with opened.write() as connection:
        fill(connection, [insert_trace(connection, "Ana moved from Paris to Rome.")])
    yield opened
    opened.close()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "two.sqlite")
    with opened.write() as connection:
        insert_trace(connection, "already here")
        insert_trace(connection, "Ana moved from Paris to Rome.")
    yield opened
    opened.close()


def test_a_fact_is_spelled_out(database: Database) -> None:
    with database.read() as connection:
        old, new = relational_rows(connection)
    assert (old["head"], old["relation"], old["tail"]) == ("Ana", "lives in", "P")
    assert (old["valid_to"], old["superseded_by"]) == (4.0, new["id"])
    assert new["valid_to"] is None
    annie = {"key": "annie", "fact_id": old["id"], "context_key": None}
    assert old["head_entity"] == {"key": "ana", "kind": "person", "created": 1.5, "aliases": [annie]}
    assert [(p["source"], p["text_span"], p["trace_id"]) for p in new["provenance"]] == [
        ("user", "naïve ☃", None), ("book", "words", 1),
    ]  # fmt: skip


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
def test_all_three_memories_are_saved_and_come_back(
    database: Database, other: Database, tmp_path: Path, format: Literal["jsonl", "parquet"]
) -> None:
    meta = save_store(database, [trace(1)], tmp_path, "seed1337", model="m", format=format)
    assert dict(meta.counts) == {"episodic": 1, "relational": 2, "spatial": 5}
    files = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob(f"*.{format}"))
    assert files == [
        f"hei_nw/seed1337/episodic.{format}", f"hei_nw/seed1337/relational.{format}",
        f"hei_nw/seed1337/spatial.{format}", f"sgc_rss/seed1337/kg.{format}", f"smpd/seed1337/spatial.{format}",
    ]  # fmt: skip
    saved = load_session(tmp_path, "seed1337")
    assert saved.rows["relational"] == load_session(tmp_path, "seed1337", "sgc_rss").rows["kg"]
    added = load_rows(other, saved.rows["relational"], saved.rows["spatial"], {1: 2})
    assert added == {
        "entities": 3, "aliases": 1, "facts": 2, "places": 2, "edges": 1, "trajectories": 1, "macros": 1,
        "place_links": 2, "origins": 8,
    }  # fmt: skip
    with database.read() as one, other.read() as two:
        assert orphans(two) == {}
        assert _without_trace_ids(relational_rows(one)) == _without_trace_ids(relational_rows(two))
        assert _without_trace_ids(spatial_rows(one)) == _without_trace_ids(spatial_rows(two))
        assert {r[0] for r in two.execute("SELECT DISTINCT trace_id FROM origins WHERE trace_id IS NOT NULL")} == {2}


def _without_trace_ids(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    plain: list[dict[str, Any]] = json.loads(json.dumps(rows))
    for row in plain:
        for told in row["provenance"]:
            del told["trace_id"]
        for link in row.get("links", []):
            if link["kind"] == "trace":
                del link["id"]
    return plain


def _counts(connection: sqlite3.Connection) -> dict[str, int]:
    tables = ("entities", "facts", "places", "edges", "trajectories", "macros")
    return {t: connection.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in tables}


def test_loading_twice_joins_what_is_the_same(database: Database, other: Database, tmp_path: Path) -> None:
    with database.write() as connection:
        connection.execute("UPDATE places SET visits = 2")
    save_store(database, [], tmp_path, "abc")
    saved = load_session(tmp_path, "abc")
    for _ in range(2):
        load_rows(other, saved.rows["relational"], saved.rows["spatial"], {})
    with other.read() as connection:
        assert _counts(connection) == {
            "entities": 3,
            "facts": 2,
            "places": 2,
            "edges": 1,
            "trajectories": 1,
            "macros": 1,
        }
        assert connection.execute("SELECT min(visits), max(visits) FROM places").fetchone()[:] == (2, 2)
        assert orphans(connection) == {}


def test_the_saved_rows_can_be_replayed(database: Database, tmp_path: Path) -> None:
    save_store(database, [trace(1)], tmp_path, "abc")
    ids = {(item.memory, item.id) for saved in load_sessions(tmp_path, "abc") for item in session_items(saved)}
    assert {i for memory, i in ids if memory == "relational"} == {1, 2}
    assert {i for memory, i in ids if memory == "spatial"} == {
        "place-1", "place-2", "edge-1", "trajectory-1", "macro-1",
    }  # fmt: skip


def test_rows_of_another_program_need_only_say_what_they_know(other: Database) -> None:
    facts = [{"schema": 1, "head": "Ana", "relation": "likes", "tail": "tea", "color": "red"}]
    places = [{"kind": "place", "id": "place-1", "name": "Hall"}]
    load_rows(other, facts, places, {})
    with other.read() as connection:
        [fact], [place] = relational_rows(connection), spatial_rows(connection)
    assert (fact["head"], fact["conf"], fact["head_entity"]["key"]) == ("Ana", 1.0, "ana")
    assert [p["text_span"] for p in fact["provenance"]] == ["Ana likes tea"]
    assert (place["name"], place["key"]) == ("Hall", "hall")


@pytest.mark.parametrize(
    ("facts", "places", "message"),
    [
        ([{"head": "Ana", "relation": "likes"}], [], r"s1, relational row 1: tail must be text, got None"),
        ([], [{"kind": "edge", "id": "edge-1", "src": "hall", "dst": "place-1"}], r"'hall' is not the id of a place"),
        ([], [{"kind": "edge", "id": "edge-1", "src": "place-8", "dst": "place-9", "relation": "north", "cost": 1.0}],
         r"edges\.src is 8, which is not among the places"),
        ([], [{"kind": "dream", "id": "dream-1"}], r"s1, spatial row 1: kind must be one of place, edge"),
        ([{"head": "a", "relation": "r", "tail": "b", "conf": 3.0}], [], "CHECK constraint failed"),
    ],
)  # fmt: skip
def test_a_bad_row_is_named_and_nothing_comes_in(
    other: Database, facts: list[Any], places: list[Any], message: str
) -> None:
    with pytest.raises(StoreFormatError, match=message):
        load_rows(other, facts, places, {}, origin="s1")
    with other.read() as connection:
        assert (relational_rows(connection), spatial_rows(connection)) == ([], [])
