"""Figures become the right sentences, on boards whose answers are set one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from hippo_eval.cells import Cell, CellResult, HitRow, ItemRow
from hippo_eval.report.effects import effects_of
from hippo_eval.report.examples import why, worst
from hippo_eval.report.figures import Pairing, figures_of, pair, pairings
from hippo_eval.report.reading import Board, Key, Read, Run
from hippo_eval.report.verdict import above_all, change_of, explanation, finding, part_judgment
from hippo_eval.statistics import holm

N = 60


def right(n_right: int, first: int = 0, n: int = N) -> list[bool]:
    """`n_right` right answers from the place `first` on."""
    return [first <= i < first + n_right for i in range(n)]


def board_of(
    entries: Mapping[str, Sequence[bool]],
    *,
    metrics: Mapping[str, Mapping[str, object]] | None = None,
    n: int = N,
    context: str = "one",
) -> Board:
    """One set of questions, one a thing told, answered as given."""

    def read(label: str, answers: Sequence[bool]) -> Read:
        preset, *variants = label.split("+")
        cell = Cell(preset=preset, variants=tuple(variants), suite="s", n=n, seed=1)
        phase = "off" if "sleep" in variants else "on"
        rows = [
            ItemRow(id=i, phase=phase, prompt=f"q{i}", gold=f"gold{i}", answer=f"gold{i}" if ok else "x", em=ok,
                    f1=float(ok), context_key=context)
            for i, ok in enumerate(answers)
        ]  # fmt: skip
        result = CellResult(cell=cell, folder=Path(label), metrics=(metrics or {}).get(label, {}), meta={})
        return Read(result=result, rows={phase: rows})

    return Board(
        suite="s", profile="default", n=n, model="m", entries={label: [read(label, a)] for label, a in entries.items()}
    )


def run_of(board: Board) -> Run:
    return Run(run_id="test", folder=Path(), boards=(board,), problems=())


def against(memory: Sequence[bool], evidence: Sequence[bool], core: Sequence[bool]) -> tuple[Pairing, list[Pairing]]:
    """The memory against RAG and against the bare model, corrected over both."""
    board = board_of({"baselines/core": core, "baselines/rag": evidence, "memory/all": memory})
    found = {p.second: p for p in pairings(run_of(board))}
    return found["baselines/rag"], [found["baselines/core"]]


def test_clearly_above_is_no() -> None:
    pairing, alone = against(right(55), right(20), right(0))
    judged = explanation(pairing, alone)
    assert (finding(pairing), judged.explains, judged.tone) == ("higher", "no", "good")
    # 20 of 60 are 33.3 %, 55 of 60 are 91.7 %; 20 of 55 gained answers is 36.4 %
    assert judged.text.startswith(
        "No, RAG does not explain the gain: RAG 33.3 %, memory/all 91.7 % (+58.3 points of EM"
    )
    assert judged.text.endswith("the two 95 % intervals do not overlap. It reaches 36.4 % of the gain.")


def test_below_is_yes_and_better() -> None:
    judged = explanation(*against(right(20), right(55), right(0)))
    assert (judged.explains, judged.tone) == ("yes", "bad")
    assert judged.text.startswith("Yes, RAG explains the whole gain and does better: ")


def test_the_same_answers_are_yes() -> None:
    pairing, alone = against(right(40), right(40), right(0))
    assert finding(pairing) == "identical"
    assert "the same questions are right" in explanation(pairing, alone).text


def test_a_difference_that_is_ruled_out_is_yes() -> None:
    # 1000 questions, one lost and one gained: the interval lies within 5 points
    n = 1000
    board = board_of(
        {"baselines/core": right(0, n=n), "baselines/rag": right(500, 1, n), "memory/all": right(500, 0, n)}, n=n
    )
    found = {p.second: p for p in pairings(run_of(board))}
    assert finding(found["baselines/rag"]) == "same"
    judged = explanation(found["baselines/rag"], [found["baselines/core"]])
    assert judged.explains == "yes"
    assert "no difference above 5 %" in judged.text


def test_a_difference_that_may_be_there_is_undecided() -> None:
    # 30 of 60 against 25 of others: 8 gained, 3 lost, p = 0.23
    pairing, alone = against(right(30), right(25, 3), right(0))
    judged = explanation(pairing, alone)
    assert (finding(pairing), judged.explains, judged.tone) == ("unclear", "undecided", "open")


def test_without_a_gain_there_is_nothing_to_explain() -> None:
    judged = explanation(*against(right(2), right(40), right(1, 30)))
    assert (judged.explains, judged.tone) == ("no gain", "bad")
    assert judged.text.startswith("There is no gain to explain: memory/all answers 3.3 %, baselines/core")


def test_above_all_needs_intervals_apart() -> None:
    board = board_of({"baselines/core": right(0), "baselines/rag": right(45), "memory/all": right(55)})
    judged = above_all([p for p in pairings(run_of(board)) if p.first == "memory/all"])
    assert judged.tone == "bad"
    assert "not clearly above 1 of 2 baselines" in judged.text
    assert "baselines/rag 75 %" in judged.text


def test_p_values_are_corrected_over_the_family() -> None:
    board = board_of({"baselines/core": right(20), "baselines/rag": right(24), "memory/all": right(31)})
    found = {p.second: p for p in pairings(run_of(board))}
    # 11 gained and none lost: 2 / 2 ** 11; 7 gained: 2 / 2 ** 7; the smaller doubled, the larger as it is
    assert found["baselines/core"].em.p == pytest.approx(2 / 2**11)
    expected = holm({"core": 2 / 2**11, "rag": 2 / 2**7})
    assert found["baselines/core"].p_em == pytest.approx(expected["core"]) == pytest.approx(4 / 2**11)
    assert found["baselines/rag"].p_em == pytest.approx(expected["rag"]) == pytest.approx(2 / 2**7)


@pytest.mark.parametrize(
    ("variant", "answers", "tone", "text"),
    [
        ("no_gate", right(40), "bad", "Without gate nothing changes: every answer is as right or wrong as before"),
        ("no_gate", right(10), "good", "Without gate EM is lower, so it helps: -50.0 points"),
        ("no_gate", right(58), "bad", "Without gate EM is higher, so it does harm here: +30.0 points"),
        ("completion", right(58), "good", "With completion added EM is higher, so it helps"),
        ("completion", right(10), "bad", "With completion added EM is lower, so it does harm here"),
        ("completion", right(40), "bad", "With completion added nothing changes"),
        ("no_gate", right(37), "open", "Without gate no effect on EM is shown, and none is ruled out: -5.0 points"),
    ],
)
def test_what_a_part_does(variant: str, answers: list[bool], tone: str, text: str) -> None:
    board = board_of({"memory/all": right(40), f"memory/all+{variant}": answers})
    (pairing,) = pairings(run_of(board))
    judged = part_judgment(pairing)
    assert (judged.tone, judged.text[: len(text)]) == (tone, text)
    assert change_of(pairing).split()[0] == ("with" if variant == "completion" else "without")


def test_where_nobody_answers_no_part_can_show_its_worth() -> None:
    (pairing,) = pairings(run_of(board_of({"memory/all": right(0), "memory/all+no_gate": right(0)})))
    judged = part_judgment(pairing)
    assert (judged.tone, judged.text) == ("open", "Without gate nothing can be seen: EM is 0 with it and without.")


def test_a_part_may_matter_for_something_else() -> None:
    whole, without = "memory/all+sleep", "memory/all+sleep+no_anchors"
    board = board_of(
        {whole: right(40), without: right(40)},
        metrics={
            whole: {"forgetting": {"known_fact_flips": 0.0}, "store": {"size": 50}, "night": {"keep": {"flips": 0.01}}},
            without: {
                "forgetting": {"known_fact_flips": 0.3},
                "store": {"size": 51},
                "night": {"keep": {"flips": 0.4}},
            },
        },
    )
    (pairing,) = pairings(run_of(board))
    effects = effects_of(pairing)
    assert effects == [
        "known facts lost to a night 0.0 % → 30.0 %",
        "next tokens of general prompts changed by a night 1.0 % → 40.0 %",
    ]
    judged = part_judgment(pairing, effects)
    assert judged.tone == "open"
    assert judged.text.endswith("Besides: known facts lost to a night 0.0 % → 30.0 %; "
                                "next tokens of general prompts changed by a night 1.0 % → 40.0 %.")  # fmt: skip


def test_only_the_same_questions_are_compared() -> None:
    board = board_of({"baselines/rag": right(10), "memory/all": right(20)[:50]})
    pairing = pair(board, "memory against baseline", "memory/all", "baselines/rag")
    assert pairing is not None
    assert (pairing.em.difference.n, pairing.n_unpaired) == (50, 10)


def test_questions_about_one_thing_go_together() -> None:
    board = board_of({"memory/all": right(20, n=40)}, n=10)
    keys = [Key(1, i) for i in range(40)]
    groups = board.groups(keys)
    assert len(set(groups)) == 10  # four questions about each of ten things
    assert groups[0] == groups[3] != groups[4]
    assert len(set(board.groups(keys[:7]))) == 7  # seven questions are not so many a thing
    found = figures_of(board, "memory/all", "on")
    assert found is not None
    assert (found.em.n, found.em.n_groups) == (40, 10)


def row(answer: str, *hits: str, **more: object) -> ItemRow:
    found = tuple(HitRow(text=h) for h in hits)
    return ItemRow(
        id=0, phase="on", prompt="Where?", gold="the barn", answer=answer, hits=found, source="memory", **more
    )  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (
            row("the attic", "It is in the barn."),
            "Another answer was given; the first recalled text has the answer in it",
        ),
        (
            row("I don't know.", "a", "In the barn."),
            "No answer was given; the answer stood at rank 2 of 2 recalled texts.",
        ),
        (row("in the barn now", "a vase"), "The answer is there with more around it; none of the 1 recalled texts has"),
        (row("barn owl attic"), "The answer is there with more around it; nothing was recalled."),
        (row("attic", decided_by="map"), "Another answer was given; decided by the map."),
        (row("attic", "x", decided_by="model"), "recalled texts has the answer in it; decided by the model."),
        (row("attic", "x", hit=True), "the answer stood somewhere behind the first 1 texts that could be read."),
        (row("attic", decided_by="weights"), "the weights answered, nothing was read."),
    ],
)
def test_why_an_answer_went_wrong(asked: ItemRow, reason: str) -> None:
    assert reason in why(asked)


def test_the_worst_answers_come_first() -> None:
    board = board_of({"baselines/rag": right(5, 50), "memory/all": right(50)})
    failures = worst(board, "memory/all", 3)
    assert [f.key.id for f in failures] == [50, 51, 52]  # what RAG gets right and the memory does not
    assert failures[0].right_elsewhere == ["baselines/rag"]
    assert worst(board, "memory/all", 0) == []
