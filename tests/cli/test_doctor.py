"""doctor finds what is broken, names the remedy, and repairs what is derived."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

import hippo_mem.awake
import hippo_mem.embed
from hippo_cli import doctor as module
from hippo_cli.doctor import Check, examine
from hippo_cli.session import Session
from hippo_mem.awake import Awake
from hippo_mem.embed import HashingEmbedder
from hippo_mem.errors import ModelUnavailable


@pytest.fixture(autouse=True)
def _small_vectors(monkeypatch):
    monkeypatch.setattr(hippo_mem.embed, "MiniLMEmbedder", lambda: HashingEmbedder(384))
    monkeypatch.setattr(hippo_mem.embed.MiniLMEmbedder, "dim", 384, raising=False)
    monkeypatch.setattr(hippo_mem.awake, "MiniLMEmbedder", lambda: HashingEmbedder(384))


@pytest.fixture
def full_home(home: Path) -> Path:
    """Four memories and their saved index."""
    with Awake.open(home, "default", embedder=HashingEmbedder(384)) as awake:
        awake.observe_many([f"Person{i} hid lamp{i} in barn{i}." for i in range(4)])
    return home


def _found(**given) -> dict[str, Check]:
    return {check.name: check for check in examine(Session(), **given)}


def test_an_empty_home_is_healthy(hippo):
    done = hippo("doctor", "--json")
    findings = json.loads(done.out)
    assert done.code == 0, done.out
    assert findings["healthy"] is True
    names = [c["name"] for c in findings["checks"]]
    assert names == [
        "versions", "sqlite", "home", "model", "vectors", "parser", "arithmetic", "store", "contents", "rows",
        "embedder", "index", "origins", "nights", "policy", "settings",
    ]  # fmt: skip


def test_looking_creates_nothing(hippo, home: Path):
    hippo("doctor")
    assert not home.exists()


def test_a_full_home_is_healthy(full_home):
    found = _found()
    assert found["store"].ok
    assert found["index"].ok
    assert "4 rows, in step" in found["index"].found


def test_a_damaged_index_is_broken_until_repaired(hippo, full_home):
    index = full_home / "users/default/index.faiss"
    data = bytearray(index.read_bytes())
    data[-1] ^= 1
    index.write_bytes(data)
    done = hippo("doctor")
    assert done.code == 1
    assert "broken index" in done.out
    assert "hippo doctor --repair" in done.out
    repaired = hippo("doctor", "--repair")
    assert repaired.code == 0
    assert "4 rows, in step, mended: built again" in repaired.out


def test_a_damaged_store_is_broken_and_does_not_hide_the_rest(full_home):
    store = full_home / "users/default/memory.sqlite"
    for extra in store.parent.glob("memory.sqlite-*"):
        extra.unlink()
    store.write_bytes(b"not a database at all, but long enough to be one" * 100)
    found = _found()
    assert found["store"].ok is False
    assert found["index"].ok is False
    assert found["nights"].ok is None


def test_a_truncated_adapter_is_broken(hippo, full_home):
    hippo("sleep")
    assert "night 1 is in force" in _found()["nights"].found
    weights = full_home / "users/default/nights/0001/adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:20])
    check = _found()["nights"]
    assert check.ok is False
    assert "night 1 (in force)" in check.found
    done = hippo("doctor", "--repair")
    assert done.code == 0, done.out
    assert "the base speaks alone, mended: night 1 undone" in done.out
    assert _found()["nights"].ok


def test_one_changed_byte_of_a_nights_weights_is_found_and_an_earlier_night_speaks(hippo, full_home):
    hippo("sleep")
    hippo("sleep")
    weights = full_home / "users/default/nights/0002/adapter_model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    done = hippo("doctor")
    assert done.code == 1
    assert "is not what was written" in done.out
    assert "night 1 is in force, mended: night 2 undone" in hippo("doctor", "--repair").out


def test_damaged_weights_of_an_earlier_night_are_given_up(hippo, full_home):
    hippo("sleep")
    hippo("sleep")
    (full_home / "users/default/nights/0001/adapter_model.safetensors").write_bytes(b"cut")
    assert "night 1 (kept)" in _found()["nights"].found
    done = hippo("doctor", "--repair")
    assert done.code == 0, done.out
    assert "night 2 is in force, mended: night 1 gave up its damaged weights" in done.out


@pytest.mark.parametrize("content", ["not json", '{"night": 7}'])
def test_a_lost_record_of_the_night_in_force_is_mended(hippo, full_home, content):
    hippo("sleep")
    (full_home / "users/default/nights/in_force.json").write_text(content)
    assert _found()["nights"].ok is False
    assert "mended: night 1 put in force" in hippo("doctor", "--repair").out
    assert "night 1 is in force" in _found()["nights"].found


def _write(home: Path, *statements: str) -> None:
    connection = sqlite3.connect(home / "users/default/memory.sqlite")
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def test_a_changed_embedder_is_mended_by_embedding_again(hippo, full_home):
    with Awake.open(full_home, "default", embedder=HashingEmbedder(32)):
        pass
    done = hippo("doctor")
    assert done.code == 1
    assert "the vectors are of hashing-32/32, not of hashing-384" in done.out
    done = hippo("doctor", "--repair")
    assert done.code == 0, done.out
    assert "4 embedded again" in done.out
    assert "embed: 4/4" in done.err
    with Awake.open(full_home, "default", embedder=HashingEmbedder(384)) as awake:
        assert awake.recall("Where is lamp2?", 1).hits[0].trace.text == "Person2 hid lamp2 in barn2."


def test_a_vector_that_is_not_finite_is_mended(hippo, full_home):
    _write(full_home, "UPDATE traces SET vector = CAST(zeroblob(1532) || x'0000c07f' AS BLOB) WHERE id = 2")
    assert "1 memories have a bad vector" in hippo("doctor").out
    assert "mended: 1 memories have a bad vector; 1 embedded again" in hippo("doctor", "--repair").out
    assert hippo("doctor").code == 0


def test_an_index_out_of_step_is_mended(hippo, full_home):
    _write(full_home, "DROP TRIGGER traces_tombstone", "DELETE FROM traces WHERE id = 2")
    done = hippo("doctor")
    assert done.code == 1
    assert "out of step: 0 rows missing, 1 that the store does not have" in done.out
    assert "3 rows, in step, mended: built again" in hippo("doctor", "--repair").out


def test_rows_that_come_from_nothing_are_removed(hippo, full_home):
    _write(
        full_home,
        "INSERT INTO entities (name, key, kind, created) VALUES ('lost', 'lost', 'thing', 0)",
        "INSERT INTO places (name, key, created, last_seen) VALUES ('nowhere', 'nowhere', 0, 0)",
        "INSERT INTO place_links VALUES (1, 'trace', 99)",
    )
    done = hippo("doctor")
    assert done.code == 1
    assert "come from nothing: 1 places, 1 entities, 1 place links" in done.out
    done = hippo("doctor", "--repair")
    assert done.code == 0, done.out
    assert "removed 1 places, 1 entities, 1 place links" in done.out
    assert hippo("doctor").code == 0


def test_damaged_slots_and_tags_are_found_and_mended(hippo, full_home):
    with Awake.open(full_home, "default", embedder=HashingEmbedder(384)) as awake:
        awake.observe("Bob hid the lamp in the barn.")
    _write(full_home, "UPDATE traces SET slots = '{bad' WHERE id = 5", "UPDATE traces SET tags = '5' WHERE id = 3")
    done = hippo("recall", "barn")
    assert done.code == 1
    assert "is damaged: its" in done.err
    assert "hippo doctor --repair" in done.err
    done = hippo("doctor")
    assert done.code == 1
    assert "slots of row 5 of traces is not valid JSON" in done.out
    assert "tags of row 3 of traces must be a JSON list of texts, got 5" in done.out
    done = hippo("doctor", "--repair")
    assert done.code == 0, done.out
    assert "mended: 1 slots of traces read again, 1 tags of traces emptied" in done.out
    assert hippo("doctor").code == 0
    with Awake.open(full_home, "default", embedder=HashingEmbedder(384)) as awake:
        hits = {hit.trace.id: hit.trace for hit in awake.recall("Where is the lamp?", 5).hits}
    assert hits[5].slots == {"who": "Bob", "what": "the lamp", "where": "in the barn"}
    assert hits[3].tags == ()


def test_a_damaged_policy_is_removed_and_damaged_settings_are_set_aside(hippo, full_home):
    folder = full_home / "users/default"
    for name in ("policy.safetensors", "settings.json"):
        (folder / name).write_text("garbage")
    found = _found()
    assert (found["policy"].ok, found["settings"].ok) == (False, False)
    assert "is not a policy" in found["policy"].found
    assert "settings.json is damaged" in found["settings"].found
    done = hippo("doctor", "--repair")
    assert done.code == 0, done.out
    assert "mended: removed, the next sleep makes another" in done.out
    assert "the defaults hold" in done.out
    assert not (folder / "policy.safetensors").exists()
    assert [path.read_text() for path in folder.glob("settings.json.damaged-*")] == ["garbage"]
    assert hippo("doctor").code == 0


def test_lost_origins_are_mended_in_one_run(hippo, home):
    with Awake.open(home, "default", embedder=HashingEmbedder(384)) as awake:
        awake.observe("Ana is Tom's sister.")
    _write(home, "DELETE FROM origins WHERE kind = 'fact'")
    assert "come from nothing: 1 aliases" in hippo("doctor").out
    done = hippo("doctor", "--repair")
    assert done.code == 0, done.out
    assert "broken" not in done.out
    assert "removed 1 aliases" in done.out
    assert hippo("doctor").code == 0


def test_what_cannot_be_mended_offers_a_snapshot_after_the_repair_alone(hippo, home):
    with Awake.open(home, "default", embedder=HashingEmbedder(384)) as awake:
        awake.observe("Ana is Tom's sister.")
    _write(home, "DELETE FROM entities")
    done = hippo("doctor")
    assert done.code == 1
    assert "points at a row of entities that is gone" in done.out
    assert "restore" not in done.out
    done = hippo("doctor", "--repair")
    assert done.code == 1
    assert "cannot be mended: row" in done.out
    assert "hippo restore SNAPSHOT" in done.out


def _empty(home: Path) -> Path:
    store = home / "users/default/memory.sqlite"
    for extra in store.parent.glob("memory.sqlite-*"):
        extra.unlink()
    store.write_bytes(b"")
    return store


@pytest.mark.parametrize("opened", [False, True])
def test_an_emptied_store_stays_a_finding_until_a_snapshot_is_restored(hippo, full_home, tmp_path, opened):
    assert hippo("snapshot", str(tmp_path / "kept")).code == 0
    _empty(full_home)
    if opened:  # which starts an empty store and saves its index
        with Awake.open(full_home, "default", embedder=HashingEmbedder(384)):
            pass
    for words in (("doctor",), ("doctor", "--repair"), ("doctor", "--repair")):
        done = hippo(*words)
        assert done.code == 1, done.out
        assert "was emptied or replaced: it holds 0 memories; the index beside it knew 4 memories" in done.out
        assert "hippo restore SNAPSHOT" in done.out
    assert "0 rows, in step" in done.out
    assert hippo("restore", str(tmp_path / "kept")).code == 0
    assert hippo("doctor").code == 0
    assert _found()["contents"].found.startswith("4 memories")


def test_going_on_without_what_was_lost_is_the_users_choice(hippo, full_home):
    _empty(full_home)
    assert "index.lost" in hippo("doctor", "--repair").out
    (full_home / "users/default/index.lost").unlink()
    assert hippo("doctor").code == 0


def test_a_store_that_is_put_back_is_no_loss(hippo, full_home):
    store = full_home / "users/default/memory.sqlite"
    kept = store.read_bytes()
    _empty(full_home)
    assert hippo("doctor", "--repair").code == 1
    _empty(full_home).write_bytes(kept)
    done = hippo("doctor", "--repair")
    assert done.code == 0, done.out
    assert not (store.parent / "index.lost").exists()


def test_a_store_that_is_gone_is_not_one_that_never_was(hippo, full_home):
    _empty(full_home).unlink()
    for words in (("doctor",), ("doctor", "--repair")):
        done = hippo(*words)
        assert done.code == 1
        assert "is gone; the index beside it knew 4 memories" in done.out


def test_a_store_without_a_name_is_named_again(hippo, full_home):
    _write(full_home, "DELETE FROM meta")
    for words in (("status",), ("recall", "barn1")):
        done = hippo(*words)
        assert done.code == 1
        assert "does not say which store it is" in done.err
        assert "hippo doctor --repair" in done.err
    assert "no store_id in its table meta" in hippo("doctor").out
    done = hippo("doctor", "--repair")
    assert done.code == 0, done.out
    assert "mended: named again" in done.out
    with Awake.open(full_home, "default", embedder=HashingEmbedder(384)) as awake:
        assert awake.recall("Where is lamp2?", 1).hits[0].trace.text == "Person2 hid lamp2 in barn2."
    assert "4 rows, in step" in _found()["index"].found
    assert hippo("doctor").code == 0


def test_a_model_that_is_not_there_names_what_would_work():
    for name in ("nobody/nothing", "not a name at all"):
        check = module._model(Session(model=name))
        assert check.ok is False
        assert "smollm2-135m" in check.remedy


def test_a_part_that_is_not_installed_is_a_finding(monkeypatch, home):
    def missing(_self, _texts):
        raise ModelUnavailable("the sentence vectors are not installed; run: pip install x")

    monkeypatch.setattr(HashingEmbedder, "embed", missing)
    found = _found()
    assert found["vectors"].ok is False
    assert "pip install x" in found["vectors"].found
    assert found["parser"].ok


def test_a_home_that_cannot_be_written_is_a_finding(tmp_path):
    (tmp_path / "file").write_text("")
    found = {c.name: c for c in examine(Session(home=tmp_path / "file" / "home"))}
    assert found["home"].ok is False
    assert "HIPPO_HOME" in found["home"].remedy
    assert "store" not in found


def test_a_missing_package_is_a_finding(monkeypatch):
    import hippo_eval.machine

    monkeypatch.setattr(hippo_eval.machine, "versions", lambda: {"python": "3.11.7", "peft": "not installed"})
    check = module._versions()
    assert (check.ok, check.remedy) == (False, "pip install peft")
