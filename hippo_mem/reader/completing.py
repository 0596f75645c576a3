"""What was copied, as a whole part of its sentence: "May 24" for "May", "the quarry" for "quarry on May 24".

A span and a parsed sentence in, a span out. Knows nothing of models, scores or of other sentences.
"""

from __future__ import annotations

from collections.abc import Container, Sequence

from hippo_mem.reader.fitting import answer_key
from hippo_mem.relational import asking as ask
from hippo_mem.relational import lexicon as lex
from hippo_mem.relational.frames import Frame

_MOST_MODIFIERS = 3
_NO_MODIFIERS = lex.PLACE_PREPOSITIONS | {"of", "and", "but"}


def completed(span: str, asked: ask.Asked, text: str, frames: Sequence[Frame]) -> str:
    """The part of the sentence that the span is a piece of, or that it runs over, where the question asks for it.

    A place or a time loses what belongs to the other, and is told whole; a thing gets its modifiers. The span stays as
    it is where no part or several fit.
    """
    copied = answer_key(span).split()
    role = asked.wanted if asked.wanted in ("where", "when") else "what"
    if not copied or (role == "what" and (asked.wanted != "what" or asked.noun)):
        return span
    parts = {f.text for frame in frames for f in ask.fillers(frame) if f.role == role and f.text in text}
    fits = _things if role == "what" else _spots
    found = {part for part in parts if fits(copied, answer_key(part).split(), frames)}
    return found.pop() if len(found) == 1 else span


def is_head(copied: Sequence[str], part: Sequence[str], not_among: Container[str]) -> bool:
    """Whether the one is the end of the other, which has one to three words before it, none of `not_among`."""
    if not copied or part[-len(copied) :] != copied:
        return False
    more = part[: -len(copied)]
    return 0 < len(more) <= _MOST_MODIFIERS and not any(w in not_among for w in more)


def _things(copied: list[str], part: list[str], frames: Sequence[Frame]) -> bool:
    """Whether the span is the head of the part, which has nothing but modifiers before it."""
    return is_head(copied, part, _NO_MODIFIERS)


def _spots(copied: list[str], part: list[str], frames: Sequence[Frame]) -> bool:
    """Whether the span is a piece of the part, or has the part and beside it words of the sentence's other parts."""
    if len(copied) < len(part):
        more = set(part) - set(copied)
        return _within(copied, part) and len(more) <= _MOST_MODIFIERS and not more & lex.PLACE_PREPOSITIONS
    if copied == part or not _within(part, copied):
        return False
    at = next(i for i in range(len(copied)) if copied[i : i + len(part)] == part)
    beside = [w for w in (*copied[:at], *copied[at + len(part) :]) if w not in lex.PLACE_PREPOSITIONS]
    told = {w for frame in frames for w in answer_key(f"{frame.where} {frame.when}").split()}
    return bool(beside) and all(w in told or w == "on" for w in beside)


def _within(short: Sequence[str], long: Sequence[str]) -> bool:
    return any(list(long[i : i + len(short)]) == list(short) for i in range(len(long) - len(short) + 1))
