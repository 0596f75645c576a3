"""The dim lines under an answer: what it rests on, and what became of what was said. Knows nothing of terminals."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from hippo_cli.plain import one_line

if TYPE_CHECKING:
    from hippo_mem.chat import ChatTurn, Source
    from hippo_mem.types import Outcome

_BY = {
    "graph": "from the graph of facts",
    "map": "from the map of places",
    "reader": "read from memory",
    "night": "from the weights: learned asleep",
    "model": "the model's own words",
}
_MOST_SOURCES = 3


def notes_of(turn: ChatTurn) -> Iterator[str]:
    """One line on where the answer is from, one a source, one on what was kept."""
    by = _BY.get(turn.decided_by)
    if by is not None:
        if turn.decided_by == "model" and turn.sources:
            by += f", shown {len(turn.sources)} {'memory' if len(turn.sources) == 1 else 'memories'}"
        if turn.path:
            by += f" ({one_line('; '.join(turn.path), 100)})"
        yield f"  {by}"
        for source in turn.sources[:_MOST_SOURCES]:
            yield f"    {_source(source)}"
    if kept := _kept(turn.outcomes):
        yield f"  {kept}"


def _source(source: Source) -> str:
    when = datetime.fromtimestamp(source.time).strftime("%Y-%m-%d")
    score = "" if source.score is None else f", score {source.score:.3f}"
    return f"#{source.trace_id} {one_line(source.text, 90)}  ({one_line(source.source, 24)}, {when}{score})"


def _kept(outcomes: tuple[Outcome, ...]) -> str:
    parts = []
    for outcome in outcomes:
        if outcome.kind == "routed":
            parts.append(f"{outcome.memory}: {one_line(outcome.reason, 60)}")
        elif outcome.kind == "gated":
            parts.append(f"not stored: {one_line(outcome.reason, 80)}")
        else:
            parts.append(f"{outcome.kind} #{outcome.trace_id}: {one_line(outcome.reason, 60)}")
    return " | ".join(dict.fromkeys(parts))
