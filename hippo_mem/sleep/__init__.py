"""Sleep: what was told goes into the weights, and is kept only if nothing else got worse.

In: traces and a model. Out: a night, a folder with an adapter, its gate and a report. Knows nothing of evaluation
suites, servers or the command line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hippo_mem.sleep.nights import Night, Nights
from hippo_mem.sleep.report import NightReport

if TYPE_CHECKING:
    from hippo_mem.sleep.night import consolidate, merge_adapter, train_night

__all__ = ["Night", "NightReport", "Nights", "consolidate", "merge_adapter", "train_night"]


def __getattr__(name: str) -> Any:
    """Training brings torch along, which a process that only serves does without."""
    if name in ("consolidate", "merge_adapter", "train_night"):
        from hippo_mem.sleep import night

        return getattr(night, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
