"""`eval_model.py` with flags: --preset memory/hei_nw --task episodic --n 50 --mode teach --persist --store-dir DIR.

Flags and key=value may be mixed; --replay-cycles N, --pre-metrics, --k N and --seeds 1,2,3 are short for the settings
of those names.
"""

import runpy
import sys
from pathlib import Path

from hippo_eval.border import exit_code
from hippo_eval.overrides import from_flags


def main() -> None:
    arguments = sys.argv[1:]
    if {"-h", "--help"} & set(arguments):
        print(__doc__)
        return
    settings = from_flags(arguments)
    print(f"eval_model.py {' '.join(settings)}", file=sys.stderr)
    runpy.run_path(str(Path(__file__).with_name("eval_model.py")))["main"](settings)


if __name__ == "__main__":
    sys.exit(exit_code("eval_cli", main))
