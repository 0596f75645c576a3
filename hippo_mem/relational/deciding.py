"""Answers that the facts decide by themselves; None wherever they do not.

A question is first taken for a tree of relations over names of the store (`by_walk`), then for a statement with a gap
(`by_statement`), then for such a statement with a description in it put into a name. Knows nothing of ranking, of
episodes or of language models.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from dataclasses import replace

from hippo_mem.relational import lexicon as lex
from hippo_mem.relational import vocabulary as voc
from hippo_mem.relational.by_statement import ByStatement
from hippo_mem.relational.by_walk import ByWalk
from hippo_mem.relational.decisions import decision_of, newest_alone
from hippo_mem.relational.fact_rows import FactRow
from hippo_mem.relational.frames import FrameParser
from hippo_mem.relational.lookups import Lookups
from hippo_mem.relational.tuples import TupleExtractor
from hippo_mem.relational.unasking import polished
from hippo_mem.types import Decision

MAX_CHARS = 300  # of a question
_PLURALS = frozenset({"people", "children", "kids"})
_HOW_MUCH = re.compile(r"how much (?=(?:is|are|was|were|do|does|did|will)\b)", re.IGNORECASE)


class Decider:
    """Reads questions and answers them from facts.

    Args:
        extractor: the one that reads what is told.
        parser: reads the question.
        functional: whether a relation has one tail at a time.
    """

    def __init__(self, extractor: TupleExtractor, parser: FrameParser, functional: Callable[[str], bool]) -> None:
        self._functional = functional
        self._walk = ByWalk(functional)
        self._statement = ByStatement(extractor, parser, functional)

    def decide(
        self, connection: sqlite3.Connection, question: str, *, context: str | None, as_of: float | None
    ) -> Decision | None:
        """The answer, or None.

        Args:
            context: only what was told in it counts; None for all.
            as_of: the moment asked about, unix seconds; None for now.
        """
        text = polished(question)
        if not text or len(text) > MAX_CHARS:
            return None
        if (asked := _HOW_MUCH.match(text)) is not None:
            amount = self.decide(connection, f"What {text[asked.end() :]}", context=context, as_of=as_of)
            return amount if amount is not None and _tells_amount(amount.text) else None
        look = Lookups(connection, context, as_of)
        if (decision := self._walk.answer(look, text)) is not None:
            return decision
        if (decision := self._by_statement(look, text, ())) is not None:
            return decision
        for shorter, reached in self._walk.shortened(look, text):
            if (decision := self._by_statement(look, shorter, reached.rows)) is not None:
                return decision
        return None

    def _by_statement(self, look: Lookups, text: str, so_far: tuple[FactRow, ...]) -> Decision | None:
        answers = self._statement.answers(look, self._statement.read(text))
        if answers is None:
            return None
        way, found = answers
        sure = 1.0
        for row in so_far:
            sure *= row.conf
        found = [replace(f, rows=(*so_far, *f.rows), conf=f.conf * sure) for f in found]
        relation = max(found, key=lambda f: f.order).rows[-1].relation
        several = not (self._functional(relation) or relation == "is")
        if several and way.noun:  # "which book" asks for one
            several = way.noun in _PLURALS or way.noun.endswith("s")
        if way.wanted == "who" and relation.endswith("_of") and voc.is_held_by_one(relation):
            found = newest_alone(found)
        return decision_of(look, found, several=several, question=text)


def _tells_amount(text: str) -> bool:
    """Whether there is a number in it."""
    return any(c.isdigit() for c in text) or any(lex.is_number(word) for word in text.lower().split())
