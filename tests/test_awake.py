import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hippo_eval.suites import episodic
from hippo_mem.awake import Awake
from hippo_mem.config import GateConfig
from hippo_mem.embed import HashingEmbedder, MiniLMEmbedder, Vectors
from hippo_mem.errors import InputError, StorageFull, StoreBusy
from hippo_mem.storage import Database
from hippo_mem.telemetry import EventLog
from hippo_mem.types import MAX_TEXT_CHARS, Event


def kinds(awake: Awake, texts: list[str]) -> list[str]:
    return [awake.observe(text)[0].kind for text in texts]


PERSONAL = [
    "My favorite color is blue.",
    "My favorite color is green.",
    "The meeting is on Monday.",
    "The meeting is on Tuesday.",
    "The wifi password is hunter2.",
    "The wifi password is hunter3.",
    "My dog is called Rex.",
    "My dog is called Max.",
    "I love pizza.",
    "I don't love pizza.",
    "Alice paid Bob.",
    "Bob paid Alice.",
    "The sky is blue.",
    "It's 5 pm.",
    "Mein Hund heißt Rex.",
]
JUNK = ["ok", "Thanks!", "yes", "hello", "Good morning!", "I see.", "👍", "How are you doing today?"]


def test_facts_are_stored_junk_is_gated_repeats_are_merged(awake: Awake) -> None:
    stories = [story.text for story in episodic.stories(50, 3)]
    assert kinds(awake, stories + PERSONAL) == ["stored"] * (50 + len(PERSONAL))
    assert kinds(awake, JUNK) == ["gated"] * len(JUNK)
    assert kinds(awake, ["My favorite color is blue.", "my favorite color is BLUE"]) == ["merged", "merged"]
    assert len(awake.store) == 50 + len(PERSONAL)
    counts = awake.counts()
    assert counts.gates_attempts == 50 + len(PERSONAL) + len(JUNK) + 2
    assert counts.gates_accepts == 50 + len(PERSONAL)
    assert counts.gates_merged == 2


@pytest.mark.real_model
def test_the_real_sentence_vectors_keep_near_facts_apart() -> None:
    # Episodes alone: the graph knows that the later denial of pizza holds, and says so first.
    with Awake.open(embedder=MiniLMEmbedder(), memories=("episodic",)) as awake:
        assert kinds(awake, PERSONAL) == ["stored"] * len(PERSONAL)
        assert kinds(awake, JUNK) == ["gated"] * len(JUNK)
        assert awake.recall("What do I like to eat?").hits[0].trace.text == "I love pizza."
        for story in episodic.stories(20, 5):
            awake.observe(story.text)
        for story in episodic.stories(20, 5):
            assert awake.recall(f"Where was {story.what}?").hits[0].trace.text == story.text


def test_a_gated_event_says_why_and_a_pin_keeps_it(awake: Awake) -> None:
    gated, *_ = awake.observe("ok")
    assert (gated.kind, gated.trace_id) == ("gated", None)
    assert gated.reason == "no content words: S 0.000 <= tau 0.100; pin it to keep it"
    assert gated.salience is not None
    pinned, *_ = awake.observe("ok", pin=True)
    assert pinned.kind == "stored"


def test_a_merge_counts_and_keeps_the_pin(awake: Awake) -> None:
    first, *_ = awake.observe("The jug is cracked.")
    second, *_ = awake.observe("The jug is cracked.", pin=True)
    assert (second.kind, second.trace_id) == ("merged", first.trace_id)
    [trace] = list(awake.store)
    assert (trace.mention_count, trace.salience.pin) == (2, True)
    assert trace.last_mention is not None


def test_another_source_document_or_context_is_another_memory(awake: Awake) -> None:
    for options in ({}, {"source": "mail"}, {"context": "a"}, {"context": "b"}, {"doc_id": "d"}):
        assert awake.observe("The jug is cracked.", **options)[0].kind == "stored"  # type: ignore[arg-type]
    assert awake.forget(source="mail") == 1
    assert len(awake.store) == 4


