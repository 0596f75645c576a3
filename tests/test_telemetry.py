import json
from pathlib import Path

from hippo_mem.telemetry import Counts, EventLog, Forgotten, Observed, Recalled

OBSERVED = Observed(
    kind="stored", trace_id=1, score=0.9, threshold=0.1, n_chars=6, seconds=0.01, text="a very private secret"
)


def test_counts_carry_the_specified_names() -> None:
    counts = Counts.of({"gates_attempts": 5, "gates_accepts": 3, "retrieval_requests": 2, "other": 9}, 3)
    assert counts.as_dict() == {
        "retrieval.requests": 2,
        "gates.attempts": 5,
        "gates.accepts": 3,
        "gates.merged": 0,
        "store.size": 3,
    }
    later = Counts(retrieval_requests=7, gates_attempts=6, gates_accepts=4, store_size=4)
    assert later.since(counts) == Counts(retrieval_requests=5, gates_attempts=1, gates_accepts=1, store_size=4)


def test_events_are_lines_without_the_words_of_memories(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = EventLog(path, run_id="run-1", seed=7, config_hash="abc", clock=lambda: 12.5)
    log.emit(OBSERVED)
    log.emit(Recalled(n_hits=1, trace_ids=(1,), seconds=0.002, text="secret?"))
    log.emit(Forgotten(by="source", n_traces=2, seconds=0.1))
    assert "secret" not in path.read_text()
    first, second, third = (json.loads(line) for line in path.read_text().splitlines())
    assert first == {
        "event": "observed",
        "time": 12.5,
        "run_id": "run-1",
        "seed": 7,
        "config_hash": "abc",
        "kind": "stored",
        "trace_id": 1,
        "score": 0.9,
        "threshold": 0.1,
        "n_chars": 6,
        "seconds": 0.01,
    }
    assert second["trace_ids"] == [1]
    assert third["by"] == "source"
    assert path.stat().st_mode & 0o777 == 0o600


def test_words_are_written_where_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    EventLog(path, with_text=True).emit(OBSERVED)
    assert json.loads(path.read_text())["text"] == OBSERVED.text


def test_a_log_that_cannot_be_written_is_given_up_and_said_once(tmp_path: Path, caplog) -> None:  # type: ignore[no-untyped-def]
    log = EventLog(tmp_path / "missing" / "events.jsonl")
    log.emit(OBSERVED)
    log.emit(OBSERVED)
    assert len(caplog.records) == 1
    assert "no more events are recorded" in caplog.text
