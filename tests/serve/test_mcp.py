"""The official MCP client uses the memory: in this process, and as a command of its own."""

from __future__ import annotations

import asyncio
import json
import os
import sys

import pytest
from mcp import Client, StdioServerParameters

from hippo_mem.serve.tools import mcp_server


def _use(server, work):
    async def run():
        async with Client(server) as client:
            return await work(client)

    return asyncio.run(run())


@pytest.fixture
def server(house):
    yield mcp_server(house.people, house.bedroom, lambda _: "ana")
    house.people.close()


def test_remember_recall_facts_route_forget_status(server):
    async def work(client):
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert names == {"remember", "recall", "facts", "route", "forget", "sleep", "status"}
        told = await client.call_tool("remember", {"text": "Ana works at the clinic.", "source": "diary"})
        assert told.structured_content["outcomes"][0]["kind"] == "stored"
        await client.call_tool("remember", {"text": "The kitchen is north of the hallway."})
        found = (await client.call_tool("recall", {"cue": "Where does Ana work?"})).structured_content
        assert found["decided"]["answer"] == "clinic"
        assert found["episodes"][0]["text"] == "Ana works at the clinic."
        facts = (await client.call_tool("facts", {"about": "Ana"})).structured_content["facts"]
        assert [(f["head"], f["relation"], f["tail"]) for f in facts] == [("Ana", "works_at", "clinic")]
        way = (await client.call_tool("route", {"start": "kitchen", "goal": "hallway"})).structured_content
        assert way["places"] == ["kitchen", "hallway"]
        status = (await client.call_tool("status", {})).structured_content
        assert (status["user"], status["n_waiting"]) == ("ana", 2)
        gone = (await client.call_tool("forget", {"source": "diary"})).structured_content
        assert gone == {"forgotten": 1}
        assert (await client.call_tool("facts", {"about": "Ana"})).structured_content["facts"] == []

    _use(server, work)


def test_what_fails_says_why_and_stays_in_the_conversation(server):
    async def work(client):
        neither = await client.call_tool("forget", {})
        assert neither.is_error
        assert "exactly one" in neither.content[0].text or "choose" in neither.content[0].text.lower()
        nowhere = await client.call_tool("route", {"start": "a", "goal": "b"})
        assert nowhere.is_error
        assert "no place 'a'" in nowhere.content[0].text

    _use(server, work)


def test_memories_are_resources(server):
    async def work(client):
        await client.call_tool("remember", {"text": "Ana works at the clinic."})
        newest = json.loads((await client.read_resource("hippo://memories")).contents[0].text)
        assert [m["text"] for m in newest] == ["Ana works at the clinic."]
        one = json.loads((await client.read_resource(f"hippo://memories/{newest[0]['id']}")).contents[0].text)
        assert one["facts"][0]["tail"] == "clinic"
        about = json.loads((await client.read_resource("hippo://facts?about=Ana")).contents[0].text)
        assert len(about) == 1

    _use(server, work)


def test_as_a_command_over_stdio(data_home):
    server = StdioServerParameters(
        command=sys.executable, args=["-W", "ignore", "-m", "hippo_cli", "mcp", "--user", "ana"],
        env={"HIPPO_HOME": str(data_home), "PATH": os.environ["PATH"]},
    )  # fmt: skip

    async def work(client):
        told = await client.call_tool("remember", {"text": "The spare key hangs behind the clock."})
        assert told.structured_content["outcomes"][0]["kind"] == "stored"
        found = (await client.call_tool("recall", {"cue": "spare key"})).structured_content
        assert found["episodes"][0]["text"] == "The spare key hangs behind the clock."

    _use(server, work)
