"""The page of the chat: the conversation, and beside it what each answer rests on and what became of what was said.

The conversation stays for as long as its browser tab does, in this process alone. Knows nothing of how an answer is
found.
"""

from __future__ import annotations

from collections import Counter

from nicegui import app, ui

from hippo_mem.chat import ChatTurn
from hippo_mem.errors import HippoError
from hippo_mem.serve.underway import UnderWay
from hippo_mem.serve.web.frame import Visit, told, when
from hippo_mem.types import Outcome

_BY = {
    "graph": "the graph of facts",
    "map": "the map of places",
    "reader": "a recalled memory",
    "night": "the weights, learned asleep",
    "model": "the language model, in its own words",
    "reply": "a fixed reply, without a model",
}
_HELLO = "Tell me something about yourself, or ask what I remember."
_BESIDE = "What an answer rests on is shown here."
_MOST_KEPT = 200  # messages of a talk
_BESIDE_PLACE = (
    "basis-1/3 min-w-0 scroll-mt-16 lg:sticky lg:top-14 lg:self-start lg:max-h-[calc(100dvh-5rem)] lg:overflow-y-auto"
)
# The line to write in stays at the lower edge, whatever the length of the talk: what is left below header and padding.
_HEIGHT = "min-height: calc(100dvh - 5.5rem)"


class Talk:
    """What was said in one tab: the person's texts, and the turns that answered them."""

    def __init__(self) -> None:
        self.said: list[str | ChatTurn] = []

    def add(self, what: str | ChatTurn) -> None:
        """Go on; the oldest messages are let go."""
        self.said.append(what)
        del self.said[:-_MOST_KEPT]

    def messages(self) -> list[dict[str, str]]:
        """As the facade takes it."""
        return [
            {"role": "user", "content": what} if isinstance(what, str)
            else {"role": "assistant", "content": what.text.strip() or "..."}  # an answer that was stopped at once
            for what in self.said
        ]  # fmt: skip


