"""Macros: what comes back is found, counted, ranked and forgotten."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hippo_mem.awake import Awake
from hippo_mem.errors import InputError, StoreFormatError
from hippo_mem.spatial import MacroLib
from hippo_mem.spatial.parts import MAX_STEPS, MIN_STEPS, Parts
from hippo_mem.spatial.policy import Policy, fit
from hippo_mem.storage.database import Database
from hippo_mem.storage.origins import delete_by, orphans
from hippo_mem.types import Provenance


def steps(actions: Sequence[str], **last: object) -> list[dict[str, object]]:
    found: list[dict[str, object]] = [{"action": a} for a in actions]
    found[-1] |= last
    return found


@pytest.fixture
def library(database: Database, tmp_path: Path) -> MacroLib:
    return MacroLib(database, policy=tmp_path / "policy.safetensors", clock=lambda: 5.0)


def test_a_trajectory_is_a_macro_with_its_statistics(library: MacroLib) -> None:
    name = library.add(steps("abc"))
    assert library.add(steps("abc", success=False)) == name
    macro = library.get(name)
    assert macro == {
        "signature": name, "steps": ["a", "b", "c"], "success_stats": {"uses": 2, "successes": 1, "rate": 0.5}
    }  # fmt: skip
    assert library.get("none") is None
    assert library.add(steps("abc"), context="other") != name


def test_parts_that_come_back_are_found(library: MacroLib) -> None:
    library.add(steps("xabcy"))
    library.add(steps("zabcw"))
    found = {"".join(m["steps"]): m["success_stats"]["uses"] for m in library.suggest({}, topk=10)}
    assert found == {"xabcy": 1, "zabcw": 1, "abc": 2}
    assert library.suggest({})[0]["steps"] == list("abc")


def test_what_was_begun_is_completed(library: MacroLib) -> None:
    library.add(steps("abcd"))
    library.add(steps("efgh"))
    best = library.suggest({"last": ["a", "b"]})[0]
    assert best["steps"] == ["c", "d"]


def test_where_and_what_for_decide(library: MacroLib) -> None:
    library.add([{"action": "east", "at": "hall", "to": "yard"}, {"action": "north", "at": "yard", "to": "barn"}])
    library.add([{"action": "west", "at": "hall", "to": "shed"}, {"action": "south", "at": "shed", "to": "well"}])
    assert library.suggest({"at": "hall", "goal": "well"}, topk=1)[0]["steps"] == ["west", "south"]
    assert library.suggest({"at": "hall", "goal": "barn"}, topk=1)[0]["steps"] == ["east", "north"]
    assert library.suggest({"context": "elsewhere"}) == []
    with pytest.raises(InputError, match="topk must be at least 1"):
        library.suggest({}, topk=0)


_RUNS = st.lists(st.text(alphabet="ab", min_size=1, max_size=10), min_size=1, max_size=6)


@settings(deadline=None)
@given(_RUNS)
def test_parts_are_counted_as_by_hand(runs: list[str]) -> None:
    parts = Parts()
    again: list[tuple[str, ...]] = []
    for i, run in enumerate(runs):
        again = parts.add(i, [{"action": a} for a in run], "", "", True)
    counted: Counter[str] = Counter()
    for run in runs:
        counted.update({run[i : i + n] for n in range(MIN_STEPS, MAX_STEPS + 1) for i in range(len(run) - n + 1)})
    for part, n in counted.items():
        assert len(parts.runs[tuple(part)]) >= n
    for part in again:
        text = "".join(part)
        assert counted[text] >= 2
        longer = [t for t in counted if text in t and len(t) == len(text) + 1 and t in runs[-1]]
        assert all(counted[t] < counted[text] or len(t) > MAX_STEPS for t in longer)


def test_deleting_what_was_told_takes_its_macros(library: MacroLib, database: Database) -> None:
    def told(source: str) -> Provenance:
        return Provenance(text_span="t", source=source, time=1.0)

    library.add(steps("xabcy"), provenance=told("ana"))
    library.add(steps("zabcw"), provenance=told("bob"))
    with database.write() as connection:
        delete_by(connection, source="bob")
        assert orphans(connection) == {}
    found = {"".join(m["steps"]): m["success_stats"]["uses"] for m in library.suggest({}, topk=10)}
    assert found["abc"] == found["xabcy"] == 1
    assert "zabcw" not in found
    with database.write() as connection:
        delete_by(connection, source="ana")
    assert library.suggest({}) == []
    assert library.counts() == {"trajectories": 0, "successful": 0, "macros": 0}


def test_counts_survive_an_undone_transaction(library: MacroLib, database: Database) -> None:
    library.add(steps("abc"))

    def undone() -> None:
        with database.write():
            library.add(steps("abc"))
            raise RuntimeError("undo")

    with pytest.raises(RuntimeError, match="undo"):
        undone()
    other = MacroLib(database)
    other.add(steps("xyz"))
    assert {m["success_stats"]["uses"] for m in library.suggest({})} == {1}


def test_the_library_is_capped(database: Database) -> None:
    library = MacroLib(database, max_macros=5)
    for i in range(12):
        library.add(steps(chr(97 + i) + "qq" + chr(110 + i)))
    assert library.counts()["macros"] <= 6
    assert ["q", "q"] in [m["steps"] for m in library.suggest({}, topk=10)]


def test_what_is_no_trajectory(library: MacroLib) -> None:
    with pytest.raises(InputError, match="1 to 10000 steps, got 0"):
        library.add([])
    with pytest.raises(InputError, match="step 1 of the trajectory needs an action"):
        library.add([{"action": "a"}, {"at": "b"}])
    with pytest.raises(InputError, match="holds what JSON cannot"):
        library.add([{"action": "a", "at": object()}])


def test_the_policy_learns_the_way_and_ranks_by_it(library: MacroLib, tmp_path: Path) -> None:
    assert library.train_policy() is None
    rng = random.Random(0)
    for _ in range(40):  # to the goal along x, then along y
        x, y, gx, gy = (rng.randint(0, 9) for _ in range(4))
        run = []
        while (x, y) != (gx, gy):
            dx, dy = ((gx > x) - (gx < x), 0) if x != gx else (0, (gy > y) - (gy < y))
            action = {(1, 0): "R", (-1, 0): "L", (0, 1): "D", (0, -1): "U"}[dx, dy]
            run.append({"action": action, "at": f"({x}, {y})", "to": f"({x + dx}, {y + dy})"})
            x, y = x + dx, y + dy
        if run:
            library.add(run, goal=f"({gx}, {gy})")
    report = library.train_policy()
    assert report is not None
    assert report.accuracy > 0.95 > report.majority
    policy = Policy.load(tmp_path / "policy.safetensors")
    probabilities = policy.probabilities({"at": "(2, 2)", "goal": "(8, 2)"})
    assert max(probabilities, key=lambda a: probabilities[a]) == "R"
    assert sum(probabilities.values()) == pytest.approx(1.0)
    # the ranking follows it: a macro towards the goal before one away from it, though both are as common
    library.add(steps("RRRR"), context="new")
    library.add(steps("LLLL"), context="new")
    towards = library.suggest({"context": "new", "at": "(1, 1)", "goal": "(9, 1)"}, topk=1)
    away = library.suggest({"context": "new", "at": "(9, 1)", "goal": "(1, 1)"}, topk=1)
    assert (towards[0]["steps"], away[0]["steps"]) == (list("RRRR"), list("LLLL"))


def test_training_is_repeatable() -> None:
    runs = [(None, "s", "g", [{"action": a} for a in "abcab"]), (None, "s", "h", [{"action": a} for a in "cba"])]
    first, second = fit(runs), fit(runs)
    assert first is not None
    assert second is not None
    assert (first[0].weights == second[0].weights).all()


def test_a_broken_policy_is_named(library: MacroLib, tmp_path: Path) -> None:
    library.add(steps("ab"))
    (tmp_path / "policy.safetensors").write_bytes(b"not a policy")
    with pytest.raises(StoreFormatError, match="is not a policy"):
        library.suggest({})


def test_a_policy_is_gone_with_what_it_learned_from(awake: Awake) -> None:
    macros = awake.knowledge.map.macros if awake.knowledge.map is not None else None
    assert macros is not None
    for source, actions in (("guide", ("unbolt", "wade", "unbolt")), ("diary", ("push", "pull", "push"))):
        told = Provenance(text_span=" ".join(actions), source=source, time=1.0)
        macros.add(steps(actions), provenance=told)
    assert macros.train_policy() is not None
    assert b"unbolt" in awake.home.policy.read_bytes()
    awake.forget(source="nobody")
    assert awake.home.policy.exists()  # nothing it learned from is gone
    awake.forget(source="guide")
    assert not awake.home.policy.exists()
    assert macros.suggest({})[0]["steps"] == ["push", "pull", "push"]
    assert macros.train_policy() is not None
    assert b"unbolt" not in awake.home.policy.read_bytes()
    assert b"push" in awake.home.policy.read_bytes()


def test_too_little_to_learn_from_leaves_no_policy(awake: Awake) -> None:
    macros = awake.knowledge.map.macros if awake.knowledge.map is not None else None
    assert macros is not None
    macros.add(steps("ab"), provenance=Provenance(text_span="ab", source="guide", time=1.0))
    assert macros.train_policy() is not None
    with awake.database.write() as connection:  # another program deletes it
        connection.execute("DELETE FROM trajectories")
    macros.add(steps("aa"))
    macros.suggest({})
    assert not awake.home.policy.exists()
    assert macros.train_policy() is None
    assert not awake.home.policy.exists()


def test_likelihoods_are_probabilities() -> None:
    learned = fit([(None, "s", "g", [{"action": a} for a in "abcabc"])])
    assert learned is not None
    for actions in ("a", "abc", "cba", "unseen", "aaaaaaaa"):
        for goal in ("", "g"):
            assert 0.0 < learned[0].likelihood(tuple(actions), {"goal": goal}) <= 1.0
    assert learned[0].likelihood(tuple("abc"), {"goal": "g"}) > learned[0].likelihood(tuple("cba"), {"goal": "g"})
