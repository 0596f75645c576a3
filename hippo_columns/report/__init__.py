"""Studies over seeds, and what they show.

In: a list of configurations, and finished runs. Out: tables, pictures, one page. A figure that was not measured is
missing, and the report says so. Knows nothing of how a network is trained.
"""

from hippo_columns.report.study import Study, jobs, load_study, run_study
from hippo_columns.report.write import write_report

__all__ = ["Study", "jobs", "load_study", "run_study", "write_report"]
