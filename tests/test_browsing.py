"""A person looks through facts and places, and what they put right stays right."""

from __future__ import annotations

import pytest

from hippo_mem.errors import InputError
from hippo_mem.memory import Hippo, HippoConfig


@pytest.fixture
def hippo(tmp_path):
    with Hippo.open(tmp_path, config=HippoConfig(surprise=False)) as opened:
        opened.observe("Ana works at the clinic.")
        opened.observe("The kitchen is north of the hallway. The garden is east of the hallway.")
        yield opened


def _fact(hippo, relation="works_at"):
    return next(f for f in hippo.browse.facts() if f.relation == relation)


def test_an_edited_fact_answers_and_the_old_one_is_the_past(hippo):
    old = _fact(hippo)
    new = hippo.browse.edit_fact(old.id, "the school")
    assert (new.head, new.relation, new.tail) == ("Ana", "works_at", "school")
    assert new.provenance[0].text_span == "Ana works at the school"
    assert hippo.awake.decide("Where does Ana work?").text == "school"
    closed = hippo.browse.fact(old.id)
    assert closed.superseded_by == new.id
    assert [f.tail for f in hippo.browse.facts("Ana", as_of=(old.valid_from + closed.valid_to) / 2)] == ["clinic"]
    texts = [hit.trace.text for hit in hippo.recall("Where does Ana work?").hits]
    assert "Ana works at the school" in texts
    assert "Ana works at the clinic." not in texts


def test_what_an_episode_said_beside_an_edited_fact_goes_on_in_the_new_one(hippo):
    hippo.observe("My sister Bea lives in Leeds.", pin=True)
    hippo.observe("My sister Cleo lives in York. She sells tea.", pin=True)
    for fact in hippo.browse.facts():
        if fact.relation == "lives_in":
            hippo.browse.edit_fact(fact.id, "Hull")
    holding = {t.text.rstrip(".") for t in hippo.browse.memories(closed=False) if "sister" in t.text}
    assert "My sister Bea lives in Hull" in holding
    assert "My sister Bea lives in Leeds" not in holding  # a night would learn both
    assert "My sister Cleo lives in York. She sells tea" in holding  # the new one does not say all of it
    assert hippo.awake.decide("Where does my sister Bea live?").text == "Hull"
    assert hippo.awake.decide("What is my sister's name?") is not None


def test_a_retired_fact_is_not_answered_by_anything_and_can_come_back(hippo):
    fact = _fact(hippo)
    closed = hippo.browse.retire_fact(fact.id)
    assert closed.trace_ids == fact.trace_ids
    assert hippo.awake.decide("Where does Ana work?") is None
    assert "Ana works at the clinic." not in [h.trace.text for h in hippo.recall("Where does Ana work?").hits]
    assert [f.id for f in hippo.browse.facts("Ana", history=True)] == [fact.id]
    hippo.browse.reopen_fact(fact.id)
    assert hippo.awake.decide("Where does Ana work?").text == "clinic"
    assert "Ana works at the clinic." in [h.trace.text for h in hippo.recall("Where does Ana work?").hits]


def test_an_episode_that_says_more_stays_when_one_of_its_facts_goes(hippo):
    hippo.observe("Ben lives in Oslo. Ben owns a kayak.")
    fact = _fact(hippo, "lives_in")
    assert hippo.browse.retire_fact(fact.id).trace_ids == ()
    assert any("kayak" in hit.trace.text for hit in hippo.recall("What does Ben own?").hits)


def test_edits_that_mean_nothing_are_refused_and_change_nothing(hippo):
    fact = _fact(hippo)
    with pytest.raises(InputError, match="already"):
        hippo.browse.edit_fact(fact.id, "Clinic")
    with pytest.raises(InputError, match="no fact 999"):
        hippo.browse.edit_fact(999, "school")
    with pytest.raises(InputError, match="at most 200"):
        hippo.browse.edit_fact(fact.id, "x" * 201)
    with pytest.raises(InputError, match="holds: there is nothing"):
        hippo.browse.reopen_fact(fact.id)
    assert hippo.browse.fact(fact.id) == fact
    new = hippo.browse.edit_fact(fact.id, "school")
    with pytest.raises(InputError, match=f"replaced by fact {new.id}"):
        hippo.browse.reopen_fact(fact.id)


def test_the_graph_and_the_map_are_drawn_as_told(hippo):
    drawn = hippo.browse.fact_graph()
    names = {n["id"]: n["name"] for n in drawn["nodes"]}
    assert ("Ana", "works_at", "clinic") in [
        (names[e["head"]], e["relation"], names[e["tail"]]) for e in drawn["edges"]
    ]
    assert drawn["left_out"] == 0
    at = {p["name"]: (p["x"], p["y"]) for p in hippo.browse.places()["places"]}
    assert at["kitchen"][1] < at["hallway"][1]
    assert at["garden"][0] > at["hallway"][0]
    ids = {p["name"]: p["id"] for p in hippo.browse.places()["places"]}
    assert hippo.browse.route("the kitchen", "Garden") == {
        "places": ["kitchen", "hallway", "garden"],
        "ids": [ids["kitchen"], ids["hallway"], ids["garden"]],
        "steps": 2,
    }  # fmt: skip
    with pytest.raises(InputError, match="no place 'attic'"):
        hippo.browse.route("attic", "garden")


def test_a_switched_off_memory_says_so(tmp_path):
    config = HippoConfig(surprise=False, memories=("episodic",))
    with Hippo.open(tmp_path, config=config) as hippo, pytest.raises(InputError, match="switched off"):
        hippo.browse.facts()


def test_what_the_gate_refused_is_shown_kept_on_no_disk_and_can_be_kept_after_all(hippo):
    hippo.observe("Thank you!", source="mail")
    (refused,) = hippo.browse.refused()
    assert (refused.event.text, refused.outcome.kind) == ("Thank you!", "gated")
    assert "no content words" in refused.outcome.reason
    assert not any(b"Thank you" in f.read_bytes() for f in hippo.home.folder.rglob("*") if f.is_file())
    kept = hippo.browse.keep_refused(refused.id)
    assert (kept.text, kept.salience.pin, kept.provenance.source) == ("Thank you!", True, "mail")
    assert hippo.browse.refused() == []
    with pytest.raises(InputError, match="tell it again"):
        hippo.browse.keep_refused(refused.id)


def test_what_was_refused_is_forgotten_with_its_source(hippo):
    for source in ("mail", "diary"):
        hippo.observe("Okay, thanks!", source=source)
    hippo.forget(source="mail")
    assert [r.event.source for r in hippo.browse.refused()] == ["diary"]
    hippo.forget(everything=True)
    assert hippo.browse.refused() == []
