"""One process for everything: the web app, the REST and OpenAI-compatible APIs, and MCP, behind one guard.

    request ► guard (host, origin, size, rate) ► who (access) ► route ► Hippo

Knows nothing of what the routes do.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from mcp.server.transport_security import TransportSecuritySettings

from hippo_mem.config import GateConfig
from hippo_mem.embed import MiniLMEmbedder
from hippo_mem.errors import InputError
from hippo_mem.home import data_home, make_folder
from hippo_mem.lm import DEFAULT_MODEL
from hippo_mem.memory import Hippo, HippoConfig
from hippo_mem.serve import completions, memories, problems
from hippo_mem.serve.access import DEFAULT_USER, Access, Tokens, is_loopback
from hippo_mem.serve.bedroom import Bedroom
from hippo_mem.serve.callers import USER_HEADER, Door, House, bearer_of
from hippo_mem.serve.guard import Guard, Limits
from hippo_mem.serve.leaving import Leaving
from hippo_mem.serve.nightwatch import Nightwatch
from hippo_mem.serve.people import People
from hippo_mem.serve.queue import Queue
from hippo_mem.serve.tools import mcp_server

MCP_PATH = "/mcp"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeConfig:
    """How one server runs. `hosts` are names it answers to besides loopback and `host`; `answers` at once; `engine` as
    in `HippoConfig`."""

    home: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8377
    model: str = DEFAULT_MODEL
    engine: Literal["torch", "auto", "int8", "int4"] = "auto"
    hosts: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    answers: int = 2
    nights: bool = True
    web: bool = True


def open_people(config: ServeConfig, home: Path) -> People:
    """The memories as a server opens them: surprise is measured by the store's own words, so that telling one of them
    something needs no language model in this process; one model of sentence vectors serves them all."""
    # Half of the cores decode: who recalls meanwhile needs the others.
    half = max(1, len(os.sched_getaffinity(0)) // 2)
    settings = HippoConfig(gate=GateConfig(surprise="cheap"), engine=config.engine, engine_threads=half)
    embedder = MiniLMEmbedder()

    def open_one(user: str) -> Hippo:
        return Hippo.open(home, user, model=config.model, config=settings, embedder=embedder)

    return People(open_one, home=home)


def make_house(config: ServeConfig) -> House:
    """What the routes of one server share.

    Raises: InputError for an address beyond this machine while there is no token for anyone; StorageFull.
    """
    home = make_folder(data_home(config.home))
    tokens = Tokens(home)
    local = is_loopback(config.host)
    if not local and not tokens.all():
        raise InputError(
            f"{config.host} can be reached from other machines, and there is no token yet: issue one with "
            "`hippo token add --user NAME`, or serve on 127.0.0.1"
        )
    people = open_people(config, home)
    return House(
        access=Access(tokens=tokens, open=local), people=people, model=config.model, answering=Queue(config.answers),
        bedroom=Bedroom(home, config.model, woken=people.prepare), leaving=Leaving(people),
    )  # fmt: skip


def make_app(config: ServeConfig, house: House | None = None) -> Any:
    """The ASGI app of one server, guard included. The memories are closed when it shuts down."""
    here = house or make_house(config)
    names = frozenset({"127.0.0.1", "localhost", "::1", config.host.strip("[]").casefold(), *config.hosts})
    watch = Nightwatch(here.people, here.bedroom)
    tools = mcp_server(here.people, here.bedroom, lambda ctx: _mcp_user(here, ctx))
    # Host and origin are checked by the guard, before anything else is.
    mcp_app = tools.streamable_http_app(
        streamable_http_path=MCP_PATH,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with tools.session_manager.run():
            if config.nights:
                watch.start()
            if here.access.open:  # a model's first use exports it, which takes half a minute: better before a question
                threading.Thread(target=here.people.prepare, args=(DEFAULT_USER,), name="prepare", daemon=True).start()
            try:
                yield
            finally:
                watch.close()
                here.bedroom.close()
                here.answering.close()
                here.leaving.close()
                here.people.close()

    app = FastAPIOffline(
        title="hippo", version=completions.VERSION, lifespan=lifespan, docs_url="/api/docs", redoc_url=None,
        openapi_url="/api/openapi.json", static_url="/api/docs-assets",
        description="A private memory that is told once, recalls at once, and learns asleep.",
    )  # fmt: skip
    problems.add_to(app)
    app.include_router(memories.router(here))
    app.include_router(completions.router(here))

    @app.get("/health", tags=["server"])
    def health() -> dict[str, str]:
        """Whether the server answers."""
        return {"status": "ok"}

    app.router.routes.extend(mcp_app.routes)
    if config.web:
        from hippo_mem.serve import web

        web.add_to(app, here)
    return Guard(Door(problems.Sealed(app), here), hosts=names, limits=config.limits, takes_file=_takes_file)


def _takes_file(path: str) -> bool:
    return path == "/api/import" or (path.startswith("/_nicegui/client/") and "/upload/" in path)


def _mcp_user(house: House, context: Any) -> str:
    headers = context.headers or {}
    return house.access.user_for(bearer_of(headers), headers.get(USER_HEADER))
