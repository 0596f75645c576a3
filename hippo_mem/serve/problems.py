"""Every error as one JSON object with a status: `{"error": {"message", "type", "param", "code"}}`, as OpenAI's are.

Knows nothing of routes. Text of a memory is in no message that is logged.
"""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from hippo_mem.errors import HippoError, InputError, ModelUnavailable, StorageFull, StoreBusy
from hippo_mem.serve.access import AccessDenied
from hippo_mem.serve.queue import TooBusy

log = logging.getLogger(__name__)


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
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
        return problem(422, f"{where or 'body'}: {first['msg']}", param=where or None)

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> JSONResponse:
        return problem(error.status_code, str(error.detail))

    @app.exception_handler(Exception)
    async def _unforeseen(request: Request, error: Exception) -> JSONResponse:
        log.exception("%s %s failed", request.method, request.url.path)
        return problem(500, f"an error in hippo itself ({type(error).__name__}); the log of the server shows where")


def _kind(status: int) -> str:
    return {
        401: "authentication_error",
        403: "permission_error",
        404: "not_found_error",
        409: "conflict_error",
        429: "rate_limit_error",
    }.get(status, "invalid_request_error" if status < 500 else "server_error")
