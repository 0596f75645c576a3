from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hippo_mem.episodic.completion import CompletionNet, hopfield
from hippo_mem.errors import StoreFormatError

DIM = 32


def unit(n: int, seed: int = 0, dim: int = DIM) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(n, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


seeds = st.integers(0, 2**32 - 1)


@given(seed=seeds, n=st.integers(1, 12), steps=st.integers(0, 3))
def test_a_stored_pattern_is_a_fixed_point_at_high_beta(seed: int, n: int, steps: int) -> None:
    keys = np.linalg.qr(np.random.default_rng(seed).normal(size=(DIM, n)))[0].T.astype(np.float32)
    for key in keys:
        np.testing.assert_allclose(hopfield(key, keys, beta=100.0, steps=steps), key, atol=1e-4)


@given(seed=seeds, n=st.integers(2, 20))
def test_at_beta_zero_every_cue_becomes_the_mean(seed: int, n: int) -> None:
    keys = unit(n, seed)
    mean = keys.mean(axis=0)
    np.testing.assert_allclose(hopfield(unit(1, 5)[0], keys, beta=0.0), mean / np.linalg.norm(mean), atol=1e-4)


@given(seed=seeds, beta=st.floats(0.0, 200.0), steps=st.integers(0, 3))
def test_the_order_of_keys_is_nothing_and_the_length_stays_one(seed: int, beta: float, steps: int) -> None:
    keys, cue = unit(9, seed), unit(1, seed ^ 1)[0]
    moved = hopfield(cue, keys, beta=beta, steps=steps)
    assert np.linalg.norm(moved) == pytest.approx(1.0, abs=1e-4)
    np.testing.assert_allclose(moved, hopfield(cue, keys[::-1], beta=beta, steps=steps), atol=1e-3)


@given(seed=seeds)
def test_a_damaged_pattern_is_restored(seed: int) -> None:
    keys = unit(10, seed, 128)
    damaged = keys[3].copy()
    damaged[:32] = 0.0
    damaged /= np.linalg.norm(damaged)
    assert hopfield(damaged, keys, beta=40.0) @ keys[3] > damaged @ keys[3]


def test_without_keys_or_with_keys_that_cancel_the_cue_stays() -> None:
    cue = unit(1)[0]
    np.testing.assert_array_equal(hopfield(cue, np.empty((0, DIM), np.float32), beta=10.0), cue)
    opposite = np.stack([np.eye(DIM, dtype=np.float32)[0], -np.eye(DIM, dtype=np.float32)[0]])
    np.testing.assert_array_equal(hopfield(np.eye(DIM, dtype=np.float32)[1], opposite, beta=1.0), np.eye(DIM)[1])


def test_the_network_learns_to_undo_noise_and_comes_back_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    basis = rng.normal(size=(4, DIM)).astype(np.float32)  # what is stored lies on few directions, as sentences do
    stored = rng.normal(size=(400, 4)).astype(np.float32) @ basis
    stored /= np.linalg.norm(stored, axis=1, keepdims=True)
    losses: list[float] = []
    net = CompletionNet.fit(stored, epochs=15, on_epoch=losses.append)
    assert losses[-1] < 0.5 * losses[0]
    damaged = stored + 0.5 * DIM**-0.5 * rng.normal(size=stored.shape).astype(np.float32)
    damaged /= np.linalg.norm(damaged, axis=1, keepdims=True)
    before = np.mean(np.sum(damaged * stored, axis=1))
    completed = np.stack([net(row) for row in damaged])
    assert np.mean(np.sum(completed * stored, axis=1)) > before + 0.03
    np.testing.assert_allclose(np.linalg.norm(completed, axis=1), 1.0, atol=1e-5)
    path = tmp_path / "net.safetensors"
    net.save(path)
    again = CompletionNet.load(path, DIM)
    assert again is not None
    np.testing.assert_array_equal(again(damaged[0]), net(damaged[0]))
    assert CompletionNet.fit(stored, epochs=15)(damaged[0]).tolist() == net(damaged[0]).tolist()


@settings(max_examples=20)
@given(seed=seeds)
def test_an_untrained_network_changes_nothing(seed: int) -> None:
    cue = unit(1, seed)[0]
    np.testing.assert_allclose(CompletionNet(DIM)(cue), cue, atol=1e-6)


def test_files_that_are_none_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    assert CompletionNet.load(path, DIM) is None
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(StoreFormatError, match="is damaged"):
        CompletionNet.load(path, DIM)
    CompletionNet(DIM).save(path)
    with pytest.raises(StoreFormatError, match="not a completion network of width 16"):
        CompletionNet.load(path, 16)
