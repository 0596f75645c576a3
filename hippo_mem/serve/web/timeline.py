"""The page of memories: newest first or by a hint, with what the gate thought, and what it did not keep; pin, edit,
forget, take out and in.

Knows nothing of storage: everything goes through the facade.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from nicegui import app, events, ui

from hippo_mem.errors import InputError
from hippo_mem.memory import Hippo
from hippo_mem.refusals import Refusal
from hippo_mem.serve.web.frame import Visit, sure, told, when
from hippo_mem.types import Hit, Trace

_PAGE = 25
_LARGEST_IMPORT = 1024 * 1024 * 1024
_LOOK_S = 1.0  # while something is about to go


class Timeline:
    """One open page of memories."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.shown: list[tuple[Trace, Hit | None]] = []
        self.refused: list[Refusal] = []
        self.more = self.loaded = False
        self.going: set[int] = set()

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
        self.listing()
        self.clock = ui.timer(_LOOK_S, told(self.look), active=False)
        ui.timer(0.0, told(self.load), once=True)

    @ui.refreshable_method
    def listing(self) -> None:
        """The memories that are shown."""
        if not self.loaded:
            ui.label("Looking …").classes("opacity-70 py-6")
        elif not self.shown:
            found = "Nothing comes to mind." if self.search.value else "Nothing is remembered yet."
            ui.label(found).classes("opacity-70 py-6")
        for item in self._in_order():
            if isinstance(item, Refusal):
                self._refused_card(item)
            else:
                self._card(*item)
        if self.more:
            ui.button("Older", on_click=told(self.older)).props("flat no-caps").classes("mx-auto")

    def _in_order(self) -> list[tuple[Trace, Hit | None] | Refusal]:
        """What is shown: memories as they were found, refusals among them by their time."""
        last = self.shown[-1][0].created if self.shown and self.more else 0.0
        items: list[tuple[Trace, Hit | None] | Refusal] = [*self.shown, *(r for r in self.refused if r.time >= last)]
        if not self.refused:
            return items
        return sorted(items, key=lambda i: i.time if isinstance(i, Refusal) else i[0].created, reverse=True)

    async def load(self) -> None:
        """Read the first page, or what the hint brings back."""
        cue = (self.search.value or "").strip()
        self.loaded = True
        if cue:
            found = await self.visit.use(lambda h: h.recall(cue, _PAGE, touch=False))
            self.shown, self.more, self.refused = [(hit.trace, hit) for hit in found.hits], False, []
        else:
            traces, self.refused = await self.visit.use(lambda h: (h.browse.memories(limit=_PAGE), h.browse.refused()))
            self.shown, self.more = [(t, None) for t in traces], len(traces) == _PAGE
        self._draw_anew()

    def _draw_anew(self) -> None:
        self.going = set(self.visit.house.leaving.of(self.visit.user))
        self.clock.active = bool(self.going)
        self.listing.refresh()

    async def look(self) -> None:
        """Whether the moment of a memory is over."""
        gone = self.going - self.visit.house.leaving.of(self.visit.user).keys()
        for trace_id in sorted(gone):
            ui.notify(f"memory #{trace_id} is forgotten")
        if gone:
            await self.load()

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
        kept = {"stored": "Kept", "merged": "Said before"}.get(first.kind, "Not kept")
        ui.notify(f"{kept}: {first.reason}", type="positive" if first.kind == "stored" else "info")
        await self.load()

    # One memory ---------------------------------------------------------------------------------------------------

    def _card(self, trace: Trace, hit: Hit | None) -> None:
        past = trace.valid_to is not None
        with ui.card().classes("w-full p-3 gap-1").props(f'role=article aria-label="memory {trace.id}"'):
            ui.label(trace.text).classes(f"text-base break-words {'line-through opacity-60' if past else ''}")
            with ui.row().classes("w-full items-center gap-2 text-xs"):
                ui.label(f"#{trace.id} · {trace.provenance.source} · {when(trace.provenance.time)}").classes(
                    "opacity-80"
                )
                for text in _badges(trace, hit):
                    ui.badge(text).props("outline")
                with ui.row().classes("ml-auto items-center gap-1 no-wrap"):
                    self._tools(trace, past)

    def _tools(self, trace: Trace, past: bool) -> None:
        if trace.id in self.going:
            ui.label("Forgetting …").classes("opacity-80")
            ui.button("Undo", on_click=told(lambda: self.keep(trace.id))).props("flat dense no-caps color=negative")
            return
        pinned = trace.salience.pin
        _tool("push_pin" if pinned else "o_push_pin", "Unpin" if pinned else "Pin",
              told(lambda: self.pin(trace.id, not pinned)), on=pinned)  # fmt: skip
        if not past:
            _tool("edit", "Edit", told(lambda: self.edit(trace)))
        _tool("delete", "Forget", told(lambda: self.forget(trace)))

    def _refused_card(self, refusal: Refusal) -> None:
        event = refusal.event
        with (
            ui.card()
            .classes("w-full p-3 gap-1 border border-dashed shadow-none")
            .props(f'role=article aria-label="not kept {refusal.id}"')
        ):
            ui.label(event.text).classes("text-base break-words opacity-80")
            with ui.row().classes("w-full items-center gap-2 text-xs"):
                ui.label(f"{event.source} · {when(refusal.time)} · not kept: {refusal.outcome.reason}").classes(
                    "opacity-80 break-words min-w-0"
                )
                ui.button("Keep it", on_click=told(lambda: self.keep_refused(refusal.id))).props(
                    "flat dense no-caps"
                ).classes("ml-auto")

    async def keep_refused(self, refusal_id: int) -> None:
        """Remember after all what the gate had not kept."""
        await self.visit.use(lambda h: h.browse.keep_refused(refusal_id))
        await self.load()

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
        """Delete it, after a question and a moment in which it can be taken back."""
        leaving = self.visit.house.leaving
        if await sure(
            f"Forget “{_short(trace.text)}”? You can undo it for {leaving.moment_s:.0f} seconds. After that it is gone "
            "for good, from the disk too, and the next sleep takes it out of the weights.", "Forget",
        ):  # fmt: skip
            leaving.begin(self.visit.user, trace.id)
            self._draw_anew()

    async def keep(self, trace_id: int) -> None:
        """It was not meant so."""
        if not self.visit.house.leaving.take_back(self.visit.user, trace_id):
            ui.notify("too late: it is forgotten", type="warning")
        await self.load()

    # All of them --------------------------------------------------------------------------------------------------

    async def forget_all(self) -> None:
        """Delete everything, after a question."""
        if await sure(
            "Forget every memory, and every night that learned from them? All of it is gone at once and for good.",
            "Forget everything",
        ):
            n = await self.visit.use(lambda h: h.forget(everything=True))
            app.storage.tab.clear()  # the talk that may have named them
            ui.notify(f"{n} memories and all nights are deleted")
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
    color = " color=primary" if on else ""
    with ui.button(icon=icon, on_click=handler, color=None).props(
        f'flat dense round size=sm{color} aria-label="{name}"'
    ):
        ui.tooltip(name)


def _badges(trace: Trace, hit: Hit | None) -> list[str]:
    """What there is to know of a memory, in a few words each."""
    verdict = trace.salience
    found = [] if hit is None else [f"score {hit.score:.3f} · {', '.join(f'{n} #{r}' for n, r in hit.ranks.items())}"]
    if verdict.score > verdict.threshold:
        found.append(f"kept: S {verdict.score:.2f} > τ {verdict.threshold:.2f}")
    else:
        found.append(f"kept because pinned: S {verdict.score:.2f} ≤ τ {verdict.threshold:.2f}")
    if trace.context_key:
        found.append(trace.context_key)
    if trace.mention_count > 1:
        found.append(f"told {trace.mention_count} times")
    if trace.consolidated_at is not None:
        found.append("learned")
    if trace.valid_to is not None:
        found.append("past")
    return found


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"
