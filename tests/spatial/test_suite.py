"""The spatial suite is repeatable, and a map that was told it answers all of it."""

from __future__ import annotations

import pytest

from hippo_eval.routes import score_route
from hippo_eval.suites.spatial import generate
from hippo_mem.spatial import PlaceGraph
from tests.spatial.conftest import Tell


def test_the_suite_is_repeatable_and_keeps_facts_from_questions() -> None:
    suite = generate(40, 7)
    assert suite == generate(40, 7)
    assert suite != generate(40, 8)
    assert len(suite.teach) == len(suite.test) == 40
    assert {t.slot for t in suite.test} == {
        "grid", "known_grid", "rooms", "graph", "distance", "journey", "by_place"
    }  # fmt: skip
    assert not {t.prompt for t in suite.test} & {t.fact for t in suite.teach}
    with pytest.raises(ValueError, match="at least 1"):
        generate(0, 7)


def test_the_map_answers_it(tell: Tell, places: PlaceGraph) -> None:
    suite = generate(40, 3)
    for item in suite.teach:
        tell(item.fact, context=item.context_key)
    for question in suite.test:
        if question.slot in ("journey", "by_place"):
            continue
        decision = places.decide(question.prompt, context=question.context_key)
        assert decision is not None
        assert decision.text == question.answer


def test_a_walk_through_a_wall_has_not_got_there() -> None:
    prompt = "Grid 3x3 with obstacles [(1, 0)]. Start (0, 0) goal (2, 0). Which moves?"
    through, around = score_route("RR", "DRRU", prompt), score_route("DRRU", "DRRU", prompt)
    assert through is not None
    assert around is not None
    assert (through.success, around.success) == (False, True)
    off = score_route("URRD", "DRRU", prompt)
    assert off is not None
    assert not off.success
