"""Who sends a request, and whose memory it means: the header, the cookie, the field, through the rule of `access`.

Knows nothing of what a route does with the memory.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.requests import HTTPConnection

from hippo_mem.serve.access import Access
from hippo_mem.serve.bedroom import Bedroom
from hippo_mem.serve.people import People

COOKIE = "hippo_token"
USER_HEADER = "x-hippo-user"


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What every route shares: who may come in, the open memories, the nights, and how many answers run at once."""

    access: Access
    people: People
    bedroom: Bedroom
    model: str
    answering: asyncio.Semaphore

    def user_of(self, request: HTTPConnection, wanted: str | None = None) -> str:
        """The user a request may act for; a named memory is `wanted`, else the header X-Hippo-User.

        Raises: AccessDenied, InputError.
        """
        return self.access.user_for(token_of(request), wanted or request.headers.get(USER_HEADER))


def token_of(request: HTTPConnection) -> str | None:
    """The bearer token, else the cookie that the login page set."""
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.casefold() == "bearer" and value.strip():
        return value.strip()
    return request.cookies.get(COOKIE)
