"""Who sends a request, and whose memory it means: the header, the cookie, the field, through the rule of `access`.

Knows nothing of what a route does with the memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from hippo_mem.errors import InputError
from hippo_mem.serve.access import Access, AccessDenied
from hippo_mem.serve.bedroom import Bedroom
from hippo_mem.serve.leaving import Leaving
from hippo_mem.serve.pace import Pace
from hippo_mem.serve.people import People
from hippo_mem.serve.problems import problem, status_of
from hippo_mem.serve.queue import Queue

COOKIE = "hippo_token"
# What can be had before a token was shown: the login page, and the documentation of the API.
_OPEN_PATHS = frozenset({"/health", "/login", "/api/docs", "/api/openapi.json"})
_OPEN_FOLDERS = ("/api/docs-assets/",)
USER_HEADER = "x-hippo-user"


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What every route shares: who may come in, the open memories, the nights, how many answers run at once, the
    memories that are about to go, and how quickly answers came."""

    access: Access
    people: People
    bedroom: Bedroom
    model: str
    answering: Queue
    leaving: Leaving
    pace: Pace = field(default_factory=Pace)

    def user_of(self, request: HTTPConnection, wanted: str | None = None) -> str:
        """The user a request may act for; a named memory is `wanted`, else the header X-Hippo-User, else `?user=`.

        Raises: AccessDenied, InputError.
        """
        return self.access.user_for(
            token_of(request), wanted or request.headers.get(USER_HEADER) or request.query_params.get("user")
        )


class Door:
    """ASGI middleware: nobody without a valid token gets further where tokens are needed, whatever the route."""

    def __init__(self, app: ASGIApp, house: House) -> None:
        self._app, self._house = app, house

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request in, or answer it with why not."""
        if scope["type"] in ("http", "websocket") and not _open(scope["path"]):
            try:
                self._house.user_of(HTTPConnection(scope))
            except (AccessDenied, InputError) as error:
                if scope["type"] == "websocket":
                    await receive()
                    await send({"type": "websocket.close", "code": 1008})
                    return
                if status_of(error) == 401 and "text/html" in HTTPConnection(scope).headers.get("accept", ""):
                    await RedirectResponse("/login", 303)(scope, receive, send)
                    return
                await problem(status_of(error), str(error))(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _open(path: str) -> bool:
    return path in _OPEN_PATHS or path.startswith(_OPEN_FOLDERS)


def token_of(request: HTTPConnection) -> str | None:
    """The bearer token, else the cookie that the login page set."""
    return bearer_of(request.headers) or request.cookies.get(COOKIE)


def bearer_of(headers: Mapping[str, str]) -> str | None:
    """The token of the Authorization header, None where it has none."""
    kind, _, value = headers.get("authorization", "").partition(" ")
    return value.strip() or None if kind.casefold() == "bearer" else None
