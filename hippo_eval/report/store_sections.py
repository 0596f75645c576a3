"""Sections about time, tokens and the store: what a question costs, what the gate let in, what a night lost.

Knows nothing of HTML or Markdown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from hippo_eval.metrics import flips
from hippo_eval.report import plots
from hippo_eval.report.cost import Cost, costs, mean_cost
from hippo_eval.report.document import Block, Details, Heading, Marked, Paragraph, Plot, Plots, Table
from hippo_eval.report.effects import find
from hippo_eval.report.figures import figures_of
from hippo_eval.report.reading import Board, Read, Run
from hippo_eval.report.tables import NONE, number, share
from hippo_mem.errors import HippoError

# The bars of one night (design, "what must be true").
MAX_FLIPPED, MAX_NATS = 0.01, 0.01
_COLORS = ("blue", "green", "orange", "grey", "sky")
# Values by the size of the store.
_Curve = dict[float, list[float]]
_N_STEPS = 10  # points of the curve of writing


def cost(run: Run) -> list[Block]:
    """What a question costs over all suites, and whether that grows with what is stored."""
    by_label: dict[str, list[Cost]] = {}
    for board in run.boards:
        for label, one in costs(board).items():
            if not board.cell(label).ablations:
                by_label.setdefault(label, []).append(one)
    if not by_label:
        return []
    pictures = [*_growth(run), *_writing(run)]
    return [
        Heading(text="What a question costs"),
        *([Plots(plots=pictures)] if pictures else []),
        cost_table({label: mean_cost(found) for label, found in by_label.items()}, "Means over the suites. "),
    ]


def cost_table(rows: Mapping[str, Cost], lead: str = "") -> Table:
    """Costs by label; columns that nobody has are left out."""
    columns: Sequence[tuple[str, Callable[[Cost], str]]] = (
        ("p50 ms", lambda c: _time(c.latency_p50_ms, c)),
        ("p95 ms", lambda c: _time(c.latency_p95_ms, c)),
        ("tokens read", lambda c: number(c.tokens_read)),
        ("generated", lambda c: number(c.tokens_generated)),
        ("KV cache", lambda c: _bytes(c.kv_bytes)),
        ("KV saved", lambda c: _saved(c.kv_saved)),
        ("GFLOP", lambda c: NONE if c.flops is None else f"{c.flops / 1e9:.1f}"),
        ("FLOP saved", lambda c: _saved(c.flops_saved)),
    )
    shown = [(name, text) for name, text in columns if any(text(c) != NONE for c in rows.values())]
    note = (
        f"{lead}Means a question; times as percentiles, with * where questions shared a batch. Cache and operations "
        "are counted from the model's shape (decoder alone), each question as if asked alone; saved is against a long "
        "context that holds everything told."
    )
    return Table(
        header=("preset", *(name for name, _ in shown)),
        rows=[[label, *(text(c) for _, text in shown)] for label, c in rows.items()],
        note=note,
    )


def _growth(run: Run) -> Iterator[Plot]:
    """Latency of each memory, and recall on each suite, over the size of the store; where there are two sizes or more.

    Recall is told suite by suite, for the memory that most boards have: suites differ in more than size.
    """
    latency: dict[str, _Curve] = {}
    reach: dict[str, dict[str, _Curve]] = {}
    for board, label, reads in _memories(run):
        found = figures_of(board, label, "on")
        sizes = [s for r in reads if (s := _count(r.result.metrics, "store", "size"))]
        if found is None or not sizes or board.cell(label).variants:
            continue
        size = float(round(sum(sizes) / len(sizes)))
        if found.latency:
            latency.setdefault(label, {}).setdefault(size, []).append(float(found.latency["p50_ms"]))
        if found.in_reach is not None:
            reach.setdefault(label, {}).setdefault(board.suite, {}).setdefault(size, []).append(found.in_reach)
    if any(len(curve) > 1 for curve in latency.values()):
        named = {label.removeprefix("memory/"): curve for label, curve in latency.items()}
        yield _curves("growth_latency", "Latency over store size, all suites", named, "median ms a question")
    widest = max(reach, key=lambda label: sum(map(len, reach[label].values())), default="")
    grown = {suite: curve for suite, curve in reach.get(widest, {}).items() if len(curve) > 1}
    if grown:
        title = f"Recall over store size, {widest.removeprefix('memory/')}"
        yield _curves("growth_recall", title, grown, "answer among the recalled")


def _curves(name: str, title: str, curves: Mapping[str, _Curve], unit: str) -> Plot:
    series = [
        plots.Series(
            label=label,
            points=[(size, sum(v) / len(v)) for size, v in sorted(curve.items())],
            color=_COLORS[i % len(_COLORS)],
        )
        for i, (label, curve) in enumerate(curves.items())
    ]
    return plots.lines(name, title, series, x="memories in the store", y=unit, logarithmic=True)


def _writing(run: Run) -> Iterator[Plot]:
    """How long a write takes as the store grows, for the memory that was told most."""
    told: dict[str, list[list[float]]] = {}
    for _, label, reads in _memories(run):
        for read in reads:
            times = [float(e["seconds"]) for e in _events(read, "told") if isinstance(e.get("seconds"), (int, float))]
            if len(times) >= 2 * _N_STEPS and not read.cell.variants:
                told.setdefault(label, []).append(times)
    series = []
    for i, (label, runs) in enumerate(told.items()):
        longest = max(runs, key=len)
        step = len(longest) // _N_STEPS
        points = [((j + 1) * step, 1000 * median(longest[j * step : (j + 1) * step])) for j in range(_N_STEPS)]
        series.append(plots.Series(label=label.removeprefix("memory/"), points=points, color=_COLORS[i % len(_COLORS)]))
    if series:
        yield plots.lines(
            "growth_write", "Time of a write as the store grows", series, x="events told", y="median ms an event"
        )


def gates(run: Run) -> list[Block]:
    """What the gates let in, merged and turned away."""
    labels: list[str] = []
    stored: list[float] = []
    merged: list[float] = []
    gated: list[float] = []
    rows: list[list[str | Marked]] = []
    for board, label, reads in _memories(run):
        n = {k: sum(_count(r.result.metrics, "gates", k) for r in reads) for k in ("attempts", "accepts", "merged")}
        if not n["attempts"]:
            continue
        events = [e for r in reads for e in _events(r, "told")]
        scores = [float(e["S"]) for e in events if isinstance(e.get("S"), (int, float))]
        limits = [float(e["tau"]) for e in events if isinstance(e.get("tau"), (int, float))]
        rows.append(
            [board.name, label, number(n["attempts"]), number(n["accepts"] - n["merged"]), number(n["merged"]),
             number(n["attempts"] - n["accepts"]), share(n["accepts"] / n["attempts"]), number(_middle(scores)),
             number(_middle(limits))]
        )  # fmt: skip
        if not board.cell(label).variants:
            labels.append(f"{board.name} {label.removeprefix('memory/')}")
            stored.append(n["accepts"] - n["merged"])
            merged.append(n["merged"])
            gated.append(n["attempts"] - n["accepts"])
    if not rows:
        return []
    header = ("suite", "preset", "events", "stored", "merged", "turned away", "kept", "median S", "median τ")
    picture = plots.stacks(
        "gates",
        "Gate decisions, events",
        labels,
        [("stored", "blue", stored), ("merged", "sky", merged), ("turned away", "orange", gated)],
    )
    return [
        Heading(text="What the gate decided"),
        *([Plots(plots=[picture])] if labels else []),
        Details(summary="Every gate in numbers", blocks=[Table(header=header, rows=rows, left=frozenset({0, 1}))]),
    ]


def forgetting(run: Run) -> list[Block]:
    """What a night or a replay cost: answers lost on the suite, known facts, general text."""
    rows: list[list[str | Marked]] = []
    marks: list[plots.Mark] = []
    for board, label, reads in _memories(run, ablations=True):
        last = board.last_phase(label)
        if not board.learned(label):
            continue
        then, now = board.rows(label, "pre"), board.rows(label, last) if last else {}
        keys = [k for k in now if k in then]
        changed = flips([then[k].em for k in keys], [now[k].em for k in keys])
        facts = [f for r in reads if isinstance(f := r.result.metrics.get("forgetting"), Mapping)]
        kept = [k for r in reads if (k := find(r.result.metrics, "keep", "flips")) is not None]
        if not keys and not kept and not facts:
            continue
        lost = changed.lost_share
        known, nats = _mean_of(facts, "known_fact_flips"), _mean_of(facts or kept, "ce_delta_nats")
        rows.append(
            [board.name, label, NONE if lost is None else f"{100 * lost:.1f} % of {changed.n_right_before}",
             _against(known, MAX_FLIPPED, _percent), _against(nats, MAX_NATS, lambda v: f"{v:+.4f}"),
             NONE if (general := _mean_of(kept, "flips")) is None else _percent(general)]
        )  # fmt: skip
        cost = known if known is not None else general
        if cost is not None:
            color = "orange" if board.cell(label).ablations else "green"
            marks.append(plots.Mark(label=f"{board.suite} {label.removeprefix('memory/')}", value=cost, color=color))
    if not rows:
        return []
    header = ("suite", "preset", "lost on the suite", "known facts lost", "nats on prose", "next tokens changed")
    title = "Known facts lost to a night"
    pictures = [plots.dots("forgetting", title, marks, unit="share of what was right", span=None)] if marks else []
    return [
        Heading(text="Forgetting"),
        Paragraph(
            text="Forgetting is counted item by item: of what was right before, the share that is wrong after (paired "
            "flips). Known facts and prose have nothing to do with what was told; the bars are "
            f"{_percent(MAX_FLIPPED)} and {MAX_NATS} nats a token.",
            tone="quiet",
        ),
        *([Plots(plots=pictures)] if pictures else []),
        Table(header=header, rows=rows, left=frozenset({0, 1})),
    ]


def _memories(run: Run, *, ablations: bool = False) -> Iterator[tuple[Board, str, Sequence[Read]]]:
    for board in run.boards:
        for label, reads in board.entries.items():
            cell = board.cell(label)
            if cell.is_memory and (ablations or not cell.ablations):
                yield board, label, reads


def _events(read: Read, kind: str) -> list[dict[str, Any]]:
    try:
        return [e for e in read.result.events() if e.get("event") == kind]
    except HippoError:  # the figures do not rest on them
        return []


def _count(metrics: Mapping[str, Any], group: str, name: str) -> int:
    found = metrics.get(group)
    value = found.get(name) if isinstance(found, Mapping) else None
    return value if isinstance(value, int) else 0


def _middle(values: Sequence[float]) -> float | None:
    return median(values) if values else None


def _mean_of(found: Sequence[Mapping[str, Any]], key: str) -> float | None:
    values = [float(f[key]) for f in found if isinstance(f.get(key), (int, float))]
    return sum(values) / len(values) if values else None


def _against(value: float | None, bar: float, text: Callable[[float], str]) -> Marked:
    if value is None:
        return Marked(text=NONE)
    return Marked(text=text(value), tone="good" if value <= bar else "bad")


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _bytes(value: float | None) -> str:
    return NONE if value is None else f"{value / 2**20:.1f} MiB"


def _time(value: float | None, cost: Cost) -> str:
    return NONE if value is None else f"{number(value)}{'' if cost.alone else '*'}"


def _saved(value: float | None) -> str:
    return NONE if value is None else f"{100 * value:.0f} %"
