"""Grid worlds in words: "Grid 5x5 with obstacles [(1, 1)]. Start (0, 0) goal (4, 4)."

In: a text. Out: a `GridTask`: size, obstacles, start, goal, what is asked, a route or moves that were told; or None.
Also maps drawn with '#', '.', 'S' and 'G'. A cell is (x, y), x to the right, y down: U is y - 1, D is y + 1, L is
x - 1, R is x + 1, unless the text says otherwise. Knows nothing of stores; `solving.py` finds the routes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from hippo_mem.spatial.grid_words import BUMP, FAILED, LAST_LINE, TOLD, Asked, asked_of, letters, manner_of

Cell = tuple[int, int]

# In this order the first of several shortest routes is found: along the row before along the column.
STEPS: dict[str, Cell] = {"L": (-1, 0), "R": (1, 0), "U": (0, -1), "D": (0, 1)}


@dataclass(frozen=True, slots=True, kw_only=True)
class GridTask:
    """What a text says of one grid. None: it does not say. `told` are moves, as letters U, D, L, R.

    `rows_first` and `upward` are how the text writes cells; every cell here is (x, y) with y downward.
    """

    width: int | None = None
    height: int | None = None
    obstacles: frozenset[Cell] | None = None
    free: frozenset[Cell] = frozenset()
    start: Cell | None = None
    goal: Cell | None = None
    origin: int = 0
    told: str | None = None
    failed: bool = False
    asked: Asked = "none"
    alphabet: tuple[str, str, str, str] = ("L", "R", "U", "D")
    separator: str = ""
    rows_first: bool = False
    upward: bool = False

    def inside(self, cell: Cell) -> bool:
        """Whether the cell is on the board, where the board's size is known."""
        x, y = cell[0] - self.origin, cell[1] - self.origin
        return x >= 0 and y >= 0 and (self.width is None or x < self.width) and (self.height is None or y < self.height)

    def written(self, route: str) -> str:
        """A route of letters as the text asks for it: "RRD", "R R D", "east, east, south"."""
        spelled = dict(zip(("L", "R", "U", "D"), self.alphabet, strict=True))
        return self.separator.join(spelled[step] for step in route)

    def cell_text(self, cell: Cell) -> str:
        """A cell as the text writes cells."""
        x, y = cell
        if self.upward and self.height is not None:
            y = self.height - 1 + 2 * self.origin - y
        return f"({y}, {x})" if self.rows_first else f"({x}, {y})"


_COORDINATE = re.compile(r"[(\[<]\s*(-?\d{1,6})\s*[,;]\s*(-?\d{1,6})\s*[)\]>]")
_SIZE = re.compile(r"\b(\d{1,4})\s*(?:x|×|by|\*)\s*(\d{1,4})\b", re.IGNORECASE)
_BOARD = re.compile(r"\b(?:grid|maze|board|gridworld|labyrinth|lattice|map|cells?|squares?|tiles?)\b", re.IGNORECASE)
_STRICT_BOARD = re.compile(r"\b(?:grid|maze|gridworld|grid-?world|labyrinth|lattice)\b", re.IGNORECASE)
_SIDES = re.compile(r"\b(?P<what>width|height|columns?|rows?)\s*(?:of|is|=|:)?\s*(?P<n>\d{1,4})\b|\b(?P<m>\d{1,"
                    r"4})\s+(?P<kind>columns?|rows?)\b", re.I)  # fmt: skip
_LABELS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(rf"\b(?:{words})\b", re.IGNORECASE))
    for name, words in (
        ("obstacle", r"obstacles?|walls?|blocked|barriers?|holes?|avoid(?:ing)?|impassable|forbidden|closed|blocks?|"
                     r"rocks?|lava|pits?|hazards?|mines?|not enter"),
        ("free", r"free|open|passable|clear|visited|walkable"),
        ("goal", r"goals?|target|destination|ends?|ending|exit|finish|reach(?:es|ing)?|towards?|to|into|arrive|"
                 r"at\s+last"),
        ("start", r"starts?|starting|from|begins?|beginning|origin|source|initial(?:ly)?|entrance|you are|"
                  r"agent|robot|i am|"
                  r"currently|between"),
    )
)  # fmt: skip
_AFTER = re.compile(r"^\s*(?:is|are|was|were|=)?\s*(?:an? |the )?(?P<what>obstacles?|walls?|blocked|impassable|"
                    r"closed|free|open|"
                    r"passable|(?:the )?goal|(?:the )?start)\b", re.IGNORECASE)  # fmt: skip
