"""The official clients of a server that runs, over the wire; and what it says on stderr meanwhile."""

from __future__ import annotations

import asyncio
import json

import openai
import pytest
from mcp import Client

from tests.serve.processes import server

SECRETS = ("Quillfeather", "lighthouse", "zeppelin", "orangery")


@pytest.fixture(scope="module")
def running(tmp_path_factory, tiny_folder):
    with server(tmp_path_factory.mktemp("served"), "--model", str(tiny_folder), "--verbose") as (
        _,
        client,
        said,
    ):
        yield client, said


@pytest.fixture
def ai(running):
    with openai.OpenAI(base_url=f"{running[0].base_url}/v1", api_key="none", max_retries=0) as client:
        yield client


def _ask(ai, text, **more):
    return ai.chat.completions.create(model="hippo", messages=[{"role": "user", "content": text}], **more)


def test_openai_streams_piece_by_piece(ai):
    _ask(ai, "Ana Quillfeather works at the lighthouse.", user="olga")
    with _ask(ai, "Where does Ana Quillfeather work?", user="olga", stream=True) as known:
        chunks = list(known)
    assert "lighthouse" in "".join(c.choices[0].delta.content or "" for c in chunks).lower()
    assert [s["text"] for s in chunks[0].hippo["sources"]] == ["Ana Quillfeather works at the lighthouse."]
    asked = {"user": "olga", "max_tokens": 12, "temperature": 1.0, "seed": 4}
    with _ask(ai, "Write about rain.", stream=True, stream_options={"include_usage": True}, **asked) as free:
        chunks = list(free)
    pieces = [c.choices[0].delta.content for c in chunks if c.choices and c.choices[0].delta.content]
    assert len(pieces) > 2
    assert "".join(pieces) == _ask(ai, "Write about rain.", **asked).choices[0].message.content
    assert chunks[-1].usage.completion_tokens == 12


def test_a_client_that_goes_away_gives_its_place_back(ai):
    for _ in range(4):  # more than answer at once
        stream = _ask(ai, "Write about rain.", stream=True, max_tokens=400)
        next(iter(stream))
        stream.close()
    assert _ask(ai, "Write about rain.", max_tokens=2).choices


def test_mcp_over_http(running):
    client, _ = running

    async def work():
        async with Client(f"{client.base_url}/mcp") as mcp:
            tools = {tool.name for tool in (await mcp.list_tools()).tools}
            assert {"remember", "recall", "facts", "route", "forget", "sleep", "status"} <= tools
            told = await mcp.call_tool("remember", {"text": "The zeppelin is kept in the orangery."})
            assert told.structured_content["outcomes"][0]["kind"] == "stored"
            found = (await mcp.call_tool("recall", {"cue": "Where is the zeppelin?"})).structured_content
            assert found["episodes"][0]["text"] == "The zeppelin is kept in the orangery."
            kept = json.loads((await mcp.read_resource("hippo://memories")).contents[0].text)
            assert kept[0]["id"] == found["episodes"][0]["id"]

    asyncio.run(work())


def test_what_is_said_on_stderr_holds_nothing_of_a_memory(running):
    client, said = running
    text = "Ana Quillfeather keeps the zeppelin in the orangery of the lighthouse."
    client.post("/api/memories", json={"text": text, "pin": True})
    client.post("/api/memories", json={"text": text, "surprise": "lighthouse"})
    client.post("/api/memories", content=text)
    client.get("/api/memories", params={"contains": "Quillfeather", "source": text})
    client.post("/api/recall", json={"cue": text})
    client.post("/api/answer", json={"question": "Who keeps the zeppelin?"})
    client.post("/api/route", json={"start": "orangery", "goal": "lighthouse"})
    client.post("/api/import", files={"file": ("x.jsonl", text.encode())})
    client.get(f"/api/memories/{text}")
    client.delete("/api/memories", params={"source": "Quillfeather"})
    assert any("Application startup complete" in line for line in said)
    for word in SECRETS:
        assert not [line for line in said if word.lower() in line.lower()]


def test_an_error_that_nobody_foresaw_is_answered_and_logged_without_its_words(serve, house, caplog, monkeypatch):
    client = serve()

    def fail(*_):
        raise RuntimeError("on the words Ana Quillfeather")

    monkeypatch.setattr("hippo_mem.memory.Hippo.observe_many", fail)
    answer = client.post("/api/memories", json={"text": "Ana Quillfeather works at the lighthouse."})
    assert answer.status_code == 500
    assert "RuntimeError" in answer.json()["error"]["message"]
    assert "Quillfeather" not in answer.text
    assert "RuntimeError at test_clients.py" in caplog.text
    assert "Quillfeather" not in caplog.text
