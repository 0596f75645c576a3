"""MCP over stdin and stdout for one user. stdout is the wire: the transport sends everyone else's words to stderr."""

from __future__ import annotations

from hippo_mem.home import data_home, make_folder
from hippo_mem.serve.app import ServeConfig, open_people
from hippo_mem.serve.bedroom import Bedroom
from hippo_mem.serve.tools import mcp_server
from hippo_mem.types import check_id


def run(config: ServeConfig, user: str) -> None:
    """Serve until the client closes stdin.

    Raises: InputError for a bad user id.
    """
    check_id(user, "user")
    home = make_folder(data_home(config.home))
    people = open_people(config, home)
    bedroom = Bedroom(home, config.model)
    server = mcp_server(people, bedroom, lambda _: user)
    try:
        server.run("stdio")
    finally:
        bedroom.close()
        people.close()
