"""Nights on disk: what is in force, what undo and purge do, and what a crash or a damaged file leaves."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from hippo_mem.errors import InputError, StoreFormatError
from hippo_mem.sleep.nights import Night, Nights


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    return Nights(tmp_path / "nights")


def publish(nights: Nights, *, kept: bool = True, parent: int | None = None) -> Night:
    with nights.writing() as scratch:
        (scratch / "adapter_model.safetensors").write_bytes(b"weights")
        (scratch / "adapter_config.json").write_text("{}")
        (scratch / "report.html").write_text("page")
        night = Night(
            number=nights.next_number, created=1.0, status="kept" if kept else "undone", in_force=kept, parent=parent,
            model="tiny", n_facts=3, n_new=3, recall=1.0, seconds=1.0, reason="test", conditioned=False,
            config_hash="abc", folder="",
        )  # fmt: skip
        return nights.publish(scratch, night)


def weights(nights: Nights, number: int) -> bool:
    return (nights.path(number) / "adapter_model.safetensors").is_file()


def test_no_night_is_the_base_alone(nights: Nights) -> None:
    assert nights.all() == []
    assert nights.in_force() is None
    assert nights.next_number == 1


def test_a_kept_night_comes_into_force_and_is_private(nights: Nights) -> None:
    first = publish(nights)
    assert (first.number, first.in_force) == (1, True)
    assert nights.in_force() == first
    for file in nights.path(1).iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_an_undone_night_is_a_record_without_weights(nights: Nights) -> None:
    first = publish(nights)
    publish(nights, kept=False, parent=1)
    assert nights.in_force() == first
    assert [n.status for n in nights.all()] == ["kept", "undone"]
    assert not weights(nights, 2)
    assert (nights.path(2) / "report.html").is_file()


def test_undo_goes_back_night_by_night_to_the_base(nights: Nights) -> None:
    publish(nights)
    publish(nights, parent=1)
    publish(nights, parent=2)
    seen = []
    while (night := nights.in_force()) is not None:
        seen.append(night.number)
        nights.undo()
    assert seen == [3, 2, 1]
    with pytest.raises(InputError, match="no night to undo"):
        nights.undo()


def test_undo_passes_over_a_purged_parent(nights: Nights) -> None:
    publish(nights)
    publish(nights, parent=1)
    publish(nights, parent=2)
    nights.purge([2])
    _, now = nights.undo()
    assert now is not None
    assert now.number == 1


def test_purge_takes_weights_and_force(nights: Nights) -> None:
    publish(nights)
    assert nights.purge([1, 7]) == [1]
    assert nights.in_force() is None
    assert not weights(nights, 1)
    assert nights.all()[0].status == "purged"


def test_a_number_is_never_used_twice(nights: Nights) -> None:
    publish(nights)
    publish(nights, parent=1)
    nights.undo()
    assert publish(nights, parent=1).number == 3


def test_what_a_killed_night_left_is_removed_by_the_next(nights: Nights) -> None:
    publish(nights)
    left = nights.folder / ".writing-99999"
    left.mkdir()
    (left / "adapter_model.safetensors").write_bytes(b"half")
    assert [n.number for n in nights.all()] == [1]
    publish(nights, parent=1)
    assert not left.exists()


def test_a_night_that_fails_leaves_nothing(nights: Nights) -> None:
    def fails() -> None:
        with nights.writing() as scratch:
            (scratch / "adapter_model.safetensors").write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fails()
    assert list(nights.folder.iterdir()) == []


@pytest.mark.parametrize("content", ["{", "[]", '{"night": "two"}', ""])
def test_a_damaged_state_says_how_to_mend_it(nights: Nights, content: str) -> None:
    publish(nights)
    (nights.folder / "in_force.json").write_text(content)
    with pytest.raises(StoreFormatError, match=r'in_force\.json is damaged.*\{"night": N\}'):
        nights.in_force()


def test_a_damaged_or_missing_record_names_its_file(nights: Nights) -> None:
    publish(nights)
    record = nights.path(1) / "night.json"
    record.write_text(json.dumps({"number": 1}))
    with pytest.raises(StoreFormatError, match=r"night\.json is damaged"):
        nights.all()
    record.unlink()
    with pytest.raises(StoreFormatError, match="hippo nights undo"):
        nights.in_force()
