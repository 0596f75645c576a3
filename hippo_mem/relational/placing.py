"""How a thing is placed, where that is part of where it is: under the mat, behind the piano, but simply the drawer.

Only where a thing is, is answered so; where somebody put it, is the place alone. Words in, words out. Knows nothing of
how facts were found.
"""

from __future__ import annotations

import re

from hippo_mem.relational.fact_rows import FactRow

_ASIDE = (
    "under underneath below beneath behind beside above over between opposite outside near against next_to close_to "
    "in_front_of on_top_of across_from"
).split()
_TOLD = re.compile(rf"(?:{'|'.join(_ASIDE)}) \S".replace("_", " "), re.IGNORECASE)
_RELATION = re.compile(rf"_({'|'.join(sorted(_ASIDE, key=len, reverse=True))})$")


_WHERE_IT_IS = re.compile(
    r"where(?:['\u2019]s| is| are| am) (?!.*\b(?:\w+ed|hidden|kept|put|left|found|hung|laid|\w+ing)\W*$)", re.IGNORECASE
)


def asks_where_it_is(question: str) -> bool:
    """Whether a question asks where something is, and not where something was done."""
    return _WHERE_IT_IS.match(question) is not None


def placed(row: FactRow, name: str, *, common: bool) -> str:
    """The place of a fact: `name` with the preposition it was told with, where it stands beside it and not in it.

    Args: common: whether the name takes an article.
    """
    if _TOLD.match(row.place):
        return row.place
    if (beside := _RELATION.search(row.relation)) is not None:
        return f"{beside[1].replace('_', ' ')} {'the ' if common else ''}{name}"
    return name
