"""Check files of figures: python -m hippo_eval.schema runs/demo/memory/hei_nw/episodic/*/metrics.json."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from hippo_eval.border import exit_code
from hippo_eval.schema.validation import check_file, schema
from hippo_mem.errors import InputError, StoreFormatError


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line: 0 when every file keeps to the schema, else 2."""
    parser = argparse.ArgumentParser(prog="python -m hippo_eval.schema", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", nargs="*", metavar="FILE", help="metrics.json of a run")
    parser.add_argument("--print", action="store_true", dest="show", help="print the schema itself")
    given = parser.parse_args(arguments)
    if given.show == bool(given.files):
        parser.error("give files, or --print alone")
    return exit_code("schema", lambda: _print() if given.show else _check(given.files))


def _print() -> None:
    sys.stdout.write(json.dumps(schema(), indent=2) + "\n")


def _check(names: Sequence[str]) -> None:
    wrong: list[str] = []
    for name in names:
        try:
            check_file(name)
        except InputError as error:
            wrong.append(str(error))
        else:
            sys.stdout.write(f"{name}: keeps to the schema\n")
    if wrong:
        raise StoreFormatError("; ".join(wrong))


if __name__ == "__main__":
    sys.exit(main())
