"""Which page is where, and the login that comes before them. Knows nothing of what a page shows."""

import html
from collections.abc import Callable
from typing import Annotated

from fastapi import FastAPI, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from nicegui import ui

from hippo_mem.errors import HippoError
from hippo_mem.serve.callers import COOKIE, House
from hippo_mem.serve.web import chat, facts, nights, state, timeline
from hippo_mem.serve.web import map as places
from hippo_mem.serve.web.frame import Visit, frame

_LOGIN = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>hippo</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>
:root{{color-scheme:light dark}} body{{font:16px system-ui;display:grid;place-items:center;min-height:90vh;margin:0}}
form{{display:grid;gap:.8rem;width:min(22rem,90vw)}} input,button{{font:inherit;padding:.6rem;border-radius:.4rem}}
p{{margin:0}} .wrong{{color:#c0392b}}</style></head><body><form method="post" action="/login">
<h1>hippo</h1><p>This server needs a token. Its owner issues one with <code>hippo token add</code>.</p>
<p class="wrong" role="alert">{wrong}</p>
<label for="token">Token</label><input id="token" name="token" type="password" autocomplete="current-password" required
autofocus><button>Enter</button></form></body></html>"""


def add_to(app: FastAPI, house: House) -> None:
    """Put the pages on the app. One app of a process can have them: NiceGUI keeps its pages by process."""

    def page(path: str, draw: Callable[[Visit], object]) -> None:
        @ui.page(path, response_timeout=20)
        async def _(request: Request) -> None:
            with frame(house, request, path) as visit:
                try:
                    drawn = draw(visit)
                    if hasattr(drawn, "__await__"):
                        await drawn
                except HippoError as error:
                    ui.label(str(error)).classes("text-negative").props("role=alert")

    page("/", chat.draw)
    page("/memories", timeline.draw)
    page("/facts", facts.draw)
    page("/places", places.draw)
    page("/sleep", nights.draw)
    page("/status", state.draw)

    @app.get("/login", include_in_schema=False)
    def login() -> HTMLResponse:
        return HTMLResponse(_LOGIN.format(wrong=""))

    @app.post("/login", include_in_schema=False)
    def enter(request: Request, token: Annotated[str, Form(max_length=200)]) -> Response:
        if house.access.tokens.user_of(token) is None:
            wrong = "This token is not valid."
            return HTMLResponse(_LOGIN.format(wrong=html.escape(wrong)), status_code=401)
        inside = RedirectResponse("/", 303)
        secure = request.url.scheme == "https"
        inside.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=secure, max_age=90 * 86400)
        return inside

    ui.run_with(app, title="hippo", favicon="🦛", reconnect_timeout=10.0, show_welcome_message=False)