class Chat:
    """One open chat."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.talk = Talk()
        self._key = f"talk of {visit.user}"
        self.under_way: UnderWay | None = None

    def draw(self) -> None:
        """The conversation on the left, its background on the right; below each other on a narrow screen."""
        with ui.element("div").classes("w-full flex flex-col flex-nowrap lg:flex-row gap-4"):
            with ui.column().classes("grow basis-2/3 gap-2 min-w-0").style(_HEIGHT):
                self.said = ui.column().classes("w-full gap-2 grow").props('role=log aria-label="Conversation"')
                with self.said:
                    ui.label(_HELLO).classes("opacity-80 py-6")
                with ui.column().classes("w-full gap-1 sticky bottom-0 py-2 z-10 lower-edge"):
                    self._draw_box()
            self.aside = ui.element("aside").classes(_BESIDE_PLACE).props('aria-label="What the answer rests on"')
            with self.aside:
                self.beside = ui.column().classes("w-full gap-2")
                with self.beside:
                    ui.label(_BESIDE).classes("text-sm opacity-80")
        ui.timer(0.0, told(self.restore), once=True)

    def _draw_box(self) -> None:
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
        with ui.row().classes("w-full items-center justify-between"):
            self.memory = ui.switch("Memory", value=True).props('aria-label="Memory on or off"')
            with self.memory:
                ui.tooltip("Off: nothing is read or kept; the weights answer, with what nights taught them")
            with ui.button("New talk", icon="add_comment", on_click=told(self.begin_anew)).props("flat dense no-caps"):
                ui.tooltip("The talk is let go; what was kept of it stays")

    async def restore(self) -> None:
        """Go on with the talk of this tab."""
        if self._key not in app.storage.tab:
            app.storage.tab[self._key] = self.talk
        self.talk = app.storage.tab[self._key]
        if not self.talk.said:
            return
        self.said.clear()
        for what in self.talk.said:
            if isinstance(what, str):
                self._bubble(what, mine=True)
            else:
                self._bubble(what.text, mine=False)
                self._note(what)
        ui.run_javascript("window.scrollTo(0, document.body.scrollHeight)")

    async def begin_anew(self) -> None:
        """Let go of the talk."""
        self.stop()
        app.storage.tab[self._key] = self.talk = Talk()
        for place, words in ((self.said, _HELLO), (self.beside, _BESIDE)):
            place.clear()
            with place:
                ui.label(words).classes("opacity-80 py-2")

    async def send(self) -> None:
        """Take a turn. What could not be answered is in the line again."""
        text = (self.box.value or "").strip()
        if not text or self.under_way is not None or self.halt.visible:
            return
        self.box.value = ""
        if not self.talk.said:
            self.said.clear()
        talk = self.talk
        bubble = self._bubble(text, mine=True)
        with self.said:
            waiting = ui.spinner("dots", size="2em").props('aria-label="thinking"')
        self.halt.set_visibility(True)
        self.go.set_visibility(False)
        try:
            said = [*talk.messages(), {"role": "user", "content": text}]
            self.under_way = await UnderWay.begin(
                self.visit.house, self.visit.user, said, memory=bool(self.memory.value)
            )
            talk.add(text)
            await self._listen(self.under_way, talk, waiting)
        except HippoError:
            if self.under_way is None:
                bubble.delete()
                self.box.value = text
            raise
        finally:
            if not waiting.is_deleted:
                waiting.delete()
            if self.under_way is not None:
                await self.under_way.close()
            self.under_way = None
            self.halt.set_visibility(False)
            self.go.set_visibility(True)

    async def _listen(self, under_way: UnderWay, talk: Talk, waiting: ui.spinner) -> None:
        turn = under_way.turn
        self.inspect(turn)
        spoken: ui.label | None = None
        try:
            async for piece in under_way.pieces():
                if spoken is None:
                    waiting.delete()
                    spoken = self._bubble("", mine=False)
                spoken.set_text(spoken.text + piece)
        finally:
            talk.add(turn)
            self.visit.house.pace.note(turn)
        note = self._note(turn)
        ui.run_javascript(f"getHtmlElement({note.id}).scrollIntoView({{behavior: 'smooth', block: 'center'}})")

    def stop(self) -> None:
        """End the answer under way; what has come stands."""
        if self.under_way is not None:
            self.under_way.turn.cancel()

    def _bubble(self, text: str, *, mine: bool) -> ui.label:
        side = "self-end bg-primary text-white" if mine else "self-start bg-gray-200 dark:bg-gray-800"
        with self.said:
            return ui.label(text).classes(f"max-w-[85%] rounded-2xl px-4 py-2 whitespace-pre-wrap break-words {side}")

    def _note(self, turn: ChatTurn) -> ui.row:
        with self.said, ui.row().classes("w-full items-center gap-2 text-xs -mt-1 scroll-mb-32") as note:
            ui.label(_dim_line(turn)).classes("opacity-80")
            ui.button("Why", on_click=lambda: self.inspect(turn, go_there=True)).props("flat dense no-caps size=sm")
        return note

    def inspect(self, turn: ChatTurn, *, go_there: bool = False) -> None:
        """Show what one answer rests on. On a narrow screen that is below the talk: `go_there` scrolls to it."""
        self.beside.clear()
        with self.beside:
            ui.label(f"Answered by {_BY[turn.decided_by]}").classes("text-base font-medium")
            for step in turn.path:
                ui.label(step.replace("->", "→")).classes("text-sm break-words")
            if turn.sources:
                _title("It rests on")
                for source in turn.sources:
                    with ui.card().classes("w-full p-2 gap-0"):
                        ui.label(source.text).classes("text-sm break-words")
                        score = "" if source.score is None else f" · score {source.score:.3f}"
                        ui.label(f"#{source.trace_id} · {source.source} · {when(source.time)}{score}").classes(
                            "text-xs opacity-80"
                        )
            if turn.outcomes:
                _title("What became of what you said")
                for outcome in turn.outcomes:
                    ui.label(_became(outcome)).classes("text-sm break-words")
            if turn.recall is not None and turn.recall.hits:
                with ui.expansion(f"Everything recalled ({len(turn.recall.hits)})").classes("w-full text-sm"):
                    for hit in turn.recall.hits:
                        found = ", ".join(f"{name} #{rank}" for name, rank in hit.ranks.items())
                        ui.label(f"{hit.score:.3f}  #{hit.trace.id}  {hit.trace.text}  ({found})").classes(
                            "text-xs break-words py-1"
                        )
            if turn.sources or turn.recall is not None:
                ui.link("Edit or forget memories", self.visit.link("/memories")).classes("text-sm")
        if go_there:
            ui.run_javascript(
                f"getHtmlElement({self.aside.id}).scrollIntoView({{behavior: 'smooth', block: 'nearest'}})"
            )


def draw(visit: Visit) -> None:
    """The page."""
    Chat(visit).draw()


def _title(text: str) -> None:
    ui.label(text).classes("text-xs uppercase opacity-80 mt-2")


def _became(outcome: Outcome) -> str:
    """One line on what was kept, and why or why not."""
    why = outcome.reason or outcome.text
    match outcome.kind:
        case "stored":
            return f"Kept as #{outcome.trace_id}: {why}"
        case "merged":
            return f"Counted into #{outcome.trace_id}: {why}"
        case "gated":
            return f"Not kept: {why}"
        case _:
            return f"To the {'graph of facts' if outcome.memory == 'relational' else 'map of places'}: {why}"


def _dim_line(turn: ChatTurn) -> str:
    """Who answered, from how many memories, and what was kept."""
    kinds: Counter[str] = Counter(o.kind for o in turn.outcomes if o.memory == "episodic")
    n = len(turn.sources)
    parts = [_BY[turn.decided_by]] if turn.decided_by != "reply" else []
    parts += [f"{n} {'memory' if n == 1 else 'memories'}"] if n else []
    parts += [f"{kinds[kind]} {word}" for kind, word in (("stored", "kept"), ("merged", "said before")) if kinds[kind]]
    parts += ["stopped"] if turn.finish_reason == "cancelled" else []
    parts += [] if turn.memory else ["memory off"]
    return " · ".join(parts)