def test_many_at_once_equal_one_by_one(tmp_path: Path, embedder: HashingEmbedder) -> None:
    texts = ["A fig.", "ok", "A fig.", "A drum.", "a fig", "The drum is old."]

    def surprise(batch: list[str]) -> list[float]:
        return [float(len(text)) for text in batch]

    with (
        Awake.open(tmp_path / "one", embedder=embedder, surprise=surprise) as one,  # type: ignore[arg-type]
        Awake.open(tmp_path / "many", embedder=embedder, surprise=surprise) as many,  # type: ignore[arg-type]
    ):
        singly = [one.observe(text)[0] for text in texts]
        together = [outcomes[0] for outcomes in many.observe_many(texts)]
        assert [(o.kind, o.trace_id, o.reason) for o in singly] == [(o.kind, o.trace_id, o.reason) for o in together]
        assert [o.salience for o in singly] == [o.salience for o in together]
        assert one.status()["gate"] == many.status()["gate"]
        assert one.status()["gate"]["surprise_n"] == 5
        assert many.observe_many([]) == []


def test_one_bad_event_stops_the_whole_batch(awake: Awake) -> None:
    with pytest.raises(InputError, match="event 1: text is empty"):
        awake.observe_many(["A fig tree.", "  ", "A drum."])
    assert len(awake.store) == 0
    assert awake.counts().gates_attempts == 0


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (Event(text=""), "text is empty"),
        (Event(text="x" * 1_000_000), "1,000,000 characters, the limit is 20,000"),
        (Event(text="a\ud800"), "lone surrogate"),
        (Event(text="a\x00b"), "control character"),
        (Event(text="a", source=""), "source is empty"),
        (Event(text="a", conf=1.5), "conf must be 0 to 1, got 1.5"),
        (Event(text="a", conf=float("nan")), "conf must be 0 to 1"),
        (Event(text="a", time=float("inf")), "time must be unix seconds, got inf"),
        (Event(text="a", context="x\ny"), "context .* one line"),
        (Event(text="a", tags=("",)), "tag is empty"),
        (Event(text="a", slots={"who": "\x1b"}), "slot who holds the control character"),
        (Event(text="a", conf=True), "conf must be 0 to 1, got True"),
        (Event(text="a", time="2026"), "time must be unix seconds, got '2026'"),  # type: ignore[arg-type]
        (Event(text="a", reward="no"), "reward must be True or False, got 'no'"),  # type: ignore[arg-type]
        (Event(text="a", pin="yes"), "pin must be True or False, got 'yes'"),  # type: ignore[arg-type]
        (Event(text="a", tags="fruit"), r"tags must be a tuple of texts such as .*, got 'fruit'"),  # type: ignore[arg-type]
        (Event(text="a", tags=None), "tags must be a tuple of texts .*, got None"),  # type: ignore[arg-type]
        (Event(text="a", slots="x"), "slots must be a mapping such as .*, got 'x'"),  # type: ignore[arg-type]
        ({"text": "a"}, "an event must be text or an Event, got {'text': 'a'}"),
    ],
)
def test_bad_input_is_refused_and_nothing_changes(awake: Awake, event: Event, message: str) -> None:
    with pytest.raises(InputError, match=message):
        awake.observe_many([event])
    assert len(awake.store) == 0


def test_one_text_is_no_list_of_events(awake: Awake) -> None:
    with pytest.raises(InputError, match=r"takes a list of texts or events, got one text: 'A fig tree\.'"):
        awake.observe_many("A fig tree.")
    assert len(awake.store) == 0


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"trace_id": "x"}, "trace_id must be a whole number, got 'x'"),
        ({"trace_id": True}, "trace_id must be a whole number, got True"),
        ({"trace_id": 10**23}, f"there is no memory with id {10**23}; ids are whole numbers up to {2**63 - 1}"),
        ({"source": 5}, "source must be text, got 5"),
        ({"everything": "no"}, "everything must be True or False, got 'no'"),
        ({}, "exactly one of trace_id, source, doc_id or everything"),
    ],
)
def test_what_names_no_memory_forgets_none(awake: Awake, choice: dict[str, Any], message: str) -> None:
    awake.observe("A fig tree.", source="5")
    with pytest.raises(InputError, match=message):
        awake.forget(**choice)
    assert len(awake.store) == 1
    assert awake.store.get(10**23) is None


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), "2026"])
def test_a_time_that_is_none_moves_no_retired_memory(awake: Awake, bad: Any) -> None:
    for move, name in ((awake.bring_back, "since"), (awake.vacuum, "until")):
        with pytest.raises(InputError, match=f"{name} must be unix seconds, got {bad!r}"):
            move(bad)


