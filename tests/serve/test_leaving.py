"""A memory that was told to go can be taken back for a moment, and is gone for good after it."""

from __future__ import annotations

import threading

import pytest

from hippo_mem.serve.leaving import Leaving

NEVER_S = 3600.0


@pytest.fixture
def told(house):
    """The ids of two memories of ana."""
    with house.people.memory("ana") as hippo:
        return [hippo.observe(text, pin=True)[0].trace_id for text in ("Ana's bike is red.", "Ben sells bread.")]


def _texts(house, user="ana"):
    with house.people.memory(user) as hippo:
        return [t.text for t in hippo.browse.memories()]


def test_taken_back_in_time_it_stays(house, told):
    leaving = Leaving(house.people, moment_s=NEVER_S)
    leaving.begin("ana", told[0])
    assert list(leaving.of("ana")) == [told[0]]
    assert 0 < leaving.of("ana")[told[0]] <= NEVER_S
    assert leaving.of("ben") == {}
    assert leaving.take_back("ben", told[0]) is False
    assert leaving.take_back("ana", told[0]) is True
    leaving.close()
    assert len(_texts(house)) == 2


def test_when_the_moment_is_over_it_is_gone_and_cannot_be_taken_back(house, told):
    leaving = Leaving(house.people, moment_s=0.0)
    leaving.begin("ana", told[0])
    for thread in threading.enumerate():
        if thread.name.startswith("forgetting"):
            thread.join()
    assert leaving.of("ana") == {}
    assert _texts(house) == ["Ben sells bread."]
    assert leaving.take_back("ana", told[0]) is False


def test_a_server_that_stops_does_what_it_was_told(house, told):
    leaving = Leaving(house.people, moment_s=NEVER_S)
    for trace_id in told:
        leaving.begin("ana", trace_id)
        leaving.begin("ana", trace_id)
    leaving.close()
    assert _texts(house) == []
