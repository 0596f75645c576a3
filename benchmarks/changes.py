"""Is the old value still said after somebody told of a change?

    python benchmarks/changes.py                 # what graph and map decide by themselves: a minute
    python benchmarks/changes.py --answers       # what the whole memory answers, with the model: minutes
    python benchmarks/changes.py --wrong --json F

A line of `data/changes_*.jsonl` is `{"told": [first, then], "question", "answer"}`: "The meeting is on Monday.", "The
meeting was moved from Monday to Thursday."; null where the old value has ended and no new one was told. Each pair is
told into a memory of its own, the second an hour after the first. `right`, `wrong` (another value, mostly the old one),
`silent` (left to the model's own words), and `certain`: wrong without a doubt that lets notes be read instead. "first"
(94) served to mend what was wrong; "second" (40) was written after that, scored once at 33 right and 5 wrong, and what
was wrong in it was mended as well. Both have one author, who knows the code.

Answers compare without case, punctuation and articles.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

from hippo_eval.fresh import fresh_hippo
from hippo_eval.machine import machine, versions
from hippo_eval.metrics import normalize
from hippo_mem.embed import MiniLMEmbedder
from hippo_mem.memory import Hippo
from hippo_mem.storage.jsonl import read_jsonl

DATA = Path(__file__).parent / "data"
_LATER_S = 3600.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", action="store_true", help="ask the whole memory, with the language model")
    parser.add_argument("--wrong", action="store_true", help="print what is wrong")
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--json", type=Path, help="write the figures here")
    args = parser.parse_args()
    embedder = MiniLMEmbedder()
    result: dict[str, Any] = {}
    for part in ("first", "second"):
        counted: Counter[str] = Counter(right=0, wrong=0, silent=0, certain=0)
        pairs = [row for _, row in read_jsonl(DATA / f"changes_{part}.jsonl")]
        for at, pair in enumerate(pairs):
            with fresh_hippo(args.model, surprise=False, embedder=embedder) as hippo:
                for i, text in enumerate(pair["told"]):
                    hippo.observe(text, time=1.7e9 + i * _LATER_S)
                said, certain = ask(hippo, pair["question"], whole=args.answers)
            verdict = judge(said, pair["answer"])
            counted[verdict] += 1
            counted["certain"] += verdict == "wrong" and certain
            if args.wrong and verdict == "wrong":
                print(f"  {at + 1:3} {' '.join(pair['told'])} {pair['question']} wanted {pair['answer']}, got {said}")
        result[part] = dict(counted) | {"n": len(pairs)}
        print(
            f"{part:7} {len(pairs):3} changes: right {counted['right']}, wrong {counted['wrong']} (for certain "
            f"{counted['certain']}), silent {counted['silent']}",
            flush=True,
        )
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        figures = {**result, "whole": args.answers, "machine": machine(), "versions": versions()}
        args.json.write_text(json.dumps(figures, indent=2) + "\n")


def ask(hippo: Hippo, question: str, *, whole: bool) -> tuple[str | None, bool]:
    """What is said from memory, None where it is left to the model's own words; and whether without a doubt."""
    if not whole:
        decision = hippo.decide(question)
        return (None, False) if decision is None else (decision.text, decision.doubt == "none")
    answer = hippo.answer(question)
    return (answer.text, True) if answer.source == "memory" else (None, False)


def judge(said: str | None, answer: str | None) -> str:
    """right, wrong or silent."""
    if said is None:
        return "silent" if answer is not None else "right"
    return "right" if answer is not None and normalize(said) == normalize(answer) else "wrong"


if __name__ == "__main__":
    main()
