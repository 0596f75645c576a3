"""Every figure with an example worked by hand."""

import pytest

from hippo_eval.answerers import Asked
from hippo_eval.cells import HitRow
from hippo_eval.guardrails import enforce, judge
from hippo_eval.metrics import exact_match, f1, is_refusal, normalize, raw_match
from hippo_eval.routes import moves, route_figures, score_route
from hippo_eval.scoring import holds_answer, score
from hippo_eval.suites.items import TestItem as Question
from hippo_mem.errors import GuardrailError, InputError


def test_exact_match_normalizes_and_raw_does_not() -> None:
    assert normalize("The  brass Compass!") == "brass compass"
    assert exact_match("a brass compass.", "the brass compass")
    assert not exact_match("the brass compasses", "the brass compass")
    assert raw_match(" the brass compass ", "the brass compass")
    assert not raw_match("The brass compass", "the brass compass")


def test_f1_worked_by_hand() -> None:
    # said: friday morning early (3), wanted: friday morning (2), shared 2: 2 * 2 / 5
    assert f1("Friday morning, early", "Friday morning") == pytest.approx(0.8)
    assert f1("Monday", "Friday") == 0.0
    assert f1("x x", "x") == pytest.approx(2 / 3)  # counted with multiplicity


@pytest.mark.parametrize(
    ("said", "refuses"), [("I don't know.", True), ("", True), ("Don Quixote", False), ("I'm sorry, but no.", True)]
)
def test_refusals(said: str, refuses: bool) -> None:
    assert is_refusal(said) is refuses


def test_routes_worked_by_hand() -> None:
    assert moves("N, E and S") is None
    assert moves("N E E") == moves("north, east, east") == moves("NEE") == moves("↑→→") == ((0, -1), (1, 0), (1, 0))
    assert moves("") is None
    perfect = score_route("E N E", "N E E")
    assert perfect is not None
    assert (perfect.success, perfect.suboptimality) == (True, 0.0)
    detour = score_route("N N S E E", "N E E")  # 5 steps for 3
    assert detour is not None
    assert detour.suboptimality == pytest.approx(2 / 3)
    lost = score_route("N E", "N E E")
    assert lost is not None
    assert (lost.success, lost.suboptimality) == (False, None)
    assert score_route("N", "the library") is None


def test_route_figures_only_where_all_answers_are_routes() -> None:
    figures = route_figures([("N E", "N E"), ("N S N E", "N E"), ("W", "N E"), ("no idea", "N E")])
    assert figures == {"success_rate": 0.5, "suboptimality": pytest.approx(0.5)}  # 0 and 1 extra
    assert route_figures([("west", "west"), ("x", "the attic")]) is None
    assert route_figures([("x", "N E")]) == {"success_rate": 0.0, "suboptimality": None}


ITEMS = [
    Question(prompt="Who?", answer="Marta", slot="who"),
    Question(prompt="Where?", answer="the attic", slot="where"),
    Question(prompt="When?", answer="Monday", slot="when"),
    Question(prompt="What?", answer="a vase", slot="what"),
]


def asked(text: str, *recalled: str) -> Asked:
    return Asked(text=text, decoding="span", source="memory", hits=tuple(HitRow(text=t) for t in recalled), requests=1)


def test_a_round_worked_by_hand() -> None:
    figures, rows = score(
        ITEMS,
        [
            asked("Marta", "Marta sold a vase."),
            asked("The attic.", "It was in the cellar.", "It was in the attic."),
            asked("I don't know.", "nothing of the kind"),
            asked("the vase of Marta", "Martas vases"),
        ],
    )
    assert (figures["n"], figures["em"], figures["em_raw"], figures["refusal_rate"]) == (4, 0.5, 0.25, 0.25)
    assert figures["hit_rate"] == 0.5
    assert figures["f1"] == pytest.approx((1 + 1 + 0 + 0.5) / 4)  # "vase of marta" and "vase": 2 * 1 / 4
    assert figures["em_by_slot"] == {"what": 0.0, "when": 0.0, "where": 1.0, "who": 1.0}
    assert figures["decoding"] == {"span": 4}
    assert [h.text for h in rows[1].hits] == ["It was in the cellar.", "It was in the attic."]
    assert figures["mrr"] == pytest.approx((1 + 1 / 2 + 0 + 0) / 4)
    assert figures["answer_kinds"] == {"exact": 2, "refusal": 1, "overlong": 1}
    assert "success_rate" not in figures


def test_without_recall_there_is_no_hit_rate() -> None:
    alone = Asked(text="x", decoding="greedy", source="weights")
    assert score(ITEMS[:1], [alone])[0]["hit_rate"] is None
    with pytest.raises(InputError, match="4 questions and 1 answers"):
        score(ITEMS, [alone])


def test_an_answer_is_held_as_whole_words() -> None:
    assert holds_answer(["She sold the Vase, once."], "a vase")
    assert not holds_answer(["She sold vases."], "a vase")


GOOD = {
    "preset": "memory/hei_nw",
    "em": 0.9,
    "n": 4,
    "memory_off": False,
    "refusal_rate": 0.1,
    "retrieval": {"requests": 4},
    "answer_in_reach": True,
}
RUN = {"suite": "episodic", "n_taught": 50, "seed": 1337}


def test_a_good_run_passes() -> None:
    assert judge(GOOD) == ([], [])
    assert judge({**GOOD, **RUN, "uplift": 0.20}) == ([], [])
    enforce([], "x")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"retrieval": {"requests": 0}}, r"memory/hei_nw answered 4 questions with retrieval.requests = 0"),
        ({"refusal_rate": 0.51}, r"refusal_rate is 0.51, above 0.5"),
        ({**RUN, "uplift": 0.19}, r"changed by \+0.190 .* less than \+0.20"),
        ({**RUN, "uplift": -0.1}, r"changed by -0.100"),
    ],
)
def test_what_c27_forbids_fails_with_the_figure(change: dict[str, object], message: str) -> None:
    failures, _ = judge({**GOOD, **change})
    with pytest.raises(GuardrailError, match=message + r".*\(figures in m\.json\)"):
        enforce(failures, "m.json")


@pytest.mark.parametrize(
    "change",
    [
        {"retrieval": {"requests": 0}, "memory_off": True},
        {"retrieval": {"requests": 0}, "em": None},
        {"retrieval": {"requests": 0}, "preset": "baselines/core"},
        {"refusal_rate": 0.5},
    ],
)
def test_what_c27_allows_passes(change: dict[str, object]) -> None:
    assert judge({**GOOD, **change}) == ([], [])


def test_elsewhere_it_is_a_remark() -> None:
    failures, remarks = judge({**GOOD, "refusal_rate": 0.9, "answer_in_reach": False})
    assert not failures
    assert "nothing in reach" in remarks[0]
    failures, remarks = judge({**GOOD, **RUN, "n_taught": 20, "uplift": 0.0})
    assert not failures
    assert "episodic@50" in remarks[0]
