"""The commands of the server: serve, mcp, and the tokens that others need to reach it. Knows nothing of routes."""

from __future__ import annotations

import logging
import sys
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from hippo_cli.plain import print_json
from hippo_cli.session import DEFAULT_USER, Session, with_session
from hippo_mem.errors import InputError


class Engine(StrEnum):
    """What answers people."""

    AUTO = "auto"
    INT8 = "int8"
    INT4 = "int4"
    TORCH = "torch"


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command(name="serve")(with_session(serve))
    app.command(name="mcp")(with_session(mcp))
    group = typer.Typer(help="Tokens: who may reach a server that others can reach, each their own memory alone.")
    group.command(name="add")(with_session(add_token))
    group.command(name="list")(with_session(list_tokens))
    group.command(name="revoke")(with_session(revoke_token))
    app.add_typer(group, name="token")


def serve(
    session: Session,
    host: Annotated[
        str, typer.Option(help="Where to listen. Any address beyond this machine needs tokens.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8377,
    name: Annotated[
        list[str] | None, typer.Option("--name", help="A name clients know this server by, besides its address.")
    ] = None,
    engine: Annotated[
        Engine, typer.Option(help="What answers: the model quantized (auto: int8), or as it is trained (torch).")
    ] = Engine.AUTO,
    no_web: Annotated[bool, typer.Option("--no-web", help="Only the APIs, no pages.")] = False,
    no_nights: Annotated[bool, typer.Option("--no-nights", help="Never sleep by itself.")] = False,
) -> None:
    """Run the assistant in a browser, with an OpenAI-compatible API, a REST API and MCP, all in one process.

    Example: hippo serve

    Example: hippo token add --user ana && hippo serve --host 0.0.0.0 --name my-machine.local
    """
    import uvicorn

    from hippo_mem.serve.app import ServeConfig, make_app
    from hippo_mem.serve.sockets import listen, url_of

    config = ServeConfig(
        home=session.home, host=host, port=port, model=session.model_name, hosts=tuple(name or ()), engine=engine.value,
        web=not no_web, nights=not no_nights,
    )  # fmt: skip
    app = make_app(config)
    socket = listen(host, port)
    url = url_of(socket)
    out = Console(highlight=False, soft_wrap=True, stderr=True)
    out.print(f"hippo is at [bold]{url}[/bold]" if not no_web else f"hippo serves its APIs at [bold]{url}[/bold]")
    out.print(f"OpenAI-compatible: {url}/v1   REST: {url}/api/docs   MCP: {url}/mcp   Ctrl-C stops", style="dim")
    if not session.verbose:
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="info" if session.verbose else "error", access_log=False, lifespan="on",
                       timeout_graceful_shutdown=5, server_header=False)
    )  # fmt: skip
    server.run(sockets=[socket])


def mcp(session: Session) -> None:
    """Speak MCP over stdin and stdout, for a client that starts this command. One user's memory.

    Example, as a client's configuration: {"command": "hippo", "args": ["mcp", "--user", "ana"]}
    """
    from hippo_mem.serve.app import ServeConfig
    from hippo_mem.serve.over_stdio import run

    logging.basicConfig(stream=sys.stderr)
    run(ServeConfig(home=session.home, model=session.model_name), session.user or DEFAULT_USER)


def add_token(session: Session) -> None:
    """Issue a token for --user. It is shown this once; only its hash is kept.

    Example: hippo token add --user ana
    """
    from hippo_mem.home import data_home
    from hippo_mem.serve.access import Tokens

    if session.user is None:
        raise InputError("whose memory is the token to reach? add --user NAME")
    token_id, token = Tokens(data_home(session.home)).issue(session.user)
    if session.as_json:
        print_json({"id": token_id, "user": session.user, "token": token})
    else:
        typer.echo(token)
        Console(stderr=True, highlight=False).print(
            f"token {token_id} reaches the memory of {session.user}; it is not shown again", style="dim"
        )


def list_tokens(session: Session) -> None:
    """Every token by its id: whose, since when.

    Example: hippo token list
    """
    from hippo_mem.home import data_home
    from hippo_mem.serve.access import Tokens

    rows = Tokens(data_home(session.home)).all()
    if session.as_json:
        print_json([{"id": r.id, "user": r.user, "created": r.created} for r in rows])
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("id", "user", "since"):
        table.add_column(column)
    for row in rows:
        table.add_row(row.id, row.user, datetime.fromtimestamp(row.created).strftime("%Y-%m-%d %H:%M"))
    Console(highlight=False).print(table if rows else "no token yet; `hippo token add --user NAME` issues one")


def revoke_token(
    session: Session, token_id: Annotated[str, typer.Argument(metavar="ID", help="As `hippo token list` shows it.")]
) -> None:
    """Take a token back; a running server refuses it from now on.

    Example: hippo token revoke 3f2a9c1b
    """
    from hippo_mem.home import data_home
    from hippo_mem.serve.access import Tokens

    gone = Tokens(data_home(session.home)).revoke(token_id)
    if session.as_json:
        print_json({"revoked": gone.id, "user": gone.user})
    else:
        typer.echo(f"token {gone.id} of {gone.user} is no longer valid")
