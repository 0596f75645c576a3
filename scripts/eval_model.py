"""Teach, replay or test a preset on a suite; settings are given as key=value.

    python scripts/eval_model.py preset=memory/hei_nw task=episodic n=50 seed=1337
    python scripts/eval_model.py suite=episodic preset=memory/hei_nw,baselines/rag seeds=[1,2,3] run_id=mine
    python scripts/eval_model.py preset=memory/hei_nw task=episodic n=200 seed=1337 mode=teach persist=true \\
        store_dir=runs/demo/stores session_id=seed1337 outdir=runs/demo/memory/teach

Several values of a setting are several runs; one that is finished is not measured again, one that was stopped goes on.
dry_run=true shows the resolved settings and runs nothing; ablation=NAME changes the preset (below); strict=true makes
every warning a failure. Every setting: hippo_eval/settings.py.
"""

import json
import sys
from collections.abc import Sequence

from hippo_cli.progress import StageBars
from hippo_eval.border import exit_code
from hippo_eval.cells import METRICS
from hippo_eval.composing import ablations, presets, resolve, resolve_all
from hippo_eval.runner import out_dir, run
from hippo_eval.settings import hash_of
from hippo_eval.summary import lines, over_runs
from hippo_mem.config import to_dict


def main(arguments: Sequence[str]) -> None:
    if {"-h", "--help"} & set(arguments):
        print(f"{__doc__}\npresets: {', '.join(presets())}\nablations:")
        print("\n".join(f"  {name:<18} {what}" for name, what in ablations().items()))
        print("settings and their defaults:\n" + json.dumps(to_dict(resolve([])), indent=2))
        return
    configs = resolve_all(arguments)
    if configs[0].dry_run:
        shown = [{"config": to_dict(c), "config_hash": hash_of(c)} for c in configs]
        print(json.dumps(shown[0] if len(shown) == 1 else shown, indent=2))
        return
    found = []
    with StageBars() as bars:
        for config in configs:
            out = out_dir(config)
            found.append((run(config, bars, out), out / METRICS))
    for metrics, file in found:
        print("\n".join([*lines(metrics), f"{file}"]))
    if len(found) > 1:
        print("\n".join(over_runs([metrics for metrics, _ in found])))


if __name__ == "__main__":
    sys.exit(exit_code("eval_model", lambda: main(sys.argv[1:])))
