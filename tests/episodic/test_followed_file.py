"""Words and sparse keys are kept beside the index: a new process finds the same without reading every text again."""

from pathlib import Path

import numpy as np
import pytest

from hippo_mem.awake import Awake
from hippo_mem.embed import HashingEmbedder
from hippo_mem.episodic import following
from hippo_mem.episodic.word_index import WordIndex
from hippo_mem.storage import snapshot as storage

EMBEDDER = HashingEmbedder(32)
TEXTS = [f"Jar {i} of {what} stands on shelf {i % 5}." for i, what in enumerate(["honey", "plums", "quinces"] * 8)]
CUES = ["honey", "Which jar is on shelf 3?", "plums and quinces", "nothing of the kind"]


@pytest.fixture(autouse=True)
def small_stores_are_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_WORDS_FROM", 1)


@pytest.fixture
def n_read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that were read into a word index."""
    read: list[str] = []
    append = WordIndex.append

    def counted(self: WordIndex, text: str) -> None:
        read.append(text)
        append(self, text)

    monkeypatch.setattr(WordIndex, "append", counted)
    return read


def opened() -> Awake:
    return Awake.open(embedder=EMBEDDER, memories=("episodic",))


def found(awake: Awake) -> list[object]:
    with awake.store.view() as view:
        return [
            (view.lexical(cue, 30), view.sparse(EMBEDDER.embed([cue])[0], 30), view.surprise([cue])) for cue in CUES
        ]


def test_the_next_process_finds_the_same_and_reads_only_what_is_new(n_read: list[str]) -> None:
    with opened() as awake:
        awake.observe_many(TEXTS)
        before = found(awake)
        file = awake.home.index.with_suffix(".words")
    assert file.exists()
    n_read.clear()
    with opened() as awake:
        assert found(awake) == before
        assert n_read == []
        awake.observe("A jar of figs stands on shelf 9.")
        assert found(awake) != before
        assert n_read == ["A jar of figs stands on shelf 9."]
        now = found(awake)
    with opened() as awake:
        assert found(awake) == now
        assert len(n_read) == 1


def test_a_process_that_only_writes_leaves_what_is_there_of_use(n_read: list[str]) -> None:
    with opened() as awake:
        awake.observe_many(TEXTS[:20])
        found(awake)
    with opened() as awake:
        awake.observe_many(TEXTS[20:])
    n_read.clear()
    with opened() as awake:
        kept = found(awake)
        assert n_read == TEXTS[20:]
        awake.home.index.with_suffix(".words").unlink()
    with opened() as awake:
        awake.home.index.with_suffix(".words").unlink()
    with opened() as awake:
        assert found(awake) == kept  # as if every text had been read again


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "gone", "other"])
def test_a_damaged_file_is_not_believed(n_read: list[str], damage: str) -> None:
    with opened() as awake:
        awake.observe_many(TEXTS)
        before = found(awake)
        file = awake.home.index.with_suffix(".words")
    data = file.read_bytes()
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 1
    changed = {"cut": data[: len(data) // 2], "flipped": bytes(flipped), "empty": b"", "other": b"something else"}
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(changed[damage])
    n_read.clear()
    with opened() as awake:
        assert found(awake) == before
    assert n_read == TEXTS
    assert file.read_bytes() == data


def test_what_was_deleted_is_not_in_the_file(data_home: Path) -> None:
    with opened() as awake:
        awake.observe_many([*TEXTS, "The zanzibar crate is hidden under marzipan."])
        found(awake)
        file = awake.home.index.with_suffix(".words")
    assert b"zanzibar" in file.read_bytes()
    with opened() as awake:
        found(awake)
        awake.forget(trace_id=len(TEXTS) + 1)
        assert not file.exists()
    with opened() as awake:
        now = found(awake)
        awake.observe("One more jar.")
        found(awake)
    assert not [p for p in data_home.rglob("*") if p.is_file() and b"zanzib" in p.read_bytes()]
    with opened() as awake:
        assert len(now) == len(found(awake))


def test_words_of_another_history_are_not_believed(tmp_path: Path, n_read: list[str]) -> None:
    with opened() as awake:
        awake.observe_many(TEXTS[:10])
        storage.snapshot(awake.database, awake.home, tmp_path / "early.hippo")
        awake.observe_many(TEXTS[10:])
        found(awake)
        home = awake.home
    storage.restore(home, tmp_path / "early.hippo")
    with opened() as awake:
        awake.observe_many([text.replace("Jar", "Bowl") for text in TEXTS[10:]])  # the same ids, other words
    n_read.clear()
    with opened() as awake:
        with awake.store.view() as view:
            assert view.lexical("bowl", 30) != []
            assert set(view.lexical("jar", 30)) == set(range(1, 11))
        assert len(n_read) == len(TEXTS)


def test_removed_rows_that_the_graph_still_needs_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hippo_mem.storage.index.FLAT_LIMIT", 4)
    with opened() as awake:
        awake.observe_many(TEXTS)
        awake.store.settle()
        awake.forget(trace_id=3)
        kept = found(awake)
    with opened() as awake:
        assert found(awake) == kept
        assert not np.isin(3, [i for cue in CUES for i in awake.store.lexical(cue, 30)])
