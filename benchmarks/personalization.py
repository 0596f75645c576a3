"""Does it adapt to a person at once, and does it forget nothing of what the model knew? (roadmap, § 5.1)

121 hand-written facts in `benchmarks/data/personal_facts.jsonl`, each asked for in other words: before, right after it
was told, when all have been told, and with --sleep after one night, memory OFF. Then --interactions events, of a
thousand 900 told, 90 recalled and 10 answered by the model: an observe takes about 20 ms, an answer a few hundred, so
10 000 take about five minutes on a quiet core; in that mix what is told, which is what could get in the way, weighs
most. Before and after them the packaged general questions are asked, memory ON and from the weights; with --mmlu and
--known also MMLU and known_1000, paired.

    python benchmarks/personalization.py --json runs/bench/personalization.json                  # no night
    python benchmarks/personalization.py --sleep --mmlu DIR --known DIR --json FILE              # everything
    python benchmarks/personalization.py --facts 20 --interactions 0 --json FILE                 # a small slice

Bars: adaptation >= 0.90 and >= 0.15 above before; flips <= 0.01; MMLU's change within its interval around 0. Peer: the
same model without a memory ("before").
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hippo_eval.data import load_sanity
from hippo_eval.forgetting import baseline, measure
from hippo_eval.fresh import fresh_hippo
from hippo_eval.machine import machine, versions
from hippo_eval.personalization import adapt, ask, kept, knows, live, load_facts, scored
from hippo_eval.sets.folders import spread
from hippo_eval.sets.known_facts import measure_known
from hippo_eval.sets.multiple_choice import measure_choices

FACTS = Path(__file__).parent / "data" / "personal_facts.jsonl"
BARS = {"adaptation": 0.90, "above_before": 0.15, "flips": 0.01}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--facts", type=int, help="use so many of the facts, evenly spread (default all)")
    parser.add_argument("--file", type=Path, default=FACTS, help="facts of your own, one JSON object a line")
    parser.add_argument("--interactions", type=int, default=10_000, help="events before forgetting is measured")
    parser.add_argument("--sleep", action="store_true", help="one night over the facts, then ask the weights alone")
    parser.add_argument("--sanity", type=int, help="ask so many of the general questions (default all)")
    parser.add_argument("--mmlu", type=Path, metavar="DIR", help="measure MMLU before and after, from this folder")
    parser.add_argument("--known", type=Path, metavar="DIR", help="measure known_1000 before and after")
    parser.add_argument("--limit", type=int, help="at most so many questions of each of these two")
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--surprise", action="store_true", help="let the model weigh what is told, as users' gates do")
    parser.add_argument("--seed", type=int, default=1337)
    parser.add_argument("--json", type=Path, help="write the figures here")
    args = parser.parse_args()
    began = time.perf_counter()
    result = run(args)
    result["seconds"] = time.perf_counter() - began
    tell(result)
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(result, indent=2, default=str) + "\n")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Everything, in one memory that is gone afterwards."""
    facts = spread(load_facts(args.file), args.facts)
    items = spread([i for i in load_sanity() if i.kind == "chat"], args.sanity)
    result: dict[str, Any] = {
        "n_facts": len(facts), "model": args.model, "seed": args.seed, "versions": versions(), "machine": machine(),
        "bars": BARS,
    }  # fmt: skip
    with fresh_hippo(args.model, surprise=args.surprise) as hippo:
        general = knows(hippo, items, progress, "general questions") if args.interactions else []
        result["adaptation"] = adapt(hippo, facts, progress)
        if args.sleep:
            night = hippo.sleep(progress=progress).to_dict()
            result["night"] = {k: night.get(k) for k in ("verdict", "reason", "seconds", "recall", "keep", "gate")}
            result["after_sleep_off"] = scored(facts, ask(hippo, facts, progress, "asleep, memory OFF", memory=False))
        if args.interactions:
            start = time.perf_counter()
            result["interactions"] = {
                **live(hippo, args.interactions, args.seed, progress), "seconds": time.perf_counter() - start,
            }  # fmt: skip
            result["forgetting_on"] = kept(items, general, knows(hippo, items, progress, "general questions again"))
            off = measure(hippo.lm, baseline(hippo.base, sanity=items))
            result["forgetting_off"] = {k: v for k, v in asdict(off).items() if k != "flipped"}
            after = ask(hippo, facts, progress, "facts, after all interactions")
            result["adaptation"]["after_interactions"] = scored(facts, after)
        if args.mmlu:
            result["mmlu"] = measure_choices(args.mmlu, hippo.lm, progress, limit=args.limit)
        if args.known:
            result["known_facts"] = measure_known(args.known, hippo.lm, progress, limit=args.limit)
    return result


def tell(result: dict[str, Any]) -> None:
    """One line a figure, each with its bar where it has one."""
    adaptation = result["adaptation"]
    for name, stage in (*adaptation.items(), ("after_sleep_off", result.get("after_sleep_off"))):
        if stage and "em" in stage:
            low, high = stage["em_interval"]
            bar = f", bar {BARS['adaptation']}" if name in ("at_once", "after_all") else ""
            print(f"{name:18} EM {stage['em']:.3f} ({low:.3f} to {high:.3f}{bar}), mentioned {stage['mentioned']:.3f}")
    print(f"above before       {adaptation['after_all']['em'] - adaptation['before']['em']:+.3f} (bar +0.15)")
    if "night" in result:
        print(f"night              {result['night']['verdict']}: {result['night']['reason']}")
    if "forgetting_on" in result:
        on, off = result["forgetting_on"], result["forgetting_off"]
        print(f"interactions       {result['interactions']}")
        print(f"flips, memory ON   {on['flips']} ({on['n_flipped']} of {on['n_right_before']}, bar {BARS['flips']})")
        print(f"flips, memory OFF  {off['known_fact_flips']} ({off['n_flipped']} of {off['n_right_before']})")
    for name in ("mmlu", "known_facts"):
        if name in result:
            r = result[name]
            print(f"{name:18} {r['accuracy_before']:.3f}, now {r['accuracy']:.3f}, flips {r['flips']}, n {r['n']}")


def progress(stage: str, done: int, total: int) -> None:
    """A line on stderr at each stage's beginning and end, and every thousand."""
    if done in (0, total) or done % 1000 == 0:
        print(f"{stage} {done}/{total}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
