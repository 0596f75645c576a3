"""Where the `hippo-columns` command begins; Ctrl-C is answered from here on. Exit codes are those of `hippo`.

Knows nothing of the commands.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from hippo_cli.main import STOPPED


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        from hippo_cli.columns_commands import run_line

        return run_line(words)
    except KeyboardInterrupt:
        sys.stderr.write("hippo-columns: stopped; finished runs are kept, the same command goes on from there\n")
        return STOPPED


def entry() -> None:
    """The console script."""
    sys.exit(main())
