"""LoCoMo's questions answered by an ordinary memory, memory ON, and judged by words alone.

Every turn is told once; then each question is asked in the context of its conversation. Answers are compared with the
corrected key: exact match and token F1 after normalization. A question of category 5 has no answer in the conversation:
right is to decline, and whether the answer is the one the question suggests is counted beside it. No model judges.

Source: Maharana et al. 2024. Differs: their F1 stems words and splits lists of category 1; ours is that of SQuAD for
all categories. Knows nothing of how answers come about.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from hippo_eval.answerers import Memory, Progress
from hippo_eval.metrics import exact_match, f1, is_refusal
from hippo_eval.sets.conversations import tell
from hippo_eval.sets.folders import spread
from hippo_eval.sets.locomo import CATEGORIES, Locomo, Question
from hippo_eval.statistics import mean_interval

_TOGETHER = 16
_SHOWN = 20
Open = Callable[[], AbstractContextManager[Memory]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One question, the conversation it belongs to, and what was answered."""

    question: Question
    conversation: str
    text: str


def measure_answers(data: Locomo, open_memory: Open, progress: Progress, *, limit: int | None = None) -> dict[str, Any]:
    """Ask up to `limit` questions, evenly spread over all.

    Returns: `em`, `f1` (with `f1_interval`) over the questions that have an answer, the same by `published` key,
        `abstained` over those of category 5 and `trapped`, `category_<C>`, and `worst`.
    """
    asked = spread([(c.key, q) for c in data.conversations for q in c.questions], limit)
    said: list[Said] = []
    with open_memory() as memory:
        tell(data, memory, gate=None, progress=progress)
        for first in range(0, len(asked), _TOGETHER):
            batch = asked[first : first + _TOGETHER]
            answers = memory.answer_many([q.text for _, q in batch], contexts=[key for key, _ in batch])
            said += [
                Said(question=q, conversation=key, text=a.text) for (key, q), a in zip(batch, answers, strict=True)
            ]
            progress("answer", len(said), len(asked))
    return figures(said)


def figures(said: Sequence[Said]) -> dict[str, Any]:
    """The figures of `measure_answers` from what was said. A share of no questions is None."""
    known = [s for s in said if s.question.answer is not None]
    silent = [s for s in said if s.question.answer is None]
    groups = [s.conversation for s in known]
    scores = [f1(s.text, str(s.question.answer)) for s in known]
    interval = mean_interval(scores) if scores else None
    return {
        "n": len(said),
        "n_answerable": len(known),
        "em": _mean([exact_match(s.text, str(s.question.answer)) for s in known]),
        "f1": _mean(scores),
        "f1_interval": [interval.low, interval.high] if interval else None,
        "published": {
            "em": _mean([exact_match(s.text, str(s.question.published_answer)) for s in known]),
            "f1": _mean([f1(s.text, str(s.question.published_answer)) for s in known]),
        },
        "n_unanswerable": len(silent),
        "abstained": _mean([is_refusal(s.text) for s in silent]),
        "trapped": _mean([f1(s.text, s.question.trap) >= _TRAPPED for s in silent if s.question.trap]),
        **{f"category_{c}": _category(c, said) for c in sorted({s.question.category for s in said})},
        "n_conversations": len(set(groups)),
        "worst": [
            {"question": s.question.text, "wanted": s.question.answer, "said": s.text}
            for s, score in zip(known, scores, strict=True)
            if score == 0
        ][:_SHOWN],
    }


_TRAPPED = 0.5  # token F1 with the suggested answer from which an answer counts as having followed it


def _category(category: int, said: Sequence[Said]) -> dict[str, Any]:
    rows = [s for s in said if s.question.category == category]
    known = [s for s in rows if s.question.answer is not None]
    silent = [s for s in rows if s.question.answer is None]
    return {
        "name": CATEGORIES.get(category, "other"),
        "n": len(rows),
        "em": _mean([exact_match(s.text, str(s.question.answer)) for s in known]),
        "f1": _mean([f1(s.text, str(s.question.answer)) for s in known]),
        "abstained": _mean([is_refusal(s.text) for s in silent]),
    }


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