_NO_OBSTACLES = re.compile(
    r"\b(?:no|without(?: any)?|zero) (?:obstacles?|walls?|barriers?)\b|\b(?:obstacles?|walls?)\s*(?:are|:|=|"
    r"at)?\s*(?:\[\s*\]|\{\s*\}|\(\s*\)|none\b)",
    re.IGNORECASE,
)
_DRAWN = {"#": "x", "X": "x", "█": "x", "■": "x", "W": "x", ".": " ", "_": " ", "·": " ", "□": " ", "o": " ",
          "S": "s", "A": "s", "@": "s", "G": "g", "E": "g", "T": "g", "F": "g"}  # fmt: skip


def read_grid(text: str) -> GridTask | None:
    """The grid a text speaks of; None where it speaks of none. Never raises.

    A text is about a grid when it draws one, or gives cells as pairs together with a size or a word for a grid.
    """
    drawn = _drawing(text)
    cells = list(_COORDINATE.finditer(text))
    size = _SIZE.search(text)
    if drawn is None and not cells:
        return None
    if re.search(
        r"\bdiagonal(?:ly)?\b(?! (?:moves? )?(?:is|are) (?:not|forbidden))|\b8[- ]?(?:connected|directions)", text, re.I
    ) and not re.search(r"\b(?:no|not|without|never)\b[^.;\n]*\bdiagonal", text, re.IGNORECASE):
        return None  # other rules of movement than ours
    if (
        drawn is None
        and not (size and (_BOARD.search(text) or len(cells) > 1))
        and not _STRICT_BOARD.search(text)
        and not (_BOARD.search(text) and _obstacle_words(text))
        and not (len(cells) > 1 and _ends_named(text))
    ):
        return None
    task = _labelled(text, cells)
    if size:
        task = replace(task, width=int(size[1]), height=int(size[2]))
    for side in _SIDES.finditer(text):
        what, n = (side["what"] or side["kind"]).casefold(), int(side["n"] or side["m"])
        task = replace(task, width=n) if what.startswith(("w", "c")) else replace(task, height=n)
    if drawn is not None:
        task = replace(
            task, width=drawn.width, height=drawn.height, obstacles=drawn.obstacles,
            start=task.start or drawn.start, goal=task.goal or drawn.goal,
        )  # fmt: skip
    task = _convention(text, task)
    task = replace(task, **manner_of(text))
    return _told(text, replace(task, asked=asked_of(text)))


def _ends_named(text: str) -> bool:
    return bool(
        re.search(r"\bstart", text, re.IGNORECASE) and re.search(r"\b(?:goal|target|end|destination)\b", text, re.I)
    )


def _obstacle_words(text: str) -> bool:
    return bool(_LABELS[0][1].search(text))


def _labelled(text: str, cells: list[re.Match[str]]) -> GridTask:
    """Each cell belongs to the nearest word before it; a list of cells belongs to one word."""
    kinds: dict[str, list[Cell]] = {"obstacle": [], "free": [], "start": [], "goal": [], "": []}
    label, end = "", 0
    for i, found in enumerate(cells):
        between = text[end : found.start()]
        cell = (int(found[1]), int(found[2]))
        if (after := _AFTER.match(text[found.end() :])) and not re.match(
            r"^\s*(?:start|goal)\s*[(:=\[]", text[found.end() :], re.I
        ):
            label = _kind(after["what"])
        elif re.fullmatch(r"[\s,;&\[\]{}]*(?:and)?[\s,;\[\]{}]*", between) and i and label in ("obstacle", "free"):
            pass
        elif label == "between" or (re.fullmatch(r"\s*(?:->|→|,|and|⇒)\s*", between) and label == "start"):
            label = "goal"
        else:
            label = _kind(between)
            if label == "start" and re.search(r"\bbetween\b", between, re.IGNORECASE):
                label = "between"
        kinds["start" if label == "between" else label].append(cell)
        end = found.end()
    start, goal = kinds["start"][:1], kinds["goal"][-1:]
    loose = kinds[""]
    if not start and goal and loose:
        start = loose[:1]
    elif not start and not goal and len(loose) == 2:
        start, goal = loose[:1], loose[1:]
    obstacles: frozenset[Cell] | None = frozenset(kinds["obstacle"])
    if not obstacles and not _NO_OBSTACLES.search(text):
        obstacles = None
    return GridTask(
        obstacles=obstacles,
        free=frozenset(kinds["free"]),
        start=start[0] if start else None,
        goal=goal[0] if goal else None,
    )


def _kind(words: str) -> str:
    """The label whose word comes last."""
    last, kind = -1, ""
    for name, pattern in _LABELS:
        for match in pattern.finditer(words):
            if match.start() > last:
                last, kind = match.start(), name
    return kind


