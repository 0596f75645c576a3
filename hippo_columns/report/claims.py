"""What the results log claims, in our words and numbered. `judge_all` puts our verdict beside each.

The log's percentages read like accuracies on the data just trained on; `hippo_columns.report.verdicts` judges on test
images. Knows nothing of how runs are made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hippo_columns.report import verdicts
from hippo_columns.report.collect import Run
from hippo_columns.report.verdicts import Judge, Judged

_RESIDUAL = "stage4_sequential_residual_sleep"
_SOFT = "stage4_sequential_X_Xprime_soft_sleep"
_MIXED = "stage4_sequential_mixed_soft_sleep"
_IDS = "stage5A1_sequential_X_Xprime_soft_sleep_learned_taskid"
_DYNAMIC = "stage5A1_sequential_X_Xprime_soft_sleep_dynamic"
_SHARP = "stage5A1_sequential_X_Xprime_soft_sleep_dynamic_lowtemp"
_INPUT = "stage5A2_sequential_X_Xprime_soft_sleep_input"
_STATIC_KEYS = "stage5B0_sequential_X_Xprime_soft_sleep_keyquery_static"
_KEYS = "stage5B1_sequential_X_Xprime_soft_sleep_keyquery"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One claim. `judge` gets the runs of `config` (one or more) and all runs by name."""

    number: str
    config: str
    says: str
    judge: Judge


def judge_all(runs: Mapping[str, Sequence[Run]]) -> list[tuple[Claim, Judged]]:
    """Every claim with its verdict; one whose configuration was not run says that."""
    judged = []
    for claim in CLAIMS:
        mine = runs.get(claim.config, ())
        judged.append((claim, claim.judge(mine, runs) if mine else Judged(measured="not run", verdict="not judged")))
    return judged


CLAIMS: tuple[Claim, ...] = (
    Claim(
        number="1",
        config=_RESIDUAL,
        says="Parents stay near 100 % while primes are learned in residual columns.",
        judge=verdicts.residual_parents,
    ),
    Claim(
        number="2",
        config=_RESIDUAL,
        says="A sleep without labels leaves every task above 94 %; the primes, answered "
        "by their parents' prompts, have 95 and 99 %.",
        judge=verdicts.accuracies_after(task1=94, task2=94, task1p=95, task2p=99),
    ),
    Claim(
        number="3",
        config=_RESIDUAL,
        says="After sleep the parents' columns are the ones in use, and sleep costs less than 3 points.",
        judge=verdicts.residual_columns,
    ),
    Claim(
        number="4",
        config=_SOFT,
        says="Soft masks put parents into the base bank and primes into the novel one.",
        judge=verdicts.own_banks,
    ),
    Claim(
        number="5",
        config=_SOFT,
        says="Before sleep primes have 98 to 100 %, parents about 99 and 97 %.",
        judge=verdicts.soft_accuracies_before,
    ),
    Claim(
        number="6",
        config=_SOFT,
        says="After sleep primes have exactly their parents' masks, for a loss of about 3 points.",
        judge=verdicts.soft_masks,
    ),
    Claim(
        number="7",
        config=_SOFT,
        says="The consolidated network repeats 40 to 80 % of the earlier errors.",
        judge=verdicts.error_overlaps(40, 80),
    ),
    Claim(
        number="8",
        config=_MIXED,
        says="MNIST and Fashion-MNIST mixed: every base keeps 95 % whenever a task arrives, "
        "changes stay within 5 points before sleep.",
        judge=verdicts.mixed_arrival,
    ),
    Claim(
        number="9",
        config=_MIXED,
        says="Tasks share columns, and no base column is occupied beyond a half.",
        judge=verdicts.mixed_occupancy,
    ),
    Claim(
        number="10",
        config=_MIXED,
        says="Held-out primes are consolidated perfectly, with all errors repeated.",
        judge=verdicts.mixed_primes,
    ),
    Claim(
        number="11",
        config=_MIXED,
        says="The four bases end at 99.8, 97.3, 98.7 and 97.4 %.",
        judge=verdicts.accuracies_after(mnist_task1=99.8, mnist_task2=97.3, fashion_task1=98.7, fashion_task2=97.4),
    ),
    Claim(
        number="12",
        config=_IDS,
        says="With learned task prompts the tasks end at 99.7, 96.3, 96.2 and 99.7 %.",
        judge=verdicts.accuracies_after(task1=99.7, task2=96.3, task1p=96.2, task2p=99.7),
    ),
    Claim(
        number="13",
        config=_IDS,
        says="There 47 to 75 % of the errors are repeated.",
        judge=verdicts.error_overlaps(47, 75),
    ),
    Claim(
        number="14",
        config=_IDS,
        says="There the base masks are pure one-hots after sleep.",
        judge=verdicts.one_hot_masks,
    ),
    Claim(
        number="15",
        config=_DYNAMIC,
        says="Dynamic replay keeps the accuracy with about 10 epochs in place of 15 to "
        "20 (two thirds of the samples or fewer).",
        judge=verdicts.fewer_samples_than(_IDS),
    ),
    Claim(
        number="16",
        config=_SHARP,
        says="At temperature 0.1 the tasks end at 99, 96, 98.9 and 99.5 % or above.",
        judge=verdicts.accuracies_after(task1=99, task2=96, task1p=98.9, task2p=99.5),
    ),
    Claim(
        number="17",
        config=_STATIC_KEYS,
        says="Routing by key and query replaces mask logits at the same accuracy.",
        judge=verdicts.as_accurate_as(_IDS),
    ),
    Claim(
        number="18",
        config=_INPUT,
        says="With input-aware prompts the tasks end at 99.7, 96.5, 98.9 and 99.5 %.",
        judge=verdicts.accuracies_after(task1=99.7, task2=96.5, task1p=98.9, task2p=99.5),
    ),
    Claim(
        number="19",
        config=_INPUT,
        says="There at least 46 % of the errors are repeated.",
        judge=verdicts.error_overlaps(46),
    ),
    Claim(number="20", config=_INPUT, says="There mask entropy falls to zero.", judge=verdicts.one_hot_masks),
    Claim(
        number="21",
        config=_INPUT,
        says="Five adaptive epochs suffice: 99.6, 96.3, 94.1 and 99.1 %.",
        judge=verdicts.accuracies_after(task1=99.6, task2=96.3, task1p=94.1, task2p=99.1),
    ),
    Claim(
        number="22",
        config=_INPUT,
        says="The similarity nudge replays neighbors of what struggles more often.",
        judge=verdicts.nudged_replay,
    ),
    Claim(
        number="23",
        config=_KEYS,
        says="Key and query with adaptive sleep: 99.5, 96.3, 94 and 99 % or above.",
        judge=verdicts.accuracies_after(task1=99.5, task2=96.3, task1p=94, task2p=99),
    ),
    Claim(
        number="24",
        config=_KEYS,
        says="Drift-resistant: 98.98, 96.27, 97.45 and 99.16 %.",
        judge=verdicts.accuracies_after(task1=98.98, task2=96.27, task1p=97.45, task2p=99.16),
    ),
    Claim(
        number="25",
        config=_KEYS,
        says="There 60 to 86 % of the errors are repeated.",
        judge=verdicts.error_overlaps(60, 86),
    ),
    Claim(
        number="26",
        config=_KEYS,
        says="There task 2 loses about 0.7 points between primes and recovers in sleep, "
        "and primes lose less than 1 point in it.",
        judge=verdicts.recovery_of_task2,
    ),
)
