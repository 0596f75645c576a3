"""Evaluation as one call, for programs and the command line: anyone's files in, figures out.

Knows nothing of the terminal.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Literal

from hippo_eval import guardrails
from hippo_eval.answerers import Progress
from hippo_eval.composing import resolve
from hippo_eval.runner import measure, silent, write_metrics
from hippo_eval.settings import check


def run_files(
    *,
    teach: str | Path,
    test: str | Path,
    preset: str = "memory/hei_nw",
    sleep: bool = False,
    memory_off: bool = False,
    isolate: Literal["key", "none"] = "key",
    model: str = "smollm2-135m",
    seed: int = 1337,
    consolidation: str = "default",
    out: str | Path | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Tell the facts of one file, perhaps sleep, ask the questions of the other.

    Args:
        memory_off: ask the weights alone. Without `sleep` that is the model as it was.
        isolate: "key" shows a question the facts of its own `context_key` alone.
        out: where to write the metrics; None writes nothing.
        progress: called with (stage, done, total).
    Returns: the metrics: `em`, `em_raw`, `f1`, `n`, `hit_rate`, `items`, and `success_rate` and `suboptimality` where
        answers are routes.
    Raises: StoreFormatError naming a file's bad line; ConfigError, InputError, ModelUnavailable; GuardrailError when
        the figures, already written, forbid calling it a success.
    """
    config = check(
        dataclasses.replace(
            resolve([f"preset={preset}"]),
            teach_file=str(teach),
            test_file=str(test),
            sleep=sleep,
            memory_off=memory_off,
            isolate=isolate,
            model=model,
            seed=seed,
            consolidation=consolidation,
        )
    )
    metrics = measure(config, progress)
    if out is not None:
        write_metrics(Path(out), metrics)
    guardrails.enforce(metrics["guardrails"]["failures"], str(out) if out is not None else "the result")
    return metrics
