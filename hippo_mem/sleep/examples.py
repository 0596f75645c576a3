"""Training examples as token sequences: a prompt, the answer that must follow, and how much it counts.

Turns written questions, restatements and "I don't know" pairs into what the trainer takes. Knows nothing of parsing,
stores, or the optimiser.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hippo_mem.lm import LanguageModel
from hippo_mem.sleep.soft_targets import SoftSequence

UNKNOWN_ANSWER = "I don't know."


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One sequence to learn from.

    Args:
        tokens: prompt and answer, the end of turn included.
        first: position of the last prompt token; the loss is on the tokens after it.
        fact: id of the trace it comes from; -1 for what belongs to none.
        kind: "question", "text" (raw text to be continued), "statement", "unknown".
        slot: what is asked for.
        weight: of the whole example (statements count less: they hold many tokens nobody will be asked for).
        soft: soft targets over the same answer positions, and their weight.
    """

    tokens: tuple[int, ...]
    first: int
    fact: int = -1
    kind: str = "question"
    slot: str = ""
    weight: float = 1.0
    soft: SoftSequence | None = None
    soft_weight: float = 0.0

    def token_weights(self) -> list[float]:
        """Weights of the answer tokens: a question's count in full each, a statement's are averaged."""
        n = len(self.tokens) - 1 - self.first
        return [self.weight / n if self.kind == "statement" else self.weight] * n


def chat_example(
    lm: LanguageModel, question: str, answer: str, *, fact: int = -1, slot: str = "", kind: str = "question"
) -> Example:
    """A user's question and the assistant's whole answer."""
    return example(lm, lm.chat_prompt(question), answer + lm.end_of_turn, fact=fact, slot=slot, kind=kind)


def cloze_example(lm: LanguageModel, prompt: str, answer: str, *, fact: int = -1, slot: str = "cloze") -> Example:
    """Raw text and how it goes on, no chat."""
    return example(lm, prompt.rstrip(), " " + answer.strip() + ".", fact=fact, slot=slot, kind="text")


def statement_example(lm: LanguageModel, text: str, *, fact: int = -1, weight: float = 0.3) -> Example:
    """A sentence as raw text from its beginning."""
    start = lm.tokenizer.bos_token or lm.end_of_turn
    told = example(lm, start, text + lm.end_of_turn, fact=fact, slot="statement", kind="statement")
    return replace(told, weight=weight)


def example(
    lm: LanguageModel, prompt: str, answer: str, *, fact: int = -1, slot: str = "", kind: str = "question"
) -> Example:
    """A whole prompt and what follows it to the end, as they are."""
    head, tail = lm.encode(prompt), lm.encode(answer)
    return Example(tokens=(*head, *tail), first=len(head) - 1, fact=fact, slot=slot, kind=kind)


def spread_answers(examples: Sequence[Example], share: float = 0.05) -> list[Example]:
    """Lower the weight of answers that are the truth of more than `share` of a slot's facts, so none becomes a habit.

    An answer at twice the share counts half. With few facts nothing changes: below 1 / share facts a slot, every answer
    is above the share by arithmetic.
    """
    facts: dict[str, set[int]] = {}
    holders: dict[tuple[str, tuple[int, ...]], set[int]] = {}
    for e in examples:
        facts.setdefault(e.slot, set()).add(e.fact)
        holders.setdefault((e.slot, e.tokens[e.first + 1 :]), set()).add(e.fact)
    result = []
    for e in examples:
        n = len(facts[e.slot])
        excess = len(holders[(e.slot, e.tokens[e.first + 1 :])]) / max(1.0, n * share)
        result.append(replace(e, weight=e.weight / excess) if excess > 1 and n * share >= 1 else e)
    return result
