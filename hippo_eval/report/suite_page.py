"""The page of one suite: every figure of every preset, comparisons, and the answers to look at first.

Knows nothing of HTML or Markdown.
"""

from __future__ import annotations

from collections.abc import Sequence

from hippo_eval.cells import HitRow
from hippo_eval.metrics import KINDS
from hippo_eval.report import plots, verdict
from hippo_eval.report.cost import costs
from hippo_eval.report.document import (
    Block,
    Details,
    Document,
    Example,
    Heading,
    Listing,
    Marked,
    Paragraph,
    Plot,
    Plots,
    Table,
)
from hippo_eval.report.effects import effects_of
from hippo_eval.report.examples import Failure, worst
from hippo_eval.report.figures import Figures, Pairing, by_slot, figures_of
from hippo_eval.report.reading import Board
from hippo_eval.report.sections import NOTE, asked_with, color_of, short
from hippo_eval.report.store_sections import cost_table
from hippo_eval.report.suite_figures import suite_figures
from hippo_eval.report.tables import NONE, number, p_value, points, share, slug, with_interval

_N_EXAMPLES, _N_HITS, _N_WORDS = 6, 4, 60
_OTHERS = (
    ("path_success", "path success"),
    ("suboptimality", "suboptimality"),
    ("contradictions", "contradictions"),
    ("macro_reuse", "macro reuse"),
    ("steps_saved", "steps saved"),
    ("write_precision", "write precision"),
    ("write_recall", "write recall"),
)
_MEANINGS = {
    "path_success": "Path success: the walk ends at the goal, nowhere off the board. Suboptimality: its extra length.",
    "contradictions": "Contradictions: questions of today answered with what was true before.",
    "macro_reuse": "Macro reuse: questions that a habit answers, decided by the map and right.",
    "steps_saved": "Steps saved: whole scripts in one answer, against one question a step.",
    "write_precision": "Write precision: written events that hold the answer to a question themselves (a fact that is "
    "only a step on the way to one counts as not needed); recall: such events that were written.",
}


def suite_page(suite: str, boards: Sequence[Board], pairs: Sequence[Pairing]) -> Document:
    """The page of a suite, with a section for each set of its questions."""
    blocks: list[Block] = []
    for board in boards:
        blocks += _board(board, [p for p in pairs if p.board is board])
    seeds = sorted({s for b in boards for s in b.seeds})
    n = sum(len(b.entries) for b in boards)
    return Document(
        title=f"Suite {suite}",
        lead=f"{', '.join(b.name for b in boards)}; {n} presets and variants; seed {', '.join(map(str, seeds))}.",
        blocks=blocks,
        back="index",
    )


def _board(board: Board, pairs: Sequence[Pairing]) -> list[Block]:
    found = [
        f for label in board.entries for p in board.phases(label) if (f := figures_of(board, label, p)) is not None
    ]
    if not found:
        return [Heading(text=board.name), Paragraph(text="No cell of it has answers to report.", tone="bad")]
    return [
        Heading(text=f"{board.name}: answers"),
        Plots(plots=[_picture(board, found)]),
        Table(
            header=("preset", "asked with", "n", "EM (95 %)", "EM raw", "F1 (95 %)", "p50 ms", "p95 ms"),
            rows=[_answers(board, f) for f in found],
            left=frozenset({0, 1}),
            note=NOTE,
        ),
        *_slots(board),
        *_others(board),
        Heading(text="What kind of answers", level=3),
        Table(
            header=("preset", "asked with", *KINDS, "malformed"),
            rows=[
                [f.label, asked_with(board, f.label, f.phase), *(share(f.kinds.get(k, 0.0)) for k in KINDS),
                 share(f.malformed)]
                for f in found
            ],
            left=frozenset({0, 1}),
            note="exact: right. overlong: the answer with more words around it. partial: some of its words. refusal: "
            "declined or empty. Malformed answers are empty, of several lines, labeled, or hold a template's tokens.",
        ),
        *_recall(board, found),
        Heading(text="What a question costs", level=3),
        cost_table(costs(board)),
        *_comparisons(pairs),
        *_examples(board),
    ]  # fmt: skip


def _picture(board: Board, found: Sequence[Figures]) -> Plot:
    """EM of every entry, ablations too, in the phase it is judged by."""
    marks = [
        plots.Mark(label=short(f.label), value=f.em.mean, low=f.em.low, high=f.em.high, color=color_of(board, f.label))
        for f in found
        if f.phase == board.last_phase(f.label)
    ]
    return plots.dots(f"all_{slug(board.name)}", f"{board.name}: exact match", marks, unit="share of questions right")


def _answers(board: Board, f: Figures) -> list[str | Marked]:
    time = f.latency or {}
    return [
        f.label, asked_with(board, f.label, f.phase), number(f.n), with_interval(f.em),
        share(f.em_raw), with_interval(f.f1), number(time.get("p50_ms")), number(time.get("p95_ms")),
    ]  # fmt: skip


