"""The page of status: sizes, how quickly it recalls, model, disk. Knows nothing of storage."""

from __future__ import annotations

import os
import time
from typing import Any

from nicegui import ui

from hippo_mem.memory import Hippo
from hippo_mem.serve.web.frame import Visit, told

_PROBES = 5


def draw(visit: Visit) -> None:
    """The page."""
    grid = ui.column().classes("w-full gap-3")

    async def load() -> None:
        facts = await visit.use(_facts)
        facts["Speed and size"][1:1] = _pace(visit)
        grid.clear()
        with grid:
            for title, rows in facts.items():
                with ui.card().classes("w-full gap-1"):
                    ui.label(title).classes("text-base font-medium")
                    for name, value in rows:
                        with ui.row().classes("w-full justify-between gap-4 no-wrap text-sm"):
                            ui.label(name).classes("opacity-80")
                            ui.label(value).classes("text-right break-all")

    with grid:
        ui.label("Looking …").classes("opacity-80")
    ui.timer(0.0, told(load), once=True)
    ui.button("Look again", icon="refresh", on_click=told(load)).props("flat no-caps")


def _facts(hippo: Hippo) -> dict[str, list[tuple[str, str]]]:
    hippo.prepare_engine()  # what is said of the engine is then how it is now
    status = hippo.status()
    memory: dict[str, Any] = status["memory"] or {}
    episodes = memory.get("episodic", {})
    return {
        "Memory": [
            ("episodes", str(episodes.get("traces", 0))),
            ("of them learned", str(episodes.get("consolidated", 0))),
            ("waiting to be learned", str(hippo.n_waiting())),
            *((f"facts: {name}", str(n)) for name, n in memory.get("relational", {}).items()),
            *((f"map: {name}", str(n)) for name, n in memory.get("spatial", {}).items()),
        ],
        "Model": [
            ("name", str(status["model"])),
            ("answered by", _engine(status["engine"])),
            ("night in force", str((status["night_in_force"] or {}).get("number", "none"))),
            ("nights", str(status["n_nights"])),
        ],
        "Speed and size": [
            ("recall", f"{_recall_ms(hippo):.1f} ms" if episodes.get("traces") else "nothing to recall"),
            ("disk", f"{status['disk_bytes'] / 1e6:.1f} MB"),
            ("memory of this process", f"{_resident_mb():.0f} MB"),
            ("data home", str(status["home"])),
        ],
    }


def _engine(engine: dict[str, str]) -> str:
    return f"{engine['name']} ({engine['reason']})" if engine["reason"] else engine["name"]


def _pace(visit: Visit) -> list[tuple[str, str]]:
    """How quickly the last answers of this server came, whoever asked."""
    medians = visit.house.pace.medians()
    if medians is None:
        return [("answers", "none yet")]
    n, first_s, whole_s = medians
    return [
        (f"first words, median of {n}", f"{first_s * 1e3:.0f} ms"),
        (f"whole answer, median of {n}", f"{whole_s:.2f} s"),
    ]


def _recall_ms(hippo: Hippo) -> float:
    """The median of a few recalls, sentence vector included."""
    taken = []
    for _ in range(_PROBES):
        start = time.perf_counter()
        hippo.recall("what was said lately", 8, touch=False)
        taken.append((time.perf_counter() - start) * 1e3)
    return sorted(taken)[_PROBES // 2]


def _resident_mb() -> float:
    """Resident memory of this process, where the system tells."""
    try:
        with open("/proc/self/statm") as file:  # noqa: PTH123
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except (OSError, ValueError):
        return float("nan")
