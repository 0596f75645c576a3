"""The schema of `metrics.json` and its validator.

In: figures or a file of them. Out: one line a problem. `python -m hippo_eval.schema FILE...` checks files. Knows
nothing of runs or reports.
"""

from hippo_eval.schema.validation import check, check_file, problems_of, schema

__all__ = ["check", "check_file", "problems_of", "schema"]