def _convention(text: str, task: GridTask) -> GridTask:
    """Cells turned into (x, y) with y downward, whatever way the text writes them."""
    rows_first = bool(
        re.search(r"\(\s*(?:row|r)\s*,\s*(?:col(?:umn)?|c)\s*\)|\brow,? ?(?:and )?col", text, re.IGNORECASE)
    )
    upward = bool(
        re.search(r"\b(?:bottom|lower)[- ]left\b[^.;\n]*\(\s*[01]\s*,\s*[01]\s*\)|\(\s*[01]\s*,"
                  r"\s*[01]\s*\)[^.;\n]*\b(?:bottom|lower)[- ]left\b", text, re.I)
        or re.search(r"\b(?:U|up|north)\b\s*(?:=|:|is|means|increases)\s*(?:\(?\s*)?(?:y\s*\+\s*1|\+\s*y|y by|"
                     r"0\s*,\s*\+?1\b)", text, re.IGNORECASE)
    )  # fmt: skip
    everything = [*(task.obstacles or ()), *task.free, *(c for c in (task.start, task.goal) if c)]
    one_based = bool(re.search(r"\b(?:1|one)[- ](?:based|indexed)\b", text, re.IGNORECASE))
    if everything and task.width and task.height and min(min(c) for c in everything) >= 1:
        sides = (task.height, task.width) if rows_first else (task.width, task.height)
        one_based = one_based or any(c[0] == sides[0] or c[1] == sides[1] for c in everything)
    origin = 1 if one_based else 0

    def turned(cell: Cell) -> Cell:
        x, y = (cell[1], cell[0]) if rows_first else cell
        if upward and task.height is not None:
            y = task.height - 1 + 2 * origin - y
        return x, y

    return replace(
        task,
        obstacles=None if task.obstacles is None else frozenset(map(turned, task.obstacles)),
        free=frozenset(map(turned, task.free)),
        start=turned(task.start) if task.start else None,
        goal=turned(task.goal) if task.goal else None,
        origin=origin,
        rows_first=rows_first,
        upward=upward,
    )


def _drawing(text: str) -> GridTask | None:
    """A map drawn in rows of signs; None where there is none. Rows may have spaces between the signs."""
    rows: list[str] = []
    best: list[str] = []
    for line in (*text.splitlines(), ""):
        row = re.sub(r"[\s|]+", "", line)
        if len(row) >= 2 and all(c in _DRAWN for c in row) and (not rows or len(row) == len(rows[0])):
            rows.append(row)
        else:
            best, rows = max(best, rows, key=len), []
    if len(best) < 2 or not any(c in "#.█■·□" for c in "".join(best)):
        return None
    kinds = {(x, y): _DRAWN[c] for y, row in enumerate(best) for x, c in enumerate(row)}
    starts, goals = ([c for c, k in kinds.items() if k == kind] for kind in "sg")
    return GridTask(
        width=len(best[0]),
        height=len(best),
        obstacles=frozenset(c for c, k in kinds.items() if k == "x"),
        start=starts[0] if starts else None,
        goal=goals[0] if goals else None,
    )


def _told(text: str, task: GridTask) -> GridTask:
    """Moves that the text tells, with the walls that were bumped into."""
    for bump in BUMP.finditer(text):
        at = _COORDINATE.search(bump["at"] if bump["at"].startswith(("(", "[")) else "(" + bump["at"])
        step = letters(bump["move"])
        if at and step:
            # The text's cells are turned already; only the bare form is read here.
            x, y = (int(at[2]), int(at[1])) if task.rows_first else (int(at[1]), int(at[2]))
            wall = (x + STEPS[step][0], y + STEPS[step][1])
            return replace(task, obstacles=((task.obstacles or frozenset()) - {(x, y)}) | {wall}, start=None, goal=None)
    candidates = [m["seq"] for m in TOLD.finditer(text)] + [m["seq"] for m in LAST_LINE.finditer(text)]
    for sequence in reversed(candidates):
        route = letters(sequence)
        if not route or sorted(route) == sorted("UDLR") or (len(route) == 1 and len(sequence) > 1 and "," in sequence):
            continue
        if task.asked != "end" and task.goal is not None and task.start is not None:
            x, y = task.start
            for step in route:
                x, y = x + STEPS[step][0], y + STEPS[step][1]
            if (x, y) != task.goal and not FAILED.search(text):
                continue  # the list of allowed moves, an example
        return replace(task, told=route, failed=bool(FAILED.search(text)))
    return task
