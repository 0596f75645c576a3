"""Run one configuration of the spiking columns.

    python -m scripts.run_experiment --config configs/stage4_sequential_X_Xprime_soft_sleep.yaml
    python -m scripts.run_experiment --config configs/<name>.yaml --seed 3 --set sleep.epochs=3

Writes runs/<name>/<seed>/; a finished run of the same configuration is not repeated (--again repeats it). The
images come from `hippo-columns data get`.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from hippo_columns import settings
from hippo_columns.runner import run
from hippo_mem.errors import HippoError


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", required=True, type=Path)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--set", action="append", default=[], metavar="A.B=C", dest="overrides")
    parser.add_argument("--name", help="of the folder under --out; default: the file's name")
    parser.add_argument("--out", type=Path, default=Path("runs"))
    parser.add_argument("--again", action="store_true")
    given = parser.parse_args(arguments)
    try:
        config = settings.load(given.config, given.overrides, seed=given.seed)
        name = given.name or given.config.stem
        folder = given.out / name / str(config.seed)
        summary = run(config, folder, name=name, say=print, again=given.again)
    except HippoError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for key in ("before_sleep", "after_sleep"):
        if key in summary:
            print(f"{key}: test_acc_mean {summary[key]['test_acc_mean']:.4f} {summary[key]['test_acc']}")
    print(f"{summary['samples_seen']} samples in {summary['seconds']:.1f} s; {folder / 'summary.json'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
