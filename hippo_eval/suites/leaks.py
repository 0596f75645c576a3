"""Does a question give its own answer away? A suite where one does measures reading, not memory.

Two kinds of leak. **Quoted**: the prompt holds a whole told fact that holds the answer. **Retold**: the prompt holds
the answer itself, and nearly all other words of a fact that holds it. A question may name other facts (a grid's
walls, a name shared by two people), and a choice of two is no leak as long as it does not retell the fact. Knows
nothing of suites' wordings.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from hippo_eval.metrics import normalize
from hippo_eval.suites.items import Suite, TeachItem, TestItem
from hippo_mem.errors import InputError
from hippo_mem.text import STOP_WORDS

_MIN_WORDS = 3  # a shorter fact ("Rain.") stands in many a question by chance
_RETOLD = 0.8  # this share of a fact's other content words makes a question a retelling


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """One question that gives its answer away, and the fact it does so with."""

    prompt: str
    answer: str
    fact: str
    kind: Literal["quoted", "retold"]


class Facts:
    """What was told in one context, found by the words in it."""

    def __init__(self, items: Iterable[TeachItem]) -> None:
        self._texts = [(item.fact, _padded(item.fact)) for item in items]
        self._by_word: dict[str, list[int]] = defaultdict(list)
        for at, (_, padded) in enumerate(self._texts):
            for word in dict.fromkeys(padded.split()):
                self._by_word[word].append(at)

    def holding(self, answer: str) -> Iterator[tuple[str, str]]:
        """The facts with the answer in them as whole words, as told and normalized."""
        wanted = answer.split()
        if wanted:
            for at in min((self._by_word.get(word, []) for word in wanted), key=len):
                if answer in self._texts[at][1]:
                    yield self._texts[at]


def leak_of(item: TestItem, facts: Facts, *, retold: bool = True) -> Leak | None:
    """The first fact whose answer a question gives away.

    Args:
        facts: those that the question may see: of its own context.
        retold: look for retellings as well; without it only whole quoted facts count.
    """
    prompt, answer = _padded(item.prompt), _padded(item.answer)
    said = set(prompt.split())
    for fact, told in facts.holding(answer):
        if len(told.split()) < _MIN_WORDS:
            continue
        if told in prompt:
            return Leak(prompt=item.prompt, answer=item.answer, fact=fact, kind="quoted")
        if retold and answer in prompt:
            others = set(told.split()) - set(answer.split()) - STOP_WORDS
            if len(others) >= _MIN_WORDS - 1 and len(others & said) >= _RETOLD * len(others):
                return Leak(prompt=item.prompt, answer=item.answer, fact=fact, kind="retold")
    return None


def leaks(suite: Suite, *, retold: bool = True) -> list[Leak]:
    """Every leak of a suite, in the order of its questions."""
    by_key: dict[str | None, list[TeachItem]] = defaultdict(list)
    for fact in suite.teach:
        by_key[fact.context_key].append(fact)
    seen = {key: Facts(items) for key, items in by_key.items()}
    if any(item.context_key is None for item in suite.test):
        seen[None] = Facts(suite.teach)  # a question without a context sees everything
    nothing = Facts(())
    found = [leak_of(item, seen.get(item.context_key, nothing), retold=retold) for item in suite.test]
    return [leak for leak in found if leak is not None]


def refuse_leaks(suite: Suite, *, retold: bool = True) -> Suite:
    """The suite, if no question gives its answer away.

    Raises: InputError naming the first one that does.
    """
    found = leaks(suite, retold=retold)
    if found:
        first = found[0]
        raise InputError(
            f"{len(found)} of {len(suite.test)} questions of {suite.name} hold their answer's fact; the first: "
            f"{first.prompt[:120]!r} gives away {first.answer[:60]!r} ({first.kind} from {first.fact[:120]!r}). Ask "
            "without the fact"
        )
    return suite


def _padded(text: str) -> str:
    return f" {normalize(text)} "
