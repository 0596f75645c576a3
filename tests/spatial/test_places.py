"""The map as a whole: told, merged, linked, asked, forgotten."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hippo_mem.awake import Awake
from hippo_mem.embed import HashingEmbedder
from hippo_mem.errors import InputError
from hippo_mem.spatial import NoRoute, PlaceGraph
from hippo_mem.storage.database import Database
from hippo_mem.storage.origins import delete_by, orphans
from hippo_mem.types import Event, Where
from tests.spatial.conftest import Tell


@pytest.fixture
def ask(places: PlaceGraph) -> Callable[..., str | None]:
    def asked(question: str, context: str | None = None, as_of: float | None = None) -> str | None:
        decision = places.decide(question, context=context, as_of=as_of)
        return decision.text if decision else None

    return asked


Ask = Callable[..., str | None]
HOUSE = "The kitchen is north of the hallway. The garden is east of the kitchen. The garage is next to the garden."


def test_an_event_says_what_was_understood(tell: Tell, places: PlaceGraph) -> None:
    (outcome,) = tell(HOUSE)
    assert (outcome.kind, outcome.memory) == ("routed", "spatial")
    assert outcome.reason == "kitchen is north of hallway; garden is east of kitchen; garage is next to garden"
    assert tell("I had soup for lunch.") == []
    assert {k: places.counts()[k] for k in ("places", "edges")} == {"places": 4, "edges": 3}


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("How do you go from the hallway to the garden?", "n,e"),
        ("How do I get to the hallway from the garden?", "w,s"),
        ("What is the way from the hallway to the garden, in words?", "north, east"),
        ("Which rooms do I pass on the way from the hallway to the garden?", "kitchen, garden"),
        ("How do you go from the hallway to the garage?", "kitchen, garden, garage"),
        ("What is north of the hallway?", "kitchen"),
        ("What is the garden east of?", "kitchen"),
        ("What is next to the garden?", "garage and kitchen"),
        ("Is the garden north of the hallway?", "yes"),
        ("Is the garden west of the hallway?", "no"),
        ("Is the kitchen east of the hallway?", "no"),
        ("Is the garden next to the kitchen?", "yes"),
        ("In which direction is the garden from the hallway?", "northeast"),
        ("Where is the kitchen?", "north of the hallway"),
        ("How far is it from the hallway to the garden?", "2"),
        ("Can you get from the hallway to the garage?", "yes"),
        ("Where is Mary?", None),
        ("How do you go from the hallway to the moon?", None),
        ("What color is the kitchen?", None),
        ("Who was in the kitchen?", None),
    ],
)
def test_questions(tell: Tell, ask: Ask, question: str, answer: str | None) -> None:
    tell(HOUSE, context="home")
    assert ask(question, "home") == answer
    assert ask(question) == answer
    assert ask(question, "elsewhere") is None


def test_order_is_followed_over_several_statements(tell: Tell, ask: Ask) -> None:
    tell("The red ball is above the blue box. The blue box is above the cup. The lamp is left of the cup.")
    assert ask("Is the red ball above the cup?") == "yes"
    assert ask("Is the cup above the red ball?") == "no"
    assert ask("Is the red ball to the right of the lamp?") == "yes"
    assert ask("Is the red ball to the left of the cup?") == "no"
    tell("The moon is above the sea.")
    assert ask("Is the moon above the cup?") is None  # nothing joins the two


def test_a_decision_gives_its_reasons(tell: Tell, places: PlaceGraph) -> None:
    tell(HOUSE)
    decision = places.decide("How do you go from the hallway to the garden?")
    assert decision is not None
    assert decision.path == ("from hallway go north to kitchen", "from kitchen go east to garden")
    assert decision.memory == "spatial"


def test_no_route_names_what_can_be_reached(tell: Tell, places: PlaceGraph) -> None:
    tell(HOUSE + " The well is west of the barn.")
    decision = places.decide("How do you go from the hallway to the barn?")
    assert decision is not None
    assert decision.text == "no route"
    assert decision.path == ("from hallway one can reach: hallway, kitchen, garden, garage",)
    start, goal = places.observe_place({"place": "hallway"}), places.observe_place({"place": "barn"})
    with pytest.raises(NoRoute, match="no route from hallway to barn; from hallway one can reach: hallway, kitchen"):
        places.plan(start, goal)


def test_a_closed_door_closes_the_way_until_it_opens(tell: Tell, ask: Ask) -> None:
    tell(HOUSE)
    tell("The door between the kitchen and the garden is locked.")
    assert ask("How do you go from the hallway to the garden?") == "no route"
    tell("The door between the kitchen and the garden is open again.")
    assert ask("How do you go from the hallway to the garden?") == "n,e"


def test_sessions_are_kept_apart_and_the_newest_wins_without_one(tell: Tell, places: PlaceGraph) -> None:
    tell("The kitchen is north of the hall.", context="one")
    tell("The kitchen is south of the hall.", context="two")
    question = "How do you go from the hall to the kitchen?"
    for context, answer, others in (("one", "n", ()), ("two", "s", ()), (None, "s", ("n",))):
        decision = places.decide(question, context=context)
        assert decision is not None
        assert (decision.text, decision.others) == (answer, others)


def test_the_past_can_be_asked_for(tell: Tell, ask: Ask) -> None:
    tell("The shop is east of the bank.", time=100.0)
    tell("The shop is west of the bank.", time=200.0)
    assert ask("Is the shop east of the bank?") == "no"
    assert ask("Is the shop east of the bank?", None, 150.0) == "yes"
    assert ask("Is the shop east of the bank?", None, 50.0) is None


def test_contradictions_are_told_and_break_nothing(tell: Tell, places: PlaceGraph, ask: Ask) -> None:
    tell("A is north of B. B is north of C.")
    tell("C is north of A.")
    assert places.contradictions() == ["'A is north of B' cannot be together with what was told later"]
    (outcome,) = tell("The kitchen is north of the kitchen.")
    assert outcome.reason == "passed over: kitchen is north of kitchen, and nothing is so to itself"
    assert ask("Is C north of A?") == "yes"
    (again,) = tell("A is north of C.")
    assert again.reason.endswith("(the opposite was told before)")


def test_near_names_are_one_place(database: Database) -> None:
    places = PlaceGraph(database, HashingEmbedder(), merge_cosine=0.5)
    same = ["the living room", "Living Room", "living-room", "livingroom", "my living room", "the livving room"]
    ids = {places.observe_place({"place": name}) for name in same}
    assert len(ids) == 1
    apart = ["meeting room 1", "meeting room 2", "red room", "bed room", "north gate", "south gate"]
    assert len({places.observe_place({"place": name}) for name in apart}) == len(apart)


def test_coordinates_and_moves_of_a_program(places: PlaceGraph) -> None:
    a = places.observe_place({"place": "base", "x": 0, "y": 0})
    b = places.observe_place({"from": "base", "to": "mine", "move": "east", "cost": 2, "success": True})
    c = places.observe_place({"from": "mine", "to": (3, 4), "success": False})
    places.observe_place({"from": "base", "to": (3, 4), "cost": 2.5})
    assert places.plan(a, c) == [a, c]
    assert places.plan(b, c) == [b, c]
    # it failed once, p = 1/3: 1 + 10 ln 3 = 12.0 is more than 2 + 10 ln 1.5 + 2.5 = 8.6
    assert places.plan(b, c, risk=10.0) == [b, a, c]
    assert places.coordinates()["base"] == (0.0, 0.0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"from": "a", "to": "b", "cost": -1}, "cost -1; a cost is a number of at least 0"),
        ({"from": "a", "to": "b", "cost": float("nan")}, "has cost nan"),
        ({"from": "a", "to": "The A"}, "a move from 'a' to itself leads nowhere"),
        ({"place": "a", "x": float("inf")}, "x must be a finite number"),
        ({"place": "a", "colour": 1}, "does not know colour; known: place, from"),
        ({"from": "a"}, "needs either 'place', or 'from' and 'to'"),
        ({"place": "a", "to": "b"}, "needs either 'place', or 'from' and 'to'"),
        ({"place": 7}, "place must be a name or a cell"),
        ({"place": "..."}, "names nothing"),
        ({"place": "a", "passable": "no"}, "passable must be True or False, got 'no'"),
        ({"place": "a", "success": "maybe"}, "success must be True or False, got 'maybe'"),
        (
            {"from": "a", "to": "b", "move": "fly"},
            "move 'fly' is none that is known; say north, .*right, .*or leave it",
        ),
        ({"from": "a", "to": "b", "action": 3}, "action 3 is none that is known"),
    ],
)
def test_what_a_program_may_not_tell(places: PlaceGraph, given: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        places.observe_place(given)
    assert places.counts()["places"] == 0


def test_places_run_out_and_are_capped(database: Database) -> None:
    clock = iter([0.0, 50.0, 120.0, 120.0, 120.0])
    places = PlaceGraph(database, ttl_s=100.0, clock=lambda: next(clock))
    places.observe_place({"place": "old"})
    places.observe_place({"place": "new"})
    assert places.decide("Where is the old?") is None
    assert places.expire(now=120.0) == {"edges": 0, "places": 1}
    small = PlaceGraph(database, max_places=3, clock=lambda: 200.0)
    for name in "one two three four five".split():
        small.observe_place({"place": name})
    assert small.counts()["places"] == 3
    with database.read() as connection:
        assert orphans(connection) == {}


def test_what_a_source_told_goes_with_it(tell: Tell, places: PlaceGraph, ask: Ask, database: Database) -> None:
    tell("The kitchen is north of the hall.", source="ana")
    tell("The kitchen is north of the hall. The garden is east of the kitchen.", source="bob")
    tell("Grid 3x3 with obstacles [(1, 0)]. Start (0, 0) goal (2, 0). Answer: DRRU", source="bob")
    with database.write() as connection:
        delete_by(connection, source="bob")
        assert orphans(connection) == {}
    assert ask("Is the kitchen north of the hall?") == "yes"
    assert ask("Where is the garden?") is None
    assert places.counts() == {
        "places": 2, "edges": 1, "links": 0, "trajectories": 0, "successful": 0, "macros": 0
    }  # fmt: skip
    with database.write() as connection:
        delete_by(connection, source="ana")
    assert ask("Is the kitchen north of the hall?") is None
    assert places.counts()["places"] == 0


def test_another_process_is_seen(places: PlaceGraph, database: Database, ask: Ask, tmp_path: Path) -> None:
    other_file = Database(tmp_path / "memory.sqlite")
    other = PlaceGraph(other_file)
    places.observe_place({"from": "a1", "to": "b1", "move": "north"})
    assert ask("How do you go from a1 to b1?") == "n"
    other.observe_place({"from": "b1", "to": "c1", "move": "east"})
    other_file.close()
    assert ask("How do you go from a1 to c1?") == "n,e"


def test_places_lead_to_the_traces_that_name_them(awake: Awake) -> None:
    places = PlaceGraph(awake.database, awake.embedder)
    events = [
        Event(text="Ana painted the old kitchen on Friday."),
        Event(text="The kitchen is north of the hallway."),
        Event(text="Bob met Carol on Monday.", slots={"where": "in the hallway"}),
        Event(text="The garden is east of the kitchen.", source="map"),
    ]
    ids = []
    for event in events:
        (outcome, *_) = awake.observe(event.text, source=event.source, slots=event.slots)
        assert outcome.trace_id is not None
        ids.append(outcome.trace_id)
        with awake.database.write():
            places.observe(event, places.prepare([event])[0], outcome.trace_id, 1.0)
    hits = places.near("What happened in the kitchen?", 3)
    assert [(h.name, h.distance) for h in hits] == [("kitchen", 0), ("garden", 1), ("hallway", 1)]
    assert hits[0].trace_ids == (ids[3], ids[1], ids[0])
    assert hits[2].trace_ids == (ids[2], ids[1])
    chosen = places.near("kitchen", 1, where=Where(source="map"))
    assert chosen[0].trace_ids == (ids[3],)
    assert places.near("soup", 3) == []
    assert places.near("kitchen", 3, where=Where(context_key="other")) == []
    with pytest.raises(InputError, match="k must be at least 1"):
        places.near("kitchen", 0)
    decision = places.decide("Is the garden east of the kitchen?")
    assert decision is not None
    assert decision.trace_ids == (ids[3],)
    awake.forget(trace_id=ids[3])
    assert places.decide("Is the garden east of the kitchen?") is None


def test_grids_are_learned_from_walks(tell: Tell, ask: Ask, places: PlaceGraph) -> None:
    (outcome,) = tell(
        "Grid 4x4 with obstacles [(1, 0), (1, 1)]. Start (0, 0) goal (2, 0).\nAnswer: DDRRUU", context="g"
    )
    assert outcome.reason == "a grid of 4 x 4 with 2 obstacles; the walk DDRRUU from (0, 0)"
    assert ask("Same grid: start (0, 1), goal (3, 1). Which moves?", "g") == "DRRRU"
    assert ask("In the grid, is there a way from (0, 0) to (3, 3)?", "g") == "yes"
    tell("Cell (1, 2) is blocked.", context="g")
    tell("Cell (1, 3) is a wall.", context="g")
    assert ask("Same grid: start (0, 1), goal (3, 1). Which moves?", "g") == "no route"
    assert ask("Grid 4x4 with obstacles []. Start (0, 1), goal (3, 1). Which moves?", "g") == "RRR"
    assert ask("Grid 4x4. Start (0, 1), goal (3, 1). Which moves?", "h") == "RRR"
    macro = places.macros.suggest({"context": "g", "at": "(0, 0)"})[0]
    assert macro["steps"] == list("DDRRUU")


def test_procedures_are_told_and_asked_for(tell: Tell, ask: Ask) -> None:
    tell("To make tea, first boil the water, then add the leaves. Finally, pour it into a cup.", context="c")
    assert ask("How do you make the tea?", "c") == "boil the water; add the leaves; pour it into a cup"
    assert ask("How do you make coffee?", "c") is None
    assert tell("First Mary went home, then she slept.") == []
    assert tell("First I woke up, then I went to work.") == []


def test_settings_out_of_range(database: Database) -> None:
    for options in ({"merge_cosine": 0.0}, {"max_places": 1}, {"ttl_s": 0.0}):
        with pytest.raises(InputError, match="merge_cosine must be in"):
            PlaceGraph(database, **options)  # type: ignore[arg-type]
