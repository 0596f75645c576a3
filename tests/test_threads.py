"""One open memory, many threads: nothing is lost, nothing is counted twice, and reading goes on while others write."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from hippo_mem.awake import Awake
from hippo_mem.config import GateConfig
from hippo_mem.embed import HashingEmbedder
from hippo_mem.memory import Hippo, HippoConfig
from hippo_mem.storage.origins import orphans

PEOPLE = ("Ana", "Ben", "Tom", "Dev")


def test_threads_that_tell_recall_ask_and_forget_share_one_memory(awake: Awake) -> None:
    def work(who: str) -> list[Any]:
        ids = []
        for i in range(6):
            ids += [o[0].trace_id for o in awake.observe_many([f"{who} lives in town {i}.", f"{who} sold lamp {i}."])]
            hits = awake.recall(f"What did {who} sell?", 5).hits
            assert any(hit.trace.text.startswith(who) for hit in hits)
            decision = awake.decide(f"Where does {who} live?")
            assert decision is not None
            assert decision.text == f"town {i}"
            awake.keep_counts()
        awake.forget(trace_id=ids[0])
        return ids[1:]

    with ThreadPoolExecutor(len(PEOPLE)) as pool:
        kept = [i for ids in pool.map(work, PEOPLE) for i in ids]
    assert sorted(kept) == sorted(trace.id for trace in awake.store)
    assert len(set(kept)) == 4 * 11
    counts = awake.counts()
    assert (counts.gates_attempts, counts.retrieval_requests) == (4 * 12, 4 * 6)
    assert awake.database.check() == []
    with awake.database.read() as connection:
        assert orphans(connection) == {}
        assert connection.execute("SELECT sum(access_count) FROM traces").fetchone()[0] > 0


def test_threads_that_come_first_open_one_store(data_home: Path) -> None:
    with Hippo.open(embedder=HashingEmbedder(), config=HippoConfig(surprise=False)) as hippo:
        with ThreadPoolExecutor(8) as pool:
            opened = list(pool.map(lambda _: hippo.awake, range(8)))
        assert len({id(awake) for awake in opened}) == 1


def test_what_is_decided_is_not_searched_for(monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = HashingEmbedder()
    config = HippoConfig(surprise=False, gate=GateConfig())
    with Hippo.open(embedder=embedder, config=config) as hippo:
        [told, *_] = hippo.observe("Ana went to the kitchen.")
        hippo.observe("Ben went to the garden.")

        def refuse(*_: Any, **__: Any) -> Any:
            raise AssertionError("a search for what is known")

        monkeypatch.setattr(hippo.awake, "recall", refuse)
        answer = hippo.answer("Where is Ana?")
        assert answer.text == "kitchen"
        assert answer.recall is not None
        assert [hit.trace.id for hit in answer.recall.hits] == [told.trace_id]
        assert hippo.awake.counts().retrieval_requests == 1
        assert told.trace_id is not None
        trace = hippo.awake.store.get(told.trace_id)
        assert trace is not None
        assert trace.access_count == 1
