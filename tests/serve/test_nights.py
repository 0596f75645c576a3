"""Nights of a server: in a process of their own, watched, stopped, and begun by themselves when they are due."""

from __future__ import annotations

import time
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo_mem.errors import InputError, StoreBusy, StoreFormatError
from hippo_mem.home import locked
from hippo_mem.serve.nightwatch import Nightwatch
from hippo_mem.sleep.schedule import SleepSchedule, read_schedule, write_schedule


def _wait(bedroom, user, seconds=600.0):
    end = time.monotonic() + seconds
    while (run := bedroom.run_of(user)).state == "running" and time.monotonic() < end:
        time.sleep(0.05)
    return run


def test_a_night_with_nothing_to_learn_ends_by_itself_and_says_so(house):
    with house.people.memory("ana") as hippo:
        hippo.status()
    begun = house.bedroom.start("ana")
    assert begun.state == "running"
    with pytest.raises(StoreBusy, match="asleep"):
        house.bedroom.start("ben")
    run = _wait(house.bedroom, "ana")
    assert (run.state, run.report["verdict"]) == ("done", "nothing")
    with pytest.raises(InputError, match="no night"):
        house.bedroom.stop("ana")


def test_a_night_can_be_stopped_and_nothing_is_lost(house):
    with house.people.memory("ana") as hippo:
        hippo.observe("Ana works at the clinic.", pin=True)
    house.bedroom.start("ana")
    run = house.bedroom.stop("ana")
    assert run.state == "stopped"
    with house.people.memory("ana") as hippo:
        assert (hippo.nights(), hippo.n_waiting()) == ([], 1)


def test_a_night_is_due_when_much_waits_or_the_hour_comes():
    full = SleepSchedule(capacity=10)
    noon = datetime(2026, 5, 1, 12, 0).timestamp()
    assert full.due(n_waiting=8, now=noon, last_try=None) is None
    assert "9 memories" in full.due(n_waiting=9, now=noon, last_try=None)
    assert full.due(n_waiting=9, now=noon, last_try=noon - 60) is None
    hour = SleepSchedule(at="03:30", when_full=False)
    night = datetime(2026, 5, 1, 3, 45).timestamp()
    assert hour.due(n_waiting=1, now=night, last_try=None) == "it is 03:30"
    assert hour.due(n_waiting=0, now=night, last_try=None) is None
    assert hour.due(n_waiting=1, now=night, last_try=night - 600) is None
    assert hour.due(n_waiting=1, now=noon, last_try=None) is None


@given(st.integers(0, 2000), st.floats(1e9, 2e9), st.one_of(st.none(), st.floats(1e9, 2e9)))
def test_a_schedule_that_asks_for_nothing_is_never_due(n_waiting, now, last_try):
    never = SleepSchedule(at=None, when_full=False)
    assert never.due(n_waiting=n_waiting, now=now, last_try=last_try) is None


@pytest.mark.parametrize(
    "bad", [{"at": "3:30"}, {"at": "24:00"}, {"capacity": 0}, {"capacity": True}, {"when_full": 1}]
)
def test_a_schedule_that_cannot_be_is_refused(bad):
    with pytest.raises(InputError):
        SleepSchedule(**bad)


def test_a_schedule_is_read_as_written_and_damage_is_named(tmp_path):
    file = tmp_path / "settings.json"
    assert read_schedule(file) == SleepSchedule()
    write_schedule(file, SleepSchedule(at="22:15", capacity=7))
    assert read_schedule(file) == SleepSchedule(at="22:15", capacity=7)
    file.write_text('{"at": "22:15", "snore": true}')
    with pytest.raises(StoreFormatError, match="defaults"):
        read_schedule(file)


def test_the_watch_lets_only_those_sleep_for_whom_it_is_time_and_never_during_an_answer(house):
    with house.people.memory("ana") as hippo:
        hippo.observe("Ana works at the clinic.", pin=True)
        hippo.schedule = SleepSchedule(capacity=1)
    with house.people.memory("ben") as hippo:
        hippo.observe("Ben sells bread.", pin=True)
    watch = Nightwatch(house.people, house.bedroom, quiet_s=0.0)
    with house.people.answering():
        patient = Nightwatch(house.people, house.bedroom, quiet_s=1.0)
        assert patient.look() is None
    assert watch.look() == "ana"
    assert watch.look() is None  # one at a time
    house.bedroom.stop("ana")
    assert watch.look() is None  # not again at once, and ben's memory is not full


def test_a_night_of_another_process_is_seen_and_none_is_begun_beside_it(house, client):
    with house.people.memory("ana") as hippo:
        hippo.observe("Ana works at the clinic.", pin=True)
        hippo.schedule = SleepSchedule(capacity=1)
        lock = hippo.home.sleep_lock
    ana = {"X-Hippo-User": "ana"}
    assert client.get("/api/sleep", headers=ana).json() == {"state": "awake"}
    watch = Nightwatch(house.people, house.bedroom, quiet_s=0.0)
    with locked(lock, "sleeping"):
        found = client.get("/api/sleep", headers=ana).json()
        assert (found["state"], "sleeping" in found["why"]) == ("elsewhere", True)
        assert watch.look() is None
    assert client.get("/api/sleep", headers=ana).json() == {"state": "awake"}
