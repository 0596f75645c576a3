"""Write the report of a run, finished or not: reports/<RUN_ID>/index.md, a self-contained index.html, a page a suite.

    python scripts/report.py --run-id demo
    python scripts/report.py run_id=demo runs=runs out=reports

With --strict a violated invariant, a cell that cannot be read or one that is missing is a failure (after writing).
"""

import argparse
import sys

from hippo_eval.border import exit_code
from hippo_eval.report import write_report
from hippo_mem.errors import GuardrailError


def parse(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", metavar="RUN_ID")
    parser.add_argument("--run-id", "--run_id", help="the run's name under --runs")
    parser.add_argument("--runs", default="runs", help="where runs are kept (default: runs)")
    parser.add_argument("--out", default="reports", help="where the report's folder goes (default: reports)")
    parser.add_argument("--strict", action="store_true")
    flags = [f"--{word}" if word.split("=")[0] in ("run_id", "runs", "out") and "=" in word else word for word in words]
    given = parser.parse_args(flags)
    if (given.run is None) == (given.run_id is None):
        parser.error("give the run once: --run-id RUN_ID")
    return given


def main(given: argparse.Namespace) -> None:
    written = write_report(given.run or given.run_id, runs=given.runs, reports=given.out)
    for line in written.remarks:
        print(f"attention: {line}")
    print(f"{written.n_cells} cells; {written.page}")
    if given.strict and written.remarks:
        raise GuardrailError(f"{len(written.remarks)} things need attention (report in {written.folder})")


if __name__ == "__main__":
    arguments = parse(sys.argv[1:])
    sys.exit(exit_code("report", lambda: main(arguments)))
