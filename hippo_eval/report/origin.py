"""Where the figures of a report come from: model, versions, machine, seeds, revision, configurations, commands.

What differs between cells is told as differing. Knows nothing of figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hippo_eval.report.document import Block, Details, Heading, Table
from hippo_eval.report.reading import Read, Run
from hippo_eval.report.tables import NONE

# Names under which a cell's meta may say it, first found first told.
_FACTS: Sequence[tuple[str, Sequence[str]]] = (
    ("model", ("model",)),
    ("model's weights", ("model_identity",)),
    ("seeds", ("seeds",)),
    ("git revision", ("git_revision",)),
    ("code that makes figures", ("code_version",)),
    ("command", ("command",)),
    ("versions", ("versions",)),
    ("machine", ("machine",)),
)


def origin(run: Run) -> list[Block]:
    """The facts that all cells share, and a folded table of each cell's stamp and configuration."""
    rows = [[name, text] for name, keys in _FACTS if (text := _told(run.cells, keys))]
    cells = [
        [
            f"{r.cell.suite} {r.cell.items_label}",
            r.cell.label,
            str(_get(r, ("stamp",)) or NONE)[:12],
            str(_get(r, ("config_hash",)) or NONE)[:12],
            f"{s:.0f}" if isinstance(s := _get(r, ("seconds",)), (int, float)) else NONE,
        ]
        for r in run.cells
    ]
    seconds = [s for r in run.cells if isinstance(s := _get(r, ("seconds",)), (int, float))]
    if seconds:
        rows.append(["time of all cells", f"{sum(seconds) / 60:.1f} min"])
    return [
        Heading(text="Where the figures come from"),
        Table(header=("what", "value"), rows=rows, left=frozenset({0, 1})),
        Details(
            summary=f"{len(cells)} cells with their stamps",
            blocks=[
                Table(
                    header=("items", "preset", "stamp", "configuration", "seconds"),
                    rows=cells,
                    left=frozenset({0, 1, 2, 3}),
                )
            ],
        ),
    ]


def revision(run: Run) -> str | None:
    """The git revision of all cells, or how many there are; None where none is told."""
    found = _values(run.cells, ("git_revision",))
    if not found:
        return None
    return f"revision {found[0][:12]}" if len(found) == 1 else f"{len(found)} different revisions"


def _told(cells: Sequence[Read], keys: Sequence[str]) -> str:
    found = _values(cells, keys)
    if len(found) <= 1:
        return found[0] if found else ""
    shown = "; ".join(found[:4]) + (f"; and {len(found) - 4} more" if len(found) > 4 else "")
    return f"differs between cells: {shown}"


def _values(cells: Sequence[Read], keys: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(_text(v) for r in cells if (v := _get(r, keys)) is not None))


def _get(read: Read, keys: Sequence[str]) -> Any:
    for key in keys:
        for source in (read.result.meta, read.result.metrics):
            if source.get(key) is not None:
                return source[key]
    return None


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {v}" for k, v in value.items() if v is not None)
    if isinstance(value, (list, tuple)):
        return " ".join(map(str, value))
    return str(value)
