from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from hippo_mem.errors import StoreFormatError
from hippo_mem.lm.adapter_gate import FILE, AdapterGate, gate_layers


def gate() -> AdapterGate:
    return AdapterGate(
        layers=(1, 3), mean=np.array([1.0, 0.0], dtype=np.float32), scale=np.array([2.0, 1.0], dtype=np.float32),
        projection=np.array([[1.0, 0.0], [0.0, 2.0]], dtype=np.float32),
        centers=np.array([[3.0, 0.0], [7.0, 2.0]], dtype=np.float32), memories=np.array([5, 5]), threshold=0.55,
        direction=np.array([0.5, 0.25], dtype=np.float32), least=0.5,
    )  # fmt: skip


def test_a_cosine_is_worked_by_hand() -> None:
    # The centers: (3 - 1) / 2 = 1 and 0 -> (1, 0); (7 - 1) / 2 = 3 and 2 * 2 = 4 -> (0.6, 0.8).
    # (1 - 1) / 2 = 0 and -1 * 2 -> (0, -1): 0 to one, -0.8 to the other. (5 - 1) / 2 = 2 and 0 -> (1, 0), the first.
    # (1 - 1) / 2 = 0 and 3 * 2 -> (0, 1): 0.8 to the second.
    pooled = np.array([[1.0, -1.0], [5.0, 0.0], [1.0, 3.0]])
    np.testing.assert_allclose(gate().cosines(pooled), [0.0, 1.0, 0.8], atol=1e-6)
    assert gate().opens(pooled).tolist() == [False, True, True]


def test_what_is_near_must_be_asked_as_one_s_own_unless_it_is_all_but_the_same() -> None:
    # (5 - 1) / 2 = 2: 2 * 0.5 = 1. (1 - 1) / 2 = 0 and 3 * 0.25. (0 - 1) / 2 = -0.5 and 1: -0.25 + 0.25 = 0.
    pooled = np.array([[5.0, 0.0], [1.0, 3.0], [0.0, 1.0]])
    np.testing.assert_allclose(gate().ownness(pooled), [1.0, 0.75, 0.0], atol=1e-6)
    # -0.5 and 1 * 2 -> (-0.243, 0.970), 0.63 to (0.6, 0.8): all but the same. -0.5 and 0.8 * 2: 0.585, asked as -0.05.
    near = np.array([[0.0, 1.0], [0.0, 0.8]])
    np.testing.assert_allclose(gate().cosines(near), [0.6306, 0.5846], atol=1e-3)
    assert gate().opens(near).tolist() == [True, False]


def test_a_prompt_at_the_mean_is_like_nothing_that_was_learned() -> None:
    assert gate().cosines(np.array([[1.0, 0.0]])).tolist() == [0.0]


def test_a_gate_comes_back_from_disk_as_it_was(tmp_path: Path) -> None:
    gate().save(tmp_path)
    back = AdapterGate.load(tmp_path)
    assert back is not None
    assert (back.layers, back.threshold, back.least) == ((1, 3), np.float32(0.55), 0.5)
    for name in ("mean", "scale", "projection", "centers", "memories", "direction"):
        np.testing.assert_array_equal(getattr(back, name), getattr(gate(), name))


def test_a_folder_without_a_gate_has_none(tmp_path: Path) -> None:
    assert AdapterGate.load(tmp_path) is None


def test_a_damaged_gate_names_file_and_remedy(tmp_path: Path) -> None:
    gate().save(tmp_path)
    data = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(data[: len(data) // 2])
    with pytest.raises(StoreFormatError, match=rf"{FILE} is damaged.*hippo nights undo"):
        AdapterGate.load(tmp_path)


@pytest.mark.parametrize("had", ["weight", "centers"])
def test_a_gate_of_an_earlier_version_names_the_remedy(tmp_path: Path, had: str) -> None:
    save_file({had: np.zeros(2, dtype=np.float32), "layers": np.array([1], dtype=np.int32)}, tmp_path / FILE)
    with pytest.raises(StoreFormatError, match=rf"{FILE} is a gate of an earlier version.*undo.*sleep again"):
        AdapterGate.load(tmp_path)


def test_the_gate_reads_one_layer_near_a_quarter_of_the_depth() -> None:
    assert gate_layers(30) == (8,)
