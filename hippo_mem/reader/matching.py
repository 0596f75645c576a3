"""How much of a question a memory speaks of.

In: a question as read, the recalled memories. Out: the share of the question's words each has, 0..1. Knows nothing of
which of a memory's words answer.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from hippo_mem.relational import FrameParser
from hippo_mem.relational import asking as ask
from hippo_mem.relational.lexicon import word_set
from hippo_mem.relational.plain_speech import plain_speech
from hippo_mem.types import Hit

RELATED = 0.34  # share of the question's weighted words a memory must have to be read at all
SIMILAR = 0.55  # or this cosine similarity, where recall gives one
_NEARLY = 0.65  # cosine at which other words say the same
_LIGHT = word_set("go come take make keep put find see want need like use see stay meet spend happen")
_FIRST_PERSON = re.compile(r"\b(?:i|me|my|mine|myself|we|us|our|ours|user)\b", re.IGNORECASE)
_ASKED_OF_ME = re.compile(
    r"\b(?:do|did|am|was|have|had|will|would|should|must|can|could|are|were)\s+(?:i|we)\b(?!\s+(?:ask|know))",
    re.IGNORECASE,
)
_MINE = re.compile(r"\b(?:my|our)\s+(\w+)", re.IGNORECASE)


class Matching:
    """The words of one question against those of the memories recalled for it."""

    def __init__(self, parser: FrameParser, question: str, hits: Sequence[Hit]) -> None:
        self._parser = parser
        doc = parser.doc(question)
        self.asked = asked = ask.asked(doc)
        self._deed = _deed(doc) if asked.wanted in ("where", "who", "when") else ""
        self._kind = ask.concept(asked.noun.removesuffix("s")) if asked.wanted in ("what", "who", "name") else ""
        self.of_me = _ASKED_OF_ME.search(question) is not None
        self._all = ask.lemmas(doc)  # those of `asked.words` among them
        # In how many of the recalled memories each of the question's words stands.
        self._df = Counter(w for h in hits for w in self.words(h.trace.text) & self._all)

    def words(self, text: str) -> frozenset[str]:
        """The content words of a memory, or of a part of one."""
        return ask.lemmas(self._parser.doc(plain_speech(text)))

    def share(self, hit: Hit) -> float:
        """Share of the question's words that the memory has, 0..1; words of few memories count more."""
        asked = self.asked
        if not asked.words:
            return max(RELATED, hit.similarity or 0.0)
        share = self._share_of({w: self._weight(w) for w in asked.words}, hit)
        if self.misses_names(hit):
            share *= 0.3  # it is about somebody else
        if asked.first_person and not re.search(r"\b(i|my|me|we|our|us|mine)\b", hit.trace.text.lower()):
            share *= 0.7
        return share

    def spoken_of(self, hit: Hit) -> float:
        """Share of all the question's words that the memory has, 0..1: the word that names the kind of answer ("which
        country") counts as any other. For whom nobody knows to have told anything."""
        if not self._all:
            return 0.0
        return self._share_of({w: 2.0 if w in self.asked.names else 1.0 for w in self._all}, hit)

    def _share_of(self, weights: Mapping[str, float], hit: Hit) -> float:
        words = self.words(hit.trace.text)
        rare = {w: weight / max(1, self._df[w]) ** 0.5 for w, weight in weights.items()}
        return float(sum(v for w, v in rare.items() if w in words) / sum(rare.values()))

    def misses_names(self, hit: Hit) -> bool:
        """Whether the question names somebody or something, and the memory none of them."""
        return bool(self.asked.names) and not self.asked.names & _plain_words(hit.trace.text)

    def may_tell(self, hit: Hit) -> bool:
        """Whether a memory may tell where, when or by whom: it says what was done, or means nearly the same."""
        return not self._deed or self._deed in self.words(hit.trace.text) or (hit.similarity or 0.0) >= _NEARLY

    def _weight(self, word: str) -> float:
        """A name counts twice, as the noun of "which gate", unless no memory has it: it only names the kind."""
        if word == self._kind:
            return 2.0 if self._df[word] or len(self.asked.words) == 1 else 0.1
        return 2.0 if word in self.asked.names else 1.0

    def of_sentence(self, sentence: str) -> float:
        """Share of the question's words in one sentence of a memory: of several, the one that is asked about."""
        return len(self.words(sentence) & self.asked.words) / max(1, len(self.asked.words))


def _plain_words(text: str) -> frozenset[str]:
    return frozenset(w.lower() for w in re.findall(r"\w+", text))


def _deed(doc: Any) -> str:
    """The verb of a question, where it says more than that something is or happens; empty where it has none."""
    root = next((t for t in doc if t.dep_ == "ROOT"), None)
    if root is None or root.pos_ != "VERB" or not (found := ask.lemmas([root])) or root.lemma_.lower() in _LIGHT:
        return ""
    return next(iter(found))


def may_be_mine(question: str, memory: str) -> bool:
    """Whether what is asked of oneself may be answered by this: a stranger's favorite color is not mine.

    "Where do I live?" is answered by what is said in the first person, or of "the user"; "What is my sister called?"
    by what is said of others too, unless it says whose sister ("Mallory's sister").
    """
    if _FIRST_PERSON.search(memory):
        return True
    if _ASKED_OF_ME.search(question):
        return False
    mine = _MINE.findall(question)
    of_another = (re.search(rf"\w['\u2019]s?\s+(?:\w+\s+)?{re.escape(m)}\b", memory, re.IGNORECASE) for m in mine)
    return not any(of_another)
