"""Every command under one name, and what is said where one fails. Exit codes are those of `border`; Ctrl-C ends in
`main`. Knows nothing of what the commands do.
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer
from typer.exceptions import TyperException

from hippo_cli import border, chat, doctor, keeping, measure, night, report, serve, waking
from hippo_cli.session import HomeOption, JsonOption, ModelOption, Session, UserOption, VerboseOption
from hippo_eval.border import hide_bars_of_libraries

app = typer.Typer(
    name="hippo",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["--help", "-h"]},
    help=(
        "Memory for a small language model: told once, recalled at once, learned into its weights by a night's sleep."
        "\n\nExample: [bold]hippo remember 'Marta hid the key in the barn.' && hippo ask 'Where is the key?'[/bold]"
    ),
)
waking.add_to(app)
chat.add_to(app)
night.add_to(app)
measure.add_to(app)
report.add_to(app)
keeping.add_to(app)
doctor.add_to(app)
serve.add_to(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        try:
            typer.echo(f"hippo {version('hippo-memory')}")
        except PackageNotFoundError:
            typer.echo("hippo (not installed)")
        raise typer.Exit


@app.callback()
def _root(
    ctx: typer.Context,
    home: HomeOption = None,
    user: UserOption = None,
    model: ModelOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    ctx.obj = Session(home=home, user=user, model=model, as_json=as_json, verbose=verbose)


def run(words: Sequence[str]) -> int:
    """Run one command line and return its exit code.

    Raises: KeyboardInterrupt when it was stopped with Ctrl-C.
    """
    return border.run(app, list(words) or ["--help"], "hippo", usage=_usage, unexpected=_unexpected)


def _usage(error: TyperException) -> str:
    command = getattr(getattr(error, "ctx", None), "command_path", "hippo")
    return f"{border.message_of(error).removeprefix('Invalid value: ')} (try: {command} --help)"


def _unexpected(error: Exception) -> str:
    return f"{type(error).__name__}: {error} (an error in hippo itself; --verbose shows where)"


def listen(verbose: bool) -> None:
    """What libraries say goes to stderr: everything of ours when `verbose`, else what explains a wait or a failure."""
    logging.basicConfig(level=logging.ERROR, format="%(name)s: %(message)s", stream=sys.stderr)
    for ours in ("hippo_mem", "hippo_eval", "hippo_cli"):
        logging.getLogger(ours).setLevel(logging.DEBUG if verbose else logging.ERROR)
    if not verbose:
        logging.getLogger("hippo_mem.lm.source").setLevel(logging.INFO)  # "converting ..., once": a wait of 15 s
        hide_bars_of_libraries()
        warnings.simplefilter("ignore")  # libraries' advice to developers
