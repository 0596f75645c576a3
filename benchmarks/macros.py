"""By how much do remembered routes shorten the next solve?

Worlds are rooms on a square, joined by doors, one cell wide. Some tasks are solved and remembered; then new tasks are
solved from nothing, and with the stretches that remembered routes shared as shortcuts. Both searches are the same A*
(weight 1: routes stay shortest; weight 1.5: at most half longer). Also: how often the first suggestion of the macro
library is the beginning of a shortest route, ranked by use alone and by the policy cloned from what was solved.

    python benchmarks/macros.py --seeds 5 --json FILE
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import Any

from hippo_mem.spatial.macros import MacroLib
from hippo_mem.spatial.planner import Route, Way, plan
from hippo_mem.spatial.reuse import from_routes
from hippo_mem.storage.database import Database

Cell = tuple[int, int]

STEPS: dict[str, Cell] = {"L": (-1, 0), "R": (1, 0), "U": (0, -1), "D": (0, 1)}
ROOM = 5  # cells a side, walls aside
SIDE = 4  # rooms a side


def world(rng: random.Random) -> dict[Cell, list[Way[Cell]]]:
    """Rooms behind walls; a spanning tree of doors, and a few more."""
    size = SIDE * (ROOM + 1) - 1
    free = {(x, y) for x in range(size) for y in range(size) if (x + 1) % (ROOM + 1) and (y + 1) % (ROOM + 1)}
    rooms = [(i, j) for i in range(SIDE) for j in range(SIDE)]
    joined, doors = {rng.choice(rooms)}, []
    while len(joined) < len(rooms):
        a = rng.choice(sorted(joined))
        dx, dy = rng.choice(list(STEPS.values()))
        b = (a[0] + dx, a[1] + dy)
        if b in rooms and b not in joined:
            joined.add(b)
            doors.append((a, b))
    doors += [((i, j), (i + 1, j)) for i in range(SIDE - 1) for j in range(SIDE) if rng.random() < 0.1]
    for a, b in doors:
        (i, j), (k, _) = sorted((a, b))
        at = rng.randrange(ROOM)
        if i != k:
            free.add((k * (ROOM + 1) - 1, j * (ROOM + 1) + at))
        else:
            free.add((i * (ROOM + 1) + at, (j + 1) * (ROOM + 1) - 1))
    return {
        (x, y): [Way(to=(x + dx, y + dy), move=m) for m, (dx, dy) in STEPS.items() if (x + dx, y + dy) in free]
        for x, y in sorted(free)
    }


def distances(graph: dict[Cell, list[Way[Cell]]], goal: Cell) -> dict[Cell, int]:
    far, queue = {goal: 0}, deque([goal])
    while queue:
        here = queue.popleft()
        for way in graph[here]:
            if way.to not in far:
                far[way.to] = far[here] + 1
                queue.append(way.to)
    return far


def begins_well(graph: dict[Cell, list[Way[Cell]]], start: Cell, goal: Cell, steps: list[str]) -> bool:
    """Whether every step comes nearer to the goal."""
    far, here = distances(graph, goal), start
    for step in steps:
        to = next((w.to for w in graph[here] if w.move == step), None)
        if to is None or far[to] >= far[here]:
            return False
        here = to
    return True


def run(seed: int, n_learn: int, n_test: int) -> dict[str, Any]:
    rng = random.Random(seed)
    graph = world(rng)
    positions = {cell: (float(cell[0]), float(cell[1])) for cell in graph}
    cells = sorted(graph)
    tasks = [tuple(rng.sample(cells, 2)) for _ in range(n_learn + n_test)]
    with tempfile.TemporaryDirectory() as folder:
        database = Database(Path(folder) / "memory.sqlite")
        by_use = MacroLib(database)
        by_policy = MacroLib(database, policy=Path(folder) / "policy.safetensors")
        routes = []
        for start, goal in tasks[:n_learn]:
            route = plan(graph, start, goal, positions=positions)
            names = [str(cell) for cell in route.places]
            routes.append(names)
            by_use.add(
                [{"action": m, "at": a, "to": b} for m, a, b in zip(route.moves, names, names[1:], strict=False)]
            )
        known = {str(cell): cell for cell in cells}
        memory = from_routes(routes, graph, known.get)
        began = time.perf_counter()
        report = by_policy.train_policy()
        trained_s = time.perf_counter() - began
        figures: dict[str, Any] = {"seed": seed, "n_shortcuts": sum(map(len, memory.values()))}
        for weight in (1.0, 1.5):
            plain: list[Route[Cell]] = []
            reused: list[Route[Cell]] = []
            for start, goal in tasks[n_learn:]:
                plain.append(plan(graph, start, goal, positions=positions, weight=weight))
                reused.append(plan(graph, start, goal, positions=positions, weight=weight, shortcuts=memory))
            best = [distances(graph, goal)[start] for start, goal in tasks[n_learn:]]
            figures[f"weight_{weight:g}"] = {
                "expanded": {"without": mean(r.n_expanded for r in plain), "with": mean(r.n_expanded for r in reused)},
                "decisions": {
                    "without": mean(r.n_decisions for r in plain),
                    "with": mean(r.n_decisions for r in reused),
                },
                "suboptimality": {
                    "without": mean(r.cost / b - 1 for r, b in zip(plain, best, strict=True)),
                    "with": mean(r.cost / b - 1 for r, b in zip(reused, best, strict=True)),
                },
            }
        good = {"by_use": 0, "by_policy": 0}
        asked = tasks[n_learn : n_learn + 20]
        for start, goal in asked:
            for name, library in (("by_use", by_use), ("by_policy", by_policy)):
                best_macro = library.suggest({"at": str(start), "goal": str(goal)}, topk=1)
                good[name] += bool(best_macro) and begins_well(graph, start, goal, best_macro[0]["steps"])
        figures["first_suggestion_good"] = {name: n / len(asked) for name, n in good.items()}
        figures["policy"] = {
            "accuracy": report.accuracy if report else None,
            "majority": report.majority if report else None,
            "trained_s": trained_s,
        }
        database.close()
    return figures


def mean(values: Any) -> float:
    return statistics.fmean(list(values))


def overall(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The mean of every figure over the seeds, and how much less is left with reuse."""
    found: dict[str, Any] = {}
    for weight in ("weight_1", "weight_1.5"):
        found[weight] = {
            what: {side: mean(r[weight][what][side] for r in runs) for side in ("without", "with")}
            for what in ("expanded", "decisions", "suboptimality")
        }
        for what in ("expanded", "decisions"):
            both = found[weight][what]
            both["saved"] = 1.0 - both["with"] / both["without"]
    found["first_suggestion_good"] = {
        name: mean(r["first_suggestion_good"][name] for r in runs) for name in ("by_use", "by_policy")
    }
    found["policy_accuracy"] = mean(r["policy"]["accuracy"] for r in runs)
    found["policy_majority"] = mean(r["policy"]["majority"] for r in runs)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="How much do remembered routes shorten the next solve?")
    parser.add_argument("--seeds", type=int, default=5, help="worlds")
    parser.add_argument("--learn", type=int, default=60, help="tasks solved and remembered in each")
    parser.add_argument("--test", type=int, default=100, help="new tasks in each")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()
    runs = [run(seed, options.learn, options.test) for seed in range(options.seeds)]
    report = {"n_seeds": options.seeds, "n_learn": options.learn, "n_test": options.test, **overall(runs), "runs": runs}
    for weight in ("weight_1", "weight_1.5"):
        for what in ("expanded", "decisions"):
            b = report[weight][what]
            print(f"{weight} {what}: {b['without']:.1f} without, {b['with']:.1f} with ({b['saved']:.0%} saved)")
        b = report[weight]["suboptimality"]
        print(f"{weight} suboptimality: {b['without']:.3f} without, {b['with']:.3f} with")
    b = report["first_suggestion_good"]
    print(f"first suggestion begins a shortest route: {b['by_use']:.2f} by use, {b['by_policy']:.2f} by policy")
    print(f"policy accuracy {report['policy_accuracy']:.2f}, most frequent action {report['policy_majority']:.2f}")
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
