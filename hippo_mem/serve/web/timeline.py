"""The page of memories: newest first or by a hint, with what the gate thought; pin, edit, forget, take out and in.

Knows nothing of storage: everything goes through the facade.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from nicegui import events, ui

from hippo_mem.errors import InputError
from hippo_mem.memory import Hippo
from hippo_mem.serve.web.frame import Visit, sure, told, when
from hippo_mem.types import Hit, Trace

_PAGE = 25
_UNDO_S = 8.0
_LARGEST_IMPORT = 256 * 1024 * 1024


class Timeline:
    """One open page of memories."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.shown: list[tuple[Trace, Hit | None]] = []
        self.more = self.loaded = False
        self.leaving: dict[int, ui.timer] = {}

    def draw(self) -> None:
        """The search line, the list, and the way to more of it."""
        with ui.row().classes("w-full items-center gap-2 no-wrap"):
            self.search = (
                ui.input("Find by a hint", on_change=told(self.load))
                .classes("grow")
                .props('outlined dense clearable debounce=400 type=search aria-label="Find memories by a hint"')
            )
            with ui.button(icon="more_vert").props('flat round aria-label="Take out or in"'), ui.menu():
                ui.menu_item("Export everything", on_click=lambda: ui.navigate.to(self.visit.link("/api/export")))
                ui.menu_item("Import an export", on_click=told(self.take_in))
                ui.menu_item("Forget everything", on_click=told(self.forget_all))
        with ui.row().classes("w-full items-center gap-2"):
            self.new = ui.input("Tell it something").classes("grow").props('outlined dense aria-label="A new memory"')
            self.new.on("keydown.enter", told(self.tell))
            ui.button("Remember", on_click=told(self.tell)).props("no-caps unelevated")
        self.lasting = ui.element("div")
        self.listing()
        ui.timer(0.0, told(self.load), once=True)

    @ui.refreshable_method
    def listing(self) -> None:
        """The memories that are shown."""
        if not self.loaded:
            ui.label("Looking …").classes("opacity-70 py-6")
        elif not self.shown:
            found = "Nothing comes to mind." if self.search.value else "Nothing is remembered yet."
            ui.label(found).classes("opacity-70 py-6")
        for trace, hit in self.shown:
            self._card(trace, hit)
        if self.more:
            ui.button("Older", on_click=told(self.older)).props("flat no-caps").classes("mx-auto")

    async def load(self) -> None:
        """Read the first page, or what the hint brings back."""
        cue = (self.search.value or "").strip()
        self.loaded = True
        if cue:
            found = await self.visit.use(lambda h: h.recall(cue, _PAGE, touch=False))
            self.shown, self.more = [(hit.trace, hit) for hit in found.hits], False
        else:
            traces = await self.visit.use(lambda h: h.browse.memories(limit=_PAGE))
            self.shown, self.more = [(t, None) for t in traces], len(traces) == _PAGE
        self.listing.refresh()

    async def older(self) -> None:
        """Read the next page."""
        last = self.shown[-1][0].id
        traces = await self.visit.use(lambda h: h.browse.memories(limit=_PAGE, before=last))
        self.shown += [(t, None) for t in traces]
        self.more = len(traces) == _PAGE
        self.listing.refresh()

    async def tell(self) -> None:
        """Remember what was typed, and say what became of it."""
        text = (self.new.value or "").strip()
        if not text:
            raise InputError("there is nothing to remember; write a sentence first")
        outcomes = await self.visit.use(lambda h: h.observe(text, source="user"))
        self.new.value = ""
        first = outcomes[0]
        ui.notify(f"{first.kind}: {first.reason}" if first.reason else first.kind,
                  type="positive" if first.kind == "stored" else "info")  # fmt: skip
        await self.load()

    # One memory ---------------------------------------------------------------------------------------------------

    def _card(self, trace: Trace, hit: Hit | None) -> None:
        past = trace.valid_to is not None
        with ui.card().classes("w-full p-3 gap-1").props(f'role=article aria-label="memory {trace.id}"'):
            ui.label(trace.text).classes(f"text-base break-words {'line-through opacity-60' if past else ''}")
            with ui.row().classes("w-full items-center gap-2 text-xs"):
                ui.label(f"#{trace.id} · {trace.provenance.source} · {when(trace.provenance.time)}").classes(
                    "opacity-70"
                )
                for text, color in _badges(trace, hit):
                    ui.badge(text, color=color).props("outline")
                ui.space()
                if trace.id in self.leaving:
                    ui.button("Undo", on_click=lambda: self.keep(trace.id)).props("flat dense no-caps color=negative")
                    return
                pinned = trace.salience.pin
                _tool("push_pin" if pinned else "o_push_pin", "Unpin" if pinned else "Pin",
                      told(lambda: self.pin(trace.id, not pinned)), on=pinned)  # fmt: skip
                if not past:
                    _tool("edit", "Edit", told(lambda: self.edit(trace)))
                _tool("delete", "Forget", told(lambda: self.forget(trace)))

    async def pin(self, trace_id: int, pinned: bool) -> None:
        """Keep it whatever upkeep thinks, or no longer."""
        await self.visit.use(lambda h: h.browse.pin(trace_id, pinned))
        await self.load()

    async def edit(self, trace: Trace) -> None:
        """Say it anew in a dialog."""
        with ui.dialog() as dialog, ui.card().classes("w-full max-w-xl"):
            ui.label(f"Memory #{trace.id}").classes("text-lg")
            text = ui.textarea(value=trace.text).classes("w-full").props('outlined autogrow aria-label="Its text"')
            ui.label("The old text becomes the past; what it alone said holds no longer.").classes("text-xs opacity-70")
            with ui.row().classes("w-full justify-end"):
                ui.button("Cancel", on_click=lambda: dialog.submit(None)).props("flat no-caps")
                ui.button("Save", on_click=lambda: dialog.submit(text.value)).props("no-caps unelevated")
        new = await dialog
        dialog.delete()
        if new:
            await self.visit.use(lambda h: h.browse.edit(trace.id, new))
            await self.load()

    async def forget(self, trace: Trace) -> None:
        """Delete it for good, after a question and a moment in which it can be taken back."""
        if not await sure(
            f"Forget “{_short(trace.text)}” for good? The next sleep takes it out of the weights too.", "Forget"
        ):
            return
        with self.lasting:  # a card is drawn anew, and would take its timer along
            self.leaving[trace.id] = ui.timer(_UNDO_S, told(lambda: self.gone(trace.id)), once=True)
        self.listing.refresh()

    def keep(self, trace_id: int) -> None:
        """It was not meant so."""
        if timer := self.leaving.pop(trace_id, None):
            timer.cancel()
        self.listing.refresh()

    async def gone(self, trace_id: int) -> None:
        """The moment is over."""
        self.leaving.pop(trace_id, None)
        await self.visit.use(lambda h: h.forget(trace_id=trace_id))
        ui.notify(f"memory #{trace_id} is deleted")
        await self.load()

    # All of them --------------------------------------------------------------------------------------------------

    async def forget_all(self) -> None:
        """Delete everything, after a question."""
        if await sure("Forget every memory of this user for good? There is no way back.", "Forget everything"):
            n = await self.visit.use(lambda h: h.forget(everything=True))
            ui.notify(f"{n} memories deleted; the next sleep takes them out of the weights")
            await self.load()

    async def take_in(self) -> None:
        """A dialog that takes an export's file."""
        with ui.dialog() as dialog, ui.card():
            ui.label("Import an export").classes("text-lg")
            ui.upload(auto_upload=True, max_files=1, max_file_size=_LARGEST_IMPORT,
                      on_upload=told(lambda e: self.arrived(e, dialog)),
                      ).props('accept=".jsonl" flat bordered')  # fmt: skip
        dialog.open()

    async def arrived(self, event: events.UploadEventArguments, dialog: ui.dialog) -> None:
        """The file is here."""
        with tempfile.TemporaryDirectory(prefix="hippo-import-") as folder:
            path = Path(folder) / "import.jsonl"
            await event.file.save(path)

            def work(hippo: Hippo) -> Any:
                return hippo.import_(path, renumber=True)

            done = await self.visit.use(work)
        dialog.close()
        ui.notify(f"{done.added.get('traces', 0)} memories taken in", type="positive")
        await self.load()


def draw(visit: Visit) -> None:
    """The page."""
    Timeline(visit).draw()


def _tool(icon: str, name: str, handler: Any, *, on: bool = False) -> None:
    color = "primary" if on else "grey"
    with ui.button(icon=icon, on_click=handler).props(f'flat dense round size=sm color={color} aria-label="{name}"'):
        ui.tooltip(name)


def _badges(trace: Trace, hit: Hit | None) -> list[tuple[str, str]]:
    found = [(f"S {trace.salience.score:.2f} > τ {trace.salience.threshold:.2f}", "grey")]
    if hit is not None:
        found.insert(0, (f"score {hit.score:.3f} · {', '.join(f'{n} #{r}' for n, r in hit.ranks.items())}", "primary"))
    if trace.context_key:
        found.append((trace.context_key, "grey"))
    if trace.mention_count > 1:
        found.append((f"told {trace.mention_count} times", "grey"))
    if trace.consolidated_at is not None:
        found.append(("learned", "secondary"))
    if trace.valid_to is not None:
        found.append(("past", "warning"))
    return found


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"
