"""Reports. In: the files a run left. Out: pages in Markdown and self-contained HTML that say what the figures show.

    reading ► figures ► verdict, examples, invariants, missing ► sections, suite_page ► html_page, markdown_page

`write_report` does it all. Knows nothing of how answers come about.
"""

from hippo_eval.report.writing import Written, write_report

__all__ = ["Written", "write_report"]
