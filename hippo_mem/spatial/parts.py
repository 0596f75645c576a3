"""Runs of actions that come back in several trajectories, and how well they suit a situation.

In: trajectories, one after the other. Out: for every run of 2 to 8 actions where it occurs, and which runs came back.
Knows nothing of stores or of what actions are.

Source: closed frequent sequences of fixed gap 0 (Yan, Han and Afshar 2003). Differs: counted as they come, at a cost
of the trajectory's own length.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

Actions = tuple[str, ...]

MIN_STEPS = 2  # one step is no macro
MAX_STEPS = 8  # longer parts hardly ever come back whole


class Parts:
    """Runs of 2 to 8 actions and the trajectories each occurs in; adding one costs its length, whatever came before."""

    def __init__(self) -> None:
        self.runs: dict[Actions, set[int]] = defaultdict(set)
        self.known: dict[Actions, Counter[str]] = defaultdict(Counter)  # where they began, what they were for
        self.success: dict[int, bool] = {}

    def add(self, row: int, steps: Sequence[Mapping[str, Any]], start: str, goal: str, success: bool) -> list[Actions]:
        """Count one trajectory. Returns its parts that came back: seen in two or more, and in none longer as often."""
        actions = tuple(str(s["action"]) for s in steps)
        self.success[row] = success
        found = set()
        for n in range(MIN_STEPS, min(MAX_STEPS, len(actions)) + 1):
            for i in range(len(actions) - n + 1):
                part = actions[i : i + n]
                self.runs[part].add(row)
                found.add(part)
                if "at" in steps[i]:
                    self.known[part][f"at:{steps[i]['at']}"] += 1
                if "to" in steps[i + n - 1]:
                    self.known[part][f"goal:{steps[i + n - 1]['to']}"] += 1
        self.runs[actions].add(row)
        self.known[actions].update(k for k, v in ((f"at:{start}", start), (f"goal:{goal}", goal)) if v)
        again = {p for p in found if len(self.runs[p]) > 1}
        # Within this trajectory, one step longer on either side: what is as frequent makes the shorter one needless.
        covered = {
            p[a:b] for p in again for a, b in ((0, -1), (1, None)) if len(self.runs[p]) == len(self.runs[p[a:b]])
        }
        return sorted(again - covered, key=lambda p: (-len(p), p))


def overlap(last: Actions, actions: Actions) -> int:
    """How many of the macro's first actions are what was done last, at least one being left to do."""
    for n in range(min(len(last), len(actions) - 1), 0, -1):
        if last[-n:] == actions[:n]:
            return n
    return 0


def fits(context: Mapping[str, Any], known: Mapping[str, int], done: int) -> float:
    """1 where the macro began here or was for this goal before; less where it is known from elsewhere."""
    suits = 1.0
    for name in ("at", "goal"):
        value = context.get(name)
        if value is None or (name == "at" and done):
            continue
        some = [k for k in known if k.startswith(f"{name}:")]
        if some:
            suits *= 1.0 if f"{name}:{value}" in known else 0.25
        else:
            suits *= 0.5
    return suits
