"""Soft targets for a night's questions: what an earlier night answered, and what is answered with memory ON.

Knows nothing of where questions come from or how they are trained.

Source: dark experience replay (Buzzega et al. 2020) keeps a model's own logits beside what is rehearsed; context
distillation (Askell et al. 2021; Snell et al. 2022) teaches the bare model what it would say with a text in its prompt.
Differs: top-k of the answer's positions only, beside the hard answer, not instead of it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from hippo_mem.config import SleepConfig
from hippo_mem.lm import LanguageModel
from hippo_mem.sleep.examples import Example
from hippo_mem.sleep.soft_targets import SoftSequence, soft_targets

_EARLIER_WEIGHT = 0.5  # as DER++ (Buzzega et al. 2020, table 5) weighs logits beside labels


def remembered(
    lm: LanguageModel, examples: Sequence[Example], fresh: Collection[int], config: SleepConfig
) -> list[Example]:
    """Give every question of an earlier night the answer distribution of the adapter that is on `lm` now."""
    old = [i for i, e in enumerate(examples) if e.fact not in fresh]
    targets = soft_targets(
        lm, [(examples[i].tokens[:-1], examples[i].first) for i in old], config.anchors.topk, adapter="ungated"
    )
    result = list(examples)
    for i, target in zip(old, targets, strict=True):
        result[i] = replace(examples[i], soft=target, soft_weight=_EARLIER_WEIGHT)
    return result


def taught(
    lm: LanguageModel, examples: Sequence[Example], texts: Mapping[int, str], config: SleepConfig
) -> list[Example]:
    """Give every question the frozen base's answer distribution with the memory's text before it (memory ON)."""
    result = list(examples)
    sequences, starts = [], []
    for i, e in enumerate(examples):
        if e.fact not in texts or e.soft is not None:
            continue
        head = lm.encode(f"{texts[e.fact]}\n\n")
        sequences.append(([*head, *e.tokens[:-1]], len(head) + e.first))
        starts.append((i, len(head)))
    for (i, shift), target in zip(starts, soft_targets(lm, sequences, config.teacher.topk), strict=True):
        e = examples[i]
        moved = SoftSequence(
            tokens=target.tokens[shift:], first=e.first, top=target.top, probabilities=target.probabilities
        )
        result[i] = replace(e, soft=moved, soft_weight=config.teacher.weight)
    return result