class _Dumb(HashingEmbedder):
    """Gives no vectors at all."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        return np.zeros((0, self.dim), dtype=np.float32)


def test_an_embedder_without_vectors_is_named(data_home: Path) -> None:
    with Awake.open(embedder=_Dumb()) as awake:
        for call in (lambda: awake.observe("A fig tree."), lambda: awake.recall("fig")):
            with pytest.raises(InputError, match="embedder 'hashing-256' gave 0 vectors for 1 texts"):
                call()
        with pytest.raises(InputError, match="embedder 'hashing-256' gave 0 vectors for"):
            awake.observe_many([f"The kitchen is north of hall {i}." for i in range(40)])
        assert len(awake.store) == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(text=st.text(st.characters(exclude_categories=[]), min_size=1, max_size=60))
def test_any_text_is_kept_as_it_is_or_refused(awake: Awake, text: str) -> None:
    try:
        outcome, *_ = awake.observe(text, pin=True)
    except InputError:
        return
    assert outcome.trace_id is not None
    trace = awake.store.get(outcome.trace_id)
    assert trace is not None
    assert outcome.kind == "merged" or trace.text == outcome.text


def test_the_longest_event_is_kept(awake: Awake) -> None:
    text = ("lantern " * MAX_TEXT_CHARS)[: MAX_TEXT_CHARS - 1]
    assert awake.observe(text)[0].kind == "stored"
    assert awake.recall("lantern").hits[0].trace.text == text.strip()


def test_a_full_disk_loses_nothing_that_was_acknowledged(awake: Awake) -> None:
    awake.observe("The harbor is frozen.")
    awake.database.flush_log()
    with awake.database.read() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages + 2}")
    acknowledged = ["The harbor is frozen."]
    with pytest.raises(StorageFull, match="disk is full; nothing was changed"):  # noqa: PT012
        for i in range(200):
            text = f"Crate {i} holds " + "very " * 200 + "old maps."
            awake.observe(text)
            acknowledged.append(text)
    assert [t.text for t in awake.store] == acknowledged
    assert len(awake.store.nearest(awake.embedder.embed(["crate"])[0], 1_000)) == len(acknowledged)
    assert awake.database.check() == []


def test_a_second_process_that_writes_is_waited_for_then_named(data_home: Path, embedder: HashingEmbedder) -> None:
    with Awake.open(embedder=embedder, timeout_s=0.05) as awake:
        awake.observe("The harbor is frozen.")
        other = Database(awake.home.database)
        with other.write(), pytest.raises(StoreBusy, match="another process has been writing"):
            awake.observe("A fig tree grew.")
        other.close()
        assert awake.observe("A fig tree grew.")[0].kind == "stored"
        assert len(awake.recall("fig").hits) == 2


def test_the_index_is_kept_and_rebuilt_whatever_happens_to_it(
    data_home: Path, embedder: HashingEmbedder, caplog: pytest.LogCaptureFixture
) -> None:
    with Awake.open(embedder=embedder) as awake:
        awake.observe_many(["The harbor is frozen.", "A fig tree grew.", "The drum is old."])
        index = awake.home.index
    whole = index.read_bytes()
    expected = ["A fig tree grew.", "The drum is old."]
    for damaged in (whole, whole[:-7], whole[:10], b"", b"x" * 99, whole[:-1] + b"\x00\x01"):
        index.write_bytes(damaged)
        with caplog.at_level(logging.WARNING), Awake.open(embedder=embedder) as awake:
            cosines = dict(awake.store.nearest(embedder.embed(["fig drum"])[0], 9))
            assert len(cosines) == 3
            assert {t.text for t in awake.store.get_many(sorted(cosines, key=cosines.__getitem__)[1:])} == set(expected)
        assert index.read_bytes() == whole
    assert "the index is built from the store" in caplog.text


def test_an_index_of_a_backup_is_not_believed(data_home: Path, embedder: HashingEmbedder) -> None:
    with Awake.open(embedder=embedder) as awake:
        awake.observe("The harbor is frozen.")
        home = awake.home
    backup = home.database.read_bytes()
    with Awake.open(embedder=embedder) as awake:
        awake.observe("A fig tree grew.")
    newer = home.index.read_bytes()
    home.database.write_bytes(backup)
    with Awake.open(embedder=embedder) as awake:
        awake.observe("The drum is old.")
    home.index.write_bytes(newer)  # as many rows, the same ids, other memories
    with Awake.open(embedder=embedder) as awake:
        [(_, cosine), _] = awake.store.nearest(embedder.embed(["The drum is old."])[0], 2)
        assert cosine == pytest.approx(1.0)


def test_closing_on_a_full_disk_is_logged_not_raised(
    data_home: Path, embedder: HashingEmbedder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    awake = Awake.open(embedder=embedder)
    awake.observe("The harbor is frozen.")

    def full(*_: object) -> None:
        raise StorageFull("no space")

    monkeypatch.setattr("hippo_mem.storage.index_file.write_private", full)
    awake.close()
    awake.close()
    assert "no space" in caplog.text
    with Awake.open(embedder=embedder) as again:
        assert len(again.recall("harbor").hits) == 1


def test_the_gate_adapts_across_runs(data_home: Path, embedder: HashingEmbedder) -> None:
    config = GateConfig(mode="adaptive", tau=0.1)
    with Awake.open(embedder=embedder, config=config) as awake:
        awake.observe("The harbor is frozen.")
        tau = awake.status()["gate"]["tau"]
        assert tau == pytest.approx(0.95 * 0.1 + 0.05 * 1.0)
    with Awake.open(embedder=embedder, config=config) as awake:
        assert awake.status()["gate"]["tau"] == tau


def test_users_do_not_see_each_other(data_home: Path, embedder: HashingEmbedder) -> None:
    with Awake.open(user="alice", embedder=embedder) as alice, Awake.open(user="bob", embedder=embedder) as bob:
        alice.observe("The harbor is frozen.")
        assert len(bob.store) == 0
        assert bob.recall("harbor").hits == ()


def test_status_is_plain_data(awake: Awake) -> None:
    awake.observe("The harbor is frozen.", source="mail")
    awake.recall("harbor")
    status = json.loads(json.dumps(awake.status()))
    assert status["user"] == "default"
    assert status["episodic"]["traces"] == 1
    assert status["sources"] == {"mail": 1}
    assert status["counters"]["retrieval.requests"] == 1
    assert status["store_bytes"] > 0


def test_events_are_recorded_without_words(tmp_path: Path, data_home: Path, embedder: HashingEmbedder) -> None:
    log = tmp_path / "events.jsonl"
    with Awake.open(embedder=embedder, events=EventLog(log, run_id="run-1")) as awake:
        awake.observe("The harbor is frozen.", source="mail")
        awake.recall("harbor")
        awake.forget(source="mail")
    assert [json.loads(line)["event"] for line in log.read_text().splitlines()] == ["observed", "recalled", "forgotten"]
    assert "harbor" not in log.read_text()


def test_a_surprise_of_the_wrong_length_is_a_bug_that_shows(data_home: Path, embedder: HashingEmbedder) -> None:
    with Awake.open(embedder=embedder, surprise=lambda _: []) as awake:
        with pytest.raises(ValueError, match="surprise gave 0 values for 1 texts"):
            awake.observe("The harbor is frozen.")
        assert len(awake.store) == 0


def test_threads_may_share_it(awake: Awake) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def work(i: int) -> int:
        awake.observe(f"Crate {i} holds a map.")
        return len(awake.recall(f"crate {i}").hits)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(40)))
    assert len(awake.store) == 40
    assert awake.database.check() == []
