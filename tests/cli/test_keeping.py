"""Memories go out of the data home and come back by one command each."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

import hippo_mem.awake
from hippo_mem.awake import Awake
from hippo_mem.embed import HashingEmbedder


@pytest.fixture(autouse=True)
def _small_vectors(monkeypatch):
    monkeypatch.setattr(hippo_mem.awake, "MiniLMEmbedder", HashingEmbedder)


def _texts(home: Path, user: str = "default") -> list[str]:
    with Awake.open(home, user, embedder=HashingEmbedder()) as awake:
        return [trace.text for trace in awake.store]


@pytest.fixture
def told(home: Path) -> list[str]:
    with Awake.open(home, embedder=HashingEmbedder()) as awake:
        awake.observe_many(["Marta hid the brass key.", "Pavel sold the old barn."])
    return ["Marta hid the brass key.", "Pavel sold the old barn."]


def test_snapshot_and_restore(hippo, home, told, tmp_path):
    done = hippo("snapshot", str(tmp_path / "a.hippo"))
    assert done.code == 0, done.err
    assert "2 memories, no night" in done.out
    hippo("sleep")
    hippo("remember", "Zofia painted the fence green.")
    assert len(_texts(home)) == 3
    done = hippo("restore", str(tmp_path / "a.hippo"))
    assert done.code == 0, done.err
    assert "restored 2 memories of default" in done.out
    assert _texts(home) == told
    assert not list((home / "users/default/nights").iterdir())


def test_another_users_snapshot_is_refused_until_it_is_meant(hippo, home, told, tmp_path):
    file = str(tmp_path / "a.hippo")
    hippo("snapshot", file)
    done = hippo("restore", file, "--user", "anna")
    assert done.code == 1
    assert "snapshot of user 'default', not of 'anna'" in done.err
    assert _texts(home, "anna") == []
    assert hippo("restore", file, "--user", "anna", "--other-user").code == 0
    assert _texts(home, "anna") == told


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
def test_export_and_import(hippo, home, told, tmp_path, format):
    path = str(tmp_path / "out")
    done = hippo("export", path, "--format", format)
    assert done.code == 0, done.err
    assert "2 traces" in done.out
    done = hippo("import", path, "--user", "anna", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["added"]["traces"] == 2
    assert _texts(home, "anna") == told


def test_an_id_that_is_taken_is_named(hippo, home, told, tmp_path):
    path = str(tmp_path / "out.jsonl")
    hippo("export", path)
    done = hippo("import", path)
    assert done.code == 1
    assert "id 1 of traces is already in this store" in done.err
    assert "--renumber" in done.err
    hippo("remember", "Zofia painted the fence green.")
    done = hippo("import", path, "--renumber")
    assert done.code == 0, done.err
    assert "2 traces" in done.out.split("here already: ")[1]
    assert _texts(home) == [*told, "Zofia painted the fence green."]


@pytest.mark.parametrize("words", [("unretire", "--since", "nan"), ("vacuum", "--yes", "--until", "nan")], ids=" ".join)
def test_a_time_that_is_none_is_refused(hippo, home, told, words):
    _retire(home)
    done = hippo(*words)
    assert (done.code, done.out) == (1, "")
    assert "time 'nan' is neither a date such as 2026-05-01T18:30 nor a number of unix seconds" in done.err
    assert "2 memories brought back" in hippo("unretire").out


@pytest.mark.parametrize("words", [("export", "x.jsonl"), ("snapshot", "x.hippo")], ids=" ".join)
def test_a_folder_that_cannot_be_read_is_named(hippo, home, told, tmp_path, monkeypatch, words):
    stat = Path.stat

    def refuse(self: Path, **options: bool) -> os.stat_result:
        if self.is_relative_to(home / "users" / "default"):  # as without the right to it; a superuser always has it
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return stat(self, **options)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Path, "stat", refuse)
    done = hippo(*words)
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        f"hippo: cannot read {home / 'users' / 'default'}: permission denied; take the right to it (chmod -R u+rwX), "
        "or name another place by HIPPO_HOME\n"
    )


def test_a_cut_off_import_brings_nothing(hippo, home, told, tmp_path):
    path = tmp_path / "out.jsonl"
    hippo("export", str(path))
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:2]))
    done = hippo("import", str(path), "--user", "anna")
    assert done.code == 1
    assert "cut off after line 2" in done.err
    assert _texts(home, "anna") == []


@pytest.mark.parametrize("words", [["snapshot", "a"], ["export", "a"], ["restore", "a"], ["import", "a"]])
def test_where_there_is_nothing_nothing_is_made(hippo, home, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    done = hippo(*words)
    assert done.code == 1
    assert "has no memory" in done.err or "no file" in done.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("user", ["../default", "a/b", "..", "x.y", ""])
@pytest.mark.parametrize("command", ["snapshot", "restore", "export", "import"])
def test_no_user_id_leads_out_of_the_home(hippo, home, told, tmp_path, command, user):
    file = str(tmp_path / "out")
    hippo("export" if command == "import" else "snapshot", file)
    done = hippo(command, file, "--user", user) if user else hippo(command, file, "--user", " ")
    assert done.code == 1
    assert "is not valid" in done.err
    assert [p.name for p in (home / "users").iterdir()] == ["default"]


def _retire(home: Path) -> None:
    with Awake.open(home, embedder=HashingEmbedder(), clock=lambda: 1_000.0) as awake:
        assert awake.store.prune(0) == 2


def test_what_was_retired_comes_back(hippo, home, told):
    _retire(home)
    assert _texts(home) == []
    assert "0 memories brought back" in hippo("unretire", "--since", "2000").out  # it was retired before then
    done = hippo("unretire")
    assert done.code == 0, done.err
    assert "2 memories brought back" in done.out
    assert _texts(home) == told


def test_vacuum_deletes_what_was_retired_and_asks_first(hippo, home, told):
    _retire(home)
    assert hippo("vacuum").code == 2  # there is nobody to ask
    assert json.loads(hippo("vacuum", "--until", "500", "--yes", "--json").out) == {"deleted": 0}
    assert json.loads(hippo("vacuum", "--yes", "--json").out) == {"deleted": 2}
    assert json.loads(hippo("unretire", "--json").out) == {"brought_back": 0}
    assert b"brass key" not in (home / "users/default/memory.sqlite").read_bytes()


def test_what_was_learned_is_kept_as_learned_when_asked(hippo, home, told, tmp_path):
    with Awake.open(home, embedder=HashingEmbedder()) as awake:
        awake.store.mark_consolidated([1], 77.5)
    path = str(tmp_path / "out.jsonl")
    hippo("export", path)
    hippo("import", path, "--user", "anna")
    hippo("import", path, "--user", "berta", "--keep-learned")
    for user, learned in (("anna", [None, None]), ("berta", [77.5, None])):
        with Awake.open(home, user, embedder=HashingEmbedder()) as awake:
            assert [trace.consolidated_at for trace in awake.store] == learned
    again = tmp_path / "again.jsonl"
    hippo("export", str(again), "--user", "berta")
    assert again.read_bytes() == Path(path).read_bytes()
