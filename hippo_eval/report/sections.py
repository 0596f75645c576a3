"""The sections of a report's first page, each from a run's boards to blocks. Knows nothing of HTML or Markdown.

A section without anything to show gives no block: what is missing is said once, at the top.
"""

from __future__ import annotations

from collections.abc import Sequence

from hippo_eval.cells import Phase
from hippo_eval.report import plots, verdict
from hippo_eval.report.document import Block, Details, Heading, Listing, Marked, Paragraph, Plots, Table, Tone
from hippo_eval.report.effects import effects_of
from hippo_eval.report.figures import Pairing, figures_of
from hippo_eval.report.invariants import Violation
from hippo_eval.report.reading import Board, Run
from hippo_eval.report.tables import NONE, number, p_value, points, share, slug, with_interval
from hippo_eval.statistics import compare_right

PHASE_NAMES: dict[Phase, str] = {"pre": "before", "on": "memory on", "off": "memory off"}
_ANSWERS: dict[str, tuple[str, Tone]] = {
    "no": ("does not", "good"),
    "yes": ("does", "bad"),
    "undecided": ("undecided", "open"),
    "no gain": ("no gain", "bad"),
}
NOTE = (
    "Intervals of 95 % by BCa bootstrap, 2 000 resamples of the things told (their questions go together), seed 0; "
    "where all answers are alike, the exact bound of Clopper and Pearson."
)


def color_of(board: Board, label: str) -> str:
    """Baselines grey, memories blue, asked from the weights after a night green, ablations orange."""
    cell = board.cell(label)
    if not cell.is_memory:
        return "grey"
    if cell.ablations:
        return "orange"
    return "green" if board.last_phase(label) == "off" else "blue"


def short(label: str) -> str:
    """A label without its folder, for narrow places."""
    return label.removeprefix("baselines/").removeprefix("memory/").replace("+", " + ")


def asked_with(board: Board, label: str, phase: Phase) -> str:
    """What answered; nothing for a baseline, which is always asked one way."""
    return PHASE_NAMES[phase] if board.cell(label).is_memory else NONE


def attention(violations: Sequence[Violation], problems: Sequence[str], missing: Sequence[str]) -> list[Block]:
    """What a reader must know before believing a figure."""
    seeds: dict[tuple[str, str, str], list[int]] = {}
    for v in violations:
        seeds.setdefault((v.board, v.label, v.text), []).append(v.seed)
    items: list[tuple[Tone, str]] = [
        ("bad", f"{board}, {label}, seed {', '.join(map(str, of))}: {text}")
        for (board, label, text), of in seeds.items()
    ]
    items += [("bad", p) for p in problems] + [("open", m) for m in missing]
    if not items:
        return [
            Listing(items=[("good", "Every telemetry invariant holds, every cell could be read, none is missing.")])
        ]
    return [Heading(text="What needs attention"), Listing(items=items)]


def em_by_preset(run: Run) -> list[Block]:
    """EM of every preset with its interval: a picture a board, and one table of all."""
    pictures = []
    cells: dict[str, dict[str, str | Marked]] = {}
    held: dict[str, dict[str, str]] = {}
    for board in run.boards:
        marks, ems = [], {}
        for label in board.entries:
            phase = board.last_phase(label)
            found = figures_of(board, label, phase) if phase else None
            if found is not None and not board.cell(label).ablations:
                em, color = found.em, color_of(board, label)
                marks.append(plots.Mark(label=short(label), value=em.mean, low=em.low, high=em.high, color=color))
                ems[label] = em
                held.setdefault(label, {})[board.name] = with_interval(found.held)
        best = max((em.mean for em in ems.values()), default=0.0)
        for label, em in ems.items():
            tone: Tone = "good" if em.mean == best and best > 0 else "plain"
            cells.setdefault(label, {})[board.name] = Marked(text=with_interval(em), tone=tone)
        if marks:
            pictures.append(
                plots.dots(
                    f"em_{slug(board.name)}", f"{board.name}: exact match", marks, unit="share of questions right"
                )
            )
    if not pictures:
        return []
    names = [b.name for b in run.boards]
    table = Table(
        header=("preset", *names),
        rows=[[label, *(by_board.get(n, NONE) for n in names)] for label, by_board in cells.items()],
        note=f"The highest mean of each column is drawn out. +sleep: asked with the memory off, after a night. {NOTE}",
    )
    among = Table(
        header=("preset", *names),
        rows=[[label, *(by_board.get(n, NONE) for n in names)] for label, by_board in held.items()],
        note="Share of answers in which the true one stands, whatever else they say: a model that answers in sentences "
        "loses exact match by its manner, not by what it knows.",
    )
    return [
        Heading(text="Exact match by preset"), Plots(plots=pictures), table,
        Paragraph(text="The same answers, judged by whether the true one stands anywhere in them:"), among,
    ]  # fmt: skip


