"""Text in, tuples out, with spaCy where a model is installed and by closed word classes where none is.

`default_extractor()` chooses. Knows nothing of stores, schemas or questions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from hippo_mem.errors import ModelUnavailable
from hippo_mem.relational.frames import FrameParser
from hippo_mem.relational.plain_speech import plain_speech
from hippo_mem.relational.pronouns import Pronouns, gender_of
from hippo_mem.relational.reading import statements
from hippo_mem.relational.rules import RuleExtractor, labeled
from hippo_mem.relational.stating import Reader
from hippo_mem.relational.tuples import USER, Tuple, TupleExtractor
from hippo_mem.relational.vocabulary import ATTRIBUTES

__all__ = ["RuleExtractor", "SpacyExtractor", "default_extractor"]

# "Caroline: I went to a class": who says "I". What follows must be speech rather than a value.
_LABEL = re.compile(r"^([A-Z][\w.'-]+(?: [A-Z][\w.'-]+)?):\s+(?=\S)")
_FINITE = frozenset("VBD VBZ VBP MD".split())
_SUBJECTS = frozenset("nsubj nsubjpass csubj expl".split())
_FIRST = re.compile(r"\b(?:I|we|We|my|My|me|our|Our)\b")


class SpacyExtractor:
    """Reads tuples off the dependency parse. Shares the parser's cache: a text that was framed is not parsed again."""

    def __init__(self, parser: FrameParser | None = None) -> None:
        self._parser = parser or FrameParser()
        self._rules = RuleExtractor()

    def extract(self, text: str) -> list[Tuple]:
        """The tuples of one text, in reading order.

        Raises: ModelUnavailable when no English spaCy model is installed.
        """
        return self.extract_many([text])[0]

    def extract_many(self, texts: Iterable[str]) -> list[list[Tuple]]:
        """The tuples of each text; parsing is batched, no pronoun reaches into another text."""
        parted = [speaker_of(t) for t in texts]
        docs = self._parser.docs([plain_speech(words) for _, words in parted])
        return [self._read(doc, speaker) for doc, (speaker, _) in zip(docs, parted, strict=True)]

    def _read(self, doc: Any, speaker: str) -> list[Tuple]:
        reader = Reader(pronouns=Pronouns())
        found: list[Tuple] = []
        for sentence in doc.sents:
            said = statements(sentence, self._parser.base_of, speaker)
            made = reader.read(said)
            found += made or self._unparsed(sentence, speaker, plain=not said)
        return list(dict.fromkeys(found))

    def _unparsed(self, sentence: Any, speaker: str, *, plain: bool) -> list[Tuple]:
        """What the rules read in a sentence in which the parser saw no verb or no subject: after a rare name it takes
        "lives" or "studies" for a noun."""
        found = labeled(sentence.text) if plain else []
        whole = any(t.tag_ in _FINITE for t in sentence) and any(t.dep_ in _SUBJECTS for t in sentence)
        if found or speaker != USER or whole:
            return found
        return self._rules.extract(sentence.text)


def speaker_of(text: str) -> tuple[str, str]:
    """`Caroline: I went` gives ("Caroline", "I went"); a text without a speaker is the user's."""
    match = _LABEL.match(text)
    if match is None or match[1].lower() in ATTRIBUTES:
        return USER, text
    rest = text[match.end() :]
    speaks = _FIRST.search(rest) or gender_of(match[1]) or (len(rest.split()) > 2 and rest.rstrip()[-1:] in ".!?")
    return (match[1], rest) if speaks else (USER, text)


def default_extractor(parser: FrameParser | None = None) -> TupleExtractor:
    """The best extractor this installation can run: spaCy's where a model is installed, else the rules."""
    parser = parser or FrameParser()
    try:
        _ = parser.nlp
    except ModelUnavailable:
        return RuleExtractor()
    return SpacyExtractor(parser)
