"""A run becomes pages that can be read and believed, and half a run says so."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from hippo_cli.main import main as hippo
from hippo_eval.cells import ITEMS, META, METRICS
from hippo_eval.report import Written, write_report
from hippo_mem.errors import InputError
from tests.eval.sample_run import EPISODIC, SEMANTIC, make_cell, make_run

VOID = {"meta", "br", "img", "link", "input", "hr"}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """The report of a whole run."""
    root = tmp_path_factory.mktemp("whole")
    make_run(root / "runs")
    return write_report("sample", runs=root / "runs", reports=root / "reports")


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A small run that a test may damage."""
    for label in ("baselines/core", "baselines/span_short", "baselines/longctx", "baselines/rag", "memory/hei_nw"):
        make_cell(tmp_path / "runs", "sample", suite="episodic", label=label, chances=EPISODIC[label], n=6, seed=7)
    return tmp_path / "runs"


def remade(runs: Path) -> tuple[Written, str]:
    """The report of a damaged run, and the text of its first page."""
    found = write_report("sample", runs=runs, reports=runs.parent / "reports")
    return found, (found.folder / "index.md").read_text()


def cell_of(runs: Path, label: str) -> Path:
    return next((runs / "sample" / label / "episodic").iterdir())


class Page(HTMLParser):
    """What a page refers to, and whether every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.links += [h for h in (found.get("href"),) if tag == "a" and h]
        self.loads += [f"{tag} {v}" for k, v in attrs if v and k in ("src", "srcset", "data", "poster", "action")]
        self.loads += [tag] if tag in ("script", "link", "iframe", "object", "embed", "base") else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag


def test_every_page_is_whole_and_fetches_nothing(written: Written) -> None:
    pages = sorted(written.folder.glob("*.html"))
    assert [p.name for p in pages] == ["index.html", "suite_episodic.html", "suite_semantic.html"]
    for file in pages:
        text = file.read_text()
        page = Page(text)
        assert page.open == []
        assert page.loads == []
        assert not re.search(r"@import|url\((?!#)", text)
        assert all((written.folder / link).is_file() for link in page.links)
        assert "prefers-color-scheme:dark" in text
        assert 'name="viewport"' in text


def test_markdown_links_and_pictures_are_there(written: Written) -> None:
    for file in written.folder.glob("*.md"):
        targets = re.findall(r"\]\(([^)]+)\)", file.read_text())
        assert targets
        assert all((written.folder / target).is_file() for target in targets)


def test_pictures_are_svg_that_follow_the_page(written: Written) -> None:
    files = list((written.folder / "plots").iterdir())
    assert {"em_episodic_20.svg", "nights.svg", "parts_episodic_20.svg", "gates.svg", "forgetting.svg"} <= {
        f.name for f in files
    }
    for file in files:
        text = file.read_text()
        ElementTree.fromstring(text)
        assert "var(--fg" in text
        assert "prefers-color-scheme:dark" in text
        assert "DejaVu" not in text


def test_it_says_in_words_whether_evidence_explains_the_gain(written: Written) -> None:
    text = (written.folder / "index.md").read_text()
    assert "No. Of the 3 gains of a memory over the weights alone, long context does not explain 3." in text
    assert "In part. Of the 3 gains of a memory over the weights alone, RAG does not explain 2; undecided are 1" in text
    assert "memory/hei\\_nw is above all 4 baselines with intervals that do not overlap" in text
    assert "memory/sgc\\_rss is not clearly above 1 of 4 baselines" in text
    assert "corrected by Holm" in text


def test_a_part_that_changes_nothing_is_named(written: Written) -> None:
    text = (written.folder / "index.md").read_text()
    assert "With completion added: nothing changes, on any suite where it was tried (episodic@20 hei\\_nw)." in text
    assert "word for word the same" in text
    assert "Without sparsity: nothing changes" not in text


def test_nothing_told_becomes_markup(written: Written) -> None:
    page, md = ((written.folder / f"suite_episodic.{kind}").read_text() for kind in ("html", "md"))
    assert "found &lt;b&gt;a vase&lt;/b&gt;" in page
    assert "<b>" not in page
    assert "<b>" not in md
    assert "a vase&lt;/b&gt; \\| in" in md


def test_worst_answers_say_what_was_recalled_and_why(written: Written) -> None:
    text = (written.folder / "suite_episodic.md").read_text()
    assert "Worst answers, with what was recalled and why" in text
    assert "the first recalled text has the answer in it, the reading went wrong; decided by the frame" in text
    assert "the weights answered, nothing was read" in text
    assert "episodic, score 0.031, dense 1, lexical 2" in text


def test_where_figures_come_from_is_told(written: Written) -> None:
    text = (written.folder / "index.md").read_text()
    for part in (
        "0123abcd",
        "python 3.11, torch 2.13.0",
        "eval\\_model.py run\\_id=sample",
        "26 cells with their stamps",
    ):
        assert part in text


def test_the_same_run_gives_the_same_report(runs: Path) -> None:
    first, _ = remade(runs)
    before = {f.name: f.read_bytes() for f in first.folder.rglob("*.*") if f.is_file()}
    again, _ = remade(runs)
    assert {f.name: f.read_bytes() for f in again.folder.rglob("*.*") if f.is_file()} == before


def test_an_older_report_leaves_nothing_behind(runs: Path) -> None:
    extra = make_cell(runs, "sample", suite="semantic", label="baselines/core", chances={"on": 0.5}, n=6, seed=7)
    first, _ = remade(runs)
    assert (first.folder / "suite_semantic.html").is_file()
    shutil.rmtree(extra)
    again, _ = remade(runs)
    names = {f.name for f in again.folder.rglob("*") if f.is_file()}
    assert not {n for n in names if "semantic" in n}
    assert "suite_episodic.html" in names


def test_a_whole_run_needs_no_attention(written: Written, runs: Path) -> None:
    assert written.remarks == ()
    assert remade(runs)[0].remarks == ()


def test_missing_cells_are_named(runs: Path) -> None:
    shutil.rmtree(runs / "sample/baselines/rag")
    make_cell(runs, "sample", suite="episodic", label="memory/hei_nw", chances=EPISODIC["memory/hei_nw"], n=6, seed=8)
    make_cell(runs, "sample", suite="semantic", label="baselines/core", chances=SEMANTIC["baselines/core"], n=6, seed=7)
    found, text = remade(runs)
    said = "\n".join(found.missing)
    assert "episodic@6: no finished cell of baselines/rag; nothing is compared with them." in said
    assert "episodic@6, baselines/core: seed 8 missing; its figures are of 7" in said
    assert "semantic@6: no finished cell of a memory, only baselines." in said
    assert "Nothing was compared with RAG: it cannot be said whether it explains a gain." in text
    assert "What needs attention" in text


def test_what_a_matrix_has_not_measured_yet_is_named(tmp_path: Path) -> None:
    words = ["matrix.py", "--suites", "episodic", "--n", "6", "--seeds", "7", "--model", "dummy", "--no-nights"]
    for label in ("baselines/core", "baselines/rag", "memory/hei_nw"):
        make_cell(
            tmp_path / "runs", "sample", suite="episodic", label=label, chances=EPISODIC[label], n=6, seed=7,
            command=[*words, "--no-ablations"],
        )  # fmt: skip
    found, _ = remade(tmp_path / "runs")
    assert found.missing == (
        "5 of the matrix' 8 cells are not measured; run the same command again to go on.",
        "episodic@6, seed 7: no figures of baselines/longctx, baselines/span_short, memory/all, memory/sgc_rss, "
        "memory/smpd.",
    )


def test_unfinished_work_is_said(runs: Path) -> None:
    begun = cell_of(runs, "memory/hei_nw")
    (begun / METRICS).unlink()
    found, _ = remade(runs)
    assert any("Not finished, and left out: memory/hei_nw/episodic/default_n6_s7_dummy" in m for m in found.missing)


@pytest.mark.parametrize(
    ("file", "content", "line"),
    [
        (METRICS, '{"cell": ', "memory/hei_nw/episodic/default_n6_s7_dummy is left out: "),
        (METRICS, "[]", "must be a JSON object"),
        (METRICS, "{}", "is not a cell's: 'cell'"),
        (META, None, "meta.json is missing"),
        (ITEMS, '{"id": 0, "phase": "on"', "has figures but no answers that can be read: "),
        (ITEMS, '{"id": 0}\n', "line 1 is not a question with its answer"),
        (ITEMS, None, "has figures but no answers that can be read: no file"),
    ],
)
def test_a_damaged_file_is_one_clear_line(runs: Path, file: str, content: str | None, line: str) -> None:
    place = cell_of(runs, "memory/hei_nw") / file
    place.unlink()
    if content is not None:
        place.write_text(content)
    found, text = remade(runs)
    assert any(line in problem for problem in found.problems), found.problems
    assert "Exact match by preset" in text


def test_answers_without_a_number_are_left_out(runs: Path) -> None:
    file = cell_of(runs, "memory/hei_nw") / ITEMS
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    rows[0]["f1"] = float("nan")
    rows[1]["latency_ms"] = float("nan")
    file.write_text("".join(json.dumps(r) + "\n" for r in rows))
    found, text = remade(runs)
    assert any("1 of 24 answers have an F1 that is no number" in p for p in found.problems)
    assert "nan" not in text.lower().replace("finance", "")


def test_figures_that_break_the_schema_are_shown_but_not_judged(runs: Path) -> None:
    file = cell_of(runs, "memory/hei_nw") / METRICS
    data = json.loads(file.read_text())
    file.write_text(json.dumps({**data, "em": float("nan"), "gates": None, "cost": None}))
    found, _ = remade(runs)
    assert any("does not keep to the schema: em: nan is no number that JSON has" in p for p in found.problems)


def test_violated_invariants_stand_on_top(runs: Path) -> None:
    make_cell(
        runs, "sample", suite="episodic", label="baselines/core", chances=EPISODIC["baselines/core"], n=6, seed=7,
        change={"retrieval": {"requests": 3}, "store": {"size": 2}},
    )  # fmt: skip
    found, text = remade(runs)
    assert any("baselines/core has retrieval.requests = 3" in v for v in found.violations)
    assert any("store.size = 2" in v for v in found.violations)
    assert text.index("retrieval.requests = 3") < text.index("Exact match by preset")


def test_one_question_and_no_question(tmp_path: Path) -> None:
    for label in ("baselines/core", "memory/hei_nw"):
        folder = make_cell(tmp_path / "runs", "sample", suite="episodic", label=label, chances={"on": 1.0}, n=1, seed=7)
        (folder / ITEMS).write_text((folder / ITEMS).read_text().splitlines()[0] + "\n")
    empty = make_cell(
        tmp_path / "runs", "sample", suite="semantic", label="memory/all", chances={"on": 1.0}, n=1, seed=7
    )
    (empty / ITEMS).write_text("")
    found, text = remade(tmp_path / "runs")
    assert any("semantic@1, memory/all: seed 7 has no answers to report." in m for m in found.missing)
    assert "1.00 (0.03–1.00)" in text  # one question is hardly anything
    assert "No cell of it has answers to report." in (found.folder / "suite_semantic.md").read_text()


def test_nothing_to_report_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no run 'sample': .*sample does not exist"):
        write_report("sample", runs=tmp_path)
    (tmp_path / "sample").mkdir()
    with pytest.raises(InputError, match=r"nothing of run 'sample' can be reported; no metrics\.json"):
        write_report("sample", runs=tmp_path)
    (tmp_path / "sample/x").mkdir()
    (tmp_path / "sample/x" / METRICS).write_text("{")
    with pytest.raises(InputError, match=r"nothing of run 'sample' can be reported: x is left out"):
        write_report("sample", runs=tmp_path)
    with pytest.raises(InputError, match="run_id"):
        write_report("../sample", runs=tmp_path)


def test_the_command(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["report", "sample", "--runs", str(runs), "--out", str(tmp_path / "out")]
    assert hippo(words) == 0
    shown = capsys.readouterr().out.replace("\n", "")
    assert "5 cells;" in shown
    assert (tmp_path / "out/sample/index.html").is_file()
    assert hippo(["--json", *words]) == 0
    assert json.loads(capsys.readouterr().out)["n_cells"] == 5
    assert hippo(["report", "nothing", "--runs", str(runs)]) == 1
    assert "no run 'nothing'" in capsys.readouterr().err
