"""A server over a tiny model and sentence vectors without one, called in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from hippo_mem.config import GateConfig
from hippo_mem.embed import HashingEmbedder
from hippo_mem.memory import Hippo, HippoConfig
from hippo_mem.serve.access import Access, Tokens
from hippo_mem.serve.app import ServeConfig, make_app
from hippo_mem.serve.bedroom import Bedroom
from hippo_mem.serve.callers import House
from hippo_mem.serve.guard import Limits
from hippo_mem.serve.leaving import Leaving
from hippo_mem.serve.people import People
from hippo_mem.serve.queue import Queue

BASE = "http://127.0.0.1:8377"
Serve = Callable[..., TestClient]


@pytest.fixture
def house(data_home: Path, tiny_folder: Path) -> House:
    data_home.mkdir(exist_ok=True)
    settings = HippoConfig(gate=GateConfig(surprise="cheap"), dtype="float32")

    def open_one(user: str) -> Hippo:
        return Hippo.open(data_home, user, model=str(tiny_folder), config=settings, embedder=HashingEmbedder())

    people = People(open_one, home=data_home)
    return House(
        access=Access(tokens=Tokens(data_home), open=True),
        people=people,
        leaving=Leaving(people),
        bedroom=Bedroom(data_home, str(tiny_folder)),
        model=str(tiny_folder),
        answering=Queue(2),
    )


@pytest.fixture
def serve(house: House, data_home: Path) -> Iterator[Serve]:
    """`serve()` is a client of a running server; `serve(open=False)` one where tokens are needed."""
    import dataclasses

    running: list[TestClient] = []

    def start(*, open: bool = True, limits: Limits | None = None) -> TestClient:
        here = dataclasses.replace(house, access=Access(tokens=house.access.tokens, open=open))
        config = ServeConfig(home=data_home, web=False, nights=False, limits=limits or Limits())
        client = TestClient(make_app(config, here), base_url=BASE)
        client.__enter__()
        running.append(client)
        return client

    yield start
    for client in running:
        client.__exit__(None, None, None)


@pytest.fixture
def client(serve: Serve) -> TestClient:
    return serve()
