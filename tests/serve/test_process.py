"""The server as a process: killed at the worst moments it starts again with everything it had acknowledged."""

from __future__ import annotations

import signal
import socket
import threading
import time

import httpx2 as httpx
import pytest

from hippo_cli.main import main
from hippo_mem.memory import Hippo
from tests.serve.processes import TOO_LONG_S, server


def _texts(client):
    return [m["text"] for m in client.get("/api/memories", params={"limit": 500}).json()["memories"]]


def test_killed_while_it_writes_and_exports_it_loses_nothing_it_acknowledged(tmp_path):
    acknowledged, stop = [], threading.Event()

    def tell(base):
        with httpx.Client(base_url=base, timeout=TOO_LONG_S) as own:
            i = 0
            while not stop.is_set():
                text = f"Crate number {i} holds lantern model {i * 7}."
                try:
                    if own.post("/api/memories", json={"text": text, "pin": True}).status_code == 201:
                        acknowledged.append(text)
                    if i % 5 == 0:
                        own.get("/api/export")
                except httpx.HTTPError:
                    return
                i += 1

    with server(tmp_path) as (process, client, _):
        writer = threading.Thread(target=tell, args=(str(client.base_url),))
        writer.start()
        end = time.monotonic() + TOO_LONG_S
        while len(acknowledged) < 8 and time.monotonic() < end:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        stop.set()
        writer.join()
    assert len(acknowledged) >= 8
    with server(tmp_path) as (_, client, _):
        assert set(acknowledged) <= set(_texts(client))
        assert (
            client.post("/api/recall", json={"cue": acknowledged[-1]}).json()["hits"][0]["trace"]["text"]
            in acknowledged
        )
        assert not list(tmp_path.rglob("*.tmp"))


@pytest.mark.slow
@pytest.mark.real_model
def test_killed_while_its_user_sleeps_the_night_before_stays_in_force(tmp_path):
    with server(tmp_path) as (process, client, _):
        client.post("/api/memories", json={"text": "Ana works at the clinic.", "pin": True})
        client.post("/api/sleep")
        end = time.monotonic() + TOO_LONG_S
        while client.get("/api/sleep").json().get("stage") != "training" and time.monotonic() < end:
            time.sleep(0.2)
        process.send_signal(signal.SIGKILL)
        process.wait()
    with server(tmp_path) as (_, client, _):
        status = client.get("/api/status").json()
        assert (status["night_in_force"], status["n_traces"]) == (None, 1)


def test_an_address_beyond_this_machine_needs_a_token_first(tmp_path, capsys):
    assert main(["serve", "--host", "0.0.0.0", "--home", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "hippo token add" in said
    assert len(said.strip().splitlines()) == 1


def test_a_taken_port_is_one_clear_line(tmp_path, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["serve", "--no-web", "--port", str(port), "--home", str(tmp_path)]) == 1
    assert f"port {port} is taken" in capsys.readouterr().err


def test_forgetting_a_user_leaves_none_of_their_words_on_disk(tmp_path):
    secrets = ["The safe's number is 884-1207.", "Ana Quillfeather works at the lighthouse."]
    with server(tmp_path) as (_, client, _):
        ana, ben = {"X-Hippo-User": "ana"}, {"X-Hippo-User": "ben"}
        for text in secrets:
            client.post("/api/memories", json={"text": text, "pin": True}, headers=ana)
        client.post("/api/memories", json={"text": "Ben's boat is green.", "pin": True}, headers=ben)
        client.patch("/api/memories/1", json={"text": "The safe's number is 884-9999."}, headers=ana)
        client.post("/api/recall", json={"cue": "Quillfeather"}, headers=ana)
        client.get("/api/export", headers=ana)
        assert main(["forget", "--all", "--yes", "--user", "ana", "--home", str(tmp_path)]) == 0
        assert client.get("/api/memories", headers=ana).json()["memories"] == []  # the server sees it at once
    for file in tmp_path.rglob("*"):
        if file.is_file() and "models" not in file.parts:
            held = file.read_bytes()
            for word in (b"884-", b"Quillfeather", b"quillfeather", b"lighthouse"):
                assert word not in held, file
    with Hippo.open(tmp_path, "ben") as hippo:
        assert [m.text for m in hippo.browse.memories()] == ["Ben's boat is green."]
