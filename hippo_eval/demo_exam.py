"""The exam after the night, as a process of its own: questions in, what the weights answer out.

It is given a data home that holds nights and models but no store, and a sheet of questions without answers, so
nothing but the weights can know. It also measures, on the same loaded model, what the night cost. Knows nothing of
what was told.

    python -m hippo_eval.demo_exam --home DIR --model NAME --questions SHEET.json --out REPLIES.json
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hippo_eval.forgetting import baseline, measure
from hippo_mem.errors import HippoError
from hippo_mem.memory import Hippo


def sit(home: Path, model: str, questions: Sequence[str]) -> dict[str, Any]:
    """Answer with memory OFF, then compare the model with its base.

    Returns: replies in order; `spoke`, for each question whether the night's adapter answered; `n_traces`, what the
        store of this home holds; `forgetting` as shipped and `forgetting_ungated`.
    """
    with Hippo.open(home, model=model) as hippo:
        answers = hippo.answer_many(list(questions), memory=False)
        before = baseline(hippo.lm)
        return {
            "replies": [a.text for a in answers],
            "spoke": [a.adapter_spoke for a in answers],
            "status": hippo.status(),
            "forgetting": asdict(measure(hippo.lm, before)),
            "forgetting_ungated": asdict(measure(hippo.lm, before, adapter="ungated")),
        }


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, sit the exam, write the replies."""
    parser = argparse.ArgumentParser(prog="hippo_eval.demo_exam", description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(argv)
    try:
        questions = json.loads(given.questions.read_text(encoding="utf-8"))
        result = sit(given.home, given.model, questions)
    except HippoError as error:
        parser.exit(1, f"{error}\n")
    given.out.write_text(json.dumps(result, default=str), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
