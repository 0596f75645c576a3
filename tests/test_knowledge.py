"""Episodes, facts and places through the one door that users have."""

from __future__ import annotations

from pathlib import Path

import pytest

from hippo_mem.awake import Awake
from hippo_mem.embed import HashingEmbedder
from hippo_mem.errors import InputError
from hippo_mem.knowledge import check_memories
from hippo_mem.memory import Hippo, HippoConfig
from hippo_mem.types import Where

SAME = "The zorbs frobnicated the wug."


def routed(awake: Awake, text: str, **options: object) -> set[str]:
    first, *others = awake.observe(text, **options)  # type: ignore[arg-type]
    assert first.memory == "episodic"
    assert {o.kind for o in others} <= {"routed"}
    return {o.memory for o in others}


def test_one_telling_reaches_every_memory_it_concerns(awake: Awake) -> None:
    assert routed(awake, "Tom's sister Ana works at the clinic.") == {"relational"}
    assert "spatial" in routed(awake, "The kitchen is north of the hallway.")
    assert "spatial" in routed(awake, "The garden is west of the kitchen.")
    decided = awake.decide("Where does Tom's sister work?")
    assert decided is not None
    assert (decided.text, decided.memory) == ("clinic", "relational")
    assert len(decided.path) == 2
    route = awake.decide("How do you go from the hallway to the garden?")
    assert route is not None
    assert (route.text, route.memory) == ("n,w", "spatial")
    found = awake.recall("Where does Ana work?")
    assert found.facts
    assert found.hits[0].ranks["graph"] >= 1


def test_two_sessions_answer_each_for_itself_and_the_newest_wins_without_one(awake: Awake) -> None:
    awake.observe("Carol went to the harbor.", context="monday", time=100.0)
    awake.observe("Carol went to the museum.", context="tuesday", time=200.0)
    for context, place in (("monday", "harbor"), ("tuesday", "museum"), (None, "museum")):
        decided = awake.decide("Where is Carol?", context=context)
        assert decided is not None
        assert decided.text == place
    assert decided is not None
    assert any("harbor" in other for other in decided.others)
    assert not awake.recall("Where is Carol?", where=Where(context_key="wednesday")).facts


def test_what_the_gate_refuses_may_still_be_a_fact(awake: Awake) -> None:
    awake.observe("Mary is in the kitchen.", time=1.0)
    awake.observe("Mary is in the garden.", time=2.0)
    again, *others = awake.observe("Mary is in the kitchen.", time=3.0)  # merged as an episode, news as a fact
    assert again.kind == "merged"
    assert others
    decided = awake.decide("Where is Mary?")
    assert decided is not None
    assert decided.text == "kitchen"


def test_deleting_a_source_takes_its_facts_places_and_prototypes(data_home: Path) -> None:
    with Awake.open(embedder=HashingEmbedder(), schema="default") as awake:
        awake.observe("Ana works at the clinic.", source="gossip")
        awake.observe("The zoo is north of the port.", source="gossip")
        awake.observe("Ben works at the mill.", source="user")

        def learned() -> int:
            with awake.database.read() as connection:
                return int(
                    connection.execute("SELECT count(*) FROM schemas WHERE n > 0 AND name = 'work'").fetchone()[0]
                )

        assert learned() == 1
        assert awake.forget(source="gossip") == 2
        assert learned() == 0
        assert awake.decide("Where does Ana work?") is None
        assert awake.decide("What is north of the port?") is None
        kept = awake.decide("Where does Ben work?")
        assert kept is not None
        assert kept.text == "mill"
        awake.database.flush_log()
        assert b"clinic" not in awake.home.database.read_bytes()


def test_a_form_that_fits_no_schema_waits_until_it_recurs(data_home: Path) -> None:
    with Awake.open(embedder=HashingEmbedder(), schema="default") as awake:
        reasons = [o.reason for o in awake.observe(SAME)[1:]]
        assert any("waits" in reason for reason in reasons)
        before = awake.status()["relational"]
        assert before["misfits"] == 1


def test_memories_are_chosen_by_name(data_home: Path) -> None:
    with Awake.open(embedder=HashingEmbedder(), memories=("episodic",)) as awake:
        assert routed(awake, "Ana works at the clinic.") == set()
        assert awake.decide("Where does Ana work?") is None
    with pytest.raises(InputError, match="no memory 'relationl'; did you mean 'relational'"):
        check_memories(["episodic", "relationl"])
    with pytest.raises(InputError, match="must include 'episodic'"):
        check_memories(["spatial"])


def test_a_saved_session_brings_its_facts_and_places_once(data_home: Path, tmp_path: Path) -> None:
    quiet = HippoConfig(surprise=False)
    with Hippo.open(user="teller", embedder=HashingEmbedder(), config=quiet) as hippo:
        hippo.observe("Tom's sister Ana works at the clinic.")
        hippo.observe("The kitchen is north of the hallway.")
        hippo.observe("To make tea: boil the water, put in the leaves, wait three minutes, pour it.", pin=True)
        before = hippo.awake.knowledge.counts()
        assert before["spatial"]["trajectories"] == 1
        hippo.save(tmp_path / "stores", "s001")
    with Hippo.open(user="taker", embedder=HashingEmbedder(), config=quiet) as hippo:
        for added in (3, 0):
            assert hippo.load(tmp_path / "stores", "s001") == added
            assert hippo.awake.knowledge.counts() == before
        answer = hippo.answer("Where does Tom's sister work?")
        assert (answer.text, answer.decoding) == ("clinic", "path")
        assert hippo.forget(source="user") == 3
        assert hippo.awake.decide("Where does Tom's sister work?") is None


def test_upkeep_reports_what_it_did_in_each_memory(awake: Awake) -> None:
    awake.observe("Ana works at the clinic.")
    done = awake.maintain()
    assert done["episodic"] == {"expired": 0, "decayed": 0, "redundant": 0, "capped": 0}
    assert done["spatial"]["policy"] is None
