"""Figures that forbid calling a run a success (specification C27). Knows nothing of how a figure came about.

A question that nothing in reach answers is rightly declined, so the refusal bar holds where the answer was in reach: a
memory that is on, facts in the prompt, or an adapter that was trained on them. Elsewhere it is a remark.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hippo_mem.errors import GuardrailError

MAX_REFUSALS = 0.5
MIN_UPLIFT = 0.20
# The run that the uplift is promised for: suite, facts, seed.
UPLIFT_RUN = ("episodic", 50, 1337)
_ROUNDING = 1e-9


def judge(metrics: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """(failures, remarks) of a run's metrics, each with its figure.

    Reads `preset`, `mode`, `memory_off`, `retrieval.requests`, `refusal_rate`, `answer_in_reach`, and for a run after
    sleep `suite`, `n_taught`, `seed` and `uplift`.
    """
    failures: list[str] = []
    remarks: list[str] = []
    asked = metrics.get("em") is not None
    requests = metrics.get("retrieval", {}).get("requests", 0)
    if asked and str(metrics["preset"]).startswith("memory/") and not metrics.get("memory_off") and requests == 0:
        failures.append(f"preset {metrics['preset']} answered {metrics['n']} questions with retrieval.requests = 0")
    refusals = metrics.get("refusal_rate")
    if refusals is not None and refusals > MAX_REFUSALS:
        text = f"refusal_rate is {refusals:.2f}, above {MAX_REFUSALS}"
        if metrics.get("answer_in_reach"):
            failures.append(text)
        else:
            remarks.append(f"{text}, with nothing in reach that answers")
    uplift = metrics.get("uplift")
    if uplift is not None and uplift < MIN_UPLIFT - _ROUNDING:
        run = (metrics.get("suite"), metrics.get("n_taught"), metrics.get("seed"))
        text = f"EM with memory off changed by {uplift:+.3f} through consolidation, less than +{MIN_UPLIFT:.2f}"
        if run == UPLIFT_RUN:
            failures.append(f"{text} (episodic@50, seed 1337)")
        else:
            remarks.append(f"{text}; the bar holds for episodic@50 at seed 1337 alone")
    return failures, remarks


def enforce(failures: list[str], where: str) -> None:
    """Raises: GuardrailError with every reason, and where the figures are."""
    if failures:
        raise GuardrailError(f"{'; '.join(failures)} (figures in {where})")
