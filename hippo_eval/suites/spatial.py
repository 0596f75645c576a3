"""Spatial suite: grids that were walked on, houses and towns that were told of, journeys, and what happened where.

A context is one of five kinds, in turns: a **grid** of its own with walls, told by walks on it (task and answer
together, as in the specification's spatial files); a **house**, told by statements of which room is on which side of
which; and the **graphs**, **journeys** and **places** of `spatial_journeys.py`. Tests ask for routes that were not
told: on a grid with its obstacles named again, on a grid whose obstacles only the told walks named, between two rooms,
between two stops. References are the shortest routes: on a grid the first in the order left, right, up, down; between
stops only where one is shortest.

Knows nothing of models or memories, and nothing of the planner under test: its own search is ten lines. The
phrasings exist here and in `spatial_journeys.py` alone.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Mapping

from hippo_eval.suites.items import Profile, Suite, TeachItem, TestItem
from hippo_eval.suites.spatial_journeys import Made, by_place, graph, journey

VERSION = 2

Cell = tuple[int, int]

STEPS: dict[str, Cell] = {"L": (-1, 0), "R": (1, 0), "U": (0, -1), "D": (0, 1)}
_COMPASS = {"north": (0, -1), "south": (0, 1), "east": (1, 0), "west": (-1, 0)}
ROOMS = (
    "kitchen garden office hallway bedroom bathroom pantry garage library cellar attic studio nursery laundry porch "
    "workshop lounge gallery greenhouse ballroom"
).split()
PER_CONTEXT = 10
_SIZES: dict[Profile, tuple[int, int]] = {"easy": (4, 5), "default": (5, 8), "hard": (8, 12)}
_WALLS: dict[Profile, float] = {"easy": 0.1, "default": 0.2, "hard": 0.3}

TELL_GRID = (
    "Grid {size}x{size} with obstacles {obstacles}. Start {start} goal {goal}. "
    "Respond with moves using U, D, L, R only, no spaces.\nAnswer: {answer}"
)
TELL_ROOM = (
    "The {a} is {side} of the {b}.",
    "To the {side} of the {b} is the {a}.",
    "There is a {a} {side} of the {b}.",
    "From the {b} I go {side} to the {a}.",
    "{side} of the {b} lies the {a}.",
    "Going {side} from the {b}, one gets to the {a}.",
)
ASK_GRID = (
    "Grid {size}x{size} with obstacles {obstacles}. Start {start} goal {goal}. "
    "Respond with moves using U, D, L, R only, no spaces.",
    "You are at {start} on a {size} by {size} grid and want to reach {goal}; walls stand at {walls}. "
    "Which moves (U, D, L, R) take you there fastest?",
    "Board of {size} rows and {size} columns, blocked cells {walls}. Go from {start} to {goal} in as few moves as you "
    "can; answer with the letters U, D, L, R.",
)
ASK_KNOWN_GRID = (
    "On the grid you know, which moves (U, D, L, R) lead from {start} to {goal} without touching an obstacle?",
    "Same grid as before. Start {start}, goal {goal}. Give the shortest sequence of U, D, L, R.",
    "You remember the grid. Take me from {start} to {goal} in U, D, L, R moves.",
)
ASK_ROUTE = (
    "How do you go from the {a} to the {b}?",
    "Which way do I have to walk to get from the {a} to the {b}?",
    "Tell me the way from the {a} to the {b}.",
    "I am in the {a} and need to be in the {b}. Which directions do I take?",
    "What is the route from the {a} to the {b}?",
)


def generate(n: int, seed: int, profile: Profile = "default") -> Suite:
    """`n` facts in contexts of at most ten, the five kinds in turns, and nearly as many questions.

    Args:
        n: facts, 1..
        profile: the size of grids and the share of walls on them, how many ways compete, how long journeys are.
    Raises: ValueError when `n` is below 1.
    """
    if n < 1:
        raise ValueError(f"n must be at least 1 for the spatial suite, got {n}")
    kinds: tuple[Callable[[random.Random, int, Profile], Made], ...] = (_grid, _house, graph, journey, by_place)
    per = max(1, min(PER_CONTEXT, -(-n // len(kinds))))
    teach: list[TeachItem] = []
    test: list[TestItem] = []
    number = 0
    while len(teach) < n:
        rng = random.Random(f"spatial/{VERSION}/{seed}/{profile}/{number}")
        told, asked = kinds[number % len(kinds)](rng, min(per, n - len(teach)), profile)
        key = f"spatial-{seed}-{number}"
        teach += [TeachItem(fact=fact, context_key=key, time=len(teach) + i) for i, fact in enumerate(told)]
        test += [TestItem(prompt=prompt, answer=answer, context_key=key, slot=slot) for slot, prompt, answer in asked]
        number += 1
    return Suite(name="spatial", version=VERSION, seed=seed, teach=tuple(teach), test=tuple(test), profile=profile)


def shortest(size: int, obstacles: frozenset[Cell], start: Cell, goal: Cell) -> str | None:
    """The first of the shortest routes in the order L, R, U, D; None where there is none."""
    queue, seen = deque([(start, "")]), {start}
    while queue:
        (x, y), route = queue.popleft()
        if (x, y) == goal:
            return route
        for step, (dx, dy) in STEPS.items():
            there = (x + dx, y + dy)
            if there not in seen and there not in obstacles and 0 <= x + dx < size and 0 <= y + dy < size:
                seen.add(there)
                queue.append((there, route + step))
    return None


def _grid(rng: random.Random, count: int, profile: Profile) -> Made:
    size = rng.randint(*_SIZES[profile])
    cells = [(x, y) for x in range(size) for y in range(size)]
    obstacles = frozenset(rng.sample(cells, round(_WALLS[profile] * len(cells))))
    told: list[str] = []
    asked: list[tuple[str, str, str]] = []
    used: set[tuple[Cell, Cell]] = set()
    while len(told) < count or len(asked) < count:
        start, goal = rng.sample([c for c in cells if c not in obstacles], 2)
        route = shortest(size, obstacles, start, goal)
        if route is None or len(route) < 2 or (start, goal) in used:
            continue
        used.add((start, goal))
        parts = {"size": size, "obstacles": sorted(obstacles), "start": start, "goal": goal, "answer": route,
                 "walls": ", ".join(map(str, sorted(obstacles)))}  # fmt: skip
        if len(told) < count:
            told.append(TELL_GRID.format(**parts))
        elif len(asked) % 2:
            asked.append(("known_grid", rng.choice(ASK_KNOWN_GRID).format(**parts), route))
        else:
            asked.append(("grid", rng.choice(ASK_GRID).format(**parts), route))
    return told, asked


def _house(rng: random.Random, count: int, profile: Profile) -> Made:
    """Rooms on a lattice, joined as a tree: between any two there is one way."""
    rooms = rng.sample(ROOMS, count + 1)
    at: dict[Cell, str] = {(0, 0): rooms[0]}
    ways: dict[str, dict[str, str]] = {room: {} for room in rooms}
    told: list[str] = []
    for room in rooms[1:]:
        cell, side = rng.choice(
            [(c, s) for c in at for s, (dx, dy) in _COMPASS.items() if (c[0] + dx, c[1] + dy) not in at]
        )
        dx, dy = _COMPASS[side]
        other = at[cell]
        at[cell[0] + dx, cell[1] + dy] = room
        ways[other][room], ways[room][other] = side, _opposite(side)
        a, b, said = (room, other, side) if rng.random() < 0.5 else (other, room, _opposite(side))
        sentence = rng.choice(TELL_ROOM).format(a=a, b=b, side=said)
        told.append(sentence[0].upper() + sentence[1:])
    asked = []
    pairs = [(a, b) for a in rooms for b in rooms if a != b]
    for a, b in rng.sample(pairs, count):
        route = _through(ways, a, b)
        asked.append(("rooms", rng.choice(ASK_ROUTE).format(a=a, b=b), ",".join(side[0] for side in route)))
    return told, asked


def _opposite(side: str) -> str:
    return {"north": "south", "south": "north", "east": "west", "west": "east"}[side]


def _through(ways: Mapping[str, Mapping[str, str]], start: str, goal: str) -> list[str]:
    queue: deque[tuple[str, list[str]]] = deque([(start, [])])
    seen = {start}
    while queue:
        room, route = queue.popleft()
        if room == goal:
            return route
        for there, side in ways[room].items():
            if there not in seen:
                seen.add(there)
                queue.append((there, [*route, side]))
    raise AssertionError(f"the house is one piece, yet {goal} is not reached from {start}")
