"""The page of places: the map where coordinates follow from what was told, and ways from one place to another.

Knows nothing of storage: everything goes through the facade.
"""

from __future__ import annotations

import itertools
from typing import Any

from nicegui import ui

from hippo_mem.serve.web.frame import Visit, told

_STEP = 120  # screen units between two neighbors


class Map:
    """One open page of places."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.context: str | None = None
        self.places: dict[str, Any] = {"places": [], "edges": [], "contradictions": []}

    def draw(self) -> None:
        """Which map, from where to where, the drawing."""
        with ui.row().classes("w-full items-center gap-2"):
            self.which = ui.select({"": "Everyday"}, value="", label="Map", on_change=told(self.load)).classes("w-40")
            self.which.props("outlined dense")
            self.start = ui.select([], label="From", with_input=True).classes("grow").props("outlined dense")
            self.goal = ui.select([], label="To", with_input=True).classes("grow").props("outlined dense")
            self.go = ui.button("Show the way", on_click=told(self.way)).props("no-caps unelevated")
            self.go.disable()  # until the places are known
        self.said = ui.label("").classes("text-base").props("role=status aria-live=polite")
        self.chart = ui.echart(_drawing(self.places, [])).classes("w-full h-[28rem]")
        self.chart.props('role=img aria-label="The map of places; ways are also said in words"')
        self.notes = ui.column().classes("w-full gap-0 text-sm")
        ui.timer(0.0, told(self.begin), once=True)

    async def begin(self) -> None:
        """Read which maps there are."""
        contexts = await self.visit.use(lambda h: h.browse.place_contexts())
        options = {c or "": c or "Everyday" for c in contexts} or {"": "Everyday"}
        self.which.set_options(options, value="" if "" in options else next(iter(options)))
        await self.load()

    async def load(self) -> None:
        """Read the chosen map."""
        self.context = self.which.value or None
        context = self.context
        self.places = await self.visit.use(lambda h: h.browse.places(context))
        names = sorted(p["name"] for p in self.places["places"])
        self.start.set_options(names)
        self.goal.set_options(names)
        self.said.set_text("" if names else "No places yet: tell it what is north of what, or what is next to what.")
        self.go.set_enabled(bool(names))
        self._show([])
        self.notes.clear()
        with self.notes:
            for line in self.places["contradictions"]:
                ui.label(f"Contradiction: {line}").classes("text-negative")

    async def way(self) -> None:
        """The cheapest way between the two chosen places, drawn and said."""
        start, goal, context = self.start.value, self.goal.value, self.context
        if not start or not goal:
            ui.notify("Choose where from and where to.", type="info")
            return
        found = await self.visit.use(lambda h: h.browse.route(start, goal, context=context))
        self.said.set_text(" → ".join(found["places"]) + f"  ({found['steps']} steps)")
        self._show(found["ids"])

    def _show(self, way: list[int]) -> None:
        self.chart.options.clear()
        self.chart.options.update(_drawing(self.places, way))
        self.chart.update()


def draw(visit: Visit) -> None:
    """The page."""
    Map(visit).draw()


def _drawing(places: dict[str, Any], way: list[int]) -> dict[str, Any]:
    """The map: places where they are, the others in a row below."""
    lowest = max((p["y"] for p in places["places"] if p["y"] is not None), default=-1.0)
    nodes, loose = [], 0
    for place in places["places"]:
        if place["x"] is None:
            x, y = float(loose % 8), lowest + 1.0 + loose // 8
            loose += 1
        else:
            x, y = place["x"], place["y"]
        on_way = place["id"] in way
        nodes.append({
            "id": str(place["id"]), "name": place["name"], "x": x * _STEP, "y": y * _STEP,
            "symbolSize": 22 if on_way else 14,
            "itemStyle": {"color": "#c2703d" if on_way else "#5c7f67" if place["passable"] else "#8a8f98"},
        })  # fmt: skip
    steps = {frozenset(pair) for pair in itertools.pairwise(way)}
    links = [
        {
            "source": str(e["src"]), "target": str(e["dst"]), "value": e["relation"],
            "lineStyle": {
                "width": 4 if frozenset((e["src"], e["dst"])) in steps else 1.5,
                "color": "#c2703d" if frozenset((e["src"], e["dst"])) in steps else "#8a8f98",
                "type": "solid" if e["passable"] else "dashed",
            },
        }
        for e in places["edges"]
    ]  # fmt: skip
    return {
        "backgroundColor": "transparent",
        "tooltip": {},
        "series": [{
            "type": "graph", "layout": "none", "roam": True, "data": nodes, "links": links,
            "label": {"show": True, "position": "bottom", "color": "#777c85"},
        }],
    }  # fmt: skip
