"""How many questions the graph of facts answers by itself, by how many facts and what reasoning they take.

    python benchmarks/hops.py                  # right, wrong and unanswered of both parts, by kind
    python benchmarks/hops.py --wrong          # and every question of the development part that is not right
    python benchmarks/hops.py --json F

`data/hops_dev.jsonl` and `data/hops_held_out.jsonl` hold one story a line: `{"name", "told": [sentences in order],
"asked": [{"kind", "q", "a", "as_of"?}]}`. Sentence number i happened at time i. `a` is the answer, a list where several
are right together, null where the story does not tell: then any answer is wrong. "dev" served to improve the graph;
"held_out" was written before, was not looked at while improving it, and is printed for the figure alone. Both have one
author, who knows the code: strangers' wordings are harder.

Answers compare without case, punctuation and leading articles; there is no partial credit. No language model runs.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from hippo_eval.metrics import normalize
from hippo_mem.embed import MiniLMEmbedder
from hippo_mem.relational.extract import SpacyExtractor
from hippo_mem.relational.frames import FrameParser
from hippo_mem.relational.graph import KnowledgeGraph
from hippo_mem.storage.database import Database
from hippo_mem.types import Decision, Event

DATA = Path(__file__).parent / "data"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--split", choices=("dev", "held_out"), help="only this part")
    parser.add_argument("--wrong", action="store_true", help="print what is not right in the development part")
    options = parser.parse_args()
    frames, embedder = FrameParser(), MiniLMEmbedder()
    result: dict[str, Any] = {}
    for split in (options.split,) if options.split else ("dev", "held_out"):
        stories = [json.loads(line) for line in (DATA / f"hops_{split}.jsonl").read_text(encoding="utf-8").splitlines()]
        kinds: dict[str, dict[str, int]] = defaultdict(lambda: {"right": 0, "wrong": 0, "unanswered": 0})
        spent: list[float] = []
        for story in stories:
            with tempfile.TemporaryDirectory() as folder:
                database = Database(Path(folder) / "story.sqlite")
                graph = told(database, story["told"], frames, embedder)
                for asked in story["asked"]:
                    started = time.perf_counter()
                    decision = graph.decide(asked["q"], as_of=asked.get("as_of"))
                    spent.append(1000 * (time.perf_counter() - started))
                    verdict = judge(decision, asked["a"])
                    kinds[asked["kind"]][verdict] += 1
                    if options.wrong and split == "dev" and verdict != "right":
                        print(f"  {verdict:10} {asked['q']}  wanted {asked['a']}, got {_shown(decision)}")
                database.close()
        result[split] = summary(kinds, spent)
        total = result[split]["all"]
        print(f"{split:9} {total['n']:3} questions  right {total['right']:3}  wrong {total['wrong']:2}  "
              f"unanswered {total['unanswered']:3}  accuracy {total['accuracy']:.3f}  "
              f"decide p50 {result[split]['p50_ms']:.1f} ms p95 {result[split]['p95_ms']:.1f} ms")  # fmt: skip
        for kind, row in sorted(result[split]["kinds"].items()):
            print(f"          {kind:14} {row['right']:3} of {row['n']:3}  wrong {row['wrong']}")
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def told(database: Database, sentences: list[str], frames: FrameParser, embedder: MiniLMEmbedder) -> KnowledgeGraph:
    """A graph that was told the sentences, one after another."""
    graph = KnowledgeGraph(database, SpacyExtractor(frames), embedder, parser=frames)
    events = [Event(text=text, time=float(i)) for i, text in enumerate(sentences)]
    for event, tuples in zip(events, graph.prepare(events), strict=True):
        graph.observe(event, tuples, None, float(event.time or 0.0))
    return graph


def judge(decision: Decision | None, wanted: str | list[str] | None) -> str:
    """ "right", "wrong" or "unanswered"; what the story does not tell is right when it is unanswered."""
    if decision is None:
        return "right" if wanted is None else "unanswered"
    if wanted is None:
        return "wrong"
    if isinstance(wanted, str):
        return "right" if normalize(decision.text) == normalize(wanted) else "wrong"
    said = {normalize(part) for part in re.split(r", | and ", decision.text)}
    return "right" if said == {normalize(part) for part in wanted} else "wrong"


def summary(kinds: dict[str, dict[str, int]], spent: list[float]) -> dict[str, Any]:
    """The counts with their sums, and the time a decision takes."""

    def row(counts: dict[str, int]) -> dict[str, float]:
        n = sum(counts.values())
        return {**counts, "n": n, "accuracy": counts["right"] / max(1, n)}

    whole = {v: sum(counts[v] for counts in kinds.values()) for v in ("right", "wrong", "unanswered")}
    return {
        "all": row(whole),
        "kinds": {kind: row(counts) for kind, counts in kinds.items()},
        "p50_ms": float(np.percentile(spent, 50)),
        "p95_ms": float(np.percentile(spent, 95)),
    }


def _shown(decision: Decision | None) -> str:
    return "nothing" if decision is None else f"{decision.text!r} by {'; '.join(decision.path)}"


if __name__ == "__main__":
    main()
