"""Nothing of one user can be reached by another, by any way in."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hippo_mem.awake import Awake
from hippo_mem.embed import HashingEmbedder
from hippo_mem.errors import InputError
from hippo_mem.home import open_home
from hippo_mem.storage.experiment import load_session, save_session
from hippo_mem.storage.portable import export_to, import_from
from hippo_mem.storage.snapshot import restore, snapshot
from hippo_mem.types import Where

SECRET = "Marta hid the emerald under the third stair."
EMBEDDER = HashingEmbedder(32)
ESCAPES = ["../marta", "marta/../marta", "..", ".", "", "a", "marta/", "/etc/passwd", "ma.rta", "marta\x00", "mar ta",
           "marta\n", "~root", "x" * 65, "märta", "%2e%2e%2fmarta"]  # fmt: skip


def open_awake(user: str) -> Awake:
    return Awake.open(user=user, embedder=EMBEDDER, memories=["episodic"])


@pytest.fixture
def secret(data_home: Path) -> Path:
    """Marta's folder, with one memory in it."""
    with open_awake("marta") as memory:
        memory.observe(SECRET, pin=True, source="diary")
        return memory.home.folder


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("user", ESCAPES)
@pytest.mark.parametrize(
    "way_in",
    [
        lambda user: open_home(user=user),
        lambda user: Awake.open(user=user, embedder=EMBEDDER),
        lambda user: save_session(Path(os.environ["HIPPO_HOME"]) / "users", user, []),
        lambda user: load_session(Path(os.environ["HIPPO_HOME"]) / "users", user),
    ],
    ids=["open_home", "awake", "save", "load"],
)
def test_no_id_names_another_folder(secret: Path, user: str, way_in: Callable[[str], Any]) -> None:
    before = bytes_of(secret.parents[1])
    with pytest.raises(InputError):
        way_in(user)
    assert bytes_of(secret.parents[1]) == before
    assert [p.name for p in secret.parent.iterdir()] == ["marta"]


@pytest.mark.parametrize(
    "look",
    [
        lambda m: m.recall("Where is the emerald?", 50).hits,
        lambda m: m.recall("emerald", 50, where=Where(source="diary")).hits,
        lambda m: list(m.store),
        lambda m: m.store.get_many(range(1, 50)),
        lambda m: m.store.nearest(EMBEDDER.embed([SECRET])[0], 50),
        lambda m: m.store.lexical("emerald stair", 50),
        lambda m: m.status()["sources"],
        lambda m: m.ledger.deletions(),
    ],
)
def test_no_reading_shows_another_users_memory(secret: Path, look: Callable[[Awake], Any]) -> None:
    with open_awake("olga") as memory:
        assert not look(memory)


def test_no_deletion_reaches_another_user(secret: Path) -> None:
    before = bytes_of(secret)
    with open_awake("olga") as memory:
        assert memory.forget(trace_id=1) == memory.forget(source="diary") == memory.forget(everything=True) == 0
    assert bytes_of(secret) == before


def test_users_share_no_folder_or_file(secret: Path) -> None:
    with open_awake("olga") as memory:
        memory.observe("Olga bought a telescope.", pin=True)
    olga = secret.with_name("olga")
    inodes = [{p.stat().st_ino for p in folder.rglob("*")} for folder in (secret, olga)]
    assert not inodes[0] & inodes[1]
    for path in (secret, olga, *secret.rglob("*"), *olga.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


def test_an_export_takes_along_only_its_users_memories(secret: Path, tmp_path: Path) -> None:
    with open_awake("olga") as memory:
        memory.observe("Olga bought a telescope.", pin=True)
        export_to(memory.database, tmp_path / "olga.jsonl")
        export_to(memory.database, tmp_path / "olga", format="parquet")
        snapshot(memory.database, memory.home, tmp_path / "olga.hippo")
        save_session(tmp_path / "stores", "session", memory.store)
    for file in tmp_path.rglob("*"):
        if file.is_file() and "hippo-home" not in file.parts:
            content = file.read_bytes()
            assert b"emerald" not in content
            assert b"marta" not in content


def test_an_import_changes_no_one_else_and_leaks_nothing_back(secret: Path, tmp_path: Path) -> None:
    with open_awake("marta") as memory:
        export_to(memory.database, tmp_path / "given.jsonl")
    before = bytes_of(secret)
    with open_awake("olga") as memory:
        memory.observe("Olga bought a telescope.", pin=True)
        import_from(memory.database, tmp_path / "given.jsonl", space=EMBEDDER, renumber=True)
        assert sorted(trace.text for trace in memory.store) == [SECRET, "Olga bought a telescope."]
        memory.forget(source="diary")
    assert bytes_of(secret) == before
    assert all(b"emerald" not in content for content in bytes_of(secret.with_name("olga")).values())


def test_an_imported_row_cannot_name_a_file(data_home: Path, tmp_path: Path) -> None:
    """Everything in an export is a value of a row: nothing in it is ever opened."""
    with open_awake("olga") as memory:
        memory.observe("Olga bought a telescope.", pin=True)
        export_to(memory.database, tmp_path / "out.jsonl")
        lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
        lines[1]["table"] = "meta"
        (tmp_path / "out.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        with pytest.raises(InputError, match="no table 'meta'"):
            import_from(memory.database, tmp_path / "out.jsonl", space=EMBEDDER)


def test_a_snapshot_of_another_user_is_refused(secret: Path, tmp_path: Path) -> None:
    with open_awake("marta") as memory:
        snapshot(memory.database, memory.home, tmp_path / "marta.hippo")
    with pytest.raises(InputError, match="snapshot of user 'marta', not of 'olga'"):
        restore(open_home(user="olga"), tmp_path / "marta.hippo")
    with open_awake("olga") as memory:
        assert list(memory.store) == []


@pytest.mark.parametrize("what", ["memory.sqlite", "index.faiss", "nights"])
def test_a_link_to_another_users_files_is_refused(secret: Path, what: str) -> None:
    before = bytes_of(secret)
    target = open_home(user="olga").folder / what
    if target.is_dir():
        target.rmdir()
    (secret / "nights").mkdir(exist_ok=True)
    target.symlink_to(secret / what)
    with pytest.raises(InputError, match=r"is a link to .*marta.*, which is not of user 'olga'"):
        open_awake("olga")
    assert bytes_of(secret) == before


def test_a_user_folder_that_is_a_link_to_another_is_refused(secret: Path) -> None:
    (secret.parent / "olga").symlink_to(secret, target_is_directory=True)
    with pytest.raises(InputError, match="is a link to"):
        open_awake("olga")


def test_a_user_may_live_on_another_disk(data_home: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir(mode=0o700)
    (data_home / "users").mkdir(parents=True)
    (data_home / "users/olga").symlink_to(tmp_path / "disk", target_is_directory=True)
    with open_awake("olga") as memory:
        memory.observe("Olga bought a telescope.", pin=True)
    assert (tmp_path / "disk/memory.sqlite").is_file()
