"""What every page has: header, navigation, theme, the way to its user's memory, and errors in one line.

Knows nothing of what a page shows.
"""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from fastapi import Request
from nicegui import ui

from hippo_mem.errors import HippoError
from hippo_mem.memory import Hippo
from hippo_mem.serve.callers import House
from hippo_mem.serve.problems import log_unforeseen, unforeseen

log = logging.getLogger(__name__)
T = TypeVar("T")
DARK_COOKIE = "hippo_dark"
_LOOK_S = 3.0
# Colors that are dark enough for text on white are too dark on a dark page. In a layer, since an important rule of an
# earlier layer wins over Quasar's own.
_CSS = """
@layer overrides {
.lower-edge { background: #fff } .body--dark .lower-edge { background: #121212 }
.body--dark .text-primary, .body--dark .nicegui-link { color: #8fc3e6 !important }
.body--dark .text-negative { color: #ff8f85 !important }
}
"""
PAGES = (
    ("/", "Chat", "chat_bubble_outline"),
    ("/memories", "Memories", "history"),
    ("/facts", "Facts", "hub"),
    ("/places", "Places", "map"),
    ("/sleep", "Sleep", "bedtime"),
    ("/status", "Status", "monitor_heart"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One open page of one user."""

    house: House
    user: str
    asked: str | None  # the user named in the address, if one was

    async def use(self, work: Callable[[Hippo], T]) -> T:
        """Run `work` on the user's memory in a thread, so that other pages go on.

        Raises: what `work` raises.
        """
        from anyio import to_thread

        def run() -> T:
            with self.house.people.memory(self.user) as hippo:
                return work(hippo)

        return await to_thread.run_sync(run)

    def link(self, path: str) -> str:
        """The address of another page of the same user."""
        return path if self.asked is None else f"{path}?{urlencode({'user': self.asked})}"


def told(handler: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """A handler whose errors become a notice on the page; what was not foreseen is logged without its words."""

    @functools.wraps(handler)
    async def run(*args: Any, **kwargs: Any) -> None:
        try:
            await handler(*args, **kwargs)
        except HippoError as error:
            _notice(str(error))
        except Exception as error:  # noqa: BLE001 - the border of the program
            log_unforeseen(f"a page's {handler.__qualname__}", error)
            _notice(unforeseen(error))

    return run


def _notice(text: str) -> None:
    ui.notify(text, type="negative", multi_line=True, close_button="Close", timeout=10_000)


@contextlib.contextmanager
def frame(house: House, request: Request, path: str) -> Iterator[Visit]:
    """The page around its content.

    Raises: AccessDenied, InputError, before anything is drawn.
    """
    asked = request.query_params.get("user")
    visit = Visit(house=house, user=house.user_of(request, asked), asked=asked)
    title = next(name for where, name, _ in PAGES if where == path)
    ui.page_title(f"{title} · hippo")
    ui.add_css(_CSS)
    ui.colors(primary="#3b6e8f", secondary="#5c7f67", accent="#9a6fb0", info="#24708a", positive="#2c7a3f")
    wanted = request.cookies.get(DARK_COOKIE)
    dark = ui.dark_mode({"1": True, "0": False}.get(wanted or ""))
    with ui.header().classes("items-center gap-1 px-2 py-1 no-wrap").props("role=banner"):
        ui.label("hippo").classes("text-lg font-semibold px-2 max-sm:hidden")
        with ui.element("nav").props('aria-label="Pages"').classes("flex flex-row no-wrap gap-0"):
            for where, name, icon in PAGES:
                _page_link(visit.link(where), name, icon, here=where == path)
        ui.space()
        _asleep_mark(visit)
        ui.label(visit.user).classes("text-sm max-sm:hidden").props('aria-label="whose memory"')
        _theme_button(dark)
    main = ui.element("div").classes("w-full max-w-6xl mx-auto flex flex-col gap-3").props("id=main tabindex=-1")
    ui.skip_link("Skip to the page", target=main)
    with main:
        yield visit


def _page_link(address: str, name: str, icon: str, *, here: bool) -> None:
    button = ui.button(icon=icon).props(f'flat dense no-caps tag=a href="{address}" color=white aria-label="{name}"')
    button.classes("px-2")
    if here:
        button.props("aria-current=page").classes("bg-black/25")
    with button:
        ui.label(name).classes("max-md:hidden ml-1")
        ui.tooltip(name).classes("md:hidden")


def _asleep_mark(visit: Visit) -> None:
    """A word on every page while this memory sleeps."""
    mark = ui.link("asleep", visit.link("/sleep")).classes("text-sm text-white").props("role=status")

    def look() -> None:
        run = visit.house.bedroom.run_of(visit.user)
        mark.set_visibility(run is not None and run.state == "running")

    look()
    ui.timer(_LOOK_S, look)


def _theme_button(dark: ui.dark_mode) -> None:
    def switch() -> None:
        dark.value = not dark.value
        keep = f"document.cookie = '{DARK_COOKIE}={int(bool(dark.value))};path=/;max-age=31536000;samesite=strict'"
        ui.run_javascript(keep)

    ui.button(icon="contrast", on_click=switch).props('flat dense round color=white aria-label="Dark or light"')


async def sure(question: str, yes: str, *, danger: bool = True) -> bool:
    """Ask before something that matters."""
    with ui.dialog() as dialog, ui.card().classes("max-w-md"):
        ui.label(question).classes("text-base")
        with ui.row().classes("w-full justify-end"):
            ui.button("Cancel", on_click=lambda: dialog.submit(False)).props("flat no-caps autofocus")
            ui.button(yes, on_click=lambda: dialog.submit(True)).props(
                f"no-caps unelevated color={'negative' if danger else 'primary'}"
            )
    answer = await dialog
    dialog.delete()
    return bool(answer)


def when(seconds: float | None) -> str:
    """A time as people write it."""
    from datetime import datetime

    return "" if seconds is None else datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")
