"""Every error as one JSON object with a status: `{"error": {"message", "type", "param", "code"}}`, as OpenAI's are.

An error that was not foreseen is logged by its kind and its place in the code: its message may hold what it failed on,
and no text of a memory reaches a log. Knows nothing of routes.
"""

from __future__ import annotations

import logging
import traceback
from http import HTTPStatus
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from hippo_mem.errors import HippoError, InputError, ModelUnavailable, StorageFull, StoreBusy
from hippo_mem.serve.access import AccessDenied
from hippo_mem.serve.queue import TooBusy

log = logging.getLogger(__name__)
_FRAMES = 8  # of a stack that is logged, the innermost


class NotFound(InputError):
    """What was asked for by id is not there."""


def problem(
    status: int, message: str, *, param: str | None = None, code: str | None = None, retry_after_s: int | None = None
) -> JSONResponse:
    """One error, ready to be sent."""
    headers = {} if retry_after_s is None else {"retry-after": str(retry_after_s)}
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    body = {"error": {"message": message, "type": _kind(status), "param": param, "code": code}}
    return JSONResponse(body, status_code=status, headers=headers)


def status_of(error: HippoError) -> int:
    """The HTTP status of an error of ours."""
    if isinstance(error, AccessDenied):
        return error.status
    if isinstance(error, NotFound):
        return 404
    if isinstance(error, InputError):
        return 400
    if isinstance(error, TooBusy):
        return 503
    if isinstance(error, StoreBusy):
        return 409
    if isinstance(error, StorageFull):
        return 507
    return 503 if isinstance(error, ModelUnavailable) else 500


def add_to(app: FastAPI) -> None:
    """Let the app answer every error in this form."""

    @app.exception_handler(HippoError)
    async def _ours(request: Request, error: HippoError) -> JSONResponse:
        status = status_of(error)
        if status >= 500:
            log.error("%s %s: %s", request.method, request.url.path, type(error).__name__)
        return problem(status, str(error), retry_after_s=1 if isinstance(error, StoreBusy) else None)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        message, field = _first_wrong(error)
        return problem(422, message, param=field)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        path = request.url.path
        said = {
            404: f"there is nothing at {path}; /api/docs lists what there is",
            405: f"{request.method} cannot be used on {path}; /api/docs lists what can",
        }
        own = str(error.detail) != HTTPStatus(error.status_code).phrase
        return problem(error.status_code, str(error.detail) if own else said.get(error.status_code, str(error.detail)))

    @app.exception_handler(Exception)
    async def _unforeseen(_: Request, error: Exception) -> JSONResponse:
        return problem(500, unforeseen(error))


def _first_wrong(error: RequestValidationError) -> tuple[str, str | None]:
    """The first thing that is wrong with a request: (in words, the name of the field if it is one)."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path", "header")) or None
    if first["type"] == "json_invalid":
        return f"the body is not JSON ({first['ctx']['error']})", None
    if where is None:
        return "the body must be a JSON object, sent with Content-Type: application/json", None
    if first["type"] == "too_long" and first["ctx"]["max_length"] == 0:
        return f"{where}: not offered here; leave it out", where
    return f"{where}: {first['msg']}", where


def unforeseen(error: Exception) -> str:
    """What a person is told of an error that nobody foresaw."""
    return f"an error in hippo itself ({type(error).__name__}); the log of the server shows where"


def log_unforeseen(doing: str, error: Exception) -> None:
    """Log the kind of an error and where it arose, without its message."""
    stack = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    where = " < ".join(f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in reversed(stack))
    log.error("%s: %s at %s", doing, type(error).__name__, where)


class Sealed:
    """ASGI middleware around the whole app: an error that passes every handler ends here, logged without its words."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        except ClientDisconnect:
            pass  # there is nobody to answer
        except Exception as error:  # noqa: BLE001 - the border of the program; the app has answered it already
            log_unforeseen(f"{scope.get('method', 'websocket')} {scope['path']}", error)


def _kind(status: int) -> str:
    return {
        401: "authentication_error",
        403: "permission_error",
        404: "not_found_error",
        409: "conflict_error",
        429: "rate_limit_error",
    }.get(status, "invalid_request_error" if status < 500 else "server_error")
