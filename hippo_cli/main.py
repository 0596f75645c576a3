"""Where the `hippo` command begins. Ctrl-C is answered from here on, while the commands are still being read as well.

Exit codes: 0 done, 1 it could not be done, 2 it was asked in a way that means nothing, 130 stopped with Ctrl-C.
Knows nothing of the commands.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

STOPPED = 130  # what a shell calls a program that Ctrl-C ended: 128 + SIGINT


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    return _run(list(sys.argv[1:] if argv is None else argv))


def entry() -> None:
    """The console script. What it sets for the whole process is set here, so that `main` can be called by others."""
    sys.exit(_run(sys.argv[1:], listens=True))


def _run(words: list[str], *, listens: bool = False) -> int:
    try:
        from hippo_cli import commands  # takes most of a second, in which people change their minds

        if listens:
            commands.listen("--verbose" in words or "-v" in words)
        return commands.run(words)
    except KeyboardInterrupt:
        sys.stderr.write("hippo: stopped; nothing was lost\n")
        return STOPPED
