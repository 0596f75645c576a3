"""The commands of the day: remember, recall, ask, forget, status. Knows nothing of sleep."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hippo_cli.incoming import parse_time, read_events
from hippo_cli.plain import one_line, print_json
from hippo_cli.progress import StageBars
from hippo_cli.session import Session, with_session
from hippo_cli.showing import print_answer, print_outcomes, print_reasons, print_recall
from hippo_mem.types import Event

if TYPE_CHECKING:
    from hippo_mem.types import Outcome

# Events a call when reading a file: one batch of sentence vectors, and a bar that moves every second or so.
_CHUNK = 32


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (remember, recall, ask, forget, status):
        app.command(name=command.__name__)(with_session(command))


def remember(
    session: Session,
    texts: Annotated[
        list[str] | None, typer.Argument(help="What to remember; - reads stdin, one event a line.")
    ] = None,
    file: Annotated[str | None, typer.Option("--file", "-f", help="A file with one event a line; - is stdin.")] = None,
    source: Annotated[str, typer.Option(help="Who says it; `hippo forget --source` takes it back.")] = "user",
    time: Annotated[
        str | None, typer.Option(help="When: 2026-05-01T18:30, 2026-05-01, 2026, or unix seconds (default: now).")
    ] = None,
    context: Annotated[str | None, typer.Option(help="Keeps apart what would contradict each other.")] = None,
    doc: Annotated[str | None, typer.Option(help="The document it comes from.")] = None,
    reward: Annotated[bool, typer.Option("--reward", help="It mattered: raises what the gate thinks of it.")] = False,
    pin: Annotated[bool, typer.Option("--pin", help="Store it whatever the gate thinks.")] = False,
) -> None:
    """Tell it something once. Prints for every event whether it was stored, merged or gated, and why, and below it
    what the graph of facts and the map of places took from it.

    Example: hippo remember "Marta repaired the brass compass in the boathouse on Friday morning."

    Example: hippo remember --file notes.txt --source diary
    """
    events = read_events(texts or [], file)
    moment = parse_time(time)
    outcomes: list[list[Outcome]] = []
    with session.open() as hippo, StageBars() as bars:
        for start in range(0, len(events), _CHUNK):
            chunk = [
                Event(text=text, source=source, time=moment, context=context, reward=reward, pin=pin, doc_id=doc)
                for text in events[start : start + _CHUNK]
            ]
            outcomes += hippo.observe_many(chunk)
            if len(events) > _CHUNK:
                bars("remember", len(outcomes), len(events))
    flat = [outcome for several in outcomes for outcome in several]
    if session.as_json:
        print_json(flat)
    else:
        print_outcomes(flat)


def recall(
    session: Session,
    cue: Annotated[str, typer.Argument(help="A hint: a question, a name, a few words.")],
    k: Annotated[int, typer.Option("--k", "-k", min=1, max=1000, help="At most this many memories.")] = 8,
    as_of: Annotated[str | None, typer.Option(help="What was held true then: a date, a year, or unix seconds.")] = None,
) -> None:
    """Show the memories that a hint brings back, best first, with what found them.

    Example: hippo recall "brass compass"
    """
    moment = parse_time(as_of)
    with session.open() as hippo:
        found = hippo.recall(cue, k, as_of=moment)
    if session.as_json:
        print_json(found)
    else:
        print_recall(found)


def ask(
    session: Session,
    question: Annotated[str, typer.Argument(help="The question.")],
    memory_off: Annotated[
        bool, typer.Option("--memory-off", help="Answer from the weights alone; the store is not read.")
    ] = False,
    context: Annotated[str | None, typer.Option(help="Only memories of this context.")] = None,
    k: Annotated[int, typer.Option("--k", "-k", min=1, max=1000, help="Read at most this many memories.")] = 8,
    explain: Annotated[
        bool, typer.Option("--explain", help="Which memory answered, by which path, and what lost.")
    ] = False,
) -> None:
    """Ask a question. Prints the answer and, below it, what was recalled to give it.

    Example: hippo ask "Who repaired the brass compass?"

    Example: hippo ask --explain "Where does Tom's sister work?"

    Example: hippo ask --memory-off "Who repaired the brass compass?"   (after a sleep: from the weights)
    """
    with session.open() as hippo:
        answer = hippo.answer(question, memory=not memory_off, context=context, k=k)
    if session.as_json:
        print_json(answer)
    else:
        print_answer(answer)
        if explain:
            print_reasons(answer)


def forget(
    session: Session,
    trace_id: Annotated[int | None, typer.Option("--id", help="The memory with this number.")] = None,
    source: Annotated[str | None, typer.Option(help="Everything this source said.")] = None,
    doc: Annotated[str | None, typer.Option(help="Everything from this document.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False,
) -> None:
    """Delete memories for good. The next sleep takes them out of the weights as well.

    Example: hippo forget --source diary && hippo sleep
    """
    named = {"--id": trace_id, "--source": source, "--doc": doc, "--all": everything or None}
    given = [f"{name} {value}" if name != "--all" else name for name, value in named.items() if value is not None]
    if len(given) != 1:
        raise typer.BadParameter(f"forget takes exactly one of {', '.join(named)}; got {', '.join(given) or 'none'}")
    with session.open() as hippo:
        confirm(f"Delete {_what(trace_id, source, doc)} for good?", yes)
        n = hippo.forget(trace_id=trace_id, source=source, doc_id=doc, everything=everything)
    if session.as_json:
        print_json({"forgotten": n})
    elif n:
        Console(highlight=False).print(
            f"{n} forgotten; the next `hippo sleep` takes what was learned out of the weights"
        )
    else:
        Console(highlight=False).print("nothing to forget: no memory matches")


def _what(trace_id: int | None, source: str | None, doc: str | None) -> str:
    if trace_id is not None:
        return f"memory #{trace_id}"
    if source is not None:
        return f"everything that {source!r} said"
    return f"everything from document {doc!r}" if doc is not None else "every memory"


def confirm(question: str, yes: bool) -> None:
    """Go on only after a yes. Where there is nobody to ask, `--yes` must have been given."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter(f"{question} There is nobody to ask here: add --yes")
    typer.confirm(question, abort=True, err=True)


def status(session: Session) -> None:
    """What is stored, with which model, how large, and how the last night went.

    Example: hippo status --json
    """
    with session.open() as hippo:
        facts = hippo.status()
    if session.as_json:
        print_json(facts)
    else:
        _print_facts(facts)


def _print_facts(facts: dict[str, Any]) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim")
    table.add_column()
    for name, value in _rows(facts):
        table.add_row(name, Text(one_line(value)))
    Console(highlight=False).print(table)


def _rows(facts: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in facts.items():
        if prefix and name in ("user", "home"):
            continue  # said at the top already
        label = f"{prefix}{name}".replace("_", " ")
        if isinstance(value, dict):
            rows += _rows(value, f"{label}.") if value else [(label, "none")]
        elif name.endswith("_bytes") and isinstance(value, int):
            rows.append((label.removesuffix(" bytes"), f"{value / 1e6:.1f} MB"))
        elif isinstance(value, (list, tuple)):
            rows.append((label, ", ".join(str(v) for v in value) or "none"))
        else:
            rows.append(
                (label, "none" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value))
            )
    return rows
