from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hippo_mem.errors import StoreFormatError
from hippo_mem.lm.adapter_gate import FILE, AdapterGate


def gate() -> AdapterGate:
    return AdapterGate(
        layers=(1, 3), mean=np.array([1.0, 0.0], dtype=np.float32), scale=np.array([2.0, 1.0], dtype=np.float32),
        weight=np.array([1.0, -1.0], dtype=np.float32), bias=0.5, threshold=0.25,
    )  # fmt: skip


def test_a_logit_is_worked_by_hand() -> None:
    # ((3 - 1) / 2) * 1 + ((2 - 0) / 1) * -1 + 0.5 = -0.5; ((5 - 1) / 2) * 1 + 0 + 0.5 = 2.5
    pooled = np.array([[3.0, 2.0], [5.0, 0.0]])
    assert gate().logits(pooled).tolist() == [-0.5, 2.5]
    assert gate().opens(pooled).tolist() == [False, True]


def test_a_gate_comes_back_from_disk_as_it_was(tmp_path: Path) -> None:
    gate().save(tmp_path)
    back = AdapterGate.load(tmp_path)
    assert back is not None
    assert (back.layers, back.bias, back.threshold) == ((1, 3), 0.5, 0.25)
    np.testing.assert_array_equal(back.weight, gate().weight)


def test_a_folder_without_a_gate_has_none(tmp_path: Path) -> None:
    assert AdapterGate.load(tmp_path) is None


def test_a_damaged_gate_names_file_and_remedy(tmp_path: Path) -> None:
    gate().save(tmp_path)
    data = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(data[: len(data) // 2])
    with pytest.raises(StoreFormatError, match=rf"{FILE} is damaged.*hippo nights undo"):
        AdapterGate.load(tmp_path)
