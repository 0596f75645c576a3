"""A file that grows line by line survives being cut off anywhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from hippo_mem.storage.jsonl import append_jsonl, encode_jsonl, read_appended

ROWS = [{"a": 1}, {"text": "æ\u2028\n"}, {}]


def test_every_cut_leaves_the_whole_lines_and_room_for_more(tmp_path: Path) -> None:
    whole = encode_jsonl(ROWS)
    ends = [len(encode_jsonl(ROWS[:n])) for n in range(len(ROWS) + 1)]
    for cut in range(len(whole) + 1):
        file = tmp_path / "rows.jsonl"
        file.write_bytes(whole[:cut])
        kept = [row for row, end in zip(ROWS, ends[1:], strict=True) if end <= cut]
        assert read_appended(file) == kept
        append_jsonl(file, [{"b": 2}])
        assert read_appended(file) == [*kept, {"b": 2}]


@pytest.mark.parametrize("damage", [b"nonsense\n", b"[1]\n", b"\xff\xfe\n", b"\n"])
def test_from_a_damaged_line_on_it_is_cut(tmp_path: Path, damage: bytes) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(encode_jsonl(ROWS[:1]) + damage + encode_jsonl(ROWS[1:]))
    assert read_appended(file) == ROWS[:1]
    assert file.read_bytes() == encode_jsonl(ROWS[:1])


def test_no_file_has_no_rows(tmp_path: Path) -> None:
    assert read_appended(tmp_path / "none.jsonl") == []
    append_jsonl(tmp_path / "none.jsonl", ROWS, sync=False)
    assert read_appended(tmp_path / "none.jsonl") == ROWS
