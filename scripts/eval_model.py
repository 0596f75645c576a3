"""Teach, replay or test a preset on a suite; settings are given as key=value.

    python scripts/eval_model.py preset=memory/hei_nw task=episodic n=50 seed=1337
    python scripts/eval_model.py preset=memory/hei_nw task=episodic n=200 seed=1337 mode=teach persist=true \\
        store_dir=runs/demo/stores session_id=seed1337 outdir=runs/demo/memory/teach

dry_run=true shows the resolved settings and runs nothing. Every setting: hippo_eval/settings.py.
"""

import json
import sys
from collections.abc import Sequence

from hippo_cli.progress import StageBars
from hippo_eval.border import exit_code
from hippo_eval.runner import METRICS, hash_of, out_dir, run
from hippo_eval.settings import presets, resolve
from hippo_eval.summary import lines
from hippo_mem.config import to_dict


def main(arguments: Sequence[str]) -> None:
    if {"-h", "--help"} & set(arguments):
        print(f"{__doc__}\npresets: {', '.join(presets())}\nsettings and their defaults:")
        print(json.dumps(to_dict(resolve([])), indent=2))
        return
    config = resolve(arguments)
    if config.dry_run:
        print(json.dumps({"config": to_dict(config), "config_hash": hash_of(config)}, indent=2))
        return
    out = out_dir(config)
    with StageBars() as bars:
        metrics = run(config, bars, out)
    print("\n".join([*lines(metrics), f"{out / METRICS}"]))


if __name__ == "__main__":
    sys.exit(exit_code("eval_model", lambda: main(sys.argv[1:])))
