"""What is exported comes in again as it was; what is not whole comes in not at all."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hippo_mem.awake import Awake
from hippo_mem.embed import HashingEmbedder
from hippo_mem.errors import InputError, StorageFull, StoreFormatError, StoreVersionError
from hippo_mem.storage.database import Database
from hippo_mem.storage.origins import add_origin, orphans
from hippo_mem.storage.portable import Imported, export_to, import_from
from hippo_mem.types import Event
from tests.storage.rows import everything, fill, put, put_told, told

Format = Literal["jsonl", "parquet"]
SPACE = HashingEmbedder(32)


def open_awake(user: str) -> Awake:
    return Awake.open(user=user, embedder=SPACE, memories=("episodic",))


@pytest.fixture
def memory(data_home: Path) -> Iterator[Awake]:
    with open_awake("from") as opened:
        opened.observe_many(
            [
                Event(text="Marta hid the brass key.", source="book", tags=("a", "ü"), slots={"who": "Marta"}),
                Event(text="Pavel sold the old barn.", context="k", doc_id="d", time=12.25, conf=0.5, pin=True),
            ]
        )
        opened.forget(trace_id=1)
        opened.observe("Zofia painted the fence green.")
        with opened.database.write() as connection:
            fill(connection, [2, 3])
        yield opened


def rows(memory: Awake) -> dict[str, list[dict[str, Any]]]:
    with memory.database.read() as connection:
        return everything(connection)


@pytest.fixture(params=["jsonl", "parquet"])
def exported(request: pytest.FixtureRequest, memory: Awake, tmp_path: Path) -> Path:
    path = tmp_path / f"out.{request.param}"
    export_to(memory.database, path, format=request.param)
    return path


def test_the_round_trip_is_exact(memory: Awake, exported: Path) -> None:
    before = rows(memory)
    assert all(before.values()), "every table takes part"
    with open_awake("taker") as other:
        done = import_from(other.database, exported, space=SPACE)
        assert rows(other) == before
        assert done.added == {name: len(found) for name, found in before.items()}
        with other.database.read() as connection:
            assert orphans(connection) == {}


def test_what_was_imported_is_recalled(exported: Path) -> None:
    with open_awake("taker") as other:
        import_from(other.database, exported, space=SPACE)
        hit = other.recall("Who painted the fence?", 1).hits[0].trace
        assert (hit.id, hit.text) == (3, "Zofia painted the fence green.")
        outcome, *_ = other.observe("Olga bought a telescope.")
        assert outcome.trace_id == 4


def test_a_renumbered_import_joins_what_both_stores_have(memory: Awake, exported: Path) -> None:
    before = rows(memory)
    with open_awake("taker") as other:
        import_from(other.database, exported, space=SPACE, renumber=True)
        again = import_from(other.database, exported, space=SPACE, renumber=True)
        after = rows(other)
        with other.database.read() as connection:
            assert orphans(connection) == {}
    for name, here in before.items():
        assert len(after[name]) == len(here), name
    assert again.added == {}
    assert again.joined == {name: len(here) for name, here in before.items()}
    by_id = {fact["id"]: fact for fact in after["facts"]}
    closed = [fact for fact in after["facts"] if fact["valid_to"] is not None]
    assert {by_id[fact["superseded_by"]]["valid_to"] for fact in closed} == {None}
    counts = {"facts": "mention_count", "places": "visits", "edges": "attempts", "macros": "uses"}
    for name, count in counts.items():
        assert [row[count] for row in after[name]] == [row[count] for row in before[name]], name


def test_what_was_told_twice_alike_comes_in_twice(memory: Awake, exported: Path) -> None:
    """Joined is what came over before, not what one store has more than once."""
    with memory.database.write() as connection:
        put_told(connection, "trajectory", told(), 2, start="hall", goal="yard", steps="[]", success=1, created=1)
    twice = exported.with_name(f"twice{exported.suffix}")
    export_to(memory.database, twice, format="jsonl" if exported.suffix == ".jsonl" else "parquet")
    with open_awake("taker") as other:
        for path, n in ((exported, 1), (twice, 2), (twice, 2)):
            import_from(other.database, path, space=SPACE, renumber=True)
            assert len(rows(other)["trajectories"]) == n


def test_of_counts_the_new_tellings_add_up(memory: Awake, exported: Path) -> None:
    with memory.database.write() as connection:
        fact = connection.execute("SELECT id FROM facts WHERE valid_to IS NULL").fetchone()[0]
        connection.execute("UPDATE facts SET mention_count = 2 WHERE id = ?", (fact,))
    later = exported.with_name("later.jsonl")
    with open_awake("taker") as other:
        export_to(memory.database, later)
        import_from(other.database, later, space=SPACE, renumber=True)
        with memory.database.write() as connection:
            add_origin(connection, "fact", fact, told("letter"), None)
            connection.execute("UPDATE facts SET mention_count = 3 WHERE id = ?", (fact,))
        export_to(memory.database, later)
        import_from(other.database, later, space=SPACE, renumber=True)
        assert [f["mention_count"] for f in rows(other)["facts"] if f["valid_to"] is None] == [3]


def test_a_taken_id_is_named_and_nothing_comes_in(memory: Awake, exported: Path) -> None:
    with open_awake("taker") as other:
        other.observe_many(["Olga bought a telescope.", "Jiri lost his umbrella."])
        before = rows(other)
        with pytest.raises(InputError, match=r"id 2 of traces is already in this store; import with --renumber"):
            import_from(other.database, exported, space=SPACE)
        assert rows(other) == before


def test_the_id_of_a_deleted_trace_stays_its_own(memory: Awake, exported: Path) -> None:
    memory.forget(everything=True)
    with pytest.raises(InputError, match="id 2 of traces was deleted from this store"):
        import_from(memory.database, exported, space=SPACE)
    import_from(memory.database, exported, space=SPACE, renumber=True)
    assert [trace.id for trace in memory.store] == [4, 5]


def test_ids_below_those_here_are_found_as_well(memory: Awake, tmp_path: Path) -> None:
    """An index that follows by ascending ids must not pass over them."""
    export_to(memory.database, tmp_path / "low.jsonl")
    with open_awake("taker") as other:
        with other.database.write() as connection:
            connection.execute("INSERT INTO sqlite_sequence VALUES ('traces', 100)")
        other.observe("Olga bought a telescope.")
        other.recall("telescope")
        import_from(other.database, tmp_path / "low.jsonl", space=SPACE)
    with open_awake("taker") as other:
        assert {i for i, _ in other.store.nearest(SPACE.embed(["fence"])[0], 9)} == {2, 3, 101}


def test_rows_of_another_vector_space_are_embedded_again(exported: Path) -> None:
    space = HashingEmbedder(64)
    with Awake.open(user="taker", embedder=space) as other:
        import_from(other.database, exported, space=space)
        [(found, cosine)] = other.store.nearest(space.embed(["Pavel sold the old barn."])[0], 1)
        assert (found, cosine) == (2, pytest.approx(1.0))


@pytest.mark.parametrize("lines", [0, 1, 2, 5, -1])
def test_a_cut_off_file_brings_nothing_in(memory: Awake, tmp_path: Path, lines: int) -> None:
    path = tmp_path / "out.jsonl"
    export_to(memory.database, path)
    whole = path.read_text().splitlines(keepends=True)
    path.write_text("".join(whole[:lines]))
    message = "is empty" if lines == 0 else f"is cut off after line {lines % len(whole)}: the end is missing"
    with open_awake("taker") as other:
        with pytest.raises(StoreFormatError, match=message):
            import_from(other.database, path, space=SPACE)
        assert not any(rows(other).values())


def test_a_line_cut_in_the_middle_is_named(memory: Awake, tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    export_to(memory.database, path)
    whole = path.read_text().splitlines(keepends=True)
    path.write_text("".join(whole[:6]) + whole[6][:20])
    with open_awake("taker") as other:
        with pytest.raises(StoreFormatError, match="line 7 is not valid JSON: the file ends in the middle"):
            import_from(other.database, path, space=SPACE)
        assert not any(rows(other).values())


@pytest.mark.parametrize("where", [0.3, 0.9])
def test_a_cut_off_parquet_file_brings_nothing_in(memory: Awake, tmp_path: Path, where: float) -> None:
    path = tmp_path / "out"
    export_to(memory.database, path, format="parquet")
    file = path / "origins.parquet"
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * where)])
    with open_awake("taker") as other:
        with pytest.raises(StoreFormatError, match=r"origins\.parquet is damaged or cut off"):
            import_from(other.database, path, space=SPACE)
        file.unlink()
        with pytest.raises(StoreFormatError, match=r"origins\.parquet is missing"):
            import_from(other.database, path, space=SPACE)
        assert not any(rows(other).values())


def change(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda row: row.update(values)


NAN = {"base64": "AADAfw==" * 32}


def test_a_text_that_is_no_utf8_names_its_file(memory: Awake, tmp_path: Path) -> None:
    path = tmp_path / "out"
    export_to(memory.database, path, format="parquet")
    file = path / "traces.parquet"
    data = file.read_bytes()
    file.write_bytes(data.replace(b"Pavel sold", b"Pavel \xf6old"))
    with open_awake("taker") as other:
        with pytest.raises(StoreFormatError, match=r"out/traces\.parquet is damaged or cut off: .*0xf6"):
            import_from(other.database, path, space=SPACE)
        assert len(other.store) == 0


@pytest.mark.parametrize(
    ("table", "edit", "message"),
    [
        ("traces", change(vector={"base64": "AAAA"}), "traces.vector has 3 bytes, dim 32 needs 128"),
        ("traces", change(vector={"base64": "?"}), "line 2: vector must be a value or"),
        ("traces", change(text="  "), "text is empty"),
        ("traces", change(slots="[1"), "traces.slots is not valid JSON"),
        ("traces", change(tags='{"a": 1}'), "traces.tags must be a JSON list of texts"),
        ("traces", change(time="noon"), "traces.time must be real, got 'noon'"),
        ("traces", change(colour=1), "traces has no column 'colour'"),
        ("traces", change(conf=7.0), "line 2: traces: CHECK constraint failed"),
        ("traces", lambda row: row.pop("digest"), "traces needs digest"),
        ("facts", change(head=99), "facts.head is 99, which is not among the entities"),
        ("facts", change(superseded_by=99), "facts.superseded_by is 99, which is not among the facts"),
        ("edges", change(cost=-1.0), "CHECK constraint failed"),
        ("origins", change(kind="dream"), "origins.kind is 'dream'"),
        ("origins", change(trace_id=77), "origins.trace_id is 77, which is not among the traces"),
        ("misfits", change(table="thoughts"), "no table 'thoughts'"),
    ],
)
def test_a_line_that_is_no_row_is_named_and_nothing_comes_in(
    memory: Awake, tmp_path: Path, table: str, edit: Callable[[dict[str, Any]], Any], message: str
) -> None:
    path = tmp_path / "out.jsonl"
    export_to(memory.database, path)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    edit(next(line for line in lines if line.get("table") == table))
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with open_awake("taker") as other:
        with pytest.raises(StoreFormatError, match=r"line \d+") as caught:
            import_from(other.database, path, space=SPACE)
        assert message in str(caught.value)
        assert not any(rows(other).values())


def test_a_vector_with_nan_is_refused(memory: Awake, tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    export_to(memory.database, path)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    vector = np.full(32, np.nan, dtype="<f4").tobytes()
    import base64

    lines[1]["vector"] = {"base64": base64.b64encode(vector).decode()}
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with open_awake("taker") as other, pytest.raises(StoreFormatError, match="not finite"):
        import_from(other.database, path, space=SPACE)


def test_an_id_twice_in_one_file_is_named_with_both_lines(memory: Awake, tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    export_to(memory.database, path)
    lines = path.read_text().splitlines(keepends=True)
    end = json.dumps({"end": len(lines) - 1})
    path.write_text("".join([*lines[:2], lines[1], *lines[2:-1], end]))
    with (
        open_awake("taker") as other,
        pytest.raises(InputError, match=r"line 3: id 2 of traces is there twice.*line 2"),
    ):
        import_from(other.database, path, space=SPACE, renumber=True)


def test_rows_without_an_origin_are_refused(memory: Awake, tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    export_to(memory.database, path)
    lines = [line for line in path.read_text().splitlines() if '"misfit"' not in line]
    lines[-1] = json.dumps({"end": len(lines) - 2})
    path.write_text("\n".join(lines) + "\n")
    with open_awake("taker") as other, pytest.raises(StoreFormatError, match="1 of the misfits have nothing that they"):
        import_from(other.database, path, space=SPACE)


def test_other_files_and_newer_versions_are_refused(memory: Awake, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "hello"}\n')
    with pytest.raises(StoreFormatError, match="line 1 is not the beginning of an export"):
        import_from(memory.database, tmp_path / "a.jsonl", space=SPACE)
    with pytest.raises(InputError, match="no file"):
        import_from(memory.database, tmp_path / "none.jsonl", space=SPACE)
    with pytest.raises(InputError, match=r"export\.json is missing"):
        import_from(memory.database, tmp_path, space=SPACE)
    head = {"format": "hippo-export", "version": 1, "schema": 99, "counts": {}}
    (tmp_path / "b.jsonl").write_text(json.dumps(head) + "\n")
    with pytest.raises(StoreVersionError, match="upgrade hippo"):
        import_from(memory.database, tmp_path / "b.jsonl", space=SPACE)


def test_an_export_replaces_an_export_and_nothing_else(memory: Awake, tmp_path: Path) -> None:
    other = tmp_path / "mine"
    other.mkdir()
    (other / "letter.txt").write_text("mine")
    with pytest.raises(InputError, match="holds something else"):
        export_to(memory.database, other, format="parquet")
    with pytest.raises(InputError, match="is a folder"):
        export_to(memory.database, other)
    assert (other / "letter.txt").read_text() == "mine"
    for _ in range(2):
        export_to(memory.database, tmp_path / "out", format="parquet")
        export_to(memory.database, tmp_path / "out.jsonl")
    assert {p.name for p in tmp_path.iterdir()} == {"hippo-home", "mine", "out", "out.jsonl"}
    assert (tmp_path / "out.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_place_that_cannot_be_written_is_named(memory: Awake, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageFull, match="cannot write"):
        export_to(memory.database, tmp_path / "file" / "out.jsonl")


def test_an_export_says_nothing_about_whose_it_is(memory: Awake, exported: Path) -> None:
    files = [exported] if exported.is_file() else list(exported.iterdir())
    store_id = memory.database.meta("store_id") or ""
    for file in files:
        content = file.read_bytes()
        for secret in (store_id, str(memory.home.root), "Marta"):  # Marta was forgotten
            assert secret.encode() not in content


words = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
reals = st.floats(allow_nan=False, width=64)
fact_values = st.fixed_dictionaries(
    {
        "relation": words, "negated": st.booleans().map(int), "place": words, "time_text": words,
        "context_key": st.none() | words, "conf": st.floats(0, 1), "valid_from": reals,
        "mention_count": st.integers(1, 2**62), "created": reals, "valid_to": st.none() | reals,
    }
)  # fmt: skip
origins = st.builds(told, source=words, text_span=words, time=reals, doc_id=st.none() | words)


@settings(max_examples=25, deadline=None)
@given(
    facts=st.lists(st.tuples(fact_values, origins, st.integers(0, 2), st.integers(0, 2)), max_size=5),
    names=st.tuples(words, words, words),
    format=st.sampled_from(["jsonl", "parquet"]),
)
def test_any_facts_make_the_round_trip(facts: list[Any], names: tuple[str, str, str], format: Format) -> None:
    with tempfile.TemporaryDirectory() as folder:
        one, two = (Database(Path(folder) / f"{n}.sqlite") for n in (1, 2))
        with one.write() as connection:
            used = {i for _, _, head, tail in facts for i in (head, tail)}
            ids = {
                i: put(connection, "entities", name=names[i], key=f"{i}{names[i]}", kind="thing", created=0)
                for i in used
            }
            for values, origin, head, tail in facts:
                put_told(connection, "fact", origin, None, head=ids[head], tail=ids[tail], **values)
        path = Path(folder) / "out"
        export_to(one, path, format=format)
        done = import_from(two, path, space=SPACE)
        with one.read() as first, two.read() as second:
            assert everything(first) == everything(second)
        assert done == Imported(
            added={n: len(r) for n, r in (("entities", ids), ("facts", facts), ("origins", facts)) if r}, joined={}
        )
        one.close()
        two.close()


def test_an_export_takes_the_place_of_nothing_but_an_export(awake: Awake, tmp_path: Path) -> None:
    awake.observe("Zofia painted the fence green.")
    notes, link = tmp_path / "notes.txt", tmp_path / "link.jsonl"
    notes.write_text("mine\n")
    link.symlink_to(notes)
    for place in (notes, link, awake.home.database):
        before = place.read_bytes()
        with pytest.raises(InputError, match=r"something else|no ordinary file"):
            export_to(awake.database, place)
        assert place.read_bytes() == before
    again = tmp_path / "all.jsonl"
    again.touch()
    assert export_to(awake.database, again) == export_to(awake.database, again)
