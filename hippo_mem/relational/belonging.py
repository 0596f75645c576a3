"""Which thing "the drill" is, once somebody has spoken of "my drill": that one, where no other drill was told of.

In: tuples of an event, and the entities of the store. Out: tuples. Knows nothing of who "he" is, or of questions.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable
from dataclasses import replace

from hippo_mem.relational.entities import USER_KEY, entity_key, known_keys
from hippo_mem.relational.tuples import Tuple

# What follows "the drill" where another is meant than the one that was spoken of.
_TOLD_APART = r"(?!\s+(?:of|that|which|who|whose|from)\b)"


def owned(key: str) -> str:
    """The key of the user's own thing of that name; empty for what is somebody's, or the user."""
    return "" if not key or key == USER_KEY or "'s " in key else f"{USER_KEY}'s {key}"


def of_the_user(connection: sqlite3.Connection, tuples: Iterable[Tuple]) -> list[Tuple]:
    """The tuples with "the drill" as the user's, where the user's drill is the only one that is known."""
    told = list(tuples)
    keys = {key: owned(key) for t in told for key in (entity_key(t.head), entity_key(t.tail)) if owned(key)}
    known = known_keys(connection, {*keys, *keys.values()})
    meant = {key: own for key, own in keys.items() if own in known and key not in known}
    return [
        replace(t, head=_named(t.head, t.span, meant), tail=_named(t.tail, t.span, meant)) for t in told
    ] if meant else told  # fmt: skip


def _named(name: str, said: str, meant: dict[str, str]) -> str:
    key = entity_key(name)
    if key in meant and re.search(rf"\bthe\s+{re.escape(key)}\b{_TOLD_APART}", said, re.IGNORECASE):
        return meant[key]
    return name
