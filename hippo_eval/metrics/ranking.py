"""How high the right memory stands among those recalled. Knows nothing of what is done with them.

Ranks count from 1. A ranking may repeat an item; its first place counts.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from typing import TypeVar

from hippo_eval.metrics.answers import holds_answer
from hippo_mem.errors import InputError

T = TypeVar("T", bound=Hashable)


def recall_at_k(relevant: Collection[T], ranked: Sequence[T], k: int) -> float | None:
    """Share of the relevant items among the first k, 0..1; None when nothing is relevant.

    Raises: InputError for k < 1.
    """
    if k < 1:
        raise InputError(f"recall@k needs k >= 1, got {k}")
    wanted = set(relevant)
    return len(wanted & set(ranked[:k])) / len(wanted) if wanted else None


def reciprocal_rank(relevant: Collection[T], ranked: Sequence[T]) -> float:
    """1 / rank of the first relevant item; 0 when none is there."""
    wanted = set(relevant)
    return next((1 / rank for rank, item in enumerate(ranked, start=1) if item in wanted), 0.0)


def answer_rank(recalled: Sequence[str], answer: str) -> int | None:
    """Rank of the first recalled text that has the answer in it, as whole normalized words; None when none has."""
    return next((rank for rank, text in enumerate(recalled, start=1) if holds_answer([text], answer)), None)


def hit_rate_at_k(ranks: Sequence[int | None], k: int) -> float | None:
    """Share of questions whose answer stood at rank k or better: recall@k with one relevant text a question.

    Returns: 0..1; None without questions. Raises: InputError for k < 1.
    """
    if k < 1:
        raise InputError(f"recall@k needs k >= 1, got {k}")
    return sum(rank is not None and rank <= k for rank in ranks) / len(ranks) if ranks else None


def mean_reciprocal_rank(ranks: Sequence[int | None]) -> float | None:
    """Mean of 1 / rank, a missing one counting 0; None without questions. Source: Voorhees 1999, TREC-8."""
    return sum(0.0 if rank is None else 1 / rank for rank in ranks) / len(ranks) if ranks else None
