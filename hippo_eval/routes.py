"""Answers that are routes: did the walk get there, and by how much was it too long.

A route is written as moves, "N E E S" or "north, east": letters, words or arrows, any separators. A walk is judged by
where it ends and how long it is, against the reference walk; where the question names a grid with its obstacles, a
walk through one of them or off the board has not got there. y grows downward: U and north are y - 1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from hippo_mem.spatial.grid import read_grid

_STEPS: dict[str, tuple[int, int]] = {
    **dict.fromkeys(("n", "north", "u", "up", "↑"), (0, -1)),
    **dict.fromkeys(("s", "south", "d", "down", "↓"), (0, 1)),
    **dict.fromkeys(("e", "east", "r", "right", "→"), (1, 0)),
    **dict.fromkeys(("w", "west", "l", "left", "←"), (-1, 0)),
}
_TOKEN = re.compile(r"[^\W\d_]+|[←↑→↓]")


def moves(text: str) -> tuple[tuple[int, int], ...] | None:
    """The steps of a written route, as (dx, dy); None when the text is not one.

    Letters run together are read one by one: "NEES" is "N E E S".
    """
    steps: list[tuple[int, int]] = []
    for token in _TOKEN.findall(text.lower()):
        if token in _STEPS:
            steps.append(_STEPS[token])
        elif all(letter in _STEPS for letter in token):
            steps += [_STEPS[letter] for letter in token]
        else:
            return None
    return tuple(steps) or None


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteScore:
    """`success`: the walk ends where the reference ends. `suboptimality`: its extra length, as a share, 0 or more."""

    success: bool
    suboptimality: float | None


def score_route(said: str, wanted: str, prompt: str = "") -> RouteScore | None:
    """Judge one route; None when the reference is not a route. A failed walk has no suboptimality.

    Args:
        prompt: the question; its grid, if it names one, is where the walk takes place.
    """
    reference = moves(wanted)
    if reference is None:
        return None
    walked = moves(said)
    if walked is None or _end(walked) != _end(reference) or not _possible(walked, prompt):
        return RouteScore(success=False, suboptimality=None)
    return RouteScore(success=True, suboptimality=max(0.0, len(walked) / len(reference) - 1.0))


def route_figures(pairs: Sequence[tuple[str, str]], prompts: Sequence[str] = ()) -> dict[str, float | None] | None:
    """`success_rate` and mean `suboptimality` of the successful walks, over (said, wanted) and their questions.

    None unless every reference is a route: among other answers a "left" or a "west" is a word. `suboptimality` is
    None when no walk succeeded.
    """
    asked = prompts or [""] * len(pairs)
    judged = [score_route(said, wanted, prompt) for (said, wanted), prompt in zip(pairs, asked, strict=True)]
    scores = [s for s in judged if s is not None]
    if not scores or len(scores) < len(judged):
        return None
    extra = [s.suboptimality for s in scores if s.suboptimality is not None]
    return {
        "success_rate": sum(s.success for s in scores) / len(scores),
        "suboptimality": sum(extra) / len(extra) if extra else None,
    }


def _possible(steps: Sequence[tuple[int, int]], prompt: str) -> bool:
    """Whether the walk keeps to the board of the question and off its obstacles; True where it names none."""
    task = read_grid(prompt) if prompt else None
    if task is None or task.start is None:
        return True
    x, y = task.start
    for dx, dy in steps:
        x, y = x + dx, y + dy
        if (x, y) in (task.obstacles or ()) or not task.inside((x, y)):
            return False
    return True


def _end(steps: Sequence[tuple[int, int]]) -> tuple[int, int]:
    return sum(x for x, _ in steps), sum(y for _, y in steps)
