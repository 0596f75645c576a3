"""Whether a note has enough to do with a question to answer it, where the question is not about its asker.

"Where did I park?" can only be answered by what its asker told, so a note far from its words is worth believing. "Where
do kangaroos live?" has an answer whether or not anybody told it, and among thousands of notes one that is of the right
kind ("I am going to Perth") is always near: such a question is left to the model, unless a note speaks of it.
Knows nothing of how notes were found or read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from hippo_mem.reader.matching import Matching
from hippo_mem.reader.notes import TRUTH
from hippo_mem.relational import FrameParser
from hippo_mem.types import Hit

# Nats for and against a note; by logistic regression, then rounded, on the general questions and the development sets
# of `benchmarks/reading.py`, asked among 9 000 other notes (docs/LOG.md).
_NEEDED = 1.4
_MOST_SURE = 4.0  # of the reader's own certainty
_LIKE, _LIKENESS = 0.6, 10.0  # a cosine, and what one of 1 more is worth
_SPOKEN_OF = 4.0  # for a note that has all the question's words
_OTHER_NAMES = 5.0  # against one that has none of its names
_TRUTH = 10.0  # against "yes" and "no", which every note may seem to say, of a note that has none of the words
_KIND = 3.0  # against answering what is asked of a kind of thing ("a spider", "people"), not of one ("the spider")
_RULED = math.e / (1.0 + math.e)  # 0..1: how sure the rules are taken to be, one nat

_ASKER = re.compile(r"\b(?:i|me|myself|ourselves)\b", re.IGNORECASE)
_WE = re.compile(r"\b(?:we|us)\b", re.IGNORECASE)
_OWNED = re.compile(r"\b(?:my|mine|our|ours)\b", re.IGNORECASE)
_ADVICE = re.compile(
    r"^(?:how (?:can|could|do|does|should|would|might)|should|can|could|may|shall|what (?:should|can|could)) "
    r"(?:i|we)\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"[\"\u201c\u201d][^\"\u201c\u201d]*[\"\u201c\u201d]")
_POINTS = re.compile(
    r"\b(?:the(?! \w+ of an?\b| \w+est\b| most\b)|this|that|these|those|his|her|their|its|your|my|our|he|she|they|him|"
    r"them|it)\b",
    re.IGNORECASE,
)


class Grounds:
    """What one question needs of a note that is to answer it.

    Args: notes: those it is weighed against.
    """

    def __init__(self, parser: FrameParser, question: str, notes: Sequence[Hit]) -> None:
        self._matching = Matching(parser, question, notes)
        self._own = is_own(question, parser)
        self._of_kind = not self._own and not _points(question, parser)

    def enough(self, note: Hit, said: str, told: float = _RULED) -> bool:
        """Whether the note may answer with what was read from it.

        Args: told: how sure the reading is against "unknown", 0..1; without one, the rules'.
        """
        truth = said.casefold() in TRUTH
        if self._own and not truth:
            return True
        odds = min(_MOST_SURE, math.log(max(told, 1e-6) / max(1.0 - told, 1e-6)))
        likeness = _LIKENESS * (note.similarity - _LIKE) if note.similarity is not None else 0.0
        spoken = self._matching.spoken_of(note)
        against = _OTHER_NAMES * self._matching.misses_names(note) + _KIND * self._of_kind
        against += _TRUTH * (1.0 - spoken) * truth
        return odds + likeness + _SPOKEN_OF * spoken - against >= _NEEDED


def is_own(question: str, parser: FrameParser) -> bool:
    """Whether the question is about its asker.

    "How do I boil an egg?" asks for advice that holds for everybody, "How do I reach my dentist?" does not; "What do we
    breathe?" is asked of people, "Where do we keep the key?" is not.
    """
    asked = _QUOTED.sub("", question).strip()
    if _OWNED.search(asked):
        return True
    if _ADVICE.search(asked):
        return False
    return bool(_ASKER.search(asked)) or (bool(_WE.search(asked)) and _points(asked, parser))


def _points(question: str, parser: FrameParser) -> bool:
    """Whether it names somebody or something, or points at one of its kind."""
    return bool(_POINTS.search(question)) or any(t.pos_ == "PROPN" for t in parser.doc(question))
