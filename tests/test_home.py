import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hippo_mem.errors import InputError, StorageFull, StoreBusy
from hippo_mem.home import data_home as resolve
from hippo_mem.home import held_by, locked, open_home, write_private


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_the_home_is_configured_else_the_platforms(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HIPPO_HOME", str(tmp_path / "a"))
    assert resolve() == tmp_path / "a"
    assert resolve(tmp_path / "given") == tmp_path / "given"
    monkeypatch.delenv("HIPPO_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "b"))
    assert resolve() == tmp_path / "b" / "hippo"
    monkeypatch.setenv("XDG_DATA_HOME", "relative/is/ignored")
    monkeypatch.setenv("HOME", str(tmp_path / "c"))
    assert resolve() == tmp_path / "c" / ".local" / "share" / "hippo"


def test_opening_makes_private_folders(data_home: Path) -> None:
    home = open_home(user="alice")
    assert home.database == data_home / "users" / "alice" / "memory.sqlite"
    for folder in (home.root, home.folder, home.nights, home.models):
        assert mode(folder) == 0o700


@pytest.mark.parametrize("user", ["../bob", "a/b", "a.b", "ab", "", "x" * 65, "tab\t1", "é" * 5, "abc\n"])
def test_no_user_id_leaves_the_home(user: str, data_home: Path) -> None:
    with pytest.raises(InputError, match=r"user .* is not valid"):
        open_home(user=user)
    assert not data_home.exists()


def test_a_home_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageFull, match="set HIPPO_HOME to a writable folder"):
        open_home(tmp_path / "file" / "home")


def test_a_read_only_home_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(StorageFull, match="Read-only file system; free space or permissions"):
        open_home(tmp_path)
    monkeypatch.undo()
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(StorageFull, match="permission denied"):
        open_home(tmp_path)


def test_a_private_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "f"
    write_private(path, b"old")
    assert mode(path) == 0o600

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFull, match="No space left"):
        write_private(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_lock_names_its_holder_and_ends_with_the_block(tmp_path: Path) -> None:
    path = tmp_path / "sleep.lock"
    with locked(path, "sleeping"):
        assert mode(path) == 0o600
        with (
            pytest.raises(StoreBusy, match=rf"process {os.getpid()} has been sleeping for \d+ s .*wait for it"),
            locked(path, "sleeping too"),
        ):
            pass
    with locked(path, "again"):
        pass


def test_a_lock_excludes_another_process_and_dies_with_it(tmp_path: Path) -> None:
    path = tmp_path / "sleep.lock"
    code = (
        "import sys; from pathlib import Path; from hippo_mem.home import locked\n"
        f"with locked(Path({str(path)!r}), 'sleeping'):\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StoreBusy, match=f"process {holder.pid} has been sleeping"), locked(path, "mine"):
            pass
        holder.kill()
        holder.wait()
        with locked(path, "mine"):
            pass


def test_who_holds_a_lock_is_known_without_taking_it(tmp_path: Path) -> None:
    lock = tmp_path / "sleep.lock"
    assert held_by(lock) is None
    with locked(lock, "sleeping"):
        assert "sleeping" in (held_by(lock) or "")
    assert held_by(lock) is None
    lock.write_text(json.dumps({"pid": os.getpid(), "purpose": "sleeping", "since": 0.0}))  # its holder was killed
    assert held_by(lock) is None
    with locked(lock, "sleeping"):
        assert held_by(lock) is not None


def test_an_unreadable_holder_is_still_a_holder(tmp_path: Path) -> None:
    path = tmp_path / "sleep.lock"
    with locked(path, "sleeping"):
        path.write_text("half a li")
        with pytest.raises(StoreBusy, match="another process is busy here"), locked(path, "mine"):
            pass


def test_a_lock_in_an_impossible_place(tmp_path: Path) -> None:
    with pytest.raises(StorageFull, match="cannot write"), locked(tmp_path / "no" / "lock", "mine"):
        pass
