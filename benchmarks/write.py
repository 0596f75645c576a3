"""What one write costs: `observe` with sentence vector, gate, extraction and fsync, one event at a time and in a batch.

    python benchmarks/write.py --n 2000 --json runs/bench/write.json          # about 2 minutes on two cores

Every event goes through the ordinary awake memory with the real sentence vectors; no language model is loaded, as
nothing on this path may generate text (`--surprise cheap` adds the surprise that is counted from the store's own
words). Single writes are timed one by one, each with its own transaction on disk; the batch is one `observe_many` of as
many other sentences. `p50_ms` and `p95_ms` are over all single writes, `quiet` the least of `--rounds` equal parts of
the run: others may use this machine. `batch_speedup` is events a second in the batch over those one at a time.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from hippo_mem.awake import Awake
from hippo_mem.config import GateConfig
from hippo_mem.embed import MiniLMEmbedder

PEOPLE = ("Ana", "Ben", "Cleo", "Dev", "Elif", "Femi", "Gus", "Hana", "Ivo", "Jun", "Kira", "Leo", "Mara", "Nils")
KINDS = ("lamp", "kite", "clock", "violin", "ledger", "kettle", "compass", "saddle", "mirror", "anchor", "quilt")
LOOKS = ("brass", "striped", "marble", "cracked", "blue", "heavy", "tiny", "wooden", "silver", "faded", "round")
PLACES = ("attic", "harbor", "library", "cellar", "market", "garden", "station", "chapel", "kitchen", "workshop")
DAYS = ("Monday", "Tuesday", "Friday", "Sunday")
SHAPES = (
    "{who} hid the {look} {kind} in the {place} on {day}.",
    "On {day} {who} gave {other} a {look} {kind} that had been in the {place} for {number} years.",
    "My friend {who} works at the {place} and collects every {look} {kind} she can find, {number} so far.",
    "The {place} is north of the {kind} shop where {who} met {other} at {number} past nine.",
    "{who} does not like the {look} {kind}; {other} paid {number} euros for it at the {place}.",
    "I moved the {kind} from the {place} to room {number}, because {who} asked me to.",
)


def sentences(n: int, seed: int) -> list[str]:
    """n different sentences of 8 to 20 words in six shapes."""
    rng = np.random.default_rng(seed)
    found: dict[str, None] = {}
    while len(found) < n:
        who, other = rng.choice(PEOPLE, 2, replace=False)
        found[
            SHAPES[len(found) % len(SHAPES)].format(
                who=who, other=other, kind=rng.choice(KINDS), look=rng.choice(LOOKS), place=rng.choice(PLACES),
                day=rng.choice(DAYS), number=rng.integers(2, 10_000),
            )
        ] = None  # fmt: skip
    return list(found)


def stages(memory: Awake, texts: list[str]) -> dict[str, float]:
    """Median milliseconds of the parts that can be timed apart: one vector alone, one fsynced transaction alone."""
    spent: dict[str, list[float]] = {"embed": [], "commit": []}
    for text in texts:
        start = time.perf_counter()
        memory.embedder.embed([text])
        spent["embed"].append(time.perf_counter() - start)
        start = time.perf_counter()
        memory.ledger.count(benchmark=1)
        spent["commit"].append(time.perf_counter() - start)
    return {name: round(1e3 * float(np.median(values)), 3) for name, values in spent.items()}


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """All figures in a home of its own."""
    texts = sentences(2 * args.n, args.seed)
    one, many = texts[: args.n], texts[args.n :]
    config = GateConfig(surprise=args.surprise)
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        with Awake.open(folder, "single", embedder=MiniLMEmbedder(), config=config) as memory:
            memory.observe("The first write loads the models.")
            spent = np.empty(args.n)
            kinds: dict[str, int] = {}
            for i, text in enumerate(one):
                start = time.perf_counter()
                outcomes = memory.observe(text)
                spent[i] = 1e3 * (time.perf_counter() - start)
                for outcome in outcomes:
                    kinds[outcome.kind] = kinds.get(outcome.kind, 0) + 1
            parts = stages(memory, one[:50])
            stored = len(memory.store)
            embedder = memory.embedder
        with Awake.open(folder, "batch", embedder=embedder, config=config) as memory:
            memory.observe("The first write loads the models.")
            start = time.perf_counter()
            memory.observe_many(many)
            batch_s = time.perf_counter() - start
    single_s = float(spent.sum()) / 1e3
    rounds = [np.percentile(part, [50, 95]) for part in np.array_split(spent, args.rounds)]
    quiet = np.min(rounds, axis=0)
    p50, p95 = (round(float(p), 3) for p in np.percentile(spent, [50, 95]))
    return {
        "p50_ms": p50,
        "p95_ms": p95,
        "quiet": {"p50_ms": round(float(quiet[0]), 3), "p95_ms": round(float(quiet[1]), 3)},
        "batch_speedup": round(single_s / batch_s, 3),
        "single_per_s": round(args.n / single_s, 1),
        "batch_per_s": round(args.n / batch_s, 1),
        "parts_ms": parts,
        "n": args.n,
        "stored": stored,
        "outcomes": kinds,
        "seed": args.seed,
        "surprise": args.surprise,
        "load_average": os.getloadavg()[0],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=2_000, help="events one at a time, and as many in a batch")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--surprise", choices=("off", "cheap"), default="off")
    parser.add_argument("--seed", type=int, default=1337)
    parser.add_argument(
        "--folder", type=Path, help="where the stores are made (default: the system's temporary folder)"
    )
    parser.add_argument("--json", type=Path, help="write the figures here")
    args = parser.parse_args()
    if args.n < args.rounds or args.rounds < 1:
        parser.error("--n must be at least --rounds, and --rounds at least 1")
    found = measure(args)
    print(
        f"{args.n} writes: p50 {found['p50_ms']:.1f} ms, p95 {found['p95_ms']:.1f} ms "
        f"(quietest fifth {found['quiet']['p50_ms']:.1f} and {found['quiet']['p95_ms']:.1f}), of which a vector "
        f"{found['parts_ms']['embed']:.1f} and a commit {found['parts_ms']['commit']:.1f}; batch "
        f"{found['batch_per_s']:.0f}/s, {found['batch_speedup']:.1f} times one at a time"
    )
    from hippo_eval.machine import machine, versions

    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps({**found, "machine": machine(), "versions": versions()}, indent=2) + "\n")


if __name__ == "__main__":
    main()
