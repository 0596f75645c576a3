"""Every command under one name, and their border: what fails ends here as one line on stderr and an exit code.

Exit codes: 0 done, 1 it could not be done, 2 it was asked in a way that means nothing. Ctrl-C ends in `main`.
Knows nothing of what the commands do.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import Abort, TyperException

from hippo_cli import chat, doctor, keeping, measure, night, report, serve, waking
from hippo_cli.main import STOPPED
from hippo_cli.plain import one_line
from hippo_cli.session import HomeOption, JsonOption, ModelOption, Session, UserOption, VerboseOption
from hippo_eval.border import hide_bars_of_libraries
from hippo_mem.errors import HippoError
from hippo_mem.home import unreadable

log = logging.getLogger("hippo_cli")

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
    try:
        code = app(args=list(words) or ["--help"], prog_name="hippo", standalone_mode=False)
    except TyperException as error:
        usage = getattr(getattr(error, "ctx", None), "command_path", "hippo")
        return _fail(f"{_message_of(error)} (try: {usage} --help)", 2)
    except HippoError as error:
        log.debug("where it came from", exc_info=True)
        return _fail(str(error), 1)
    except Abort:
        raise KeyboardInterrupt from None
    except BrokenPipeError:
        # The reader of our output went away (`hippo recall x | head -1`): not a failure worth a line.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except PermissionError as error:
        log.debug("where it came from", exc_info=True)
        return _fail(str(unreadable(Path(os.fsdecode(error.filename)), error) if error.filename else error), 1)
    except Exception as error:
        log.debug("where it came from", exc_info=True)
        return _fail(f"{type(error).__name__}: {error} (an error in hippo itself; --verbose shows where)", 1)
    if code == STOPPED:  # typer turns Ctrl-C into this code
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0


def listen(verbose: bool) -> None:
    """What libraries say goes to stderr: everything of ours when `verbose`, else what explains a wait or a failure."""
    logging.basicConfig(level=logging.ERROR, format="%(name)s: %(message)s", stream=sys.stderr)
    for ours in ("hippo_mem", "hippo_eval", "hippo_cli"):
        logging.getLogger(ours).setLevel(logging.DEBUG if verbose else logging.ERROR)
    if not verbose:
        logging.getLogger("hippo_mem.lm.source").setLevel(logging.INFO)  # "converting ..., once": a wait of 15 s
        hide_bars_of_libraries()
        warnings.simplefilter("ignore")  # libraries' advice to developers


def _message_of(error: TyperException) -> str:
    formatted = getattr(error, "format_message", None)
    message = str(formatted() if formatted else error).rstrip(".")
    return message.removeprefix("Invalid value: ")


def _fail(message: str, code: int) -> int:
    sys.stderr.write(f"hippo: {one_line(message)}\n")
    return code
