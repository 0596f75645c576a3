"""What a change did: the same items before and after. Knows nothing of what happened between.

Two definitions of forgetting, which answer two questions:

* `flips`, item by item: of what was right before, how much is wrong now. A mean that stays the same can hide as many
  lost answers as gained ones, so this is the bar's measure (Dutta et al. 2024, "Accuracy is not all you need").
* `forgetting`, task by task over a sequence of nights: the best a task ever was minus what it is at the end, mean
  over the tasks before the last (Chaudhry et al. 2018, eq. 3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hippo_mem.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Flips:
    """Pairs of one item before and after. `n_lost`: right, then wrong. `n_gained`: wrong, then right."""

    n: int
    n_right_before: int
    n_lost: int
    n_gained: int

    @property
    def lost_share(self) -> float | None:
        """Of what was right before, the share that is wrong now; None when nothing was right."""
        return self.n_lost / self.n_right_before if self.n_right_before else None

    @property
    def flip_share(self) -> float | None:
        """Share of all items that changed either way; None without items."""
        return (self.n_lost + self.n_gained) / self.n if self.n else None


def flips(before: Sequence[bool], after: Sequence[bool]) -> Flips:
    """Count the pairs that changed.

    Raises: InputError when the counts differ.
    """
    if len(before) != len(after):
        raise InputError(f"{len(before)} items before and {len(after)} after are not pairs")
    pairs = list(zip(before, after, strict=True))
    return Flips(
        n=len(pairs),
        n_right_before=sum(bool(b) for b, _ in pairs),
        n_lost=sum(bool(b and not a) for b, a in pairs),
        n_gained=sum(bool(a and not b) for b, a in pairs),
    )


def forgetting(scores: Sequence[Sequence[float]]) -> float | None:
    """Mean over earlier tasks of (best score before the last night minus score after it).

    Shapes: T nights, T tasks; `scores[t][j]` is task j after night t, read for j <= t only.
    Returns: -1..1, above 0 is forgetting; None with fewer than two nights.
    Raises: InputError when a night lacks the score of a task it or an earlier night learned.
    Source: Chaudhry et al. 2018, eq. 3 (the maximum is over the nights from which the task was known).
    """
    last = _checked(scores)
    if last < 1:
        return None
    drops = [max(scores[t][j] for t in range(j, last)) - scores[last][j] for j in range(last)]
    return sum(drops) / len(drops)


def backward_transfer(scores: Sequence[Sequence[float]]) -> float | None:
    """Mean over earlier tasks of (score at the end minus score right after its own night), -1..1.

    Returns: None with fewer than two nights. Source: Lopez-Paz & Ranzato 2017, eq. 3.
    """
    last = _checked(scores)
    return sum(scores[last][j] - scores[j][j] for j in range(last)) / last if last >= 1 else None


def _checked(scores: Sequence[Sequence[float]]) -> int:
    for night, row in enumerate(scores):
        if len(row) <= night:
            raise InputError(f"night {night} has {len(row)} scores, it needs those of tasks 0 to {night}")
    return len(scores) - 1