def _slots(board: Board) -> list[Block]:
    rows, names = [], []
    for label in board.entries:
        phase = board.last_phase(label)
        found = by_slot(board, label, phase) if phase else {}
        if found:
            rows.append((label, found))
            names += [s for s in found if s not in names]
    if len(names) < 2:
        return []
    table = Table(
        header=("preset", *names),
        rows=[[label, *(with_interval(found.get(n)) for n in names)] for label, found in rows],
    )
    return [Heading(text="By kind of question", level=3), table]


def _others(board: Board) -> list[Block]:
    found = {label: f for label in board.entries if (f := suite_figures(board, label)) is not None}
    there = [(key, name) for key, name in _OTHERS if any(getattr(f, key) is not None for f in found.values())]
    if not there:
        return []
    return [
        Heading(text="Figures of this suite", level=3),
        Table(
            header=("preset", *(name for _, name in there)),
            rows=[[label, *(share(getattr(f, key)) for key, _ in there)] for label, f in found.items()],
            note=" ".join(_MEANINGS[key] for key, _ in there if key in _MEANINGS),
        ),
    ]


def _recall(board: Board, found: Sequence[Figures]) -> list[Block]:
    rows = [
        [
            f.label,
            asked_with(board, f.label, f.phase),
            *(share(f.hit_rates.get(k)) for k in (1, 3, 8)),
            share(f.in_reach),
            share(f.mrr),
        ]
        for f in found
        if f.hit_rates
    ]
    if not rows:
        return []
    return [
        Heading(text="Was the answer within reach", level=3),
        Table(
            header=("preset", "asked with", "recall@1", "recall@3", "recall@8", "anywhere", "MRR"),
            rows=rows,
            left=frozenset({0, 1}),
            note="A text counts when it has the answer in it. Long context's texts are in the order told, so its ranks "
            "say nothing; anywhere counts all of them.",
        ),
    ]


def _comparisons(pairs: Sequence[Pairing]) -> list[Block]:
    if not pairs:
        return []
    rows: list[list[str | Marked]] = [_comparison(p) for p in pairs]
    unpaired = sum(p.n_unpaired for p in pairs)
    note = (
        "Points of EM and F1, first minus second, on the same questions. p of EM: exact McNemar; p of F1: paired "
        "bootstrap, 2 000 resamples; both corrected by Holm over all comparisons of their family in this report. "
        "Gained: questions only the first gets right; lost: only the second."
    )
    if unpaired:
        note += f" {unpaired} answers had no partner to the same question and are left out of the comparison."
    parts = [p for p in pairs if p.family == "without a part"]
    judged = [verdict.part_judgment(p, effects_of(p)) for p in parts]
    said = [Listing(items=[(j.tone, j.text) for j in judged])] if parts else []
    header = ("first", "second", "EM (95 %)", "p", "gained", "lost", "intervals apart", "F1 (95 %)", "p of F1")
    return [
        Heading(text="Compared on the same questions", level=3),
        Table(header=header, rows=rows, left=frozenset({0, 1}), note=note),
        *said,
    ]


def _comparison(p: Pairing) -> list[str | Marked]:
    changed = p.em.flips
    return [
        p.first,
        p.second,
        points(p.em.difference),
        p_value(p.p_em),
        number(changed.n_gained) if changed else NONE,
        number(changed.n_lost) if changed else NONE,
        "yes" if p.apart else "no",
        points(p.f1.difference),
        p_value(p.p_f1),
    ]


def _examples(board: Board) -> list[Block]:
    blocks: list[Block] = []
    memories = [label for label in board.entries if board.cell(label).is_memory and not board.cell(label).ablations]
    for i, label in enumerate(memories):
        failures = worst(board, label, _N_EXAMPLES)
        phase = board.last_phase(label)
        n_wrong = sum(not r.em for r in board.rows(label, phase).values()) if phase else 0
        if not failures:
            continue
        summary = f"{label}: {len(failures)} of {n_wrong} wrong answers"
        shown = [_example(f) for f in failures]
        blocks += [Heading(text=summary, level=3), *shown] if i == 0 else [Details(summary=summary, blocks=shown)]
    lead = Paragraph(
        text="First what simpler presets get right, then what is farthest off, one kind of question after the other.",
        tone="quiet",
    )
    return [Heading(text="Worst answers, with what was recalled and why"), lead, *blocks] if blocks else []


def _example(failure: Failure) -> Example:
    row = failure.row
    facts = [("wanted", row.gold), ("said", row.answer or "(nothing)"), ("why", failure.why)]
    if row.path:
        facts.append(("path", " → ".join(row.path)))
    if failure.right_elsewhere:
        facts.append(("right in", ", ".join(failure.right_elsewhere)))
    facts.append(("question", f"number {failure.key.id}, seed {failure.key.seed}{f', {row.slot}' if row.slot else ''}"))
    return Example(title=row.prompt, facts=facts, steps=[(_found_by(h), _short(h.text)) for h in row.hits[:_N_HITS]])


def _found_by(hit: HitRow) -> str:
    """`episodic, score 0.42, dense 1, lexical 3`."""
    parts = [hit.memory, *([f"score {hit.score:.3g}"] if hit.score is not None else [])]
    return ", ".join(parts + [f"{name} {rank}" for name, rank in hit.found_by.items()])


def _short(text: str) -> str:
    words = text.split()
    return " ".join(words[:_N_WORDS]) + (" …" if len(words) > _N_WORDS else "")
