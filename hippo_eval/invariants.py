"""What telemetry must say of a run that did what its preset promises; each violation is a warning with its figure.

    baselines           no request to a store, nothing stored
    memory presets      requests, and attempts at the gate
    replay or a night   samples drawn
    answers             at most half of them refusals, where something in reach answers
    saturation          a memory at 0.98 or more where the bare model is below 0.20: the suite cannot show a gain

Under `strict` a warning is a failure. Source: the specification's telemetry invariants and its CI guards. Knows nothing
of how a figure came about.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hippo_eval.cells import METRICS, Cell, read_cell
from hippo_eval.guardrails import MAX_REFUSALS
from hippo_mem.storage.jsonl import write_atomic

REFERENCE = "baselines/core"
SATURATED, UNSATURATED_BASELINE = 0.98, 0.20


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """One invariant that does not hold, with the figure that says so."""

    invariant: str
    text: str

    def to_dict(self) -> dict[str, str]:
        """Plain data, as it stands in `metrics.json`."""
        return asdict(self)


def of_cell(metrics: Mapping[str, Any], core: Mapping[str, Any] | None) -> list[Warned]:
    """The warnings of one cell.

    Args: core: the figures of the bare model on the same items; without them saturation is not judged.
    """
    found: list[Warned] = []
    preset = str(metrics["preset"])
    asked = metrics.get("em") is not None
    requests = _count(metrics, "retrieval", "requests")
    if preset.startswith("baselines/"):
        size = _count(metrics, "store", "size")
        if requests:
            found.append(Warned(invariant="baseline_requests", text=f"{preset} has retrieval.requests = {requests}"))
        if size:
            found.append(Warned(invariant="baseline_store", text=f"{preset} has store.size = {size}"))
    else:
        found += _of_memory(metrics, preset, asked, requests)
    refusals = metrics.get("refusal_rate")
    if refusals is not None and refusals > MAX_REFUSALS and metrics.get("answer_in_reach"):
        found.append(Warned(invariant="refusals", text=f"refusal_rate is {refusals:.2f}, above {MAX_REFUSALS}"))
    found += _saturation(metrics, preset, core)
    return found


def _of_memory(metrics: Mapping[str, Any], preset: str, asked: bool, requests: int) -> list[Warned]:
    found = []
    config = metrics.get("config", {})
    attempts = _count(metrics, "gates", "attempts")
    if asked and not metrics.get("memory_off") and not requests:
        found.append(
            Warned(
                invariant="memory_requests",
                text=f"preset {preset} answered {metrics['n']} questions with retrieval.requests = 0",
            )
        )
    tells = metrics.get("mode") in ("full", "teach")
    if tells and not attempts:
        found.append(Warned(invariant="gate_attempts", text=f"{preset} was told things with gates.attempts = 0"))
    replays = bool(config.get("sleep")) or (config.get("replay") or {}).get("cycles", 0) > 0
    if replays and not _count(metrics, "replay", "samples") and metrics.get("model") != "dummy":
        found.append(Warned(invariant="replay_samples", text=f"{preset} replays, but replay.samples = 0"))
    verdict = (metrics.get("night") or {}).get("verdict")
    if verdict == "undone":
        reason = str(metrics["night"].get("reason"))
        found.append(Warned(invariant="night_kept", text=f"the night was undone: {reason}"))
    return found


def _saturation(metrics: Mapping[str, Any], preset: str, core: Mapping[str, Any] | None) -> list[Warned]:
    reached = metrics.get("pre_em_norm", metrics.get("em"))
    bare = core.get("em") if core is not None else None
    if not preset.startswith("memory/") or metrics.get("memory_off") or reached is None or bare is None:
        return []
    if reached < SATURATED or bare >= UNSATURATED_BASELINE:
        return []
    text = f"saturated: EM {reached:.2f} where {REFERENCE} has {bare:.2f}; a gain cannot show, take profile=hard"
    return [Warned(invariant="saturation", text=text)]


def recheck(root: Path) -> int:
    """Judge every finished cell below a run's folder again, write what changed; returns how many have warnings."""
    warned = 0
    for file in sorted(root.rglob(METRICS)):
        inside = file.relative_to(root).parts
        if any(part.startswith(".") for part in inside) or not (file.parent / "meta.json").is_file():
            continue
        result = read_cell(file.parent)
        core = root / _reference(result.cell) / METRICS
        against = json.loads(core.read_text(encoding="utf-8")) if core.is_file() else None
        warnings = [w.to_dict() for w in of_cell(result.metrics, against)]
        warned += bool(warnings)
        if warnings != result.metrics.get("warnings"):
            metrics = {**result.metrics, "warnings": warnings}
            write_atomic(file, (json.dumps(metrics, indent=2, ensure_ascii=False, default=str) + "\n").encode())
    return warned


def _reference(cell: Cell) -> Path:
    return Path(REFERENCE) / cell.suite / cell.items_label


def _count(metrics: Mapping[str, Any], group: str, name: str) -> int:
    return int((metrics.get(group) or {}).get(name) or 0)
