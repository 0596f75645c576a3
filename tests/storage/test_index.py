from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hippo_mem.errors import InputError, StorageFull
from hippo_mem.storage import index as module
from hippo_mem.storage.index import Stamp, VectorIndex, discard

DIM = 16


def unit(n: int, seed: int = 0, dim: int = DIM) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(n, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def stamp(index: VectorIndex, **changes: object) -> Stamp:
    values: dict[str, object] = {
        "store_id": "s",
        "schema": 1,
        "generation": 1,
        "embedder": "e",
        "dim": index.dim,
        "rows": len(index),
        "last_id": index.last_id,
        "deletions": 0,
        "last_created": 1.5,
    }
    return Stamp(**(values | changes))  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None)
@given(data=st.data(), flat_limit=st.sampled_from([5, 10_000]))
def test_it_finds_what_an_exact_scan_finds(data: st.DataObject, flat_limit: int) -> None:
    """After any adds and removals, with and without a filter. Few rows: HNSW is exact there too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "FLAT_LIMIT", flat_limit)
        index, truth, last = VectorIndex(DIM), dict[int, np.ndarray](), 0
        for step in data.draw(st.lists(st.integers(0, 9), max_size=8)):
            if step < 6:
                ids = [last + i + 1 + step for i in range(step + 1)]
                rows = unit(len(ids), seed=last + step)
                index.add(ids, rows)
                truth.update(zip(ids, rows, strict=True))
                last = ids[-1]
            elif truth:
                gone = data.draw(st.lists(st.sampled_from(sorted(truth)), max_size=4))
                assert index.remove([*gone, 10**9]) == len(set(gone))
                for i in set(gone):
                    del truth[i]
        assert len(index) == len(truth)
        assert index.ids().tolist() == sorted(truth)
        allowed = data.draw(st.none() | st.lists(st.integers(0, 60), unique=True).map(sorted))
        k = data.draw(st.integers(0, 12))
        query = unit(1, seed=99)[0]
        found, similarities = index.search(query, k, None if allowed is None else np.array(allowed, dtype=np.int64))
        pool = [i for i in sorted(truth) if allowed is None or i in allowed]
        expected = sorted(pool, key=lambda i: -float(truth[i] @ query))[:k]
        assert found.tolist() == expected
        np.testing.assert_allclose(similarities, [truth[i] @ query for i in expected], atol=1e-5)


def test_a_large_index_is_quick_to_search_and_nearly_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FLAT_LIMIT", 1_000)
    monkeypatch.setattr(module, "BRUTE_LIMIT", 500)
    rows = unit(3_000)
    index = VectorIndex(DIM)
    index.add(list(range(1, 3_001)), rows)
    assert not index.exact
    index.remove(range(1, 200, 2))
    assert not index.exact
    alive = np.array([i for i in range(1, 3_001) if not (i < 200 and i % 2)])
    even = alive[alive % 2 == 0]
    hits = {"all": 0, "filtered": 0}
    for query in unit(50, seed=5):
        for name, pool, allowed in (("all", alive, None), ("filtered", even, even)):
            best = pool[np.argsort(-(rows[pool - 1] @ query))[:8]]
            hits[name] += len(set(best.tolist()) & set(index.search(query, 8, allowed)[0].tolist()))
    assert hits["all"] >= 0.99 * 400
    assert hits["filtered"] >= 0.99 * 400
    index.remove(range(1, 1_000))  # beyond the share of dead rows the graph is built anew
    assert len(index) == 2_001
    assert index.search(rows[1_500], 1)[0].tolist() == [1_501]


def test_what_does_not_fit_is_refused() -> None:
    index = VectorIndex(DIM)
    index.add([3, 5], unit(2))
    with pytest.raises(InputError, match="ids must ascend above 5"):
        index.add([5], unit(1))
    with pytest.raises(InputError, match="ids must ascend"):
        index.add([9, 8], unit(2))
    with pytest.raises(InputError, match=r"dimension 16 got 1 ids and vectors of shape \(1, 4\)"):
        index.add([9], unit(1, dim=4))
    with pytest.raises(InputError, match="not finite"):
        index.add([9], np.full((1, DIM), np.nan, dtype=np.float32))
    assert index.ids().tolist() == [3, 5]
    assert index.search(np.full(DIM, np.nan, dtype=np.float32), 2)[0].tolist() == []


@pytest.mark.parametrize("flat_limit", [5, 10_000])
def test_a_saved_index_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flat_limit: int) -> None:
    monkeypatch.setattr(module, "FLAT_LIMIT", flat_limit)
    monkeypatch.setattr(module, "_DEAD_SHARE", 0.5)  # so that removed rows stay in the graph
    path = tmp_path / "index.faiss"
    index = VectorIndex(DIM)
    index.add([1, 4, 6, 7, 8, 9, 12, 13, 14, 15, 16], unit(11))
    index.remove([4])
    index.save(path, stamp(index, rows=10))
    assert path.stat().st_mode & 0o777 == 0o600
    found = VectorIndex.load(path, DIM)
    assert found is not None
    again, read = found
    assert read == stamp(index, rows=10)
    assert again.ids().tolist() == index.ids().tolist()
    assert again.exact == index.exact == (flat_limit == 10_000)
    query = unit(1, seed=3)[0]
    assert again.search(query, 5)[0].tolist() == index.search(query, 5)[0].tolist()
    assert unit(11)[1].tobytes() not in path.read_bytes()
    assert unit(11)[2].tobytes() in path.read_bytes()
    again.add([20], unit(1, seed=8))
    assert len(again) == 11
    again.remove([6])
    again.save(path, stamp(again))
    assert unit(11)[2].tobytes() not in path.read_bytes()


def test_an_empty_index_comes_back(tmp_path: Path) -> None:
    index = VectorIndex(DIM)
    index.save(tmp_path / "i", stamp(index))
    found = VectorIndex.load(tmp_path / "i", DIM)
    assert found is not None
    assert len(found[0]) == 0
    assert found[0].search(unit(1)[0], 3)[0].tolist() == []


def test_a_stamp_that_lies_is_refused(tmp_path: Path) -> None:
    index = VectorIndex(DIM)
    index.add([1], unit(1))
    with pytest.raises(ValueError, match="does not describe an index of 1 rows"):
        index.save(tmp_path / "i", stamp(index, rows=2))


@settings(deadline=None)
@given(data=st.data())
def test_any_damage_to_the_file_is_noticed(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("index") / "index.faiss"
    index = VectorIndex(DIM)
    index.add([1, 2, 3], unit(3))
    index.save(path, stamp(index))
    whole = path.read_bytes()
    if data.draw(st.booleans()):
        path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    else:
        start = whole.index(b"\n", 20) + 1  # the payload
        at = data.draw(st.integers(start, len(whole) - 1))
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x5A]) + whole[at + 1 :])
    assert VectorIndex.load(path, DIM) is None


def test_another_width_or_no_file_is_no_index(tmp_path: Path) -> None:
    index = VectorIndex(DIM)
    index.save(tmp_path / "i", stamp(index))
    assert VectorIndex.load(tmp_path / "i", DIM + 1) is None
    assert VectorIndex.load(tmp_path / "missing", DIM) is None
    assert VectorIndex.load(tmp_path, DIM) is None  # a folder


def test_discarding(tmp_path: Path) -> None:
    (tmp_path / "i").write_bytes(b"x")
    discard(tmp_path / "i")
    discard(tmp_path / "i")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageFull, match="cannot remove"):
        discard(tmp_path / "folder")
