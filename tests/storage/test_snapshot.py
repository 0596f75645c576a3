"""A snapshot is one whole file of one moment; a restore is all of it or nothing, whenever it is killed."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hippo_mem.awake import Awake
from hippo_mem.embed import HashingEmbedder
from hippo_mem.errors import InputError, StoreBusy, StoreError, StoreFormatError, StoreVersionError
from hippo_mem.home import UserHome, locked, open_home
from hippo_mem.storage import restoring
from hippo_mem.storage import snapshot as module
from hippo_mem.storage.database import Database
from hippo_mem.storage.snapshot import read_manifest, restore, snapshot

ROOT = Path(__file__).parents[2]


def open_awake(user: str = "default") -> Awake:
    return Awake.open(user=user, embedder=HashingEmbedder(32))


def texts(user: str = "default") -> list[str]:
    with open_awake(user) as memory:
        return [trace.text for trace in memory.store]


def write_night(home: UserHome, number: int, content: bytes = b"weights") -> None:
    folder = home.nights / f"{number:04d}"
    (folder / "merged").mkdir(parents=True)
    (folder / "adapter_model.safetensors").write_bytes(content)
    (folder / "merged/model.safetensors").write_bytes(content * 2)
    (home.nights / "in_force.json").write_text(json.dumps({"night": number}))


def nights(home: UserHome) -> dict[str, bytes]:
    return {str(p.relative_to(home.nights)): p.read_bytes() for p in sorted(home.nights.rglob("*")) if p.is_file()}


@pytest.fixture
def home(data_home: Path) -> UserHome:
    return open_home()


@pytest.fixture
def taken(home: UserHome, tmp_path: Path) -> Path:
    """A snapshot of two memories and one night, after which more was told and another night slept."""
    file = tmp_path / "kept/memory.hippo"
    with open_awake() as memory:
        memory.observe_many(["Marta hid the brass key.", "Pavel sold the old barn."])
        write_night(home, 1, b"first")
        snapshot(memory.database, home, file)
        memory.observe("Zofia painted the fence green.")
    write_night(home, 2, b"second")
    return file


BEFORE = ["Marta hid the brass key.", "Pavel sold the old barn."]
AFTER = [*BEFORE, "Zofia painted the fence green."]
NIGHTS_BEFORE = {
    "0001/adapter_model.safetensors": b"first",
    "0001/merged/model.safetensors": b"firstfirst",
    "in_force.json": b'{"night": 1}',
}


def test_restore_brings_back_rows_and_nights(home: UserHome, taken: Path) -> None:
    assert texts() == AFTER
    manifest = restore(home, taken)
    assert (manifest.n_traces, manifest.night_in_force, manifest.user) == (2, 1, "default")
    assert texts() == BEFORE
    assert nights(home) == NIGHTS_BEFORE
    assert [p.name for p in home.folder.iterdir() if "restor" in p.name] == ["restore.lock"]


def test_the_file_is_private_and_says_what_is_in_it(taken: Path) -> None:
    assert taken.stat().st_mode & 0o777 == 0o600
    manifest = read_manifest(taken)
    with zipfile.ZipFile(taken) as archive:
        for name, (size, digest) in manifest.files.items():
            data = archive.read(name)
            assert (len(data), hashlib.sha256(data).hexdigest()) == (size, digest)
    assert list(taken.parent.iterdir()) == [taken]


def test_the_index_is_right_after_a_restore(home: UserHome, taken: Path) -> None:
    restore(home, taken)
    with open_awake() as memory:
        assert [h.trace.text for h in memory.recall("Zofia painted the fence green.", 3).hits[:2]] != AFTER[2:]
        assert {i for i, _ in memory.store.nearest(memory.embedder.embed(["key"])[0], 9)} == {1, 2}
        outcome, *_ = memory.observe("Olga bought a telescope in Lisbon.")
        assert outcome.trace_id == 3
        assert memory.recall("Olga bought a telescope", 1).hits[0].trace.id == 3


def test_a_process_that_has_the_store_open_is_told(home: UserHome, taken: Path) -> None:
    with open_awake() as memory:
        memory.recall("key")
        restore(home, taken)
        with pytest.raises(StoreError, match="open it again"):
            memory.observe("Told to what is no longer there.")
    assert texts() == BEFORE


@pytest.mark.parametrize("where", [0.2, 0.5, 0.8, 0.99])
def test_a_cut_off_snapshot_changes_nothing(home: UserHome, taken: Path, where: float) -> None:
    data = taken.read_bytes()
    taken.write_bytes(data[: int(len(data) * where)])
    with pytest.raises(StoreFormatError, match="damaged or not a snapshot"):
        restore(home, taken)
    assert texts() == AFTER


@pytest.mark.parametrize("part", ["rows", "night", "manifest"])
def test_one_changed_byte_is_seen(home: UserHome, taken: Path, part: str) -> None:
    data = bytearray(taken.read_bytes())
    mark = {"rows": b"Pavel sold", "night": b"firstfirst", "manifest": b'"n_traces": 2'}[part]
    at = data.index(mark) + len(mark) - 1
    data[at] ^= 1
    taken.write_bytes(data)
    with pytest.raises(StoreFormatError, match="damaged"):
        restore(home, taken)
    assert texts() == AFTER
    assert "0002/adapter_model.safetensors" in nights(home)


def rewrite(file: Path, **changes: object) -> None:
    """The same snapshot with another manifest, its checksum right."""
    with zipfile.ZipFile(file) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    manifest = {**json.loads(entries.pop("manifest.json")), **changes}
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
        data = json.dumps(manifest).encode()
        archive.writestr("manifest.json", data)
        archive.comment = hashlib.sha256(data).hexdigest().encode()


@pytest.mark.parametrize("change", [{"schema": 99}, {"version": 99}])
def test_a_newer_snapshot_is_refused(home: UserHome, taken: Path, change: dict[str, int]) -> None:
    rewrite(taken, **change)
    with pytest.raises(StoreVersionError, match="upgrade hippo"):
        restore(home, taken)
    assert texts() == AFTER


@pytest.mark.parametrize("name", ["../other/memory.sqlite", "nights/../../x", "/etc/x", "nights/.ssh/x", "nights//x"])
def test_no_entry_can_leave_the_folder(home: UserHome, taken: Path, name: str) -> None:
    files = {"memory.sqlite": {"bytes": 1, "sha256": ""}, name: {"bytes": 1, "sha256": ""}}
    rewrite(taken, files=files)
    with pytest.raises(StoreFormatError, match="names entries that no snapshot has"):
        restore(home, taken)


def test_another_users_snapshot_needs_a_word(taken: Path) -> None:
    other = open_home(user="someone")
    with pytest.raises(InputError, match="snapshot of user 'default', not of 'someone'"):
        restore(other, taken)
    assert texts("someone") == []
    restore(other, taken, other_user=True)
    assert texts("someone") == BEFORE


def test_a_link_among_the_nights_is_not_followed(home: UserHome, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of another user")
    write_night(home, 1)
    (home.nights / "0001/extra.json").symlink_to(secret)
    with open_awake() as memory, pytest.raises(StoreError, match="is a link"):
        snapshot(memory.database, home, tmp_path / "s.hippo")
    assert not (tmp_path / "s.hippo").exists()


def test_a_snapshot_inside_its_own_folder_or_over_a_folder_is_refused(home: UserHome, tmp_path: Path) -> None:
    with open_awake() as memory:
        with pytest.raises(InputError, match="is a folder"):
            snapshot(memory.database, home, tmp_path)
        with pytest.raises(InputError, match="lies in the folder"):
            snapshot(memory.database, home, home.nights / "s.hippo")


def test_no_restore_during_a_sleep(home: UserHome, taken: Path) -> None:
    with locked(home.sleep_lock, "sleeping"), pytest.raises(StoreBusy, match="sleeping"):
        restore(home, taken)
    assert texts() == AFTER


def test_snapshots_while_others_write_hold_whole_transactions(home: UserHome, tmp_path: Path) -> None:
    """Every event writes a row and moves a counter in one transaction: a copy that tears them apart is seen."""
    stop = threading.Event()

    def write() -> None:
        with open_awake() as memory:
            i = 0
            while not stop.is_set():
                memory.observe(f"Lantern {i} hangs over door {i}.", pin=True)
                i += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with open_awake() as memory:
            for n in range(5):
                file = tmp_path / f"{n}.hippo"
                snapshot(memory.database, home, file)
                with zipfile.ZipFile(file) as archive:
                    (tmp_path / "rows.sqlite").write_bytes(archive.read("memory.sqlite"))
                copy = sqlite3.connect(tmp_path / "rows.sqlite")
                (rows,) = copy.execute("SELECT count(*) FROM traces").fetchone()
                found = copy.execute("SELECT value FROM counters WHERE name = 'gates_accepts'").fetchone()
                assert rows == (found[0] if found else 0)
                assert copy.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
                copy.close()
    finally:
        stop.set()
        writer.join()


STEPS = ("unpacked", "prepared", "marked", "rows", "nights aside", "nights in", "unmarked")
KILLED = """
import os, signal, sys
from pathlib import Path
from hippo_mem.home import open_home
from hippo_mem.storage import restoring, snapshot

