"""How much of the evidence for a question is recalled, with no answer asked for.

Evidence recall at k: the share of a question's evidence turns (or sessions) among the first k that are recalled,
turns and sessions each counted once. Means are over questions; one without evidence is left out. Knows nothing of
where rankings come from.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from hippo_eval.sets.locomo import CATEGORIES, Question, TurnId

AT = (5, 10)
Item = TypeVar("Item", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one question brought back, best first: the turns of a shallow recall, the sessions of a deep one."""

    question: Question
    turns: tuple[TurnId, ...]
    sessions: tuple[int, ...]


def distinct(items: Iterable[Item], limit: int | None = None) -> tuple[Item, ...]:
    """Each item once, where it stands first."""
    return tuple(dict.fromkeys(items))[:limit]


def recall_at(k: int, ranked: Sequence[Item], wanted: Iterable[Item]) -> float:
    """The share of `wanted` among the first `k` of a ranking without repeats, 0..1.

    `[a, b, c]` has 1 of the 2 wanted `{b, d}` among its first 2: 0.5.

    Raises: ValueError when nothing is wanted.
    """
    sought = set(wanted)
    if not sought:
        raise ValueError("a question without evidence has no recall")
    return len(sought.intersection(ranked[:k])) / len(sought)


def figures(found: Sequence[Found], *, published: bool = False) -> dict[str, Any]:
    """Recall over all questions and by category.

    Args:
        published: judge by the evidence as the set gives it, without the corrections.
    Returns: `turn` and `session`, each `recall_at_5` and `recall_at_10`; `n` questions judged, `n_without_evidence`;
        `category_<C>` with the same and the category's `name`.
    """
    judged = _level(found, published)
    for category in sorted({f.question.category for f in found}):
        rows = [f for f in found if f.question.category == category]
        judged[f"category_{category}"] = {"name": CATEGORIES.get(category, "other"), **_level(rows, published)}
    return judged


def _level(found: Sequence[Found], published: bool) -> dict[str, Any]:
    rows = [(f, f.question.published if published else f.question.evidence) for f in found]
    judged = [(f, evidence) for f, evidence in rows if evidence]
    level: dict[str, Any] = {"n": len(judged), "n_without_evidence": len(rows) - len(judged), "turn": {}, "session": {}}
    for k in AT:
        turns = [recall_at(k, f.turns, evidence) for f, evidence in judged]
        sessions = [recall_at(k, f.sessions, {s for s, _ in evidence}) for f, evidence in judged]
        level["turn"][f"recall_at_{k}"] = sum(turns) / len(turns) if turns else None
        level["session"][f"recall_at_{k}"] = sum(sessions) / len(sessions) if sessions else None
    return level
