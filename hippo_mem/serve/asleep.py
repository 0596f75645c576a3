"""One night in a process of its own, told line by line: `python -m hippo_mem.serve.asleep --home DIR --user ID`.

Training needs the whole model in memory and every core; a server that slept in its own process would stay large and
could not be woken. What goes out: JSON lines on stdout, {"stage", "done", "total"} while it works, {"report": …} or
{"error": …, "kind": …} at the end. Killed at any moment, the last good night stays in force. Knows nothing of servers.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from typing import Any

from hippo_mem.errors import HippoError
from hippo_mem.memory import Hippo

_EVERY_S = 0.25  # between two lines of one stage
_NICER = 5  # whoever is awake and asks meanwhile comes first


def main(argv: Sequence[str] | None = None) -> int:
    """Sleep once. Returns 0 for a finished night (kept, undone or nothing to do), 1 for an error that was told."""
    parser = argparse.ArgumentParser(prog="python -m hippo_mem.serve.asleep", description="One night, told in JSON.")
    parser.add_argument("--home", required=True)
    parser.add_argument("--user", required=True)
    parser.add_argument("--model", required=True)
    asked = parser.parse_args(argv)
    try:
        with Hippo.open(asked.home, asked.user, model=asked.model) as hippo:
            report = hippo.sleep(progress=_Lines())
    except HippoError as error:
        _say({"error": str(error), "kind": type(error).__name__})
        return 1
    _say({"report": report.to_dict()})
    return 0


class _Lines:
    """Progress as lines, a few a second at most; the first and last step of a stage are always said."""

    def __init__(self) -> None:
        self._stage, self._at = "", 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        if stage != self._stage or done >= total or now - self._at >= _EVERY_S:
            self._stage, self._at = stage, now
            _say({"stage": stage, "done": done, "total": total})


def _say(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what, ensure_ascii=False) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    os.nice(_NICER)
    sys.exit(main())