def judgments(run: Run, pairs: Sequence[Pairing]) -> list[Block]:
    """Milestone 9.5's question in words: are memories above the baselines, and does evidence in a prompt explain it?"""
    rows: list[list[str | Marked]] = []
    sentences: list[tuple[Tone, str]] = []
    answers: dict[str, dict[str, list[tuple[str, str]]]] = {what: {} for what in verdict.EVIDENCE.values()}
    for board in run.boards:
        against = [p for p in pairs if p.board is board and p.family == "memory against baseline"]
        for first in dict.fromkeys(p.first for p in against):
            mine = [p for p in against if p.first == first]
            above = verdict.above_all(mine)
            said = {verdict.EVIDENCE[p.second]: _explained(p, mine) for p in mine if p.second in verdict.EVIDENCE}
            for what, judged in said.items():
                answers[what].setdefault(judged.explains or "undecided", []).append((board.name, short(first)))
            sentences += [(j.tone, f"{board.name}: {j.text}") for j in dict.fromkeys((above, *said.values()))]
            best = max(mine, key=lambda p: p.second_em.mean)
            apart = Marked(text="yes" if above.tone == "good" else "no", tone=above.tone)
            rival = f"{short(best.second)} {share(best.second_em.mean)}"
            rows.append(
                [board.name, short(first), with_interval(mine[0].first_em), rival, points(best.em.difference), apart,
                 *(_answer(said.get(what)) for what in verdict.EVIDENCE.values())]
            )  # fmt: skip
    if not rows:
        return []
    header = ("suite", "memory", "EM", "best baseline", "points above it", "above all, apart", *(
        f"{what} explains it" for what in verdict.EVIDENCE.values()
    ))  # fmt: skip
    return [
        Heading(text="Do long context or RAG explain the gain?"),
        Listing(items=[s for what, found in answers.items() for s in _summary(what, found)]),
        Table(
            header=header,
            rows=rows,
            left=frozenset({0, 1, 3, 5, 6, 7}),
            note="The same questions, exact McNemar, corrected by Holm over all comparisons of memories and baselines "
            f"here. A difference below {100 * verdict.MATTERS:.0f} points, interval included, is taken for none. "
            "Apart: no 95 % interval of a baseline overlaps with the memory's.",
        ),
        Details(summary="Each comparison in words", blocks=[Listing(items=sentences)]),
    ]


def _explained(pairing: Pairing, mine: Sequence[Pairing]) -> verdict.Judgment:
    return verdict.explanation(pairing, [p for p in mine if p.second in verdict.ALONE])


def _answer(judged: verdict.Judgment | None) -> str | Marked:
    if judged is None or judged.explains is None:
        return NONE
    text, tone = _ANSWERS[judged.explains]
    return Marked(text=text, tone=tone, title=judged.text)


def _summary(what: str, found: dict[str, list[tuple[str, str]]]) -> list[tuple[Tone, str]]:
    """One sentence about one kind of evidence over every memory and suite; `found` has (suite, memory) by answer."""
    if not found:
        return [("open", f"Nothing was compared with {what}: it cannot be said whether it explains a gain.")]
    no, yes, open_ = (found.get(a, []) for a in ("no", "yes", "undecided"))
    n_gains = len(no) + len(yes) + len(open_)
    parts = []
    if n_gains:
        start = "No" if len(no) == n_gains else "Yes" if len(yes) == n_gains else "In part"
        gains = "the one gain" if n_gains == 1 else f"the {n_gains} gains"
        parts.append(f"{start}. Of {gains} of a memory over the weights alone, {what} does not explain {len(no)}")
        parts += [f"it explains {len(yes)}: {_places(yes)}"] if yes else []
        parts += [f"undecided are {len(open_)}: {_places(open_)}"] if open_ else []
    if found.get("no gain"):
        parts.append(f"{'There' if not parts else 'there'} is no gain to explain in {_places(found['no gain'])}")
    tone: Tone = "good" if n_gains and len(no) == n_gains else "open" if no or open_ else "bad"
    return [(tone, f"{'; '.join(parts)}.")]


def _places(found: Sequence[tuple[str, str]]) -> str:
    """`episodic@50 (all, hei_nw), semantic@50 (all)`."""
    by_suite: dict[str, list[str]] = {}
    for suite, memory in found:
        by_suite.setdefault(suite, []).append(memory)
    return ", ".join(f"{suite} ({', '.join(memories)})" for suite, memories in by_suite.items())


