from __future__ import annotations

import pytest

from hippo_mem.config import VerifyConfig
from hippo_mem.sleep.verification import KeepCheck, RecallCheck, judge

BARS = VerifyConfig(min_recall=0.6, max_recall_drop=0.1, max_flips=0.02, max_ce_delta=0.02)


def keep(flips: float = 0.0, ce: float = 0.0) -> KeepCheck:
    return KeepCheck(
        n_prompts=100,
        n_texts=20,
        flips=flips,
        flips_ungated=0.2,
        ce_delta_nats=ce,
        ce_delta_nats_ungated=0.1,
        spoke=0.0,
    )


def recall(share: float) -> RecallCheck:
    return RecallCheck(n=40, share=share)


def test_a_good_night_is_kept_with_its_figures() -> None:
    verdict = judge(BARS, recall(0.95), recall(0.9), recall(0.85), keep(0.01, -0.001))
    assert verdict.kept
    assert verdict.reason == "recall 0.95 with memory off, 1.0% of general answers changed, cross-entropy -0.001 nats"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((recall(0.5), None, None, keep()), "recall of what was learned is 0.50, below 0.60"),
        ((recall(1.0), recall(0.9), recall(0.7), keep()), "fell from 0.90 to 0.70, more than 0.10"),
        ((recall(1.0), None, None, keep(flips=0.03)), "3.0% of general answers changed, more than 2.0%"),
        ((recall(1.0), None, None, keep(ce=0.05)), "rose by 0.050 nats, more than 0.02"),
    ],
)
def test_each_missed_bar_undoes_the_night_and_says_so(given: tuple, words: str) -> None:
    verdict = judge(BARS, *given)
    assert not verdict.kept
    assert words in verdict.reason


def test_all_missed_bars_are_named_together() -> None:
    assert judge(BARS, recall(0.1), recall(1.0), recall(0.1), keep(0.5, 0.5)).reason.count(";") == 3
