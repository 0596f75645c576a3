"""The command that writes the report of an evaluation run. Knows nothing of what is in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from hippo_cli.plain import one_line, print_json
from hippo_cli.session import Session, with_session

_SHOWN = 12


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(name="report")(with_session(report))


def report(
    session: Session,
    run_id: Annotated[str, typer.Argument(metavar="RUN_ID", help="The run, as it is called under --runs.")],
    runs: Annotated[Path, typer.Option(help="Where runs are kept.")] = Path("runs"),
    out: Annotated[Path, typer.Option(help="Where the report's folder goes.")] = Path("reports"),
) -> None:
    """Write what an evaluation run shows: index.html, index.md and a page a suite. Half a run says what is missing.

    Example: hippo report demo && xdg-open reports/demo/index.html
    """
    from hippo_eval.report import write_report

    written = write_report(run_id, runs=runs, reports=out)
    if session.as_json:
        print_json(written)
        return
    console = Console(highlight=False)
    for line in written.remarks[:_SHOWN]:
        console.print(Text.assemble(("! ", "yellow"), one_line(line)))
    if len(written.remarks) > _SHOWN:
        console.print(Text(f"and {len(written.remarks) - _SHOWN} more on the page", style="dim"))
    console.print(Text(f"{written.n_cells} cells; {written.page}"))
