"""Sleep: what was told goes into the weights, and is kept only if nothing else got worse.

In: traces and a model. Out: a night, a folder with an adapter, its gate and a report. Knows nothing of evaluation
suites, servers or the command line.
"""

from hippo_mem.sleep.night import consolidate, merge_adapter, train_night
from hippo_mem.sleep.nights import Night, Nights
from hippo_mem.sleep.report import NightReport

__all__ = ["Night", "NightReport", "Nights", "consolidate", "merge_adapter", "train_night"]
