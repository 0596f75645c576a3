"""Whether every word of a question is accounted for by the facts that would answer it.

In: the question's words, the statement that would answer it and the facts found. Out: yes or no. A content word that is
in no relation, name or telling asks for something the facts do not say. Knows nothing of how facts were found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import Stemmer

from hippo_mem.relational.fact_rows import FactRow
from hippo_mem.relational.lookups import Lookups
from hippo_mem.relational.tuples import Tuple
from hippo_mem.relational.unasking import MARK
from hippo_mem.text import STOP_WORDS, words

_STEMMER = Stemmer.Stemmer("english")


def stems(tokens: Iterable[str]) -> frozenset[str]:
    """What words have in common over their forms and spellings; function words are left out."""
    plain = [t.lower().strip("'").removesuffix("'s") for t in tokens]
    return frozenset(
        _STEMMER.stemWords([re.sub(r"([bvl])our", r"\1or", t) for t in plain if t and t not in STOP_WORDS])
    )


# Words that ask or frame and tell nothing by themselves.
_FREE = stems(
    "who whom whose what which where when how old live located location called name named currently now still ever "
    "favourite does do did time year date day user tell know".split()
) | {"?"}


def accounted(
    look: Lookups,
    text: str,
    verbs: frozenset[str],
    noun: str,
    t: Tuple,
    rows: Sequence[FactRow],
    conditions: Sequence[Tuple],
) -> bool:
    """Whether every content word of the question is in the relation, in the names, or in what was told.

    Args:
        text: the question, polished. verbs: stems of its verbs. noun: of "which <noun>".
        t: the statement that would answer it. rows: the facts that do, the one asked for first.
        conditions: what else the question states of the same telling.
    """
    spans = look.spans(rows)
    told = stems(w for r in rows for span in spans[r.id] for w in words(span))
    told |= stems(w for r in rows for e in (r.head, r.tail) for w in words(look.entity(e).name))
    told |= stems(w for r in rows for w in (*words(r.place), *words(r.time_text), *r.relation.split("_")))
    # A description of who is meant was settled when the name was.
    settled = stems(w for name in (t.head, t.tail) for w in words(name.replace("'s", " ")))
    settled |= stems(w for w in t.relation.split("_")) | verbs
    for o in conditions:
        if MARK not in o.head + o.tail and not any(_same_telling(look, rows[0], o)):
            return False
    asked = stems(w for w in words(text) if w not in ("?",)) - _FREE
    return not (asked - told - settled - (stems([noun]) if noun else frozenset()))


def _same_telling(look: Lookups, row: FactRow, condition: Tuple) -> Iterator[bool]:
    spans = set(look.spans([row])[row.id])
    for other in look.rows(condition.relation, heads=look.ids(condition.head), tails=look.ids(condition.tail)):
        yield bool(spans & set(look.spans([other])[other.id]))
