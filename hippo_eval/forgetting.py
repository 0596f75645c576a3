"""What a night cost: general questions it flipped, and nats it added on general text.

Both are paired: the same prompts, the frozen base before and the night's adapter after. A **flip** is an answer that
was right before and is wrong after; its share is taken of the answers that were right before, the other direction is
reported beside it. A prompt for which the adapter's gate stays shut is answered by the base's own weights, so the
base's reply is taken as it is and not generated again (another batch would only add rounding).

Knows nothing of memories, stores or how the adapter was trained.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from hippo_eval.data import SanityItem, load_general_text, load_sanity
from hippo_mem.errors import InputError
from hippo_mem.lm.engine import AdapterUse
from hippo_mem.text import words

# Long enough for the shortest whole sentence the default model answers with, and for any answer of the suite.
_CHAT_TOKENS = 24
_CLOZE_TOKENS = 8
# Not after an initial or a short title: "J. K. Rowling" and "Dr. Seuss" are one answer.
_SENTENCE_END = re.compile(r"(?<=\w\w\w\.)\s|(?<=\d\.)\s|(?<=[!?])\s|\n")


class Speaker(Protocol):
    """What is asked of a language model here; `hippo_mem.lm.LanguageModel` has it."""

    def chat_prompt(self, user: str, *, system: str | None = None) -> str:
        """One user turn, templated."""
        ...

    def generate(self, prompts: Sequence[str], *, max_new_tokens: int = 24, adapter: AdapterUse = True) -> list[str]:
        """Greedy continuations."""
        ...

    def surprise(self, texts: Sequence[str], *, adapter: AdapterUse = False) -> list[float]:
        """Mean nats per token."""
        ...

    def speaks(self, texts: Sequence[str], use: AdapterUse = True) -> list[bool]:
        """Whether the adapter speaks for each text."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """One answer that was right before and is wrong after."""

    prompt: str
    answer: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The base alone: its replies to the sanity suite in order, and nats per token of each general text."""

    sanity: tuple[SanityItem, ...]
    texts: tuple[str, ...]
    replies: tuple[str, ...]
    nats: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgetting:
    """The cost of a night. Shares are of 1; `ce_*` are nats per token, the mean over texts.

    `known_fact_flips` is None when the base had nothing right. `spoke_share` is the share of the sanity prompts for
    which the adapter spoke.
    """

    n: int
    n_right_before: int
    n_right_after: int
    n_flipped: int
    n_gained: int
    known_fact_flips: float | None
    known_fact_gains: float | None
    spoke_share: float
    ce_before_nats: float
    ce_after_nats: float
    ce_delta_nats: float
    flipped: tuple[Flip, ...]


def is_right(item: SanityItem, reply: str) -> bool:
    """Whether the first answer of a reply is the item's: case, articles and edge punctuation aside.

    A cloze must go on with the answer; in a chat the answer must stand, in whole words, in the first sentence.
    """
    wanted = words(item.answer)
    if item.kind == "cloze":
        return words(reply)[: len(wanted)] == wanted
    said = words(_SENTENCE_END.split(reply.strip(), maxsplit=1)[0])
    return any(said[i : i + len(wanted)] == wanted for i in range(len(said) - len(wanted) + 1))


def baseline(
    lm: Speaker, *, sanity: Sequence[SanityItem] | None = None, texts: Sequence[str] | None = None
) -> Baseline:
    """Ask the base alone, once; every adapter is compared with it.

    Args: sanity, texts: the packaged ones by default.
    Raises: InputError when either is empty.
    """
    items = tuple(load_sanity() if sanity is None else sanity)
    prose = tuple((t.text for t in load_general_text()) if texts is None else texts)
    if not items or not prose:
        raise InputError(f"forgetting needs questions and texts, got {len(items)} and {len(prose)}")
    return Baseline(
        sanity=items,
        texts=prose,
        replies=tuple(_replies(lm, items, False)),
        nats=tuple(lm.surprise(prose, adapter=False)),
    )


def measure(lm: Speaker, before: Baseline, *, adapter: AdapterUse = True) -> Forgetting:
    """Compare the model with its adapter ("ungated": speaking always) with the base alone."""
    prompts = _prompts(lm, before.sanity)
    spoke = lm.speaks(prompts, adapter)
    after = list(before.replies)
    chosen = [i for i, s in enumerate(spoke) if s]
    for i, reply in zip(chosen, _replies(lm, [before.sanity[i] for i in chosen], adapter), strict=True):
        after[i] = reply
    nats = list(before.nats)
    chosen = [i for i, s in enumerate(lm.speaks(before.texts, adapter)) if s]
    for i, value in zip(chosen, lm.surprise([before.texts[i] for i in chosen], adapter=adapter), strict=True):
        nats[i] = value
    return compare(before, after, nats, spoke_share=sum(spoke) / len(spoke))


def compare(before: Baseline, replies: Sequence[str], nats: Sequence[float], *, spoke_share: float = 1.0) -> Forgetting:
    """The figures from the replies and nats after, in the order of the baseline."""
    was = [is_right(item, reply) for item, reply in zip(before.sanity, before.replies, strict=True)]
    now = [is_right(item, reply) for item, reply in zip(before.sanity, replies, strict=True)]
    flipped = [i for i in range(len(was)) if was[i] and not now[i]]
    gained = sum(n and not w for w, n in zip(was, now, strict=True))
    right, wrong = sum(was), len(was) - sum(was)
    ce_before, ce_after = sum(before.nats) / len(before.nats), sum(nats) / len(nats)
    return Forgetting(
        n=len(was),
        n_right_before=right,
        n_right_after=sum(now),
        n_flipped=len(flipped),
        n_gained=gained,
        known_fact_flips=len(flipped) / right if right else None,
        known_fact_gains=gained / wrong if wrong else None,
        spoke_share=spoke_share,
        ce_before_nats=ce_before,
        ce_after_nats=ce_after,
        ce_delta_nats=ce_after - ce_before,
        flipped=tuple(
            Flip(
                prompt=before.sanity[i].prompt,
                answer=before.sanity[i].answer,
                before=before.replies[i],
                after=replies[i],
            )
            for i in flipped
        ),
    )


def _prompts(lm: Speaker, items: Sequence[SanityItem]) -> list[str]:
    return [lm.chat_prompt(i.prompt) if i.kind == "chat" else i.prompt for i in items]


def _replies(lm: Speaker, items: Sequence[SanityItem], adapter: AdapterUse) -> list[str]:
    prompts = _prompts(lm, items)
    replies = [""] * len(items)
    for kind, tokens in (("chat", _CHAT_TOKENS), ("cloze", _CLOZE_TOKENS)):
        chosen = [i for i, item in enumerate(items) if item.kind == kind]
        if chosen:
            texts = lm.generate([prompts[i] for i in chosen], max_new_tokens=tokens, adapter=adapter)
            for i, text in zip(chosen, texts, strict=True):
                replies[i] = text
    return replies
