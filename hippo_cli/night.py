"""The commands of the night: sleep, and the list of nights with undo and show. Knows nothing of training."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hippo_cli.plain import one_line, print_json
from hippo_cli.progress import StageBars
from hippo_cli.session import Session, with_session
from hippo_cli.waking import confirm
from hippo_mem.errors import InputError, StoreFormatError

# Files of a night's folder; `hippo_mem.sleep.report` writes them, and importing it here would load torch.
JSON, PAGE = "report.json", "report.html"


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command(name="sleep")(with_session(sleep))
    group = typer.Typer()
    group.callback(invoke_without_command=True)(with_session(_nights))
    group.command(name="list")(with_session(list_nights))
    group.command(name="show")(with_session(show_night))
    group.command(name="undo")(with_session(undo_night))
    app.add_typer(group, name="nights")


def sleep(
    session: Session,
    config: Annotated[
        str | None,
        typer.Option(help="A YAML file, or a name under configs/consolidation such as lora_small (default: default)."),
    ] = None,
    merge: Annotated[
        bool, typer.Option("--merge", help="Also bake the adapter into a copy of the base model (its full size).")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before the copy of --merge is written.")] = False,
) -> None:
    """Let a night pass: learn what was told into the weights, check that nothing else was lost, keep or undo.

    Ctrl-C is safe: the last good night stays in force.

    Example: hippo sleep

    Example: hippo sleep --config lora_small --json
    """
    from hippo_mem.config import SleepConfig, from_mapping, load_yaml
    from hippo_mem.configs_path import find_config

    chosen = None
    if config is not None:
        file = find_config(config, "consolidation")
        chosen = from_mapping(SleepConfig, load_yaml(file), origin=str(file))
    if merge:
        confirm("Write a merged copy of the whole model beside the adapter?", yes)
    with session.open() as hippo, StageBars() as bars:
        report = hippo.sleep(chosen, progress=bars, merge=merge)
    if session.as_json:
        print_json(report.to_dict())
    else:
        _print_report(report.to_dict())


def _print_report(report: dict[str, Any]) -> None:
    """A night's report as `NightReport.to_dict` gives it, the verdict first: it is what a user waits for."""
    console = Console(highlight=False, soft_wrap=True)
    verdict = report["verdict"]
    title = "" if report["number"] is None else f"night {report['number']} "
    style = {"kept": "bold green", "undone": "bold yellow"}.get(verdict, "bold")
    console.print(Text.assemble(title, (verdict, style), f": {one_line(report['reason'])}"))
    if report["n_facts"]:
        console.print(
            f"{report['n_facts']} memories ({report['n_new']} new), {report['steps']} steps, {report['seconds']:.0f} s"
        )
    if report["unlearned"]:
        console.print(f"{len(report['unlearned'])} deleted memories taken out of the weights")
    if recall := report["recall"]:
        console.print(f"right with memory off, in words never trained on: {recall['share']:.1%} of {recall['n']}")
    if keep := report["keep"]:
        console.print(
            f"next words that moved on general prompts: {keep['flips']:.1%} of {keep['n_prompts']}; "
            f"general text: {keep['ce_delta_nats']:+.4f} nats a token"
        )
    for name, value in (("merged model", report["merged"]), ("report", _page(report["folder"]))):
        if value:
            console.print(Text(f"{name}: {value}", style="dim"))


def _page(folder: str) -> str:
    """The night's readable page, else its folder."""
    page = Path(folder) / PAGE
    return str(page) if folder and page.is_file() else folder


def _nights(session: Session, typer_context: typer.Context) -> None:
    """List the nights, look into one, or go back.

    Example: hippo nights show 3

    Example: hippo nights undo
    """
    typer_context.obj = session
    if typer_context.invoked_subcommand is None:
        list_nights(session)


def list_nights(session: Session) -> None:
    """Every night: when, how much it learned, whether it is in force.

    Example: hippo nights list --json
    """
    with session.open() as hippo:
        nights = hippo.nights()
    if session.as_json:
        print_json(nights)
        return
    console = Console(highlight=False)
    if not nights:
        console.print("no night yet; `hippo sleep` is the first")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("night", "when", "status", "facts", "new", "recall", "seconds", "reason"):
        table.add_column(name, justify="left" if name in ("when", "status", "reason") else "right")
    for night in nights:
        table.add_row(
            str(night.number),
            datetime.fromtimestamp(night.created).strftime("%Y-%m-%d %H:%M"),
            Text("in force", "bold green") if night.in_force else Text(night.status),
            str(night.n_facts),
            str(night.n_new),
            "none" if night.recall is None else f"{night.recall:.2f}",
            f"{night.seconds:.0f}",
            Text(one_line(night.reason), style="dim"),
        )
    console.print(table)


def show_night(
    session: Session,
    number: Annotated[int, typer.Argument(min=1, help="Which night, as `hippo nights` numbers them.")],
) -> None:
    """The report of one night.

    Example: hippo nights show 1
    """
    with session.open() as hippo:
        nights = {night.number: night for night in hippo.nights()}
    if number not in nights:
        raise InputError(f"there is no night {number}; there are: {', '.join(map(str, sorted(nights))) or 'none'}")
    night = nights[number]
    record = Path(night.folder) / JSON
    if not record.is_file():
        raise InputError(f"night {number} has no report: {record} is missing")
    try:
        report = json.loads(record.read_text(encoding="utf-8"))
    except ValueError as error:
        raise StoreFormatError(f"{record} is damaged: {error}") from error
    if session.as_json:
        print_json({"night": night, "report": report})
    else:
        _print_report({**report, "folder": night.folder})


def undo_night(
    session: Session,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False,
) -> None:
    """Go back to the night before the last one kept; its memories will be learned anew by the next sleep.

    Example: hippo nights undo --yes
    """
    with session.open() as hippo:
        confirm("Undo the last night?", yes)
        night = hippo.undo_night()
    if session.as_json:
        print_json({"in_force": night})
    elif night is None:
        Console(highlight=False).print("no night is in force: the base model speaks alone")
    else:
        Console(highlight=False).print(f"night {night.number} is in force again")
