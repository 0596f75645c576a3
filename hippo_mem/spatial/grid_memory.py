"""What is remembered of grids: walls and walks of a context, and the answers to grid prompts.

In: a `GridTask` and an open transaction. Out: rows, or a `Decision`. A prompt that names its obstacles is taken at its
word; one that does not gets those that were told in its context. Knows nothing of how grids are worded.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
from dataclasses import replace

from hippo_mem.errors import InputError
from hippo_mem.spatial import rows
from hippo_mem.spatial.grid import STEPS, Cell, GridTask
from hippo_mem.spatial.macros import MacroLib
from hippo_mem.spatial.names import cell_key, cell_name
from hippo_mem.spatial.planner import NoRoute
from hippo_mem.spatial.solving import shortest, walk
from hippo_mem.types import Decision

_RELATION = {"L": "left", "R": "right", "U": "above", "D": "below"}


def record_grid(
    connection: sqlite3.Connection,
    naming: rows.Naming,
    telling: rows.Telling,
    task: GridTask,
    macros: MacroLib | None,
) -> list[str]:
    """Write walls, the cells walked on, and the walk as a trajectory, where one is to be kept. Returns what was
    understood.
    """
    said = []
    for x, y in sorted(task.obstacles or ()):
        naming.place(cell_name(x, y), cell_key(x, y), x=x, y=y, passable=False)
    for x, y in sorted(task.free - (task.obstacles or frozenset())):
        naming.place(cell_name(x, y), cell_key(x, y), x=x, y=y)
    size = f" of {task.width} x {task.height}" if task.width and task.height else ""
    details = {
        k: v for k, v in (("width", task.width), ("height", task.height), ("origin", task.origin)) if v is not None
    }
    if task.obstacles or size:
        said.append(f"a grid{size} with {len(task.obstacles or ())} obstacles")
    if task.told and task.start:
        cells, possible = walk(task, task.told)
        ids = [naming.place(cell_name(x, y), cell_key(x, y), x=x, y=y) for x, y in cells]
        for a, b, step in zip(ids, ids[1:], task.told, strict=False):
            rows.add_edge(connection, telling, a, b, _RELATION[step], tried=True)
        success = possible and not task.failed
        steps = [
            {"action": step, "at": cell_name(*a), "to": cell_name(*b)}
            for a, b, step in zip(cells, cells[1:], task.told, strict=False)
        ]
        if steps and macros is not None:
            goal = cell_name(*(task.goal or cells[-1]))
            start = cell_name(*cells[0])
            macros.record(connection, telling, steps, start=start, goal=goal, success=success, details=details)
        said.append(f"the walk {task.told} from {cells[0]}" + ("" if success else ", which did not succeed"))
    if size and (macros is None or not (task.told and task.start)):
        rows.add_trajectory(connection, telling, start="", goal="", steps=(), success=False, details=details)
    return said


def decide_grid(
    connection: sqlite3.Connection, task: GridTask, context: str | None, as_of: float | None
) -> Decision | None:
    """The answer to a grid prompt; None where it asks for nothing that can be worked out."""
    task, traces = _completed(connection, task, context, as_of)
    asked = task.asked
    if asked == "end":
        if task.start is None or not task.told:
            return None
        cells, _ = walk(task, task.told)
        return Decision(text=task.cell_text(cells[-1]), memory="spatial", path=_steps(task, cells), trace_ids=traces)
    if task.start is None or task.goal is None:
        return None
    try:
        route = shortest(task)
    except NoRoute as error:
        there = ", ".join(task.cell_text(c) for c in sorted(c for c in error.reachable if isinstance(c, tuple))[:50])
        return Decision(
            text="no" if asked == "possible" else "no route", memory="spatial", trace_ids=traces,
            path=(f"{error}", f"from the start one can reach: {there}"),
        )  # fmt: skip
    except InputError as error:
        return Decision(text="no route", memory="spatial", path=(str(error),), trace_ids=traces)
    said = {"length": str(len(route)), "possible": "yes"}
    cells, _ = walk(task, route)
    return Decision(
        text=said.get(asked, task.written(route) or "you are there"), memory="spatial", path=_steps(task, cells),
        trace_ids=traces,
    )  # fmt: skip


def _steps(task: GridTask, cells: list[Cell]) -> tuple[str, ...]:
    names = {delta: step for step, delta in STEPS.items()}
    return tuple(
        f"{names[b[0] - a[0], b[1] - a[1]]}: {task.cell_text(a)} to {task.cell_text(b)}"
        for a, b in itertools.pairwise(cells)
    )


def _completed(
    connection: sqlite3.Connection, task: GridTask, context: str | None, as_of: float | None
) -> tuple[GridTask, tuple[int, ...]]:
    """The task with what its context remembers in place of what it does not say, and the traces that told it."""
    if task.obstacles is not None and task.width and task.height:
        return task, ()
    limit = float("inf") if as_of is None else as_of
    if context is None:  # all sessions are open to the question; the grid told last is meant
        row = connection.execute(
            "SELECT p.context_key FROM places AS p JOIN origins AS o ON o.kind = 'place' AND o.row_id = p.id "
            "WHERE substr(p.key, 1, 1) = '(' AND o.time <= ? ORDER BY o.time DESC, o.id DESC LIMIT 1",
            (limit,),
        ).fetchone()
        context = row[0] if row else None
    traces: dict[int, None] = {}
    if task.obstacles is None:
        walls = set()
        for x, y, trace_id in connection.execute(
            "SELECT p.x, p.y, o.trace_id FROM places AS p JOIN origins AS o ON o.kind = 'place' AND o.row_id = p.id "
            "WHERE p.context_key IS ? AND p.passable = 0 AND substr(p.key, 1, 1) = '(' AND o.time <= ? ORDER BY o.id",
            (context, limit),
        ):
            walls.add((int(x), int(y)))
            if trace_id is not None:
                traces[int(trace_id)] = None
        task = replace(task, obstacles=frozenset(walls - {c for c in (task.start, task.goal) if c}))
    if not (task.width and task.height):
        row = connection.execute(
            "SELECT t.details FROM trajectories AS t JOIN origins AS o ON o.kind = 'trajectory' AND o.row_id = t.id "
            "WHERE t.context_key IS ? AND t.details LIKE '%width%' AND o.time <= ? ORDER BY o.time DESC, o.id "
            "DESC LIMIT 1",
            (context, limit),
        ).fetchone()
        if row is not None:
            known = json.loads(row[0])
            task = replace(task, width=known.get("width"), height=known.get("height"), origin=known.get("origin", 0))
    return task, tuple(traces)
