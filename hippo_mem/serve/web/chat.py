"""The page of the chat: the conversation, and beside it what each answer rests on and what became of what was said.

Knows nothing of how an answer is found.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from nicegui import ui

from hippo_mem.chat import ChatTurn
from hippo_mem.errors import HippoError
from hippo_mem.serve.underway import UnderWay
from hippo_mem.serve.web.frame import Visit, told, when

_BY = {
    "graph": "the graph of facts",
    "map": "the map of places",
    "reader": "a recalled memory",
    "night": "the weights, learned asleep",
    "model": "the language model, in its own words",
    "reply": "no model: a plain reply",
}
_HELLO = "Tell me something about yourself, or ask what I remember."


class Chat:
    """One open chat."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.talk: list[dict[str, str]] = []
        self.under_way: UnderWay | None = None

    def draw(self) -> None:
        """The conversation on the left, its background on the right; below each other on a narrow screen."""
        with ui.element("div").classes("w-full flex flex-col flex-nowrap lg:flex-row gap-4"):
            with ui.column().classes("grow basis-2/3 gap-2 min-w-0"):
                self.said = ui.column().classes("w-full gap-2 min-h-64").props('role=log aria-label="Conversation"')
                with self.said:
                    self.hello = ui.label(_HELLO).classes("opacity-70 py-6")
                with ui.row().classes("w-full items-end gap-2 no-wrap"):
                    self.box = (
                        ui.textarea()
                        .classes("grow")
                        .props('outlined dense autogrow autofocus rows=1 placeholder="Message" aria-label="Message"')
                    )
                    self.box.on(
                        "keydown", told(self.send), args=[],
                        js_handler="(e) => { if (e.key === 'Enter' && !e.shiftKey) { e.preventDefault(); emit(); } }",
                    )  # fmt: skip
                    self.go = ui.button(icon="send", on_click=told(self.send)).props('round aria-label="Send"')
                    self.halt = ui.button(icon="stop", on_click=self.stop).props(
                        'round color=negative aria-label="Stop the answer"'
                    )
                    self.halt.set_visibility(False)
                self.memory = ui.switch("Memory", value=True).props('aria-label="Memory on or off"')
                with self.memory:
                    ui.tooltip("Off: nothing is read or kept; the weights answer, with what nights taught them")
            with ui.element("aside").classes("basis-1/3 min-w-0").props('aria-label="What the answer rests on"'):
                self.beside = ui.column().classes("w-full gap-2")
                with self.beside:
                    ui.label("What an answer rests on is shown here.").classes("text-sm opacity-70")

    async def send(self) -> None:
        """Take a turn."""
        text = (self.box.value or "").strip()
        if not text or self.under_way is not None:
            return
        self.box.value = ""
        self.hello.set_visibility(False)
        self.talk.append({"role": "user", "content": text})
        with self.said:
            _bubble(text, mine=True)
            waiting = ui.spinner("dots", size="2em").props('aria-label="thinking"')
        self.halt.set_visibility(True)
        self.go.set_visibility(False)
        try:
            self.under_way = await UnderWay.begin(
                self.visit.house, self.visit.user, self.talk, memory=bool(self.memory.value)
            )
            await self._listen(self.under_way, waiting)
        except HippoError:
            self.talk.pop()
            raise
        finally:
            if not waiting.is_deleted:
                waiting.delete()
            if self.under_way is not None:
                await self.under_way.close()
            self.under_way = None
            self.halt.set_visibility(False)
            self.go.set_visibility(True)

    async def _listen(self, under_way: UnderWay, waiting: ui.spinner) -> None:
        turn = under_way.turn
        self.inspect(turn)
        spoken: ui.label | None = None
        async for piece in under_way.pieces():
            if spoken is None:
                waiting.delete()
                with self.said:
                    spoken = _bubble("", mine=False)
            spoken.set_text(spoken.text + piece)
        self.talk.append({"role": "assistant", "content": turn.text})
        with self.said:
            note = ui.row().classes("w-full items-center gap-2 text-xs -mt-1")
        with note:
            ui.label(_note(turn)).classes("opacity-70")
            ui.button("Why", on_click=lambda: self.inspect(turn)).props("flat dense no-caps size=sm")
        ui.run_javascript(f"getHtmlElement({note.id}).scrollIntoView({{behavior: 'smooth', block: 'end'}})")

    def stop(self) -> None:
        """End the answer under way; what has come stands."""
        if self.under_way is not None:
            self.under_way.turn.cancel()

    def inspect(self, turn: ChatTurn) -> None:
        """Show what one answer rests on."""
        self.beside.clear()
        with self.beside:
            ui.label(f"Answered by {_BY[turn.decided_by]}").classes("text-base font-medium")
            for step in turn.path:
                ui.label(step).classes("text-sm break-words")
            if turn.sources:
                _title("It rests on")
                for source in turn.sources:
                    with ui.card().classes("w-full p-2 gap-0"):
                        ui.label(source.text).classes("text-sm break-words")
                        score = "" if source.score is None else f" · score {source.score:.3f}"
                        ui.label(f"#{source.trace_id} · {source.source} · {when(source.time)}{score}").classes(
                            "text-xs opacity-70"
                        )
            if turn.outcomes:
                _title("What became of what you said")
                for outcome in turn.outcomes:
                    where = "" if outcome.memory == "episodic" else f" to {outcome.memory}"
                    kept = f" as #{outcome.trace_id}" if outcome.kind in ("stored", "merged") else ""
                    ui.label(f"{outcome.kind}{where}{kept}: {outcome.reason or outcome.text}").classes(
                        "text-sm break-words"
                    )
            if turn.recall is not None and turn.recall.hits:
                with ui.expansion(f"Everything recalled ({len(turn.recall.hits)})").classes("w-full text-sm"):
                    for hit in turn.recall.hits:
                        found = ", ".join(f"{name} #{rank}" for name, rank in hit.ranks.items())
                        ui.label(f"{hit.score:.3f}  #{hit.trace.id}  {hit.trace.text}  ({found})").classes(
                            "text-xs break-words py-1"
                        )
            if turn.sources or turn.recall is not None:
                ui.link("Edit or forget memories", self.visit.link("/memories")).classes("text-sm")


def draw(visit: Visit) -> None:
    """The page."""
    Chat(visit).draw()


def _bubble(text: str, *, mine: bool) -> ui.label:
    side = "self-end bg-primary text-white" if mine else "self-start bg-gray-200 dark:bg-gray-800"
    with ui.element("div").classes(f"max-w-[85%] rounded-2xl px-4 py-2 {side}"):
        return ui.label(text).classes("whitespace-pre-wrap break-words")


def _title(text: str) -> None:
    ui.label(text).classes("text-xs uppercase opacity-70 mt-2")


def _note(turn: ChatTurn) -> str:
    """One dim line: who answered, from how many memories, and what was kept."""
    kinds = Counter(o.kind for o in turn.outcomes if o.kind != "routed")
    parts: list[Any] = [_BY[turn.decided_by]] if turn.decided_by != "reply" else []
    n = len(turn.sources)
    parts += [f"{n} {'memory' if n == 1 else 'memories'}"] if n else []
    parts += [f"{n} {kind}" for kind, n in kinds.items() if kind != "gated"]
    parts += [] if turn.memory else ["memory off"]
    return " · ".join(parts)
