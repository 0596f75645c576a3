"""A run to its report: `reports/<run id>/` with `index.md`, a self-contained `index.html`, and a page a suite.

Knows nothing of how figures come about or look.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hippo_eval.report import sections, store_sections
from hippo_eval.report.document import Block, Details, Document, Heading, Links, Plot, Plots
from hippo_eval.report.figures import pairings
from hippo_eval.report.html_page import to_html
from hippo_eval.report.invariants import violations_of
from hippo_eval.report.markdown_page import PLOTS, to_markdown
from hippo_eval.report.missing import missing_from
from hippo_eval.report.origin import origin, revision
from hippo_eval.report.plots import standalone
from hippo_eval.report.reading import Run, read_run
from hippo_eval.report.suite_page import suite_page
from hippo_mem.storage.jsonl import write_atomic

REPORTS = "reports"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Where a report is, and what it had to warn of."""

    folder: Path
    n_cells: int
    violations: tuple[str, ...]
    problems: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def remarks(self) -> tuple[str, ...]:
        """Everything that needs attention, the worst first."""
        return (*self.violations, *self.problems, *self.missing)

    @property
    def page(self) -> Path:
        """The HTML page to open."""
        return self.folder / "index.html"


def write_report(run_id: str, *, runs: str | Path = "runs", reports: str | Path = REPORTS) -> Written:
    """Write the report of a run, finished or not; an older one is replaced.

    Raises: InputError when there is no such run or nothing in it can be read; StorageFull.
    """
    run = read_run(run_id, runs)
    folder = Path(reports) / run.run_id
    violations = violations_of(run)
    missing = missing_from(run)
    pairs = pairings(run)
    suites = sorted({b.suite for b in run.boards})
    pages = {suite: suite_page(suite, [b for b in run.boards if b.suite == suite], pairs) for suite in suites}
    index = Document(
        title=f"Report of run {run.run_id}",
        lead=_lead(run),
        blocks=[
            *sections.attention(violations, run.problems, missing),
            *sections.em_by_preset(run),
            *sections.judgments(run, pairs),
            *sections.nights(run),
            *sections.parts(run, pairs),
            *store_sections.cost(run),
            *store_sections.gates(run),
            *store_sections.forgetting(run),
            Heading(text="Suites, one by one"),
            Links(pages=[(s, f"suite_{s}", pages[s].lead) for s in suites]),
            *origin(run),
        ],
    )
    documents = {**{f"suite_{suite}": page for suite, page in pages.items()}, "index": index}
    pictures = set()
    for name, document in documents.items():  # index last: a report that has it is whole
        for plot in _plots(document.blocks):
            pictures.add(f"{plot.name}.svg")
            write_atomic(folder / PLOTS / f"{plot.name}.svg", standalone(plot).encode())
        write_atomic(folder / f"{name}.md", to_markdown(document).encode("utf-8", "replace"))
        write_atomic(folder / f"{name}.html", to_html(document).encode("utf-8", "replace"))
    _remove_stale(folder, set(documents), pictures)
    return Written(
        folder=folder,
        n_cells=len(run.cells),
        violations=tuple(f"{v.board}, {v.label}: {v.text}" for v in violations),
        problems=tuple(run.problems),
        missing=tuple(missing),
    )


def _remove_stale(folder: Path, pages: set[str], pictures: set[str]) -> None:
    """Pages and pictures of an older report that this one does not have."""
    for file in [*folder.glob("suite_*.md"), *folder.glob("suite_*.html")]:
        if file.stem not in pages:
            file.unlink()
    for file in (folder / PLOTS).glob("*.svg"):
        if file.name not in pictures:
            file.unlink()


def _lead(run: Run) -> str:
    models = ", ".join(dict.fromkeys(b.model for b in run.boards))
    seeds = ", ".join(map(str, sorted({s for b in run.boards for s in b.seeds})))
    at = revision(run)
    parts = [f"{len(run.cells)} cells on {len(run.boards)} sets of questions", models, f"seed {seeds}"]
    parts += [at] if at else []
    return f"{'; '.join(parts)}."


def _plots(blocks: Iterable[Block]) -> Iterator[Plot]:
    for block in blocks:
        if isinstance(block, Plots):
            yield from block.plots
        elif isinstance(block, Details):
            yield from _plots(block.blocks)
