"""What was worth writing, and what a habit saved. In: counts and flags. Knows nothing of gates, maps or scripts."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TypeVar

from hippo_mem.errors import InputError

T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteScore:
    """`precision`: of what was written, the share worth it. `recall`: of what was worth it, the share written.

    None where there is nothing to take a share of.
    """

    precision: float | None
    recall: float | None


def write_score(written: AbstractSet[T], worth: AbstractSet[T]) -> WriteScore:
    """Judge a gate by the events it let in (`written`) and those that later mattered (`worth`)."""
    kept = len(written & worth)
    return WriteScore(
        precision=kept / len(written) if written else None,
        recall=kept / len(worth) if worth else None,
    )


def reuse_rate(by_macro: Sequence[bool]) -> float | None:
    """Share of tasks that a stored macro answered, among those it could have; None without tasks."""
    return sum(by_macro) / len(by_macro) if by_macro else None


def steps_saved(without: Sequence[int], with_macro: Sequence[int]) -> float | None:
    """Mean share of steps a macro spares: (without - with) / without, task by task.

    Args:   without, with_macro: steps to solve the same tasks, 1 or more without.
    Returns: at most 1; below 0 where macros cost steps; None without tasks.
    Raises: InputError when counts differ or a task takes no step.
    """
    if len(without) != len(with_macro) or any(n < 1 for n in without):
        raise InputError(f"steps saved needs pairs of step counts of 1 or more, got {without!r} and {with_macro!r}")
    shares = [(a - b) / a for a, b in zip(without, with_macro, strict=True)]
    return sum(shares) / len(shares) if shares else None
