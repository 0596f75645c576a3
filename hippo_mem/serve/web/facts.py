"""The page of facts: the graph to zoom and click, the same facts as a list, their history, and how it was on a day.

Knows nothing of storage: everything goes through the facade.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from nicegui import events, ui

from hippo_mem.errors import InputError
from hippo_mem.serve.web.frame import Visit, sure, told, when
from hippo_mem.types import Fact

_KINDS = ("person", "place", "thing", "time", "number", "user", "value")
_MOST_DRAWN = 150  # nodes: beyond it a drawing says nothing


class Facts:
    """One open page of facts."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.facts: list[Fact] = []

    def draw(self) -> None:
        """Filters, the drawing, the list."""
        with ui.row().classes("w-full items-center gap-2"):
            self.about = (
                ui.input("About", on_change=told(self.load))
                .classes("grow")
                .props('outlined dense clearable debounce=400 aria-label="Facts about a name"')
            )
            self.day = ui.date_input("As it was on", on_change=told(self.load)).classes("w-44").props("outlined dense")
            self.history = ui.switch("History", on_change=told(self.load))
        self.chart = ui.echart(_drawing([], None), on_point_click=told(self.clicked)).classes("w-full h-96")
        self.chart.props('role=img aria-label="The graph of facts; the list below says the same in words"')
        self.listing()
        ui.timer(0.0, told(self.load), once=True)

    async def load(self) -> None:
        """Read the facts that the filters allow."""
        about, history, as_of = (self.about.value or "").strip() or None, self.history.value, _end_of(self.day.value)
        self.facts = await self.visit.use(
            lambda h: h.browse.facts(about, as_of=as_of, history=history and as_of is None, limit=500)
        )
        self.chart.options.clear()
        self.chart.options.update(_drawing(self.facts, about))
        self.chart.update()
        self.listing.refresh()

    @ui.refreshable_method
    def listing(self) -> None:
        """The facts in words, each with its tools."""
        if not self.facts:
            ui.label("No facts yet: tell it who does what, or who is whose." if not self.about.value
                     else "No facts about this name.").classes("opacity-80 py-4")  # fmt: skip
        with ui.list().props("dense separator").classes("w-full"):
            for fact in self.facts[:200]:
                with ui.item(on_click=told(lambda f=fact: self.open(f))).props(f'aria-label="fact {fact.id}"'):
                    with ui.item_section():
                        past = fact.valid_to is not None
                        ui.item_label(_words(fact)).classes("line-through opacity-60" if past else "")
                        ui.item_label(_span(fact)).props("caption")
                    with ui.item_section().props("side"):
                        ui.icon("chevron_right")

    async def clicked(self, event: events.EChartPointClickEventArguments) -> None:
        """A node narrows the page to it; a line opens its fact."""
        if event.data_type == "edge":
            link: Any = event.data  # the line as it was drawn
            drawn = link.get("fact")
            fact = next((f for f in self.facts if f.id == drawn), None)
            if fact is not None:
                await self.open(fact)
        else:
            self.about.value = event.name

    async def open(self, fact: Fact) -> None:
        """One fact: where it was told, and what can be done about it."""
        with ui.dialog() as dialog, ui.card().classes("w-full max-w-xl gap-2"):
            ui.label(_words(fact)).classes("text-lg break-words")
            ui.label(_span(fact)).classes("text-sm opacity-80")
            for told_as in fact.provenance[:5]:
                ui.label(f"“{told_as.text_span}” — {told_as.source}, {when(told_as.time)}").classes(
                    "text-sm break-words"
                )
            if fact.valid_to is None:
                value = ui.input("It should say", value=fact.tail).classes("w-full").props("outlined dense")
                with ui.row().classes("w-full justify-end"):
                    ui.button("It is no longer so", on_click=lambda: dialog.submit("retire")).props(
                        "flat no-caps color=negative"
                    )
                    ui.button("Save", on_click=lambda: dialog.submit("edit")).props("no-caps unelevated")
            elif fact.superseded_by is None:
                ui.button("It still is so", on_click=lambda: dialog.submit("reopen")).props("flat no-caps")
            else:
                ui.label(f"Replaced by fact #{fact.superseded_by}.").classes("text-sm")
        choice = await dialog
        new = value.value if choice == "edit" else ""
        dialog.delete()
        if choice == "edit":
            if not new.strip():
                raise InputError("a fact's value cannot be empty")
            await self.visit.use(lambda h: h.browse.edit_fact(fact.id, new))
            ui.notify("changed; the old value is the past", type="positive")
        elif choice == "retire" and await sure(f"“{_words(fact)}” is no longer so?", "No longer so"):
            await self.visit.use(lambda h: h.browse.retire_fact(fact.id))
        elif choice == "reopen":
            await self.visit.use(lambda h: h.browse.reopen_fact(fact.id))
        if choice:
            await self.load()


def draw(visit: Visit) -> None:
    """The page."""
    Facts(visit).draw()


def _drawing(facts: list[Fact], about: str | None) -> dict[str, Any]:
    """The facts as a graph that pulls itself into shape."""
    names: dict[str, int] = {}
    for fact in facts:
        for name in (fact.head, fact.tail):
            if name in names or len(names) < _MOST_DRAWN:
                names[name] = names.get(name, 0) + 1
    gray = "#777c85"  # as far from white as from the dark page
    return {
        "backgroundColor": "transparent",
        "tooltip": {},
        "series": [
            {
                "type": "graph", "layout": "force", "roam": True, "draggable": True,
                "force": {"repulsion": 160, "edgeLength": [60, 140], "gravity": 0.08},
                "label": {"show": True, "position": "right", "color": gray, "fontSize": 12},
                "edgeSymbol": ["none", "arrow"], "edgeSymbolSize": 7,
                "edgeLabel": {"show": len(facts) <= 60, "formatter": "{c}", "color": gray, "fontSize": 10},
                "emphasis": {"focus": "adjacency"},
                "data": [
                    {"name": name, "symbolSize": min(40, 10 + 4 * n), "value": f"{n} facts",
                     "itemStyle": {"color": "#9a6fb0" if name == about else "#3b6e8f"}}
                    for name, n in names.items()
                ],
                "links": [
                    {"source": f.head, "target": f.tail, "value": f.relation.replace("_", " "), "fact": f.id,
                     "lineStyle": {"opacity": 0.7,
                                   "type": "dashed" if f.valid_to is not None or f.negated else "solid"}}
                    for f in facts if f.head in names and f.tail in names
                ],
            }
        ],
    }  # fmt: skip


def _words(fact: Fact) -> str:
    denied = "not " if fact.negated else ""
    return f"{fact.head} — {denied}{fact.relation.replace('_', ' ')} — {fact.tail}"


def _span(fact: Fact) -> str:
    until = f" until {when(fact.valid_to)}" if fact.valid_to is not None else ""
    return f"#{fact.id} · since {when(fact.valid_from)}{until} · told {fact.mention_count}×"


def _end_of(day: str | None) -> float | None:
    """The last moment of a day written as 2026-01-31; None for no day."""
    if not day:
        return None
    try:
        return datetime.fromisoformat(day).replace(hour=23, minute=59, second=59).timestamp()
    except ValueError:
        raise InputError(f"{day!r} is not a day; write it as 2026-01-31") from None
