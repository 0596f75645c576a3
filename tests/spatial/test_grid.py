"""Grid worlds in many spellings, and their shortest routes."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hippo_mem.errors import InputError
from hippo_mem.spatial.grid import STEPS, Cell, GridTask, read_grid
from hippo_mem.spatial.planner import NoRoute
from hippo_mem.spatial.solving import shortest, walk

SUITE = (
    "Grid 6x6 with obstacles [(0, 4), (1, 5), (2, 2), (2, 5), (5, 4), (5, 5)]. Start (5, 2) goal (2, 0). "
    "Respond with moves using U, D, L, R only, no spaces (e.g., UDLR)."
)


def task_of(text: str) -> GridTask:
    task = read_grid(text)
    assert task is not None
    return task


@pytest.mark.parametrize(
    ("text", "route"),
    [
        (SUITE, "LLULU"),
        ("Grid 5x5. Start (0,0). Goal (4,4). Obstacles: (1,1), (2,3). Moves: U, D, L, R.", "RRRRDDDD"),
        ("Grid 3x3 with obstacles []. What move sequence leads from (0, 0) to (0, 2)?", "DD"),
        ("What is the best route between (0, 0) and (1, 2) in a 4x4 grid without obstacles?", "RDD"),
        (
            "On a 4 by 4 board with walls at (1,0) and (1,1), find the shortest path from (0,0) to (2,0). "
            "Use the words up, down, left, right.",
            "down, down, right, right, up, up",
        ),
        ("Grid 3x3. Start (0,0), goal (2,1). Answer with the moves separated by spaces.", "R R D"),
        ("Grid 3x3. Start (0,0), goal (2,1). Use N, E, S, W, comma separated.", "E,E,S"),
        ("Find the shortest path in this maze:\nS.#.\n..#.\n...G\n", "RDDRR"),
        ("Solve the maze:\nS . .\n# # .\nG . .\n", "RRDDLL"),
        ("Grid of 5 rows and 4 columns, cells are (row, col). Start (0,0), goal (4,3).", "RRRDDDD"),
        ("Grid 3x3, (0,0) is the bottom-left corner. Start (0,0), goal (0,2).", "UU"),
        ("A 3x3 grid, cells (1,1) to (3,3). Start (1, 3). Goal (3, 3). Which moves?", "RR"),
    ],
)
def test_prompts_are_understood(text: str, route: str) -> None:
    task = task_of(text)
    assert task.written(shortest(task)) == route


def test_what_is_asked() -> None:
    assert (
        task_of("Grid 3x3 with obstacles []. Start (0, 0) goal (0, 2). What is the shortest path length?").asked
        == "length"
    )
    assert task_of("Grid 3x3. Start (0,0). Goal (2,2). Is the goal reachable?").asked == "possible"
    end = task_of("Grid 5x5 with obstacles [(2, 2)]. Start (1, 1). After moves RRDDL where do you end?")
    assert (end.asked, end.told) == ("end", "RRDDL")
    assert walk(end, "RRDDL") == ([(1, 1), (2, 1), (3, 1), (3, 2), (3, 3), (2, 3)], True)


@pytest.mark.parametrize("joint", [" ", "\nAnswer: ", " The answer is ", " -> "])
def test_told_routes_are_told_from_lists_of_moves(joint: str) -> None:
    assert task_of(SUITE).told is None
    assert task_of(f"{SUITE}{joint}LLULU").told == "LLULU"


def test_walls_are_read_alone() -> None:
    assert task_of("Cell (2, 3) is blocked.").obstacles == {(2, 3)}
    assert task_of("There is a wall at (2, 3) in the grid.").obstacles == {(2, 3)}
    assert task_of("In the 5x5 grid moving R from (1, 1) is blocked.").obstacles == {(2, 1)}


@pytest.mark.parametrize(
    "text",
    ["Call me at (555, 1234) or (2,3).", "Mary is 30 (thirty).", "See figure (1, 2).", "", "We meet at 5 x 5.",
     "A 5x5 grid, start (0,0), goal (4,4), diagonal moves allowed."],
)  # fmt: skip
def test_other_texts_are_no_grids(text: str) -> None:
    assert read_grid(text) is None


@settings(deadline=None)
@given(st.text(alphabet="(), 0123456789gridstartoalx#.SG\n", max_size=200))
def test_any_text_is_a_board_with_sides_and_moves_or_none(text: str) -> None:
    grid = read_grid(text)
    assert grid is None or (grid.width, grid.height) == (None, None) or min(grid.width or 1, grid.height or 1) > 0
    assert grid is None or set(grid.told or "") <= set("UDLR")


_CELLS = st.tuples(st.integers(0, 4), st.integers(0, 4))


@settings(deadline=None)
@given(st.frozensets(_CELLS, max_size=12), _CELLS, _CELLS)
def test_routes_are_shortest_and_first_in_order(walls: frozenset[Cell], start: Cell, goal: Cell) -> None:
    walls -= {start, goal}
    task = GridTask(width=5, height=5, obstacles=walls, start=start, goal=goal)
    reference = first_by_search(walls, start, goal)
    if reference is None:
        with pytest.raises(NoRoute) as error:
            shortest(task)
        assert start in error.value.reachable
        assert goal not in error.value.reachable
        return
    assert shortest(task) == reference
    cells, possible = walk(task, reference)
    assert possible
    assert cells[-1] == goal


def first_by_search(walls: frozenset[Cell], start: Cell, goal: Cell) -> str | None:
    queue, seen = deque([(start, "")]), {start}
    while queue:
        (x, y), route = queue.popleft()
        if (x, y) == goal:
            return route
        for step, (dx, dy) in STEPS.items():
            there = (x + dx, y + dy)
            if there not in seen and there not in walls and 0 <= there[0] < 5 and 0 <= there[1] < 5:
                seen.add(there)
                queue.append((there, route + step))
    return None


def test_impossible_tasks_say_why() -> None:
    with pytest.raises(InputError, match=r"the goal \(9, 9\) is off the grid"):
        shortest(GridTask(width=5, height=5, start=(0, 0), goal=(9, 9)))
    with pytest.raises(InputError, match=r"the start \(0, 0\) is an obstacle"):
        shortest(GridTask(width=5, height=5, obstacles=frozenset({(0, 0)}), start=(0, 0), goal=(1, 1)))
    with pytest.raises(InputError, match="over the limit of 1,000,000 cells"):
        shortest(GridTask(width=9999, height=9999, start=(0, 0), goal=(1, 1)))
    with pytest.raises(InputError, match="needs a start and a goal"):
        shortest(GridTask(width=5, height=5))