step, file = sys.argv[1:]

def die_after(module, name, only=None):
    whole = getattr(module, name)
    def cut(*given, **named):
        result = whole(*given, **named)
        if only is None or only(*given):
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    setattr(module, name, cut)

if step == "unpacked": die_after(snapshot, "_unpack")
if step == "prepared": die_after(snapshot, "_prepare")
if step == "marked": die_after(restoring, "commit")
if step == "rows": die_after(restoring, "_replace_rows")
if step == "nights aside": die_after(Path, "rename", lambda source, target: str(target).endswith("before-0"))
if step == "nights in": die_after(Path, "rename", lambda source, target: str(target).endswith("/nights"))
if step == "unmarked": die_after(Path, "unlink", lambda path, *_: path.name == "restore.json")
snapshot.restore(open_home(), Path(file))
"""


@pytest.mark.parametrize("step", STEPS)
def test_a_killed_restore_leaves_old_or_new(home: UserHome, taken: Path, step: str) -> None:
    nights_after = nights(home)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, step, str(taken)],
        check=False, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == -9, done.stderr
    is_old = step in ("unpacked", "prepared")
    assert texts() == (BEFORE if not is_old else AFTER)
    assert nights(home) == (NIGHTS_BEFORE if not is_old else nights_after)
    assert not restoring.is_pending(home.folder)
    restore(home, taken)  # and it can be done again
    assert texts() == BEFORE
    assert not list(home.folder.glob(".restoring-*"))


def test_what_was_told_after_the_rows_were_restored_is_not_lost_by_finishing(home: UserHome, taken: Path) -> None:
    """The restore is killed between rows and nights; a process that had the file open tells it something."""
    live = Database(home.database)
    subprocess.run(
        [sys.executable, "-c", KILLED, "rows", str(taken)],
        check=False, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    with live.write() as connection:
        connection.execute("UPDATE traces SET text = 'told in between' WHERE id = 1")
    live.close()
    assert texts() == ["told in between", BEFORE[1]]


def test_a_full_disk_leaves_the_old_state(home: UserHome, taken: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "_copy", full)
    with pytest.raises(StoreError, match="No space left"):
        restore(home, taken)
    monkeypatch.undo()
    monkeypatch.setenv("HIPPO_HOME", str(home.root))
    assert texts() == AFTER
    assert not list(home.folder.glob(".restoring-*"))


def test_a_damaged_store_can_be_restored_over(home: UserHome, taken: Path) -> None:
    for extra in home.folder.glob("memory.sqlite-*"):
        extra.unlink()
    home.database.write_bytes(b"no database" * 1000)
    restore(home, taken)
    assert texts() == BEFORE
    assert [p.read_bytes()[:11] for p in home.folder.glob("*.damaged-*")] == [b"no database"]


def test_what_is_not_a_snapshot_is_said_so(home: UserHome, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file"):
        restore(home, tmp_path / "nothing")
    (tmp_path / "text").write_text("hello")
    with pytest.raises(StoreFormatError, match="damaged or not a snapshot"):
        restore(home, tmp_path / "text")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("a", "b")
    with pytest.raises(StoreFormatError, match="not a snapshot of hippo"):
        restore(home, tmp_path / "other.zip")


@pytest.fixture(autouse=True)
def _no_threads_left() -> Iterator[None]:
    before = threading.active_count()  # other tests may have left a library's own
    yield
    assert threading.active_count() <= before


def test_a_snapshot_takes_the_place_of_nothing_but_a_snapshot(awake: Awake, tmp_path: Path) -> None:
    awake.observe("Zofia painted the fence green.")
    notes = tmp_path / "notes.txt"
    notes.write_text("mine\n")
    with Awake.open(awake.home.root, "somebody", embedder=awake.embedder) as other:
        theirs = other.home.database
        for place in (notes, theirs):
            with pytest.raises(InputError, match="holds something else than a snapshot"):
                snapshot(awake.database, awake.home, place)
    assert notes.read_text() == "mine\n"
    for _ in range(2):
        assert snapshot(awake.database, awake.home, tmp_path / "s.hippo").user == awake.home.user
