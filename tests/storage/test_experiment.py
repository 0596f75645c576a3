import dataclasses
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo_mem.errors import InputError, StorageFull, StoreFormatError, StoreVersionError
from hippo_mem.storage import jsonl
from hippo_mem.storage.experiment import (
    load_meta,
    load_session,
    row_to_trace,
    save_session,
    session_folder,
    sessions,
    trace_to_row,
    update_meta,
)
from hippo_mem.types import Provenance, Salience, Trace

texts = st.text(max_size=40)
times = st.floats(0, 4e9)
traces = st.builds(
    Trace,
    id=st.integers(1, 10**12),
    text=texts,
    slots=st.dictionaries(texts, texts, max_size=4),
    tags=st.lists(texts, max_size=3).map(tuple),
    context_key=st.none() | texts,
    salience=st.builds(
        Salience,
        surprise=times,
        novelty=times,
        reward=st.booleans(),
        pin=st.booleans(),
        score=st.floats(-9, 9),
        threshold=st.floats(-9, 9),
    ),
    provenance=st.builds(
        Provenance, text_span=texts, source=texts, time=times, doc_id=st.none() | texts, conf=st.floats(0, 1)
    ),
    created=times,
    valid_from=times,
    valid_to=st.none() | times,
    access_count=st.integers(0, 99),
    mention_count=st.integers(1, 99),
    last_access=st.none() | times,
    consolidated_at=st.none() | times,
)


def trace(number: int = 1, text: str = "Marta sold the vase.") -> Trace:
    return Trace(
        id=number,
        text=text,
        slots={"who": "Marta"},
        tags=("told",),
        context_key="k",
        salience=Salience(surprise=2.5, novelty=1.0, reward=False, pin=False, score=1.2, threshold=0.7),
        provenance=Provenance(text_span=text, source="user", time=12.0, doc_id="d"),
        created=12.0,
        valid_from=12.0,
    )


@given(traces)
def test_a_trace_survives_its_row(value: Trace) -> None:
    line = json.loads(json.dumps(trace_to_row(value)))
    assert line["schema"] == 1
    assert row_to_trace(line, "here") == value


def test_the_layout_is_the_specified_one(tmp_path: Path) -> None:
    save_session(tmp_path, "seed1337", [trace()], model="m", config_hash="abc", source="replay", replay_samples=9)
    save_session(tmp_path, "seed1337", algorithm="sgc_rss", rows={"kg": [{"head": "a", "relation": "r", "tail": "b"}]})
    save_session(tmp_path, "seed1337", algorithm="smpd")
    files = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file())
    assert files == [
        "hei_nw/seed1337/episodic.jsonl",
        "hei_nw/seed1337/relational.jsonl",
        "hei_nw/seed1337/spatial.jsonl",
        "hei_nw/seed1337/store_meta.json",
        "sgc_rss/seed1337/kg.jsonl",
        "sgc_rss/seed1337/store_meta.json",
        "smpd/seed1337/spatial.jsonl",
        "smpd/seed1337/store_meta.json",
    ]
    assert json.loads((tmp_path / "hei_nw/seed1337/store_meta.json").read_text()) == {
        "algorithm": "hei_nw",
        "config_hash": "abc",
        "counts": {"episodic": 1, "relational": 0, "spatial": 0},
        "format": "jsonl",
        "model": "m",
        "replay_samples": 9,
        "schema": 1,
        "session_id": "seed1337",
        "source": "replay",
    }


def test_the_base_and_the_algorithms_folder_are_the_same_place(tmp_path: Path) -> None:
    save_session(tmp_path, "abc", [trace()])
    assert load_session(tmp_path / "hei_nw", "abc") == load_session(tmp_path, "abc")
    assert session_folder(tmp_path, "abc") == session_folder(tmp_path / "hei_nw", "abc")
    with pytest.raises(InputError, match="folder of smpd, not of hei_nw"):
        session_folder(tmp_path / "smpd", "abc")


@pytest.mark.parametrize("bad", ["../x", "a", "a.b", "", "x" * 65, "a/b"])
def test_a_session_id_cannot_leave_its_folder(tmp_path: Path, bad: str) -> None:
    with pytest.raises(InputError, match="session_id"):
        save_session(tmp_path, bad, [])
    assert list(tmp_path.iterdir()) == []


def test_saving_again_replaces_the_session(tmp_path: Path) -> None:
    save_session(tmp_path, "abc", [trace(1), trace(2)])
    save_session(tmp_path, "abc", [trace(3)])
    assert [t.id for t in load_session(tmp_path, "abc").traces] == [3]
    assert sessions(tmp_path) == ["abc"]
    assert sessions(tmp_path / "nowhere") == []


def test_a_missing_session_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no session was saved there yet"):
        load_session(tmp_path, "abc")
    save_session(tmp_path, "first", [])
    with pytest.raises(InputError, match="there: first"):
        load_session(tmp_path, "abc")


def episodic(tmp_path: Path) -> Path:
    save_session(tmp_path, "abc", [trace(1), trace(2), trace(3)])
    return tmp_path / "hei_nw" / "abc" / "episodic.jsonl"


def test_a_line_that_was_cut_off_is_named(tmp_path: Path) -> None:
    file = episodic(tmp_path)
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(
        StoreFormatError, match=r"episodic\.jsonl, line 3 is not valid JSON: the file ends in the middle"
    ):
        load_session(tmp_path, "abc")


