"""What a run leaves behind is what a report reads."""

import json
from pathlib import Path

import pytest

from hippo_eval.cells import METRICS, Cell, HitRow, ItemRow, cells_of, read_cell, stamp_of, write_cell
from hippo_mem.errors import InputError, StoreFormatError


def cell(**more: object) -> Cell:
    return Cell(**{"preset": "memory/hei_nw", "suite": "episodic", "n": 5, "seed": 7, **more})  # type: ignore[arg-type]


ROW = ItemRow(
    id=0, phase="on", prompt="Where?", gold="Rome", answer="Rome", em=True, f1=1.0, source="memory", path=("a", "b"),
    hits=(HitRow(text="Carol went to Rome.", score=0.5, found_by={"dense": 1}),), latency_ms=2.5,
)  # fmt: skip


def put(run_id: str, a_cell: Cell, runs: Path) -> Path:
    folder = a_cell.folder(run_id, runs)
    metrics = {"cell": a_cell.to_dict(), "stamp": "s" * 12, "em": 1.0}
    write_cell(folder, metrics=metrics, meta={"seeds": [7]}, items=[ROW], events=[{"event": "ask"}])
    return folder


def test_a_cell_reads_back_as_it_was_written(tmp_path: Path) -> None:
    folder = put("abc", cell(variants=("sleep", "no_anchors")), tmp_path)
    assert folder == tmp_path / "abc/memory/hei_nw+sleep+no_anchors/episodic/default_n5_s7"
    back = read_cell(folder)
    assert back.cell == cell(variants=("sleep", "no_anchors"))
    assert back.cell.ablations == ("no_anchors",)
    assert back.items() == back.items("on") == [ROW]
    assert back.items("off") == []
    assert list(back.events()) == [{"event": "ask"}]
    assert stamp_of(folder) == "s" * 12


def test_models_and_profiles_have_folders_of_their_own() -> None:
    assert cell(profile="hard").items_label == "hard_n5_s7"
    assert cell(model="Qwen/Qwen2.5-1.5B-Instruct").items_label == "default_n5_s7_Qwen2.5-1.5B-Instruct"


def test_a_run_lists_its_finished_cells_alone(tmp_path: Path) -> None:
    put("abc", cell(), tmp_path)
    put("abc", cell(preset="baselines/rag"), tmp_path)
    half = put("abc", cell(seed=8), tmp_path)
    (half / METRICS).unlink()
    put("abc", cell(preset="memory/.unfinished"), tmp_path)
    assert [r.cell.label for r in cells_of("abc", tmp_path)] == ["baselines/rag", "memory/hei_nw"]
    assert stamp_of(half) is None
    with pytest.raises(InputError, match="no finished cell under"):
        cells_of("none", tmp_path)
    with pytest.raises(InputError, match="run_id"):
        cells_of("../abc", tmp_path)


def test_damage_is_named(tmp_path: Path) -> None:
    folder = put("abc", cell(), tmp_path)
    (folder / "items.jsonl").write_text(json.dumps(ROW.to_dict())[:40])
    with pytest.raises(StoreFormatError, match=r"items\.jsonl, line 1 is not valid JSON"):
        read_cell(folder).items()
    (folder / METRICS).write_text("{")
    with pytest.raises(StoreFormatError, match=r"metrics\.json cannot be read"):
        read_cell(folder)
