from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hippo_mem.errors import InputError, StorageFull
from hippo_mem.storage import index as module
from hippo_mem.storage.index import VectorIndex
from hippo_mem.storage.index_file import Stamp, discard

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


def allow(index: VectorIndex, ids: list[int] | np.ndarray) -> np.ndarray:
    return np.isin(index.positions, ids)


@settings(max_examples=120, deadline=None)
@given(data=st.data(), flat_limit=st.sampled_from([5, 10_000]))
def test_it_finds_what_an_exact_scan_finds(data: st.DataObject, flat_limit: int) -> None:
    """After any adds and removals, with and without a filter. Few rows: HNSW is exact there too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "FLAT_LIMIT", flat_limit)
        patch.setattr(module, "BRUTE_LIMIT", data.draw(st.sampled_from([0, 20_000])))
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
            fate = data.draw(st.sampled_from(["fold", "compact", "neither", "neither"]))
            if fate == "fold":
                waiting = index.foldable
                assert index.fold(3) == max(0, waiting - 3)
            elif fate == "compact":
                before = index.positions.copy()
                assert before[index.compact()].tolist() == sorted(truth) == index.positions.tolist()
        assert len(index) == len(truth)
        assert index.ids().tolist() == sorted(truth)
        allowed = data.draw(st.none() | st.lists(st.integers(0, 60), unique=True).map(sorted))
        k = data.draw(st.integers(0, 12))
        query = unit(1, seed=99)[0]
        found, similarities = index.search(query, k, None if allowed is None else allow(index, allowed))
        pool = [i for i in sorted(truth) if allowed is None or i in allowed]
        expected = sorted(pool, key=lambda i: -float(truth[i] @ query))[:k]
        if flat_limit == 10_000:
            assert found.tolist() == expected
        assert set(found.tolist()) <= set(pool)
        assert len(set(found.tolist())) == len(expected)
        apart = 1e-5 if flat_limit == 10_000 else 1e-3  # a graph holds its rows in half precision
        for ids in (expected, found.tolist()):
            np.testing.assert_allclose(similarities, [truth[i] @ query for i in ids], atol=apart)


def test_a_large_index_is_quick_to_search_and_nearly_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deleting and filtering lower nothing, before, while and after rows move into the graph."""
    monkeypatch.setattr(module, "FLAT_LIMIT", 1_000)
    monkeypatch.setattr(module, "BRUTE_LIMIT", 500)
    rows = unit(3_000)
    index = VectorIndex(DIM)
    index.add(list(range(1, 3_001)), rows)
    assert index.foldable == 3_000
    index.remove(range(1, 400, 2))
    alive = np.array([i for i in range(1, 3_001) if not (i < 400 and i % 2)])
    even, few = alive[alive % 2 == 0], alive[alive % 29 == 0]
    for step in (1_500, 1_000, 500):
        index.fold(step)
        hits = dict.fromkeys(("all", "even", "few"), 0)
        for query in unit(50, seed=5):
            for name, pool in (("all", alive), ("even", even), ("few", few)):
                best = pool[np.argsort(-(rows[pool - 1] @ query))[:8]]
                found = index.search(query, 8, None if name == "all" else allow(index, pool))[0]
                hits[name] += len(set(best.tolist()) & set(found.tolist()))
        assert min(hits.values()) >= 0.99 * 400, hits
    assert index.foldable == 0
    assert not index.wants_compaction
    index.remove(range(1, 1_000))
    assert index.wants_compaction
    keep = index.compact()
    assert len(keep) == len(index) == index.foldable == 2_001
    assert not index.wants_compaction
    assert index.search(rows[1_500], 1)[0].tolist() == [1_501]


