"""What every request passes before anything reads it: host and origin, size, rate, and how many at once.

A page on another site must not reach a server on this machine: its requests carry that site's Origin, and, where it
points its own name at 127.0.0.1 (DNS rebinding), that name as Host. Knows nothing of users, routes or memories.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_CLIENTS_KEPT = 4096  # buckets; the one unused for longest goes first
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' ws: wss:; object-src 'none'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # with none at all, a browser's form says that its origin is null
    "cross-origin-opener-policy": "same-origin",
    "content-security-policy": _POLICY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one server takes. `rate_per_s` requests a second for each client over time, `burst` at once; `concurrent`
    requests in all; bodies up to `body_bytes`, files that are handed in up to `file_bytes`."""

    body_bytes: int = 16 * 1024 * 1024
    file_bytes: int = 1024 * 1024 * 1024
    rate_per_s: float = 200.0
    burst: int = 500
    concurrent: int = 128


class _TooLarge(ClientDisconnect):
    """The body went past the limit while it was being read: to the app, as if the client had gone."""


class Guard:
    """ASGI middleware over the whole server.

    Args:
        hosts: names the server answers to, without ports; each as clients write it ("localhost", "127.0.0.1", "::1").
        takes_file: whether a path takes files, which may be larger than other bodies.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: frozenset[str],
        limits: Limits | None = None,
        takes_file: Callable[[str], bool] = lambda _: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.app, self.hosts, self.limits = app, hosts, limits or Limits()
        self._takes_file = takes_file
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it in one line of JSON."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._stranger(headers) or self._too_fast(scope) or self._too_big(scope, headers)
        if refusal is not None:
            await _refuse(scope, receive, send, *refusal)
            return
        if scope["type"] == "websocket":
            await self.app(scope, receive, send)
            return
        if self._running >= self.limits.concurrent:
            text = f"{self._running} requests are running, the most this server takes; try again in a second"
            await _refuse(scope, receive, send, 503, text, 1)
            return
        self._running += 1
        try:
            await self._pass(scope, receive, send)
        finally:
            self._running -= 1

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        taken, over, started, most = 0, False, False, self._most(scope)

        async def counted() -> Message:
            nonlocal taken, over
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > most:
                over = True
                raise _TooLarge
            return message

        async def dressed(message: Message) -> None:
            nonlocal started
            if over and not started:  # what the app makes of the body's end is not the reason
                return
            if message["type"] == "http.response.start":
                started = True
                sent = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    sent.setdefault(name, value)
            await send(message)

        with contextlib.suppress(_TooLarge):
            await self.app(scope, counted, dressed)
        if over and not started:
            await _refuse(scope, receive, send, *_larger(most))

    # Reasons to refuse: (status, text, seconds until a retry makes sense or None) ----------------------------------

    def _stranger(self, headers: Headers) -> tuple[int, str, int | None] | None:
        host = headers.get("host", "")
        if _name(host) not in self.hosts:
            return 403, f"host {host!r} is not served here; use {self._known()}", None
        origin = headers.get("origin")
        if origin is not None and (_name(urlsplit(origin).netloc) not in self.hosts or not _same_port(origin, host)):
            return 403, f"requests from {origin!r} are not accepted here", None
        return None

    def _too_fast(self, scope: Scope) -> tuple[int, str, int | None] | None:
        client = scope.get("client")
        key, now = (client[0] if client else "?"), self._clock()
        left, at = self._buckets.pop(key, (float(self.limits.burst), now))
        left = min(float(self.limits.burst), left + (now - at) * self.limits.rate_per_s)
        allowed = left >= 1.0
        self._buckets[key] = (left - 1.0 if allowed else left, now)
        while len(self._buckets) > _CLIENTS_KEPT:
            self._buckets.popitem(last=False)
        if allowed:
            return None
        return 429, f"more than {self.limits.rate_per_s:g} requests a second; wait a second", 1

    def _too_big(self, scope: Scope, headers: Headers) -> tuple[int, str, int | None] | None:
        length, most = headers.get("content-length", "0"), self._most(scope)
        if not length.isdecimal():
            return 400, f"content-length {length!r} is not a number", None
        return _larger(most) if int(length) > most else None

    def _most(self, scope: Scope) -> int:
        """Bytes that a request's body may have."""
        return self.limits.file_bytes if self._takes_file(scope["path"]) else self.limits.body_bytes

    def _known(self) -> str:
        return ", ".join(sorted(self.hosts))


def _larger(most: int) -> tuple[int, str, int | None]:
    return 413, f"the body is larger than {most:,} bytes, the most this server takes here", None


def _name(host: str) -> str:
    """The name in a Host header, without its port."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _same_port(origin: str, host: str) -> bool:
    """Whether both name one port: another program on this machine is another origin."""
    try:
        mine, default = urlsplit(origin), {"http": 80, "https": 443}
        usual = default.get(mine.scheme)
        return usual is not None and (mine.port or usual) == (urlsplit(f"//{host}").port or usual)
    except ValueError:
        return False


async def _refuse(
    scope: Scope, receive: Receive, send: Send, status: int, text: str, retry_after_s: int | None = None
) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": text[:120]})
        return
    kind = "rate_limit_error" if status in (429, 503) else "invalid_request_error"
    body = json.dumps({"error": {"message": text, "type": kind, "param": None, "code": None}}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if retry_after_s is not None:
        headers.append((b"retry-after", str(retry_after_s).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
