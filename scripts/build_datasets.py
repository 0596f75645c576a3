"""Write the generated suites as JSONL files with cards and checksums: the same bytes on any machine.

python scripts/build_datasets.py --suite episodic --n 50 --seed 1337 --out data
python scripts/build_datasets.py --suite all --n 50 200 1000 --seed 1337 2024 4242 --profile easy default hard
(cd data && sha256sum --check SHA256SUMS)
"""

from __future__ import annotations

import argparse
import sys

from hippo_eval.border import exit_code
from hippo_eval.suites.build import SUMS, build
from hippo_eval.suites.choose import SUITES
from hippo_eval.suites.items import PROFILES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", nargs="+", default=["all"], help=f"all, or some of {', '.join(SUITES)}")
    parser.add_argument("--n", "--size", type=int, nargs="+", default=[50], help="how many (default 50)")
    parser.add_argument("--seed", type=int, nargs="+", default=[1337], help="which items (default 1337)")
    parser.add_argument(
        "--profile", nargs="+", default=["default"], help=f"of {', '.join(PROFILES)} (default: default)"
    )
    parser.add_argument("--out", default="data", help="the folder to write to (default data)")
    args = parser.parse_args()
    suites = list(SUITES) if args.suite == ["all"] else args.suite
    written = build(args.out, suites, sizes=args.n, seeds=args.seed, profiles=args.profile, said=print)
    print(f"{len(written)} files and {args.out}/{SUMS}")


if __name__ == "__main__":
    sys.exit(exit_code("build_datasets", main))
