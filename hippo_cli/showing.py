"""How outcomes, recalled memories and answers look on a terminal. Knows nothing of commands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hippo_cli.plain import one_line
from hippo_mem.types import Answer, Outcome, Recall

_STYLES = {"stored": "green", "merged": "cyan", "gated": "yellow"}


def print_outcomes(outcomes: Sequence[Outcome]) -> None:
    """A line for each event, and below it what was taken into the graph and the map; totals at the end."""
    out = Console(highlight=False, soft_wrap=True)
    for outcome in outcomes:
        if outcome.kind == "routed":
            out.print(Text(f"        {outcome.memory}: {one_line(outcome.reason, 110)}", style="dim"))
            continue
        line = Text(f"{outcome.kind:<7}", style=_STYLES.get(outcome.kind, ""))
        line.append(f" {'-' if outcome.trace_id is None else f'#{outcome.trace_id}'}", style="bold")
        line.append(f"  {one_line(outcome.text, 90)}", style="default")
        if why := _why(outcome):
            line.append(f"  ({why})", style="dim")
        out.print(line)
    counts = Counter(o.kind for o in outcomes if o.kind != "routed")
    if counts.total() > 1:
        out.print(Text(", ".join(f"{n} {kind}" for kind, n in counts.most_common()), style="dim"))


def _why(outcome: Outcome) -> str:
    if outcome.reason or outcome.salience is None:
        return one_line(outcome.reason)
    return f"S {outcome.salience.score:.2f}, threshold {outcome.salience.threshold:.2f}"


def print_recall(found: Recall) -> None:
    """A table of episodes, best first, with what found each; facts and places below."""
    out = Console(highlight=False)
    if not (found.hits or found.facts or found.places):
        out.print("nothing comes to mind")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name, justify in (
        ("id", "right"),
        ("score", "right"),
        ("memory", "left"),
        ("source", "left"),
        ("found by", "left"),
    ):
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for hit in found.hits:
        ranks = ", ".join(f"{name} #{rank}" for name, rank in hit.ranks.items())
        table.add_row(
            str(hit.trace.id),
            f"{hit.score:.3f}",
            Text(one_line(hit.trace.text)),
            Text(one_line(hit.trace.provenance.source, 24)),
            Text(ranks, style="dim"),
        )
    table.columns[2].no_wrap = False
    out.print(table)
    for known in found.facts:
        path = f"  ({' · '.join(known.path)})" if known.path else ""
        fact = known.fact
        out.print(Text(f"fact   {one_line(f'{fact.head} {fact.relation} {fact.tail}{path}', 110)}", style="dim"))
    for place in found.places:
        out.print(Text(f"place  {one_line(place.name, 60)}", style="dim"))


def print_answer(answer: Answer) -> None:
    """The answer, where it is from, and what was recalled to give it."""
    out = Console(highlight=False, soft_wrap=True)
    out.print(Text(one_line(answer.text) or "(nothing to say)", style="bold"))
    note = {"memory": "read from memory", "weights": "from the weights, memory off"}[answer.source]
    if answer.decoding == "path":
        note = f"decided by the {answer.details['decided_by']}"
    if answer.source == "weights" and answer.recall is not None:
        note = "from the weights; nothing fitting was recalled"
    if answer.adapter_spoke is not None and answer.source == "weights":
        note += "; a night's adapter spoke" if answer.adapter_spoke else "; the base alone spoke"
    out.print(Text(f"{note} ({answer.decoding} decoding)", style="dim"))
    if answer.recall is not None:
        for hit in answer.recall.hits:
            out.print(Text(f"  {hit.score:.3f}  #{hit.trace.id}  {one_line(hit.trace.text, 100)}", style="dim"))


def print_reasons(answer: Answer) -> None:
    """Why this answer: who decided, over which steps, what was set aside, and what found each recalled memory."""
    out = Console(highlight=False, soft_wrap=True)
    by = {
        "graph": "the graph of facts, by walking from fact to fact",
        "map": "the map of places",
        "notes": "the language model, copying from recalled notes",
        "frame": "the roles of one recalled sentence",
        "model": "the language model, weighing spans of recalled sentences",
        "weights": "the weights alone: nothing recalled has to do with the question",
    }
    details = answer.details
    out.print(Text(f"answered by {by.get(str(details.get('decided_by')), 'the weights, memory off')}", style="bold"))
    if answer.confidence is not None:
        out.print(f"  confidence {answer.confidence:.2f}")
    for step in details.get("path", ()):
        out.print(f"  path: {one_line(str(step), 110)}")
    for other in details.get("others", ()):
        out.print(f"  set aside: {one_line(str(other), 110)}")
    if answer.recall is None:
        return
    for hit in answer.recall.hits:
        ranks = ", ".join(f"{name} rank {rank}" for name, rank in sorted(hit.ranks.items()))
        out.print(f"  #{hit.trace.id} found by {ranks}; told by {one_line(hit.trace.provenance.source, 40)}")
    for found in answer.recall.facts:
        fact = found.fact
        out.print(f"  fact {fact.id}: {one_line(f'{fact.head} {fact.relation} {fact.tail}', 100)}")
    for place in answer.recall.places:
        out.print(f"  place: {one_line(place.name, 60)}, {place.distance} steps away")
