"""How a thing is placed, where that is part of where it is: under the mat, behind the piano, but simply the drawer.

In: the fact that says where, and the name of the place. Out: the place as it is said. Knows nothing of questions.
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


def placed(row: FactRow, name: str, *, common: bool) -> str:
    """The place of a fact: `name` with the preposition it was told with, where it stands beside it and not in it.

    Args: common: whether the name takes an article.
    """
    if _TOLD.match(row.place):
        return row.place
    if (beside := _RELATION.search(row.relation)) is not None:
        return f"{beside[1].replace('_', ' ')} {'the ' if common else ''}{name}"
    return name
