"""Progress of long work on stderr: bars with an estimate on a terminal, a few lines elsewhere.

A `StageBars` is called as `progress(stage, done, total)`, the form every long call of the library takes. Knows nothing
of what the stages are.
"""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as Estimate

_SECONDS_BETWEEN_LINES = 10.0


class StageBars:
    """One bar a stage, in the order the stages begin. `total` 0 or less means that the amount is unknown."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._tasks: dict[str, TaskID] = {}
        self._bars: Progress | None = None
        self._spoken: dict[str, float] = {}
        self._began: dict[str, float] = {}

    def __enter__(self) -> StageBars:
        if self._console.is_terminal:
            self._bars = Progress(
                TextColumn("{task.description:<12}", style="bold"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("left"),
                Estimate(),
                console=self._console,
            )
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Report that `done` of `total` are done in `stage`."""
        if self._bars is not None:
            self._draw(self._bars, stage, done, total)
        else:
            self._say(stage, done, total)

    def _draw(self, bars: Progress, stage: str, done: int, total: int) -> None:
        amount = total if total > 0 else None
        if stage not in self._tasks:
            self._tasks[stage] = bars.add_task(stage, total=amount)
        bars.update(self._tasks[stage], completed=done, total=amount)

    def _say(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        first = stage not in self._began
        if first:
            self._began[stage] = now
        finished = 0 < total <= done
        quiet = now - self._spoken.get(stage, float("-inf")) < _SECONDS_BETWEEN_LINES
        if quiet and not finished:
            return
        if finished and self._spoken.get(stage) == float("inf"):
            return
        elapsed = now - self._began[stage]
        line = f"{stage}: {done}/{total}" if total > 0 else f"{stage}: {done}"
        if finished:
            line += f", done in {elapsed:.1f} s"
        elif 0 < done < total and elapsed > 0:
            line += f", about {elapsed / done * (total - done):.0f} s left"
        self._spoken[stage] = float("inf") if finished else now
        self._console.print(line, style="dim", highlight=False, markup=False)
