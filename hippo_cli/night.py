"""The commands of the night: sleep, and the list of nights with undo and show. Knows nothing of training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hippo_cli.plain import one_line, print_json, to_plain
from hippo_cli.progress import StageBars
from hippo_cli.session import Session, with_session
from hippo_cli.waking import confirm
from hippo_mem.errors import InputError


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
        print_json(report)
    else:
        _print_verdict(to_plain(report))


def _print_verdict(report: dict[str, Any]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    kept = bool(report.get("kept"))
    number = report.get("number", report.get("night"))
    verdict = ("kept", "bold green") if kept else ("undone", "bold yellow")
    console.print(
        Text.assemble(f"night {number} ", verdict, f": {one_line(str(report.get('reason') or 'every check passed'))}")
    )
    if report.get("folder"):
        console.print(Text(f"report: {report['folder']}", style="dim"))


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
    rows = [to_plain(night) for night in nights]
    columns = [name for name, value in rows[0].items() if not isinstance(value, (dict, list))]
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in columns:
        table.add_column(name.replace("_", " "))
    for row in rows:
        table.add_row(*(Text(one_line(str(row[name]))) for name in columns))
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
    if session.as_json:
        print_json(night)
        return
    console = Console(highlight=False, soft_wrap=True)
    for page in (Path(night.folder) / "report.md", Path(night.folder) / "report.json"):
        if page.is_file():
            console.print(page.read_text(encoding="utf-8"), markup=False)
            console.print(str(page), style="dim")
            return
    console.print_json(data=to_plain(night))


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
