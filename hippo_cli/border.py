"""Where what a command line could not do becomes one line on stderr and an exit code.

Exit codes: 0 done, 1 it could not be done, 2 it was asked in a way that means nothing. Ctrl-C goes on to
whoever called. Knows nothing of any command.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import typer
from typer.exceptions import Abort, TyperException

from hippo_cli.main import STOPPED
from hippo_cli.plain import one_line
from hippo_mem.errors import HippoError
from hippo_mem.home import unreadable

log = logging.getLogger(__name__)


def run(
    app: typer.Typer, words: Sequence[str], name: str, *, usage: Callable[[TyperException], str],
    unexpected: Callable[[Exception], str],
) -> int:  # fmt: skip
    """Run one command line of `app` and return its exit code.

    Args:
        usage: what to say of a line that means nothing.
        unexpected: what to say of an error in hippo itself.
    Raises: KeyboardInterrupt when it was stopped with Ctrl-C.
    """

    def fail(message: str, code: int) -> int:
        sys.stderr.write(f"{name}: {one_line(message)}\n")
        return code

    try:
        code = app(args=list(words), prog_name=name, standalone_mode=False)
    except TyperException as error:
        return fail(usage(error), 2)
    except HippoError as error:
        log.debug("where it came from", exc_info=True)
        return fail(str(error), 1)
    except Abort:
        raise KeyboardInterrupt from None
    except BrokenPipeError:
        # The reader of our output went away (`hippo recall x | head -1`): not a failure worth a line.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except PermissionError as error:
        log.debug("where it came from", exc_info=True)
        return fail(str(unreadable(Path(os.fsdecode(error.filename)), error) if error.filename else error), 1)
    except Exception as error:
        log.debug("where it came from", exc_info=True)
        return fail(unexpected(error), 1)
    if code == STOPPED:  # typer turns Ctrl-C into this code
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0


def message_of(error: TyperException) -> str:
    """What typer says of a line, without its full stop."""
    formatted = getattr(error, "format_message", None)
    return str(formatted() if formatted else error).rstrip(".")
