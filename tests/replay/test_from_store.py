from pathlib import Path

import pytest

from hippo_mem.config import ReplayConfig
from hippo_mem.errors import InputError
from hippo_mem.replay.from_store import replay_from_store, trace_item
from hippo_mem.storage.experiment import save_session
from hippo_mem.types import Provenance, Salience, Trace


def trace(
    number: int, *, score: float = 1.0, pin: bool = False, used: int = 0, who: str = "", created: float = 0.0
) -> Trace:
    return Trace(
        id=number,
        text=f"Event {number}.",
        slots={"who": who} if who else {},
        tags=(),
        context_key=None,
        salience=Salience(surprise=1.0, novelty=1.7, reward=False, pin=pin, score=score, threshold=1.0),
        provenance=Provenance(text_span=f"Event {number}.", source="user", time=created),
        created=created,
        valid_from=created,
        access_count=used,
    )


def test_a_traces_scores_worked_by_hand() -> None:
    item = trace_item(trace(1, used=3, who=" Marta "), now=7 * 86_400.0)
    assert (item.salience, item.usage, item.novelty, item.recency) == (0.5, 0.5, 1.0, 0.5)
    assert item.signature == "marta"
    assert trace_item(trace(1, score=-9, pin=True), now=0).salience == 1.0


def test_all_algorithms_of_a_session_are_mixed(tmp_path: Path) -> None:
    save_session(tmp_path, "abc", [trace(i) for i in range(1, 7)])
    save_session(tmp_path, "abc", algorithm="sgc_rss", rows={"kg": [{"head": f"h{i}", "conf": 0.5} for i in range(3)]})
    save_session(tmp_path, "abc", algorithm="smpd", rows={"spatial": [{"id": 4, "name": "hall"}]})
    data = replay_from_store(tmp_path, "abc")
    assert data.available == {"episodic": 6, "relational": 3, "spatial": 1}
    drawn = data.draw()
    assert sum(i.memory == "relational" for i in drawn) == 3
    assert {i.payload["name"] for i in drawn if i.memory == "spatial"} == {"hall"}
    assert replay_from_store(tmp_path / "hei_nw", "abc").available == {"episodic": 6, "relational": 0, "spatial": 0}


def test_salient_and_used_traces_are_replayed_first(tmp_path: Path) -> None:
    save_session(tmp_path, "abc", [trace(1, score=0.0), trace(2, score=5.0), trace(3, score=5.0, used=9)])
    assert [i.id for i in replay_from_store(tmp_path, "abc", ReplayConfig(max_items=2)).draw()] == [3, 2]


def test_no_session_and_an_empty_one_say_so(tmp_path: Path) -> None:
    save_session(tmp_path, "other", [])
    with pytest.raises(InputError, match=r"no session 'abc' of hei_nw.*there: other"):
        replay_from_store(tmp_path, "abc")
    with pytest.raises(InputError, match="nothing to replay"):
        replay_from_store(tmp_path, "other")