def test_a_file_that_lost_whole_lines_is_noticed(tmp_path: Path) -> None:
    file = episodic(tmp_path)
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:2]))
    with pytest.raises(StoreFormatError, match=r"has 2 rows but store_meta\.json counts 3"):
        load_session(tmp_path, "abc")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 2}, None),
        ({"schema": "1"}, r"line 2: schema must be a whole number"),
        ({"text": 5}, r"line 2.*text must be str, got 5"),
        ({"slots": ["who"]}, r"line 2: slots must map"),
        ({"salience": 3}, r"line 2: salience.* must be a mapping"),
        ({"created": "soon"}, r"line 2.*created must be a number"),
        ({"provenance": {"source": "x"}}, r"line 2: missing text_span, time of provenance"),
    ],
)
def test_a_row_that_is_no_trace_is_named(tmp_path: Path, change: dict[str, Any], message: str | None) -> None:
    file = episodic(tmp_path)
    lines = file.read_text().splitlines()
    lines[1] = json.dumps({**json.loads(lines[1]), **change})
    file.write_text("\n".join(lines) + "\n")
    if message is None:
        with pytest.raises(StoreVersionError, match=r"line 2 was written in schema 2.*upgrade"):
            load_session(tmp_path, "abc")
    else:
        with pytest.raises(StoreFormatError, match=message):
            load_session(tmp_path, "abc")


def test_missing_and_unknown_keys_of_a_row() -> None:
    row = trace_to_row(trace())
    del row["text"]
    with pytest.raises(StoreFormatError, match="here: missing text of trace"):
        row_to_trace(row, "here")
    assert row_to_trace({**trace_to_row(trace()), "color": "red"}, "here") == trace()


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (None, StoreFormatError, "is missing: the session was not written to its end"),
        ("{", StoreFormatError, "not valid JSON"),
        ("[]", StoreFormatError, "must be a JSON object"),
        ('{"schema": 9}', StoreVersionError, "schema 9"),
        ('{"schema": 1}', StoreFormatError, "missing algorithm, session_id"),
        (
            '{"schema": 1, "algorithm": "hei_nw", "session_id": "abc", "source": "x"}',
            StoreFormatError,
            "source must be one of",
        ),
        ('{"schema": 1, "counts": {"a": "b"}}', StoreFormatError, "counts must map"),
    ],
)
def test_a_damaged_meta_file_is_named(
    tmp_path: Path, content: str | None, error: type[Exception], message: str
) -> None:
    meta = episodic(tmp_path).with_name("store_meta.json")
    if content is None:
        meta.unlink()
    else:
        meta.write_text(content)
    with pytest.raises(error, match=message):
        load_meta(meta.parent)


def test_update_meta_keeps_the_rest(tmp_path: Path) -> None:
    folder = episodic(tmp_path).parent
    before = load_meta(folder)
    assert update_meta(folder, source="replay", replay_samples=4) == dataclasses.replace(
        before, source="replay", replay_samples=4
    )
    assert load_session(tmp_path, "abc").meta.replay_samples == 4


def test_rows_go_only_where_the_algorithm_has_a_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="hei_nw has no file 'kg'"):
        save_session(tmp_path, "abc", rows={"kg": []})
    with pytest.raises(InputError, match="smpd keeps no traces"):
        save_session(tmp_path, "abc", [trace()], algorithm="smpd")
    with pytest.raises(InputError, match="did you mean 'hei_nw'"):
        save_session(tmp_path, "abc", algorithm="hei_mw")


def test_a_failed_write_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    episodic(tmp_path)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(jsonl.os, "fsync", full)
    with pytest.raises(StorageFull, match="No space left on device; free space"):
        save_session(tmp_path, "abc", [trace(9)])
    assert [t.id for t in load_session(tmp_path, "abc").traces] == [1, 2, 3]
    assert not [p for p in tmp_path.rglob("*") if p.name.endswith(".tmp")]


def test_a_place_that_is_no_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "hei_nw").write_text("a file")
    with pytest.raises(InputError, match="cannot write"):
        save_session(tmp_path, "abc", [])


def test_lines_that_are_not_utf8_or_no_objects_are_named(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_bytes(b'{"a": 1}\n\n\xff\n')
    with pytest.raises(StoreFormatError, match="line 3 is not valid JSON"):
        list(jsonl.read_jsonl(file))
    file.write_text('{"a": 1}\n[1]')
    with pytest.raises(StoreFormatError, match="line 2 must be a JSON object, got list"):
        list(jsonl.read_jsonl(file))
    file.write_bytes(b'\xef\xbb\xbf{"a": 1}\r\n{"a": 2}')
    assert list(jsonl.read_jsonl(file)) == [(1, {"a": 1}), (2, {"a": 2})]


@pytest.mark.skipif(importlib.util.find_spec("pyarrow") is not None, reason="pyarrow is installed")
def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="pip install pyarrow"):
        save_session(tmp_path, "abc", [trace()], format="parquet")


def test_parquet_holds_the_same_and_replaces_jsonl(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    episodic(tmp_path)
    save_session(tmp_path, "abc", [trace(7)], format="parquet", rows={"spatial": [{"id": 3}]})
    found = load_session(tmp_path, "abc")
    assert found.traces == (trace(7),)
    assert found.rows["spatial"] == ({"schema": 1, "id": 3},)
    assert not list(tmp_path.rglob("*.jsonl"))
