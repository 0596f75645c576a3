"""Routes on a grid: the shortest one, where a walk ends, how much of a walk is possible.

In: a `GridTask`. Out: letters U, D, L, R, a cell, or `NoRoute`. Knows nothing of texts or stores.
"""

from __future__ import annotations

from collections import deque

from hippo_mem.errors import InputError
from hippo_mem.spatial.grid import STEPS, Cell, GridTask
from hippo_mem.spatial.planner import NoRoute

MAX_CELLS = 1_000_000  # a grid is searched cell by cell; more of them take longer than anyone waits


def shortest(task: GridTask) -> str:
    """The shortest route from start to goal; of several, the first in the order L, R, U, D at every step.

    Breadth first from the goal gives every cell its distance; the walk then takes the first move that comes nearer.
    A board whose size nobody told ends one cell beyond everything that was named.

    Raises: InputError when start or goal is missing, off the board or an obstacle, or the board is too large;
        NoRoute when obstacles close the goal off, with the cells that can be reached.
    """
    start, goal = task.start, task.goal
    if start is None or goal is None:
        raise InputError(f"a route needs a start and a goal, got {start} and {goal}")
    walls = task.obstacles or frozenset()
    low_x, low_y, high_x, high_y = bounds(task)
    if (high_x - low_x + 1) * (high_y - low_y + 1) > MAX_CELLS:
        raise InputError(
            f"a grid of {high_x - low_x + 1} x {high_y - low_y + 1} is over the limit of {MAX_CELLS:,} cells"
        )
    for name, cell in (("start", start), ("goal", goal)):
        if not (low_x <= cell[0] <= high_x and low_y <= cell[1] <= high_y):
            raise InputError(f"the {name} {cell} is off the grid ({low_x}, {low_y}) to ({high_x}, {high_y})")
        if cell in walls:
            raise InputError(f"the {name} {cell} is an obstacle")

    def spread(origin: Cell) -> dict[Cell, int]:
        far = {origin: 0}
        queue = deque([origin])
        while queue:
            x, y = here = queue.popleft()
            for dx, dy in STEPS.values():
                there = (x + dx, y + dy)
                if there not in far and there not in walls and low_x <= x + dx <= high_x and low_y <= y + dy <= high_y:
                    far[there] = far[here] + 1
                    queue.append(there)
        return far

    far = spread(goal)
    if start not in far:
        reachable = tuple(spread(start))
        raise NoRoute(f"no route from {start} to {goal}; {len(reachable)} cells can be reached", reachable)
    route = []
    x, y = start
    while (x, y) != goal:
        for step, (dx, dy) in STEPS.items():
            if far.get((x + dx, y + dy), far[x, y]) < far[x, y]:
                route.append(step)
                x, y = x + dx, y + dy
                break
    return "".join(route)


def bounds(task: GridTask) -> tuple[int, int, int, int]:
    """Least and greatest x and y of the board: (low x, low y, high x, high y)."""
    named = [*(task.obstacles or ()), *task.free, *(c for c in (task.start, task.goal) if c)]
    xs, ys = [c[0] for c in named] or [0], [c[1] for c in named] or [0]
    o = task.origin
    return (
        o if task.width is not None else min(xs) - 1,
        o if task.height is not None else min(ys) - 1,
        o + task.width - 1 if task.width is not None else max(xs) + 1,
        o + task.height - 1 if task.height is not None else max(ys) + 1,
    )


def walk(task: GridTask, route: str) -> tuple[list[Cell], bool]:
    """The cells of a walk from the start, and whether every step was possible; it stops at the first that is not.

    Raises: InputError when no start is known.
    """
    if task.start is None:
        raise InputError("a walk needs a start")
    cells = [task.start]
    for step in route:
        x, y = cells[-1]
        there = (x + STEPS[step][0], y + STEPS[step][1])
        if there in (task.obstacles or ()) or not task.inside(there):
            return cells, False
        cells.append(there)
    return cells, True
