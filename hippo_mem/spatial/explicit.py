"""Places and moves that a program tells, as plain dicts, checked and named.

In: the dict of `PlaceGraph.observe_place`. Out: an `Explicit`, or an error that names the key. Knows nothing of stores.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hippo_mem.errors import InputError
from hippo_mem.spatial.names import cell_key, cell_name, key_of
from hippo_mem.spatial.planner import check_cost
from hippo_mem.spatial.vocabulary import MOVES, RELATIONS, Relation, move_of
from hippo_mem.text import clean_name, clean_text
from hippo_mem.types import Event, check_flag

Named = tuple[str, str]  # a name as it is shown, and its key

_KEYS = ("place", "from", "to", "x", "y", "move", "action", "cost", "success", "passable", "context", "source", "time",
         "doc_id", "conf", "text")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Explicit:
    """One place (`start` None), or one move from `start` to `place`."""

    event: Event
    place: Named
    start: Named | None
    x: float | None
    y: float | None
    relation: str
    cost: float
    success: bool | None
    passable: bool


def read_explicit(context: Mapping[str, Any]) -> Explicit:
    """The dict, whole and clean.

    Raises: InputError naming the key that is unknown, missing or cannot be used.
    """
    unknown = sorted(set(context) - set(_KEYS))
    if unknown:
        raise InputError(f"observe_place does not know {', '.join(unknown)}; known: {', '.join(_KEYS)}")
    given = {name: context[name] for name in ("place", "from", "to") if context.get(name) is not None}
    if set(given) not in ({"place"}, {"from", "to"}):
        raise InputError("observe_place needs either 'place', or 'from' and 'to'")
    names = {name: _named(value, name) for name, value in given.items()}
    place, start = names.get("place") or names["to"], names.get("from")
    if start and start[1] == place[1]:
        raise InputError(f"a move from {start[0]!r} to itself leads nowhere")
    conf, when = context.get("conf", 1.0), context.get("time")
    if isinstance(conf, bool) or not isinstance(conf, (int, float)) or not 0.0 <= conf <= 1.0:
        raise InputError(f"conf must be 0 to 1, got {conf!r}")
    relation = _moved(context)
    success = context.get("success")
    text = f"{start[0]} -> {place[0]}" if start else place[0]
    event = Event(
        text=clean_text(context["text"]) if context.get("text") else text,
        source=clean_name(context.get("source", "program"), "source"),
        time=_number(when, "time"),
        context=None if context.get("context") is None else clean_name(context["context"], "context"),
        doc_id=None if context.get("doc_id") is None else clean_name(context["doc_id"], "doc_id"),
        conf=float(conf),
    )
    return Explicit(
        event=event,
        place=place,
        start=start,
        x=_number(context.get("x"), "x"),
        y=_number(context.get("y"), "y"),
        relation=relation.name if relation else "adjacent",
        cost=check_cost(context.get("cost", 1.0), "this move"),
        success=None if success is None else check_flag(success, "success"),
        passable=check_flag(context.get("passable", True), "passable"),
    )


def _moved(context: Mapping[str, Any]) -> Relation | None:
    """The relation that the move names; None where none is told."""
    key = "move" if context.get("move") is not None else "action"
    said = context.get(key)
    if said is None:
        return None
    found = move_of(said) if isinstance(said, str) else None
    if found is None:
        words = [RELATIONS[name].word for name in dict.fromkeys(MOVES.values())]
        raise InputError(f"{key} {said!r:.60} is none that is known; say {', '.join(words)}, or leave it out")
    return found


def _number(value: object, what: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise InputError(f"{what} must be a finite number, got {value!r}")
    return float(value)


def _named(value: object, what: str) -> tuple[str, str]:
    """(name, key) of a place given by name or as a cell."""
    if isinstance(value, (tuple, list)) and len(value) == 2 and all(type(v) is int for v in value):
        return cell_name(*value), cell_key(*value)
    if not isinstance(value, str):
        raise InputError(f"{what} must be a name or a cell (x, y), got {value!r}")
    name = clean_name(value, what)
    key = key_of(name)
    if not key:
        raise InputError(f"{what} {value!r} names nothing")
    return name, key
