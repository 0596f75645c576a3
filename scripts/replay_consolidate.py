"""Train an adapter by replay out of a saved store: one night.

    python scripts/replay_consolidate.py --store_dir runs/demo/stores --session_id seed1337 \\
        --config configs/consolidation/lora_small.yaml --outdir runs/demo/consolidation/lora
"""

import argparse
import sys

from hippo_cli.progress import StageBars
from hippo_eval.border import exit_code
from hippo_eval.consolidation import TRAINING, train


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store_dir", "--store-dir", required=True, help="the stores' folder, or an algorithm's in it")
    parser.add_argument("--session_id", "--session-id", required=True)
    parser.add_argument("--config", default="default", help="recipe: a YAML file or a name in configs/consolidation")
    parser.add_argument("--outdir", required=True, help="where the adapter goes")
    parser.add_argument("--model", help="default: the model that was taught")
    parser.add_argument(
        "--merge", action="store_true", help="write a copy of the base with the adapter baked in as well"
    )
    parser.add_argument("--seed", type=int, help="of the replay (default: train.seed of the recipe)")
    return parser.parse_args()


def main(given: argparse.Namespace) -> None:
    with StageBars() as bars:
        result = train(**vars(given), progress=bars)
    replay = result["replay"]
    print(f"replayed {replay['samples']} samples of {result['traces']} traces in {replay['cycles']} cycles")
    if "verdict" in result["night"]:
        print(f"the night would be {result['night']['verdict']}: {result['night']['reason']}")
    print(f"adapter for {result['model']} in {given.outdir}; {given.outdir}/{TRAINING}")


if __name__ == "__main__":
    arguments = parse()
    sys.exit(exit_code("replay_consolidate", lambda: main(arguments)))