def test_a_filter_that_leads_away_from_the_cue_is_scanned(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows that pass are the furthest from the cue: no neighbor of it passes, yet the answer is exact."""
    monkeypatch.setattr(module, "FLAT_LIMIT", 500)
    monkeypatch.setattr(module, "BRUTE_LIMIT", 100)
    rows = unit(2_000)
    index = VectorIndex(DIM)
    index.add(list(range(1, 2_001)), rows)
    index.fold(2_000)
    query = unit(1, seed=9)[0]
    far = np.argsort(rows @ query)[:800] + 1
    expected = far[::-1][:8]
    assert index.search(query, 8, allow(index, far))[0].tolist() == expected.tolist()


def test_going_back_undoes_additions_and_removals() -> None:
    index = VectorIndex(DIM)
    index.add([2, 4, 6], unit(3))
    index.remove([4])
    n, live = len(index.positions), index.live.copy()
    index.add([8, 9], unit(2, seed=1))
    index.remove([2, 9])
    assert index.truncate(n, live)
    assert index.ids().tolist() == [2, 6]
    assert len(index) == 2
    index.add([7], unit(1, seed=4))
    assert index.search(unit(1, seed=4)[0], 1)[0].tolist() == [7]


def test_the_graph_cannot_be_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FLAT_LIMIT", 2)
    index = VectorIndex(DIM)
    index.add([1, 2, 3, 4], unit(4))
    live = index.live.copy()[:2]
    index.fold(4)
    assert not index.truncate(2, live)
    assert index.ids().tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("folded", [0, 7, 20])
def test_the_neighbors_of_rows(monkeypatch: pytest.MonkeyPatch, folded: int) -> None:
    monkeypatch.setattr(module, "FLAT_LIMIT", 5)
    rows = unit(20)
    index = VectorIndex(DIM)
    index.add(list(range(1, 21)), rows)
    index.fold(folded)
    at, cosines = index.neighbors(np.arange(20), 4)
    expected = np.argsort(-(rows @ rows.T), axis=1)[:, :4]
    np.testing.assert_array_equal(at, expected)
    np.testing.assert_allclose(cosines, np.take_along_axis(rows @ rows.T, expected, axis=1), atol=1e-3)
    few, _ = index.neighbors(np.array([3]), 30)
    assert sorted(few[0].tolist()) == [-1] * 10 + list(range(20))


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


@pytest.mark.parametrize("folded", [0, 6, 11])
def test_a_saved_index_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folded: int) -> None:
    monkeypatch.setattr(module, "FLAT_LIMIT", 5)
    path = tmp_path / "index.faiss"
    index = VectorIndex(DIM)
    index.add([1, 4, 6, 7, 8, 9, 12, 13, 14, 15, 16], unit(11))
    index.fold(folded)
    index.remove([4, 15])
    index.save(path, stamp(index, rows=9))
    assert path.stat().st_mode & 0o777 == 0o600
    found = VectorIndex.load(path, DIM)
    assert found is not None
    again, read = found
    assert read == stamp(index, rows=9)
    assert again.ids().tolist() == index.ids().tolist()
    query = unit(1, seed=3)[0]
    assert again.search(query, 5)[0].tolist() == index.search(query, 5)[0].tolist()
    for removed in (1, 9):
        for held in (np.float32, np.float16):
            assert unit(11)[removed].astype(held).tobytes() not in path.read_bytes()
    assert unit(11)[2].astype(np.float16 if folded > 2 else np.float32).tobytes() in path.read_bytes()
    again.add([20], unit(1, seed=8))
    assert len(again) == 10
    again.remove([6])
    again.save(path, stamp(again))
    assert unit(11)[2].tobytes() not in path.read_bytes()


def test_a_graph_finds_its_way_past_overwritten_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FLAT_LIMIT", 100)
    monkeypatch.setattr(module, "BRUTE_LIMIT", 100)
    rows = unit(3_000)
    index = VectorIndex(DIM)
    index.add(list(range(1, 3_001)), rows)
    index.fold(3_000)
    index.remove(range(1, 3_000, 6))
    index.save(tmp_path / "i", stamp(index))
    found = VectorIndex.load(tmp_path / "i", DIM)
    assert found is not None
    alive, hits = found[0].ids(), 0
    for query in unit(50, seed=5):
        best = alive[np.argsort(-(rows[alive - 1] @ query))[:8]]
        hits += len(set(best.tolist()) & set(found[0].search(query, 8)[0].tolist()))
    assert hits >= 0.99 * 400


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
