"""What a night did, as data and as a page: figures and plots, and no memory's text.

A report outlives the memories it was made from, so it names traces by id alone. Knows nothing of how the figures came
to be.
"""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from hippo_mem.sleep.verification import KeepCheck, RecallCheck

JSON, PAGE = "report.json", "report.html"
Curve = tuple[tuple[int, float, float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NightReport:
    """The figures of one night.

    `verdict` is "kept", "undone" or "nothing" (there was nothing to learn and nothing to unlearn). Shares are of 1,
    times seconds, `curve` rows are (step, seconds, loss in nats per answer, share of stop questions right or NaN).
    `began_from` is what the adapter was before: "nothing" (random A, zero B), the "learned start" that ships with the
    model, or an earlier "night". `upkeep` is what was retired, expired and cloned in the store afterwards; the night's
    own files do not have it.
    """

    verdict: Literal["kept", "undone", "nothing"]
    reason: str
    number: int | None = None
    folder: str = ""
    model: str = ""
    dtype: str = ""
    seconds: float = 0.0
    seconds_by_stage: Mapping[str, float] = field(default_factory=dict)
    n_facts: int = 0
    n_new: int = 0
    n_earlier: int = 0
    n_questions: int = 0
    unlearned: tuple[int, ...] = ()
    unaskable: tuple[int, ...] = ()
    trace_ids: tuple[int, ...] = ()
    conditioned: bool = False
    began_from: Literal["nothing", "learned start", "night"] = "nothing"
    steps: int = 0
    stopped: str = ""
    tokens: int = 0
    tokens_per_s: float = 0.0
    curve: Curve = ()
    replay: Mapping[str, Any] = field(default_factory=dict)
    recall: RecallCheck | None = None
    earlier_before: RecallCheck | None = None
    earlier_after: RecallCheck | None = None
    keep: KeepCheck | None = None
    gate: Mapping[str, float] = field(default_factory=dict)
    merged: str | None = None
    upkeep: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    config_hash: str = ""
    lora_config_hash: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def kept(self) -> bool:
        """Whether the night is in force."""
        return self.verdict == "kept"

    def to_dict(self) -> dict[str, Any]:
        """Plain data; NaN, which JSON lacks, becomes None."""
        text = json.dumps({**asdict(self), "kept": self.kept}, default=str)
        plain: dict[str, Any] = json.loads(text, parse_constant=lambda _: None)
        return plain


def write_report(report: NightReport, folder: Path) -> None:
    """Write `report.json` and `report.html` (self-contained) into the night's folder."""
    (folder / JSON).write_text(json.dumps(report.to_dict(), indent=2) + "\n", encoding="utf-8")
    (folder / PAGE).write_text(_page(report), encoding="utf-8")


def _page(report: NightReport) -> str:
    rows = [
        ("verdict", f"{report.verdict}: {report.reason}"),
        ("model", f"{report.model}, {report.dtype}"),
        ("memories learned", f"{report.n_facts} ({report.n_new} new, {report.n_earlier} of earlier nights)"),
        ("questions written", f"{report.n_questions}"),
        (
            "training",
            f"from {report.began_from}: {report.steps} steps, {report.stopped}, {report.tokens_per_s:.0f} tokens/s",
        ),
        (
            "time",
            ", ".join(f"{k} {v:.0f} s" for k, v in report.seconds_by_stage.items()) + f"; all {report.seconds:.0f} s",
        ),
        ("unlearned", f"{len(report.unlearned)} deleted memories" if report.unlearned else "nothing was deleted"),
    ]
    if report.recall is not None:
        rows.append(("recall, memory off", f"{report.recall.share:.2f} of {report.recall.n} unseen wordings"))
    if report.earlier_before is not None and report.earlier_after is not None:
        rows.append(
            ("earlier nights", f"{report.earlier_before.share:.2f} before, {report.earlier_after.share:.2f} after")
        )
    if report.keep is not None:
        k = report.keep
        rows.append(
            ("general answers changed", f"{k.flips:.1%} of {k.n_prompts} ({k.flips_ungated:.1%} without the gate)")
        )
        rows.append(
            ("cross-entropy on prose", f"{k.ce_delta_nats:+.4f} nats ({k.ce_delta_nats_ungated:+.4f} without the gate)")
        )
    table = "\n".join(f"<tr><th>{html.escape(a)}</th><td>{html.escape(b)}</td></tr>" for a, b in rows)
    missed = ", ".join(map(str, report.recall.missed)) if report.recall and report.recall.missed else "none"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>hippo: night {report.number}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 2rem auto; padding: 0 1rem }}
th {{ text-align: left; padding-right: 1.5rem; vertical-align: top; font-weight: 600; white-space: nowrap }}
td {{ overflow-wrap: anywhere }} img {{ max-width: 100%; background: white }}
@media (max-width: 40rem) {{ th, td {{ display: block }} td {{ padding-bottom: .5rem }} body {{ margin: 1rem auto }} }}
</style></head><body>
<h1>Night {report.number if report.number is not None else ""}: {html.escape(report.verdict)}</h1>
<table>{table}</table>
<img alt="Training loss and share of check questions right, by step; recall by slot"
src="data:image/png;base64,{_plot(report)}">
<p>Memories with a wrong answer in the check (ids): {html.escape(missed)}.
Recipe {html.escape(report.config_hash)}, adapter {html.escape(report.lora_config_hash)}.</p>
</body></html>
"""


def _plot(report: NightReport) -> str:
    """The night's curve and its recall by slot as a PNG, base64."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, width_ratios=(2, 1))
    left.plot([c[0] for c in report.curve], [c[2] for c in report.curve], color="#4477aa", linewidth=1)
    left.set(xlabel="step", ylabel="loss, nats an answer", title="training")
    checks = [(c[0], c[3]) for c in report.curve if c[3] == c[3]]
    if checks:
        twin = left.twinx()
        twin.plot(*zip(*checks, strict=True), "o-", color="#cc6677", markersize=3)
        twin.set(ylim=(0, 1.02), ylabel="stop questions right")
    slots = dict(report.recall.by_slot) if report.recall else {}
    right.bar(list(slots), list(slots.values()), color="#228833")
    right.set(ylim=(0, 1.02), title="recall, memory off")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return base64.b64encode(buffer.getvalue()).decode()
