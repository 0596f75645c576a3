import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hippo_mem.episodic.keys import DGKey, KeyIndex, Separator

DIM = 64
SEPARATOR = Separator(DIM)


def unit(n: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(n, DIM)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


seeds = st.integers(0, 2**32 - 1)


@given(seed=seeds)
def test_a_key_is_sparse_and_of_length_one(seed: int) -> None:
    key = SEPARATOR.key(unit(1, seed)[0])
    assert key.dim == 4 * DIM
    assert len(key.indices) == len(key.values) == SEPARATOR.n_active == 8
    assert 0.02 <= len(key.indices) / key.dim <= 0.05
    assert (np.diff(key.indices) > 0).all()
    assert (key.values >= 0).all()
    assert np.linalg.norm(key.values) == pytest.approx(1.0, abs=1e-5)


@given(seed=seeds, scale=st.floats(0.01, 100.0))
def test_the_key_depends_on_the_direction_alone(seed: int, scale: float) -> None:
    vector = unit(1, seed)[0]
    plain, scaled = SEPARATOR.key(vector), Separator(DIM).key(vector * np.float32(scale))
    assert len(np.intersect1d(plain.indices, scaled.indices)) >= SEPARATOR.n_active - 1  # rounding may turn one tie
    assert plain.overlap(plain) == 1.0


def test_a_batch_gives_the_keys_of_its_rows() -> None:
    rows = unit(1_500)
    units, values = SEPARATOR.keys(rows)
    for i in (0, 7, 1_023, 1_024, 1_499):
        key = SEPARATOR.key(rows[i])
        np.testing.assert_array_equal(units[i], key.indices)
        np.testing.assert_allclose(values[i], key.values, atol=1e-6)


def test_near_vectors_share_units_and_others_hardly_do() -> None:
    rows, noise = unit(200), unit(200, seed=1)
    near = rows + 0.15 * noise
    alike = rows + 1.2 * noise
    mean = {}
    for name, others in (("near", near), ("alike", alike), ("other", noise)):
        keys = zip(rows, others.astype(np.float32), strict=True)
        mean[name] = np.mean([SEPARATOR.key(a).overlap(SEPARATOR.key(b)) for a, b in keys])
    assert mean["near"] > 0.75
    assert mean["near"] > mean["alike"] + 0.3 > mean["other"] + 0.3
    assert mean["other"] < 0.12


def test_ties_go_to_the_lower_unit() -> None:
    key = SEPARATOR.key(np.zeros(DIM, dtype=np.float32))
    assert key.indices.tolist() == list(range(SEPARATOR.n_active))
    assert key.values.tolist() == [0.0] * SEPARATOR.n_active


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(n, 64\), got \(2, 63\)"):
        SEPARATOR.keys(np.zeros((2, 63), dtype=np.float32))
    empty = np.empty(0, dtype=np.int32)
    with pytest.raises(ValueError, match="width 4 and 8"):
        DGKey(indices=empty, values=np.empty(0, np.float32), dim=4).overlap(
            DGKey(indices=empty, values=np.empty(0, np.float32), dim=8)
        )


@settings(deadline=None, max_examples=40)
@given(sizes=st.lists(st.integers(1, 9), min_size=1, max_size=6), data=st.data())
def test_the_index_counts_what_keys_share(sizes: list[int], data: st.DataObject) -> None:
    """However rows were added, and after some were dropped: the score is the cue's activity on shared units."""
    rows = unit(sum(sizes), seed=sum(sizes))
    index, at = KeyIndex(SEPARATOR), 0
    for size in sizes:
        index.append(rows[at : at + size])
        at += size
    if data.draw(st.booleans()):
        keep = np.array(sorted(data.draw(st.sets(st.integers(0, at - 1)))), dtype=np.int64)
        index.keep(keep)
        rows = rows[keep]
    assert len(index) == len(rows)
    cue = unit(1, seed=77)[0]
    key = SEPARATOR.key(cue)
    weight = dict(zip(key.indices.tolist(), key.values.tolist(), strict=True))
    expected = [sum(weight.get(u, 0.0) for u in SEPARATOR.key(row).indices.tolist()) for row in rows]
    np.testing.assert_allclose(index.overlaps(key), expected, atol=1e-5)
    allowed = np.array([i % 2 == 0 for i in range(len(rows))], dtype=bool)
    found = index.search(cue, 5, allowed).tolist()
    assert all(allowed[i] and expected[i] > 0 for i in found)
    assert len(found) == min(5, sum(1 for i, e in enumerate(expected) if e > 0 and allowed[i]))
    if len(rows):
        assert index.search(rows[-1], 1).tolist() == [len(rows) - 1]
