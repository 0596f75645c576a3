"""Ask the same questions before (--phase pre) and after (--phase post) a night, and print what it changed.

    python scripts/test_consolidation.py --phase pre --suite episodic --n 50 --seed 1337 --memory_off true \\
        --model smollm2-135m --outdir runs/demo/consolidation/pre
    python scripts/test_consolidation.py --phase post --suite episodic --n 50 --seed 1337 --memory_off true \\
        --model smollm2-135m --lora runs/demo/consolidation/lora --outdir runs/demo/consolidation/post
"""

import argparse
import sys

from hippo_cli.progress import StageBars
from hippo_eval.border import exit_code
from hippo_eval.cells import METRICS
from hippo_eval.consolidation import DEFAULT_MODEL, ask_phase
from hippo_eval.flags import truth
from hippo_eval.summary import lines


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--phase", choices=("pre", "post"), required=True)
    parser.add_argument("--suite", "--task", default="episodic")
    parser.add_argument("--n", type=int, default=50, help="facts taught (default: 50)")
    parser.add_argument("--seed", type=int, default=1337)
    parser.add_argument("--memory_off", "--memory-off", type=truth, nargs="?", const=True, default=True)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--outdir", required=True)
    parser.add_argument("--lora", "--adapter", dest="adapter", help="folder that the night wrote")
    parser.add_argument("--pre_dir", "--pre-dir", help="folder of the pre phase (default: pre beside --outdir)")
    parser.add_argument("--store_dir", "--store-dir", help="with --memory_off false: the saved store")
    parser.add_argument("--session_id", "--session-id")
    return parser.parse_args()


def main(given: argparse.Namespace) -> None:
    with StageBars() as bars:
        metrics = ask_phase(**vars(given), progress=bars)
    print("\n".join([*lines(metrics), f"{given.outdir}/{METRICS}"]))


if __name__ == "__main__":
    arguments = parse()
    sys.exit(exit_code("test_consolidation", lambda: main(arguments)))
