"""Who, what, where and when of a trace, from the frames of its text. Knows nothing of parsing or of storage."""

from __future__ import annotations

from collections.abc import Sequence

from hippo_mem.relational.framing import Frame
from hippo_mem.relational.tuples import USER

_FIRST = frozenset({"i", "we", "me", "us", "myself", "ourselves"})


def slots_of(frames: Sequence[Frame]) -> dict[str, str]:
    """The slots of the first thing that is told, with what later clauses add about the same one.

    `who` acts or is spoken of ("user" for the first person), `what` is acted on or said of it (after "not" where that
    is denied), `where` and `when` keep their prepositions ("in the attic", "on Monday"). What is not told has no slot;
    no frames give no slots.
    """
    if not frames:
        return {}
    first = next((frame for frame in frames if frame.kind == "event"), frames[0])
    who = _who(first)
    slots = {"who": who, "what": _what(first), "where": first.where, "when": first.when}
    for frame in frames:
        if frame is not first and _who(frame) == who:
            for slot, told in (("where", frame.where), ("when", frame.when)):
                slots[slot] = slots[slot] or told
    return {slot: " ".join(told.split()) for slot, told in slots.items() if told.strip()}


def _who(frame: Frame) -> str:
    return USER if frame.subject_kind == "first" or frame.subject.lower() in _FIRST else frame.subject


def _what(frame: Frame) -> str:
    told = frame.object if frame.kind == "event" else frame.attribute
    if not told and frame.complements:
        told = " ".join(frame.complements[0])
    return f"not {told}" if told and frame.negated else told
