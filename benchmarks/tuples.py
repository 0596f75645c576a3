"""How many of the statements of hand-annotated sentences each extractor finds, and how many of its own are right.

    python benchmarks/tuples.py                      # precision, recall and F1 of both extractors
    python benchmarks/tuples.py --wrong              # and every difference of the development part
    python benchmarks/tuples.py --json runs/bench/tuples.json

`data/annotated_sentences.jsonl` holds a sentence or a short text a line: `{"text", "split", "tuples": [[head,
relation, tail, negated], ...]}`, annotated by hand before any extractor read it. "dev" served to improve
the extractors; "held_out" did not, and is printed apart. A sentence that a golden test asserts, or that shaped a rule,
is "dev". The annotator also wrote the extractors and chose the names of relations, so "held_out" measures sentences not
tuned on rather than a stranger's annotations.
A tuple counts as right when head, relation, tail
and negation all agree, case and leading articles aside; there is no partial credit.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from hippo_mem.relational.extract import RuleExtractor, SpacyExtractor
from hippo_mem.relational.tuples import Tuple, TupleExtractor

DATA = Path(__file__).parent / "data" / "annotated_sentences.jsonl"
_PRONOUN = re.compile(r"\b(he|she|it|they|him|them|his|her|its|their)\b", re.IGNORECASE)
Key = tuple[str, str, str, bool]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--split", choices=("dev", "held_out"), help="only this part")
    parser.add_argument("--wrong", action="store_true", help="print what was missed or wrong in the development part")
    args = parser.parse_args()
    rows = [json.loads(line) for line in args.data.read_text(encoding="utf-8").splitlines()]
    extractors: dict[str, TupleExtractor] = {"spacy": SpacyExtractor(), "rules": RuleExtractor()}
    result: dict[str, Any] = {"n": len(rows), "tuples": sum(len(r["tuples"]) for r in rows)}
    for name, extractor in extractors.items():
        extractor.extract("Ana lives in Bergen.")
        start = time.perf_counter()
        found = extractor.extract_many([r["text"] for r in rows])
        ms = 1000 * (time.perf_counter() - start) / len(rows)
        result[name] = {"ms_per_text": ms}
        for split in (args.split,) if args.split else ("dev", "held_out"):
            picked = [(r, f) for r, f in zip(rows, found, strict=True) if r["split"] == split]
            result[name][split] = scores([(gold(r), f) for r, f in picked])
            all_ = result[name][split]["all"]
            print(f"{name:6} {split:9} {len(picked):3} texts  precision {all_['precision']:.3f}  recall "
                  f"{all_['recall']:.3f}  F1 {all_['f1']:.3f}  ({ms:.2f} ms a text)")  # fmt: skip
            spoken = [(gold(r), f) for r, f in picked if _PRONOUN.search(r["text"])]
            result[name][split]["pronouns"] = p = scores(spoken)["all"]
            print(f"         with he, she, it, they ({len(spoken)} texts): precision {p['precision']:.3f}  recall "
                  f"{p['recall']:.3f}")  # fmt: skip
            for pattern, s in sorted(result[name][split]["patterns"].items()):
                print(f"         {pattern:12} found {s['found']:3}  precision {s['precision']:.3f}")
            for r, f in picked if args.wrong and split == "dev" and name == "spacy" else ():
                _print_wrong(r["text"], gold(r), f)
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def bare(text: str) -> str:
    """Case and a leading article do not count."""
    return re.sub(r"^(the|a|an)\s+", "", text.strip().lower())


def gold(row: dict[str, Any]) -> set[Key]:
    return {(bare(h), r, bare(t), bool(n)) for h, r, t, n in row["tuples"]}


def key(t: Tuple) -> Key:
    return bare(t.head), t.relation, bare(t.tail), t.negated


def scores(pairs: list[tuple[set[Key], list[Tuple]]]) -> dict[str, Any]:
    """Precision, recall and F1 over all, and each pattern's precision: recall has no pattern of its own."""
    right = found = wanted = 0
    patterns: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for want, got in pairs:
        keys = {key(t): t.pattern for t in got}
        right += len(want & set(keys))
        found += len(keys)
        wanted += len(want)
        for k, pattern in keys.items():
            patterns[pattern][0] += k in want
            patterns[pattern][1] += 1
    precision, recall = right / max(1, found), right / max(1, wanted)
    f1 = 2 * precision * recall / max(1e-9, precision + recall)
    return {
        "all": {"precision": precision, "recall": recall, "f1": f1, "found": found, "annotated": wanted},
        "patterns": {p: {"precision": r / n, "right": r, "found": n} for p, (r, n) in patterns.items()},
    }


def _print_wrong(text: str, want: set[Key], got: list[Tuple]) -> None:
    keys = {key(t) for t in got}
    if keys != want:
        print(f"  {text}")
        for k in sorted(want - keys):
            print(f"      missed {'not ' if k[3] else ''}{k[0]} | {k[1]} | {k[2]}")
        for k in sorted(keys - want):
            print(f"      wrong  {'not ' if k[3] else ''}{k[0]} | {k[1]} | {k[2]}")


if __name__ == "__main__":
    main()
