"""The relations between two places: how they are said, what undoes them, which way they point.

One table for every part of the map. A vector points from the second place to the first: "A is north of B" is
(0, -1), for x grows to the right and y grows downward, as rows of a text do. Knows nothing of sentences or of maps.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """One relation.

    `vector` is None where nothing is said about direction. `letter` and `word` name the move from the second place
    to the first. `phrases` are patterns of the words between "A is" and "B".
    """

    name: str
    inverse: str
    vector: tuple[int, int] | None
    word: str
    letter: str
    phrases: tuple[str, ...]
    compass: bool = False


_COMPASS: tuple[tuple[str, str, tuple[int, int], str], ...] = (
    ("north", "south", (0, -1), "n"),
    ("south", "north", (0, 1), "s"),
    ("east", "west", (1, 0), "e"),
    ("west", "east", (-1, 0), "w"),
    ("northeast", "southwest", (1, -1), "ne"),
    ("northwest", "southeast", (-1, -1), "nw"),
    ("southeast", "northwest", (1, 1), "se"),
    ("southwest", "northeast", (-1, 1), "sw"),
)


def _spelled(direction: str) -> str:
    return direction if len(direction) <= 5 else f"{direction[:5]}[ -]?{direction[5:]}"


def _compass(name: str, inverse: str, vector: tuple[int, int], letter: str) -> Relation:
    spelled = f"{_spelled(name)}(?:ern)?"
    return Relation(
        name=name, inverse=inverse, vector=vector, word=name, letter=letter, compass=True,
        phrases=(
            rf"(?:(?:to|in|on|at) the )?{spelled}(?:wards?)? (?:side |end |edge )?(?:of|from)",
            rf"(?:directly |just )?{spelled}(?:wards?)? (?:of|from)",
        ),
    )  # fmt: skip


def _side(side: str) -> tuple[str, ...]:
    return (
        rf"(?:to|on|at|in) the {side}(?:[- ]hand)?(?: side)? (?:of|from)",
        rf"(?:directly |immediately |just )?{side} of",
    )


def _corner(vertical: str, side: str) -> tuple[str, ...]:
    words = {"above": "upper|top", "below": "lower|bottom"}[vertical]
    return (
        rf"(?:(?:to|on|at|in) the )?(?:{words})[- ]{side}(?: side| corner)? of",
        rf"(?:diagonally )?{vertical} and (?:to the )?{side} of",
        rf"(?:diagonally )?(?:to the )?{side} and {vertical}(?: of)?",
    )


_CORNERS: tuple[tuple[str, str, tuple[int, int], str], ...] = (
    ("above_left", "below_right", (-1, -1), "up left"),
    ("above_right", "below_left", (1, -1), "up right"),
    ("below_left", "above_right", (-1, 1), "down left"),
    ("below_right", "above_left", (1, 1), "down right"),
)

RELATIONS: dict[str, Relation] = {
    r.name: r
    for r in (
        *(_compass(*row) for row in _COMPASS),
        Relation(name="left", inverse="right", vector=(-1, 0), word="left", letter="L", phrases=_side("left")),
        Relation(name="right", inverse="left", vector=(1, 0), word="right", letter="R", phrases=_side("right")),
        Relation(
            name="above", inverse="below", vector=(0, -1), word="up", letter="U",
            phrases=(r"(?:directly |right |just )?above", r"(?:directly |right )?over", r"(?:on|at the) top of",
                     r"higher (?:up )?than", r"upstairs (?:of|from)"),
        ),
        Relation(
            name="below", inverse="above", vector=(0, 1), word="down", letter="D",
            phrases=(r"(?:directly |right |just )?below", r"(?:directly |right )?(?:under|underneath|beneath)",
                     r"lower (?:down )?than", r"downstairs (?:of|from)", r"at the bottom of"),
        ),
        *(
            Relation(name=name, inverse=inverse, vector=vector, word=word,
                     letter="".join(w[0].upper() for w in word.split()), phrases=_corner(*name.split("_")))
            for name, inverse, vector, word in _CORNERS
        ),
        Relation(
            name="adjacent", inverse="adjacent", vector=None, word="", letter="",
            phrases=(r"(?:directly |right |immediately )?next (?:door )?to", r"adjacent to", r"adjoining", r"beside",
                     r"alongside", r"(?:directly )?connected (?:to|with)", r"linked (?:to|with)", r"bordering",
                     r"attached to"),
        ),
        Relation(
            name="near", inverse="near", vector=None, word="", letter="",
            phrases=(r"(?:very |quite )?near(?: to)?", r"(?:very |quite )?close to", r"not far from", r"close by",
                     r"outside(?: of)?",
                     r"by the side of", r"across (?:the \w+ )?from", r"opposite(?: to)?"),
        ),
        Relation(
            name="inside", inverse="contains", vector=None, word="in", letter="in",
            phrases=(r"(?:right )?inside(?: of)?", r"within", r"in"),
        ),
        Relation(
            name="contains", inverse="inside", vector=None, word="out", letter="out", phrases=(),
        ),
    )
}  # fmt: skip

_ORDER = ("above_left", "above_right", "below_left", "below_right", "northeast", "northwest", "southeast", "southwest")
_RANKED = tuple(RELATIONS[n] for n in (*_ORDER, *(n for n in RELATIONS if n not in _ORDER)))
# Longest phrases first, so that "to the left of" is not read as something shorter inside it.
PHRASE = "(?:" + "|".join(p for r in _RANKED for p in r.phrases) + ")"
_PHRASES = tuple((re.compile(p, re.IGNORECASE), r) for r in _RANKED for p in r.phrases)

# The words of a move: "I go east", "up", "U", "NE".
MOVES: dict[str, str] = {
    **{row[0]: row[0] for row in _COMPASS},
    **{f"{row[0]}ward{s}": row[0] for row in _COMPASS for s in ("", "s")},
    **{f"{row[0][:5]}-{row[0][5:]}": row[0] for row in _COMPASS[4:]},
    **{row[3]: row[0] for row in _COMPASS},
    "left": "left", "l": "left", "right": "right", "r": "right",
    "up": "above", "u": "above", "upstairs": "above", "upward": "above", "upwards": "above",
    "down": "below", "d": "below", "downstairs": "below", "downward": "below", "downwards": "below",
    "↑": "above", "↓": "below", "←": "left", "→": "right",
}  # fmt: skip
# A direction as it is said on the way; single letters are no words of a sentence.
HEADING = "|".join(sorted((re.escape(m) for m in MOVES if len(m) > 2 or m == "up"), key=len, reverse=True))


def relation_of(phrase: str) -> Relation | None:
    """The relation that `phrase` ("to the left of") says; None for other words."""
    phrase = " ".join(phrase.split())
    return next((relation for pattern, relation in _PHRASES if pattern.fullmatch(phrase)), None)


def move_of(word: str) -> Relation | None:
    """The relation of the place that a move ("east", "U", "→") leads to, seen from where it starts."""
    name = MOVES.get(" ".join(word.split()).casefold())
    return RELATIONS[name] if name else None


def inverse(name: str) -> str:
    """The relation of B to A where A stands in `name` to B."""
    return RELATIONS[name].inverse


def wording(relation: Relation) -> str:
    """The words between "A is" and "B"."""
    if relation.compass:
        return f"{relation.name} of"
    said = {"left": "to the left of", "right": "to the right of", "adjacent": "next to", "contains": "around"}
    return said.get(relation.name, relation.name.replace("_", " and to the ") + (" of" if "_" in relation.name else ""))
