"""MMLU's figures: accuracy by subject, and, with a night over the model, what the night changed, question by question.

At 135 million parameters accuracy is near chance (0.25), so the pairs say more than the mean: how many answers that
were right are wrong now, and the other way round. Knows nothing of files or prompts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hippo_eval.answerers import Progress
from hippo_eval.metrics.change import flips
from hippo_eval.sets.few_shot import N_SHOTS, Picked, pick
from hippo_eval.sets.folders import spread
from hippo_eval.sets.mmlu import Choice, Subject, read_folder
from hippo_eval.statistics import compare_right, mean_interval

if TYPE_CHECKING:
    from hippo_mem.lm import LanguageModel


def measure_choices(folder: Path, lm: LanguageModel, progress: Progress, *, limit: int | None = None) -> dict[str, Any]:
    """Ask up to `limit` questions of a folder, evenly spread over all subjects.

    Returns: as `figures`; `subjects`, `files_passed_over`.
    Raises: InputError, StoreFormatError before anything is asked.
    """
    subjects, others = read_folder(folder)
    asked, picked = answer(subjects, lm, progress, limit=limit)
    by_subject = {}
    for subject in dict.fromkeys(name for name, _ in asked):
        at = [i for i, (name, _) in enumerate(asked) if name == subject]
        right = [picked[i].base == asked[i][1].answer for i in at]
        by_subject[subject] = {"n": len(at), "accuracy": sum(right) / len(right)}
    shots = {s.name: min(N_SHOTS, len(s.shots)) for s in subjects}
    return {
        **figures([c for _, c in asked], picked, night=lm.adapter_dir is not None),
        "n_available": sum(len(s.questions) for s in subjects),
        "n_shots": min(shots.values()),
        "subjects": by_subject,
        "files_passed_over": others,
    }


def answer(
    subjects: Sequence[Subject], lm: LanguageModel, progress: Progress, *, limit: int | None = None
) -> tuple[list[tuple[str, Choice]], list[Picked]]:
    """The questions asked, each with its subject, and what was picked."""
    asked = spread([(s.name, c) for s in subjects for c in s.questions], limit)
    picked: list[Picked] = []
    for subject in subjects:
        questions = [c for name, c in asked if name == subject.name]
        if questions:
            picked += pick(lm, subject, questions, _counting(progress, len(picked), len(asked)))
    return asked, picked


def _counting(progress: Progress, before: int, total: int) -> Callable[[int], None]:
    """Progress over all subjects, from that within one."""
    return lambda n: progress("MMLU", before + n, total)


def figures(asked: Sequence[Choice], picked: Sequence[Picked], *, night: bool) -> dict[str, Any]:
    """Accuracy of the base and, with a night, after it.

    Returns: `n`, `accuracy` (of the model as it is: with its night where there is one) and `accuracy_interval`,
        `accuracy_before`, `accuracy_after`, `change` with `change_interval`, `flips` (share of the right answers
        that are wrong now; None without a night), `n_flipped`, `n_gained`, `spoke_share`.
    """
    before = [p.base == c.answer for c, p in zip(asked, picked, strict=True)]
    after = [p.night == c.answer for c, p in zip(asked, picked, strict=True)]
    now = mean_interval([float(r) for r in after])
    found: dict[str, Any] = {
        "n": len(asked),
        "accuracy": now.mean,
        "accuracy_interval": [now.low, now.high],
        "accuracy_before": sum(before) / len(before),
        "accuracy_after": now.mean if night else None,
        "change": None,
        "change_interval": None,
        "flips": None,
        "n_flipped": None,
        "n_gained": None,
        "spoke_share": sum(p.spoke for p in picked) / len(picked),
    }
    if night:
        pairs = flips(before, after)
        change = compare_right(after, before)
        found.update(
            change=change.difference.mean,
            change_interval=[change.difference.low, change.difference.high],
            flips=pairs.lost_share,
            n_flipped=pairs.n_lost,
            n_gained=pairs.n_gained,
        )
    return found
