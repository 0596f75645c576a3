"""What a night must show before it is kept: it learned, it did not unlearn, and nothing else moved.

Asks through the model as shipped (the adapter's gate decides), on wordings no night trained on, and compares general
prompts and prose that were never trained on with the frozen base. Knows nothing of training or of files.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hippo_mem.config import VerifyConfig
from hippo_mem.text import words

if TYPE_CHECKING:  # reports are read without torch
    from hippo_mem.lm import AdapterUse, LanguageModel
    from hippo_mem.sleep.anchor_bank import AnchorBank
    from hippo_mem.sleep.material import Exam

_ANSWER_TOKENS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallCheck:
    """Shares of 1 of check questions answered right, memory OFF; `missed` are ids of traces with a wrong answer."""

    n: int
    share: float
    by_slot: dict[str, float] = field(default_factory=dict)
    missed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepCheck:
    """What moved on general prompts that no night trained on.

    `flips`: share of prompts whose most likely next token changed. `ce_delta_nats`: rise of cross-entropy a token on
    prose. `spoke`: share of prompts for which the adapter spoke. The `ungated` ones are without the gate.
    """

    n_prompts: int
    n_texts: int
    flips: float
    flips_ungated: float
    ce_delta_nats: float
    ce_delta_nats_ungated: float
    spoke: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Keep or undo, and why in words."""

    kept: bool
    reason: str


def check_recall(lm: LanguageModel, exam: Sequence[Exam], *, adapter: AdapterUse = True) -> RecallCheck:
    """Ask every question of the exam; an answer is right when its words are, articles and case aside."""
    if not exam:
        return RecallCheck(n=0, share=1.0)
    prompts = [e.prompt if e.raw else lm.chat_prompt(e.prompt) for e in exam]
    said = lm.generate(prompts, max_new_tokens=_ANSWER_TOKENS, adapter=adapter)
    right = [_same(a, e.answer) for a, e in zip(said, exam, strict=True)]
    slots: dict[str, list[bool]] = defaultdict(list)
    for e, r in zip(exam, right, strict=True):
        slots[e.slot].append(r)
    return RecallCheck(
        n=len(exam), share=sum(right) / len(right), by_slot={s: sum(r) / len(r) for s, r in sorted(slots.items())},
        missed=tuple(sorted({e.fact for e, r in zip(exam, right, strict=True) if not r})),
    )  # fmt: skip


def check_kept(lm: LanguageModel, bank: AnchorBank) -> KeepCheck:
    """Compare the adapted model with what its base said to the held-out general prompts and prose."""
    speaks = lm.gate.opens(bank.held_states).tolist() if lm.gate is not None else [True] * len(bank.held)
    after = lm.next_tokens(bank.held, adapter="ungated")
    changed = [a != b for a, b in zip(bank.held_next, after, strict=True)]
    shift = [b - a for a, b in zip(bank.prose_nats, lm.surprise(bank.prose, adapter="ungated"), strict=True)]
    open_prose = lm.speaks(bank.prose)
    n, m = max(1, len(bank.held)), max(1, len(bank.prose))
    return KeepCheck(
        n_prompts=len(bank.held), n_texts=len(bank.prose),
        flips=sum(c and s for c, s in zip(changed, speaks, strict=True)) / n, flips_ungated=sum(changed) / n,
        ce_delta_nats=sum(d for d, s in zip(shift, open_prose, strict=True) if s) / m,
        ce_delta_nats_ungated=sum(shift) / m, spoke=sum(speaks) / n,
    )  # fmt: skip


def judge(
    bars: VerifyConfig, new: RecallCheck, earlier_before: RecallCheck | None, earlier_after: RecallCheck | None,
    keep: KeepCheck,
) -> Verdict:  # fmt: skip
    """Every bar that is missed, in words; none missed is a night to keep."""
    missed = []
    if new.share < bars.min_recall:
        missed.append(f"recall of what was learned is {new.share:.2f}, below {bars.min_recall:.2f}")
    if earlier_before is not None and earlier_after is not None:
        drop = earlier_before.share - earlier_after.share
        if drop > bars.max_recall_drop:
            missed.append(
                f"recall of earlier nights fell from {earlier_before.share:.2f} to {earlier_after.share:.2f}, "
                f"more than {bars.max_recall_drop:.2f}"
            )
    if keep.flips > bars.max_flips:
        missed.append(f"{keep.flips:.1%} of general answers changed, more than {bars.max_flips:.1%}")
    if keep.ce_delta_nats > bars.max_ce_delta:
        missed.append(f"cross-entropy on prose rose by {keep.ce_delta_nats:.3f} nats, more than {bars.max_ce_delta:g}")
    if missed:
        return Verdict(kept=False, reason="; ".join(missed))
    return Verdict(
        kept=True,
        reason=f"recall {new.share:.2f} with memory off, {keep.flips:.1%} of general answers changed, "
        f"cross-entropy {keep.ce_delta_nats:+.3f} nats",
    )


def _same(said: str, truth: str) -> bool:
    def bare(text: str) -> list[str]:
        return [w for w in words(text) if w not in ("a", "an", "the")]

    return bare(said) == bare(truth)