def nights(run: Run) -> list[Block]:
    """Before and after: every entry that replayed or slept, and was asked before that."""
    groups: list[str] = []
    marks: dict[Phase, list[plots.Mark | None]] = {"pre": [], "on": [], "off": []}
    rows: list[list[str | Marked]] = []
    for board in run.boards:
        for label in board.entries:
            phases, last = board.phases(label), board.last_phase(label)
            if board.cell(label).ablations or "pre" not in phases or last is None or not board.learned(label):
                continue
            groups.append(f"{board.name}\n{short(label)}")
            for phase, of_phase in marks.items():
                found = figures_of(board, label, phase) if phase in phases else None
                of_phase.append(
                    plots.Mark(label=PHASE_NAMES[phase], value=found.em.mean, low=found.em.low, high=found.em.high)
                    if found is not None
                    else None
                )
            rows.append(_night_row(board, label, last))
    if not rows:
        return []
    parts = [
        ("before", "grey", marks["pre"]),
        ("memory on", "blue", marks["on"]),
        ("memory off, after", "green", marks["off"]),
    ]
    shown = [part for part in parts if any(m is not None for m in part[2])]
    return [
        Heading(text="Before and after replay or sleep"),
        Plots(plots=[plots.bars("nights", "Exact match before and after", groups, shown, unit="share right")]),
        Table(
            header=("suite", "preset", "asked with", "before", "after", "points (95 %)", "gained", "lost", "p"),
            rows=rows,
            left=frozenset({0, 1, 2}),
            note="Gained and lost are questions: wrong before and right after, and the reverse (paired flips). "
            "p is exact McNemar of each row for itself.",
        ),
    ]


def _night_row(board: Board, label: str, last: Phase) -> list[str | Marked]:
    then, now = board.rows(label, "pre"), board.rows(label, last)
    keys = [k for k in now if k in then]
    found = compare_right([now[k].em for k in keys], [then[k].em for k in keys], groups=board.groups(keys))
    changed = found.flips
    return [
        board.name,
        label,
        PHASE_NAMES[last],
        share(sum(then[k].em for k in keys) / len(keys)),
        share(sum(now[k].em for k in keys) / len(keys)),
        points(found.difference),
        number(changed.n_gained) if changed else NONE,
        number(changed.n_lost) if changed else NONE,
        p_value(found.p),
    ]


def parts(run: Run, pairs: Sequence[Pairing]) -> list[Block]:
    """What taking each part away, or adding it, changed."""
    found = [(p, effects_of(p)) for p in pairs if p.family == "without a part"]
    if not found:
        return []
    pictures = []
    sentences: list[tuple[Tone, str]] = []
    for board in run.boards:
        marks = []
        for p, effects in found:
            if p.board is board:
                judged = verdict.part_judgment(p, effects)
                sentences.append((judged.tone, f"{board.name}, {short(p.second)}: {judged.text}"))
                gap = p.em.difference
                color = {"good": "blue", "bad": "orange", "open": "grey"}[judged.tone]
                marks.append(plots.Mark(label=short(p.first), value=gap.mean, low=gap.low, high=gap.high, color=color))
        if marks:
            pictures.append(
                plots.dots(
                    f"parts_{slug(board.name)}", f"{board.name}: what the change does to EM", marks,
                    unit="EM with the change minus EM as it is", zero_line=True,
                )
            )  # fmt: skip
    order = {"bad": 0, "open": 1, "good": 2}
    return [
        Heading(text="What each part contributes"),
        Paragraph(
            text="Each part was taken away, or added where its name does not begin with no_, and the same questions "
            "were asked again; p-values are corrected by Holm over all ablations of this report.",
            tone="quiet",
        ),
        Listing(items=_idle(found)),
        Plots(plots=pictures),
        Details(summary="Each ablation in words", blocks=[Listing(items=sorted(sentences, key=lambda s: order[s[0]]))]),
    ]


def _idle(found: Sequence[tuple[Pairing, Sequence[str]]]) -> list[tuple[Tone, str]]:
    """The parts that change nothing wherever they were tried, by name; then those that harm or help somewhere."""
    by_part: dict[str, list[tuple[str, str, bool]]] = {}
    floor: dict[str, list[str]] = {}
    for p, effects in found:
        where = f"{p.board.name} {short(p.second)}"
        if verdict.at_floor(p) and not effects:
            floor.setdefault(verdict.change_of(p), []).append(where)
            continue
        by_part.setdefault(verdict.change_of(p), []).append((verdict.finding(p), where, bool(effects)))
    said: list[tuple[Tone, str]] = [
        ("open", f"{change}: nothing can be seen, EM is 0 with it and without ({', '.join(places)}).")
        for change, places in floor.items()
        if change not in by_part
    ]
    for change, outcomes in sorted(by_part.items()):
        where = ", ".join(w for _, w, _ in outcomes)
        if all(f in ("identical", "same") for f, _, _ in outcomes):
            if any(has_effect for _, _, has_effect in outcomes):
                said.append(
                    ("open", f"{change}: no change in EM on any suite tried ({where}), but see what else it changes.")
                )
            else:
                said.append(("bad", f"{change}: nothing changes, on any suite where it was tried ({where})."))
            continue
        for finding, text in (("lower", "EM falls"), ("higher", "EM rises")):
            places = [w for f, w, _ in outcomes if f == finding]
            if places:
                gain = (finding == "lower") is change.startswith("without")
                said.append(("good" if gain else "bad", f"{change}: {text} on {', '.join(places)}."))
        if all(f not in ("lower", "higher") for f, _, _ in outcomes):
            said.append(("open", f"{change}: no effect on EM is shown and none ruled out ({where})."))
    return [(tone, text[0].upper() + text[1:]) for tone, text in said]
