"""How long the knowledge graph takes to take facts in and to find them again, by its size.

    python benchmarks/graph.py [--n 1000 10000 50000] [--queries 200] [--json F]

Facts join entities drawn by a power law, so that there are hubs. No peer runs here: what is compared is growth.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from hippo_mem.relational.extract import SpacyExtractor
from hippo_mem.relational.graph import KnowledgeGraph
from hippo_mem.relational.tuples import Tuple
from hippo_mem.storage.database import Database
from hippo_mem.types import Provenance

_RELATIONS = ("likes", "lives_in", "works_at", "friend_of", "owns", "visit", "repair", "located_at")


def facts(n: int, seed: int) -> list[Tuple]:
    """`n` tuples over n/4 entities, the i-th drawn with weight 1/i^0.8."""
    rng = np.random.default_rng(seed)
    names = max(10, n // 4)
    weight = 1.0 / np.arange(1, names + 1) ** 0.8
    ends = rng.choice(names, size=(n, 2), p=weight / weight.sum())
    relations = rng.choice(len(_RELATIONS), size=n)
    return [
        Tuple(head=f"Entity{h}", relation=_RELATIONS[r], tail=f"Entity{t}", span=str(i))
        for i, ((h, t), r) in enumerate(zip(ends.tolist(), relations.tolist(), strict=True))
    ]


def measure(n: int, queries: int, folder: Path) -> dict[str, float]:
    database = Database(folder / f"{n}.sqlite")
    graph = KnowledgeGraph(database, SpacyExtractor())
    told = facts(n, 1)
    started = time.perf_counter()
    for at in range(0, n, 1000):
        provenance = Provenance(text_span="", source="user", time=float(at))
        graph.upsert(told[at : at + 1000], provenance=provenance, now=float(at))
    write_ms = 1000 * (time.perf_counter() - started) / n
    started = time.perf_counter()
    graph.retrieve("Entity1")
    load_ms = 1000 * (time.perf_counter() - started)
    rng = np.random.default_rng(2)
    cues = [f"what does Entity{i} like" for i in rng.integers(0, max(10, n // 4), queries)]
    spent, after_write = [], []
    for cue in cues:
        started = time.perf_counter()
        graph.retrieve(cue, 8)
        spent.append(1000 * (time.perf_counter() - started))
    for i, cue in enumerate(cues[: queries // 4]):
        new = [Tuple(head=f"Entity{i}", relation="likes", tail=f"new {i}", span=f"new {i}")]
        graph.upsert(new, provenance=Provenance(text_span="", source="user", time=float(n)), now=float(n))
        started = time.perf_counter()
        graph.retrieve(cue, 8)
        after_write.append(1000 * (time.perf_counter() - started))
    graph.decide("What does Entity1 like?")
    deciding = []
    for i in rng.integers(0, max(10, n // 4), queries):
        started = time.perf_counter()
        graph.decide(f"Where does Entity{i} live?")
        deciding.append(1000 * (time.perf_counter() - started))
    database.close()
    return {
        "write_ms": write_ms,
        "load_ms": load_ms,
        "p50_ms": float(np.percentile(spent, 50)),
        "p95_ms": float(np.percentile(spent, 95)),
        "after_write_p95_ms": float(np.percentile(after_write, 95)),
        "decide_p95_ms": float(np.percentile(deciding, 95)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--n", type=int, nargs="+", default=[1000, 10_000, 50_000])
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for n in options.n:
            results[str(n)] = measure(n, options.queries, Path(folder))
            print(n, {k: round(v, 2) for k, v in results[str(n)].items()})
    if options.json:
        options.json.write_text(json.dumps({"growth": results}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
