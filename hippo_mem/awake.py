"""One user's memory while awake: observe, recall, decide, forget, status. Knows nothing of language, training or sleep.

    observe ──► gate ──► episodes ──► facts and places ──► recall

One observe feeds all three memories in one transaction. What the gate refuses as an episode may still be a fact or a
place: these are routed by what they say, not by how surprising they are. Nothing here calls a language model to write
text; the only model use is a vector and, if given, a surprise.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from hippo_mem.config import EpisodicConfig, GateConfig, RelationalConfig, SpatialConfig
from hippo_mem.embed import Embedder, MiniLMEmbedder, embedding_aside
from hippo_mem.episodic import EpisodicStore
from hippo_mem.episodic.rows import check_choice, checked, draft_of
from hippo_mem.episodic.slots import slots_of
from hippo_mem.errors import InputError, StoreError, StoreFormatError
from hippo_mem.gate import Gate, GateState, read_state, write_state
from hippo_mem.home import UserHome, open_home
from hippo_mem.knowledge import MEMORIES, Knowledge, Prepared, check_memories, traces_of
from hippo_mem.recall import Recaller, check_k
from hippo_mem.refusals import Refusals
from hippo_mem.relational.frames import FrameParser
from hippo_mem.spatial.macros import drop_stale_policy
from hippo_mem.storage.database import Database
from hippo_mem.storage.ledger import Ledger, add_counts
from hippo_mem.storage.origins import delete_by
from hippo_mem.telemetry import Counts, EventLog, Forgotten, Observed, Recalled
from hippo_mem.text import has_content, soften
from hippo_mem.types import Decision, Event, Hit, Outcome, Recall, Where, check_time

_log = logging.getLogger(__name__)

Surprise = Callable[[Sequence[str]], list[float]]
_READ_AT_ONCE = 256  # events: fewer than the parser keeps, so that what facts were read from is there for slots


class Awake:
    """The open memory of one user. `store`, `ledger` and `database` are for sleep and for export.

    Safe to share between threads: texts are embedded side by side, parsed and written in turns. A recall waits for a
    batch that is being written, never for an answer that is being given.

    Args:
        home: whose memory, from `open_home`.
        embedder: default is all-MiniLM-L6-v2.
        surprise: texts -> mean nats per token, asked where the gate's `surprise` is "model"; None leaves it out of S.
        config: the gate's settings.
        episodic: what upkeep does, and which rankings a recall fuses.
        events: where to record what happens; default nowhere.
        memories: which of "episodic", "relational", "spatial" observe and recall; "episodic" is always among them.
        parser: what reads sentences; shared with whoever reads the same texts again.
        schema: which facts enter the graph at once; see `Knowledge`.
        relational, spatial: settings of the graph and of the map.
        clock: unix seconds.
        timeout_s: how long to wait for another process that writes.
    Raises: StoreError and its kinds.
    """

    def __init__(
        self,
        home: UserHome,
        *,
        embedder: Embedder | None = None,
        surprise: Surprise | None = None,
        config: GateConfig | None = None,
        episodic: EpisodicConfig | None = None,
        events: EventLog | None = None,
        memories: Iterable[str] = MEMORIES,
        parser: FrameParser | None = None,
        schema: str | None = None,
        relational: RelationalConfig | None = None,
        spatial: SpatialConfig | None = None,
        clock: Callable[[], float] = time.time,
        timeout_s: float = 10.0,
    ) -> None:
        self.home = home
        self.embedder: Embedder = embedder or MiniLMEmbedder()
        self._surprise = surprise
        self._gate = Gate(config)
        self._upkeep = episodic or EpisodicConfig()
        self._events = events or EventLog()
        self._clock = clock
        self.memories = check_memories(memories)
        self._parser = parser or FrameParser()
        self.database = Database(home.database, timeout_s=timeout_s)
        try:
            self.store = EpisodicStore(self.database, self.embedder, home.index, clock=clock)
            self.knowledge = Knowledge(
                self.database, self.embedder, self.memories, self._parser, policy=home.policy, schema=schema,
                relational=relational, spatial=spatial,
            )  # fmt: skip
        except BaseException:
            self.database.close()
            raise
        self.ledger = Ledger(self.database)
        self.refusals = Refusals()
        self._recaller = Recaller(self.store, self.embedder, self._upkeep.recall)
        self._accessed: Counter[int] = Counter()
        self._counting = threading.Lock()  # of what was accessed
        self._requests_kept = 0
        self._open = True

    @classmethod
    def open(cls, home: str | Path | None = None, user: str = "default", **options: Any) -> Awake:
        """Open (or make) the memory of `user` under `home`; options as for the class."""
        return cls(open_home(home, user), **options)

    def __enter__(self) -> Awake:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def observe(
        self,
        text: str,
        *,
        source: str = "user",
        time: float | None = None,
        context: str | None = None,
        reward: bool = False,
        pin: bool = False,
        doc_id: str | None = None,
        conf: float = 1.0,
        tags: tuple[str, ...] = (),
        slots: Mapping[str, str] | None = None,
    ) -> list[Outcome]:
        """Take in one event, whole; what is returned is on disk.

        Raises: InputError before anything is written; StoreBusy, StorageFull with nothing written.
        """
        event = Event(
            text=text,
            source=source,
            time=time,
            context=context,
            reward=reward,
            pin=pin,
            doc_id=doc_id,
            conf=conf,
            tags=tags,
            slots={} if slots is None else slots,
        )
        return self.observe_many([event])[0]

    def observe_many(self, events: Iterable[Event | str], *, route: bool = True) -> list[list[Outcome]]:
        """Take in events in order, in one transaction: all of them are on disk, or an error and none of them.

        Vectors and surprise are computed in batches before the store is locked. The first outcome of an event is
        that of its episode.

        Args: route: read facts and places from the events as well; False where they come from elsewhere.

        Raises: InputError naming the event (from 0) that cannot be used.
        """
        started = time.perf_counter()
        if isinstance(events, (str, bytes)):
            raise InputError(f"observe_many takes a list of texts or events, got one text: {events!r:.60}")
        clean: list[Event] = []
        for i, event in enumerate(events):
            try:
                if not isinstance(event, (str, Event)):
                    raise InputError(f"an event must be text or an Event, got {event!r:.60}")
                clean.append(checked(Event(text=event) if isinstance(event, str) else event))
            except InputError as error:
                raise InputError(f"event {i}: {error}" if i or clean else str(error)) from error
        if not clean:
            return []
        texts = [event.text for event in clean]
        with embedding_aside(self.embedder, texts) as embedding:
            clean, prepared = self._read(clean, route)
            vectors = embedding.result()
        surprises = self._surprises(texts)

        outcomes: list[Outcome] = []
        routed: list[list[Outcome]] = []
        now = self._clock()
        with self.store.transaction() as connection:
            state = read_state(connection)
            novelty = self.store.novelty(vectors, [event.context for event in clean])
            for i, (event, vector, surprise) in enumerate(zip(clean, vectors, surprises, strict=True)):
                duplicate = self.store.duplicate_of(event)
                nearest = None if duplicate is not None else novelty.nearest(i)
                outcome, state = self._judge(event, vector, surprise, duplicate, nearest, state, now)
                if outcome.kind == "stored":
                    novelty.stored(i)
                outcomes.append(outcome)
                found = self.knowledge.observe(event, prepared, i, outcome.trace_id, now) if prepared else []
                routed.append(found)
            write_state(connection, state)
            kinds = Counter(outcome.kind for outcome in outcomes)
            add_counts(
                connection,
                {"gates_attempts": len(clean), "gates_accepts": kinds["stored"], "gates_merged": kinds["merged"]},
            )
        self._record(outcomes, (time.perf_counter() - started) / len(outcomes))
        self.refusals.note(clean, outcomes, now)
        return [[outcome, *others] for outcome, others in zip(outcomes, routed, strict=True)]

    def _surprises(self, texts: list[str]) -> Sequence[float | None]:
        """Nats per token of each text by the configured measure; None where nobody measures."""
        by = self._gate.config.surprise
        if by == "cheap":
            return self.store.surprise(texts)
        if by == "off" or self._surprise is None:
            return [None] * len(texts)
        found = self._surprise(texts)
        if len(found) != len(texts):
            raise ValueError(f"surprise gave {len(found)} values for {len(texts)} texts")
        return found

    def _read(self, events: Sequence[Event], route: bool) -> tuple[list[Event], Prepared | None]:
        """The events with their slots, and the facts and places they tell; each is parsed once."""
        told: list[Event] = []
        parts: list[Prepared] = []
        for start in range(0, len(events), _READ_AT_ONCE):
            here = events[start : start + _READ_AT_ONCE]
            if route:
                parts.append(self.knowledge.prepare(here))
            told += self._with_slots(here)
        return told, Prepared.joined(parts) if route else None

    def _with_slots(self, events: Sequence[Event]) -> list[Event]:
        """Events with who, what, where and when read from their text, where the caller named none."""
        frames = self._parser.parse_many([e.text for e in events])
        return [e if e.slots else replace(e, slots=slots_of(f)) for e, f in zip(events, frames, strict=True)]

    def _judge(
        self,
        event: Event,
        vector: Any,
        surprise: float | None,
        duplicate: int | None,
        nearest: float | None,
        state: GateState,
        now: float,
    ) -> tuple[Outcome, GateState]:
        decision = self._gate.decide(
            surprise=surprise,
            nearest=nearest,
            duplicate=duplicate is not None,
            has_content=has_content(event.text),
            reward=event.reward,
            pin=event.pin,
            state=state,
        )
        text, reason, salience = event.text, decision.reason, decision.salience
        if decision.verdict == "same" and duplicate is not None:
            self.store.merge(duplicate, now=now, reward=event.reward, pin=event.pin)
            outcome = Outcome(kind="merged", text=text, trace_id=duplicate, reason=reason, salience=salience)
        elif decision.verdict == "write":
            trace_id = self.store.add(draft_of(event, salience, now), vector)
            outcome = Outcome(kind="stored", text=text, trace_id=trace_id, reason=reason, salience=salience)
        else:
            outcome = Outcome(kind="gated", text=text, reason=reason, salience=salience)
        return outcome, decision.state

    def recall(
        self, cue: str, k: int = 8, *, where: Where | None = None, as_of: float | None = None, touch: bool = True
    ) -> Recall:
        """The best `k` episodes for a cue (see `Recaller.recall`), and the facts and places nearest to it.

        Episodes that a fact or a place comes from are ranked by that as well ("graph", "place").

        Args:
            touch: count the hits as accessed. Probes that must not change what they measure say False.
        """
        check_k(k)
        check_time(as_of, "as_of")
        started = time.perf_counter()
        vector = self._recaller.vector_of(cue)
        with self.database.read():  # one state of the store for all three, and one turn at it
            facts, places = self.knowledge.retrieve(soften(cue), k, where=where, as_of=as_of)
            if where is not None and where.place is not None:  # a rule of episodes: what they tell follows it
                with self.store.view() as view:
                    mask = view.passing(where, as_of)
                    facts = [f for f in facts if view.only(f.fact.trace_ids, mask)]
                    places = [p for p in places if view.only(p.trace_ids, mask)]
            extra = traces_of(facts, places)
            found = self._recaller.recall(cue, k, where=where, as_of=as_of, extra=extra, vector=vector)
        found = replace(found, facts=tuple(facts), places=tuple(places), seconds=time.perf_counter() - started)
        if touch:
            with self._counting:
                self._accessed.update(hit.trace.id for hit in found.hits)
        ids = tuple(hit.trace.id for hit in found.hits)
        self._events.emit(Recalled(n_hits=len(ids), trace_ids=ids, seconds=found.seconds, text=cue))
        return found

    def decide(self, question: str, *, context: str | None = None, as_of: float | None = None) -> Decision | None:
        """The answer the map or the graph gives by itself, with its path; None where neither decides."""
        check_time(as_of, "as_of")
        return self.knowledge.decide(soften(question), context=context, as_of=as_of)

    def current(self, question: str, recall: Recall) -> Recall:
        """The recall without the episodes of which, as the graph knows, nothing holds any longer; the same where the
        past is asked for."""
        past = self.knowledge.outdated(question, [hit.trace.id for hit in recall.hits])
        return replace(recall, hits=tuple(h for h in recall.hits if h.trace.id not in past)) if past else recall

    def evidence(self, question: str, decision: Decision, *, touch: bool = True, searched: bool = False) -> Recall:
        """The episodes that a decision rests on, as the recall that answered the question: nothing is searched.

        Args: touch: count them as accessed, as `recall` does. searched: the question was counted by a recall already.
        """
        started = time.perf_counter()
        rank = {"relational": "graph", "spatial": "place"}[decision.memory]
        hits = tuple(
            Hit(trace=trace, score=decision.confidence, ranks={rank: i})
            for i, trace in enumerate(self.store.get_many(decision.trace_ids), start=1)
        )
        self._recaller.n_requests += not searched
        if touch:
            with self._counting:
                self._accessed.update(hit.trace.id for hit in hits)
        found = Recall(cue=question, hits=hits, seconds=time.perf_counter() - started)
        ids = tuple(hit.trace.id for hit in hits)
        self._events.emit(Recalled(n_hits=len(ids), trace_ids=ids, seconds=found.seconds, text=question))
        return found

    def forget(
        self,
        *,
        trace_id: int | None = None,
        source: str | None = None,
        doc_id: str | None = None,
        everything: bool = False,
    ) -> int:
        """Delete memories for good by exactly one choice, in all three at once; returns how many went.

        Counts episodes, or, where only facts and places were kept of what was told, those. Nights that learned the
        episodes are then in `ledger.nights_to_unlearn()`.

        Raises: InputError when not exactly one choice is given, or it is none.
        """
        check_choice(trace_id, source, doc_id, everything)
        started = time.perf_counter()
        with self.store.transaction() as connection:
            gone = self.store.forget(trace_id=trace_id, source=source, doc_id=doc_id, everything=everything)
            ids = [trace_id] if trace_id is not None else None
            others = delete_by(connection, trace_ids=ids, source=source, doc_id=doc_id, everything=everything)
        self._unlearn()
        self.refusals.drop(source=source, doc_id=doc_id, everything=everything)
        gone = gone or sum(others.values())
        chosen = {"trace_id": trace_id, "source": source, "doc_id": doc_id}
        by = next((name for name, value in chosen.items() if value is not None), "everything")
        self._events.emit(Forgotten(by=by, n_traces=gone, seconds=time.perf_counter() - started))
        return gone

    def maintain(self) -> dict[str, Any]:
        """One round of upkeep in all three memories: what it retired, expired and learned. Nothing is deleted.

        Episodes: see `EpisodicStore.maintain`. Places past their time go, and the policy that ranks macros is cloned
        from the trajectories that succeeded.
        """
        self.store.settle()
        return {"episodic": asdict(self.store.maintain(self._upkeep)), **self.knowledge.maintain()}

    def bring_back(self, since: float | None = None) -> int:
        """Bring back the episodes that upkeep retired (at or after `since`, unix seconds); returns how many.

        Raises: InputError for a `since` that is no time.
        """
        check_time(since, "since")
        return self.store.restore_retired(since)

    def vacuum(self, until: float | None = None) -> int:
        """Delete for good what upkeep retired (at or before `until`, unix seconds), with the facts and places that
        only it told; returns how many episodes went.

        Raises: InputError for an `until` that is no time.
        """
        check_time(until, "until")
        gone = self.store.vacuum(until)
        self._unlearn()
        return gone

    def _unlearn(self) -> None:
        """After a deletion: what was deleted leaves the log, and the policy that learned from it."""
        with self.database.read() as connection:
            try:
                drop_stale_policy(connection, self.home.policy)
            except StoreFormatError:  # damaged, and derived: whatever it holds, it goes
                self.home.policy.unlink(missing_ok=True)
        self.database.flush_log()

    def keep_counts(self) -> None:
        """Write pending access counts and the number of requests to the store.

        They wait in memory so that recall never waits for a disk; a process that is killed loses only these.
        """
        with self._counting:  # another thread that keeps counts meanwhile finds none
            accessed, self._accessed = dict(self._accessed), Counter()
            requests = self._recaller.n_requests - self._requests_kept
            self._requests_kept += requests
        if not requests and not accessed:
            return
        try:
            with self.store.transaction() as connection:
                self.store.mark_accessed(accessed, self._clock())
                add_counts(connection, {"retrieval_requests": requests})
        except BaseException:
            with self._counting:
                self._accessed.update(accessed)
                self._requests_kept -= requests
            raise

    def counts(self) -> Counts:
        """The store's totals so far, this process's pending ones included."""
        self.keep_counts()
        return Counts.of(self.ledger.counts(), len(self.store))

    def status(self) -> dict[str, Any]:
        """What there is, as plain data."""
        self.keep_counts()
        with self.database.read() as connection:
            state = read_state(connection)
            sources = dict(
                connection.execute("SELECT source, count(*) FROM traces GROUP BY source ORDER BY 2 DESC, 1 LIMIT 20")
            )
        return {
            "user": self.home.user,
            "home": str(self.home.root),
            "schema": self.database.schema,
            "embedder": self.embedder.id,
            "dim": self.embedder.dim,
            "episodic": self.store.counts(),
            **self.knowledge.counts(),
            "sources": sources,
            "store_bytes": sum(p.stat().st_size for p in self.home.folder.glob("memory.sqlite*")),
            "gate": {
                "mode": self._gate.config.mode,
                "tau": self._gate.threshold(state),
                "surprise_n": state.n,
                "surprise_mean_nats": state.mean,
                "surprise_deviation_nats": state.deviation,
            },
            "nights_recorded": self.ledger.nights(),
            "nights_to_unlearn": {night: len(ids) for night, ids in self.ledger.nights_to_unlearn().items()},
            "counters": self.counts().as_dict(),
        }

    def close(self) -> None:
        """Keep counts and index, and close the file. Closing twice is fine.

        No memory is at stake here: a disk that is full costs access counts and the time to build the index again, so
        it is logged, not raised.
        """
        if not self._open:
            return
        self._open = False
        try:
            for keep in (self.keep_counts, self.store.close):
                try:
                    keep()
                except StoreError as error:
                    _log.warning("while closing %s: %s", self.home.database, error)
        finally:
            self.database.close()

    def _record(self, outcomes: Sequence[Outcome], seconds: float) -> None:
        for outcome in outcomes:
            assert outcome.salience is not None
            self._events.emit(
                Observed(
                    kind=outcome.kind,
                    trace_id=outcome.trace_id,
                    score=outcome.salience.score,
                    threshold=outcome.salience.threshold,
                    n_chars=len(outcome.text),
                    seconds=seconds,
                    text=outcome.text,
                )
            )
