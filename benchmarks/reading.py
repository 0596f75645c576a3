"""Are questions in a person's own words answered, and those that nothing answers left alone?

    python benchmarks/reading.py --json F                      # every set of benchmarks/data/reading
    python benchmarks/reading.py --sets mixed_sealed threads_sealed --json F

All facts of a set are told into one memory, then all questions are asked: facts about oneself and about others
(`*_dev`, `mixed_sealed`), and threads of messages that change, correct or complete one another (`threads_*`). A quarter
to a third are asked indirectly. The `_dev` sets were looked at while the reader was made, the `_sealed` ones only
scored. Printed: answers right, wrong, and left to the model's own words ("silent"), and of questions that nothing
answers how many were left alone; of general questions (`benchmarks/data/general_questions.jsonl`: nobody told what a
spider has) how many were left to the model. --among N tells N other things first, as in a memory that has lived for a
while: what is like a question by chance grows with what was told. Peer: how often the nearest note by sentence vectors
holds a right answer at all.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

from hippo_eval.fresh import fresh_hippo
from hippo_eval.machine import machine, versions
from hippo_eval.metrics import holds_answer
from hippo_eval.personalization import PersonalFact, interactions
from hippo_mem.storage.jsonl import read_jsonl

DATA = Path(__file__).parent / "data" / "reading"
GENERAL = Path(__file__).parent / "data" / "general_questions.jsonl"
_TOGETHER = 16
_TOLD_TOGETHER, _SEED = 256, 1337


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = sorted(f.stem for f in DATA.glob("*.jsonl") if ".unanswerable" not in f.name)
    parser.add_argument("--sets", nargs="+", choices=known, default=known, metavar="NAME", help=", ".join(known))
    parser.add_argument("--among", type=int, default=0, metavar="N", help="tell so many other things first (default 0)")
    parser.add_argument("--show", action="store_true", help="print what was not right; never for a sealed set")
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--json", type=Path, help="write the figures here")
    args = parser.parse_args()
    result: dict[str, Any] = {}
    for name in args.sets:
        result[name] = one = measure(
            name, args.model, show=args.show and not name.endswith("_sealed"), among=args.among
        )
        alone = f", left alone {one['left_alone']} of {one['unanswerable']}" if one["unanswerable"] else ""
        print(
            f"{name:15} right {one['right']:.3f} of {one['n']}, wrong {one['wrong']}, silent {one['silent']}{alone}; "
            f"general questions left to the model {one['general_left']} of {one['general']}; "
            f"the nearest note holds the answer {one['nearest_holds']:.3f}; {one['seconds']:.0f} s",
            flush=True,
        )
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps({**result, "machine": machine(), "versions": versions()}, indent=2) + "\n")


def measure(name: str, model: str, *, show: bool, among: int) -> dict[str, Any]:
    """One set in a memory of its own, after `among` other things."""
    start = time.perf_counter()
    rows = [row for _, row in read_jsonl(DATA / f"{name}.jsonl")]
    file = DATA / f"{name}.unanswerable.jsonl"
    untold = [row["question"] for _, row in read_jsonl(file)] if file.is_file() else []
    facts = [
        PersonalFact(
            kind=row["kind"], fact=row.get("fact", ""), question=row["question"],
            answers=(row["answer"], *row["accept"]),
        )
        for row in rows
    ]  # fmt: skip
    general = [row["question"] for _, row in read_jsonl(GENERAL)]
    others = islice((i.text for i in interactions(2 * among, _SEED) if i.kind == "observe"), among)
    told_none = len(facts) + len(untold)
    with fresh_hippo(model, surprise=False) as hippo:
        while batch := list(islice(others, _TOLD_TOGETHER)):
            hippo.observe_many(batch)
        for row in rows:
            for message in row.get("told") or [row["fact"]]:
                hippo.observe(message)
        near = [hippo.recall(f.question, 1, touch=False).hits for f in facts]
        questions = [*(f.question for f in facts), *untold, *general]
        answers = []
        for first in range(0, len(questions), _TOGETHER):
            answers += hippo.answer_many(questions[first : first + _TOGETHER])
    kinds: dict[str, Counter[str]] = {}
    for fact, answer in zip(facts, answers, strict=False):
        verdict = "silent" if answer.source != "memory" else "right" if fact.right(answer.text) else "wrong"
        kinds.setdefault(fact.kind, Counter())[verdict] += 1
        if show and verdict != "right":
            print(f"  {verdict:6} {fact.question}  wanted {fact.answers[0]!r}, said {answer.text!r}")
    total = sum(kinds.values(), Counter())
    holds = [
        any(holds_answer([h.trace.text], a) for h in hits for a in f.answers)
        for f, hits in zip(facts, near, strict=True)
    ]
    return {
        "n": len(facts), "right": total["right"] / len(facts), "wrong": total["wrong"], "silent": total["silent"],
        "unanswerable": len(untold), "left_alone": sum(a.source != "memory" for a in answers[len(facts) : told_none]),
        "general": len(general), "general_left": sum(a.source != "memory" for a in answers[told_none:]),
        "nearest_holds": sum(holds) / len(facts), "by_kind": {k: dict(c) for k, c in sorted(kinds.items())},
        "seconds": time.perf_counter() - start,
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
