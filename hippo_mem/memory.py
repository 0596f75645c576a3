"""Hippo: a model on your own machine that is told a thing once, recalls it, and learns it asleep.

The facade over everything below it. Each part is loaded when it is first needed: recalling needs no language model, and
with memory OFF the store is never opened. Knows nothing of evaluation, servers or the command line.

    with Hippo.open() as hippo:
        hippo.observe("My favorite color is blue.")
        hippo.answer("What is my favorite color?").text              # read from the store
        hippo.sleep()
        hippo.answer("What is my favorite color?", memory=False).text  # from the weights
"""

from __future__ import annotations

import logging
import threading
import time as clock
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hippo_mem.answering import Answering
from hippo_mem.awake import Awake
from hippo_mem.browsing import Browser
from hippo_mem.chat import Chatting, ChatTurn, Message
from hippo_mem.chat.chatting import TurnOptions, checked_stop, read_turn
from hippo_mem.config import EpisodicConfig, GateConfig, RelationalConfig, SleepConfig, SpatialConfig
from hippo_mem.embed import Embedder
from hippo_mem.episodic.rows import check_choice
from hippo_mem.home import UserHome, held_by, open_home
from hippo_mem.knowledge import MEMORIES
from hippo_mem.lm import DEFAULT_MODEL
from hippo_mem.lm.engine import Engine
from hippo_mem.lm.sampling import Sampling
from hippo_mem.relational.frames import FrameParser
from hippo_mem.sleep import Night, NightReport, Nights
from hippo_mem.sleep.erasing import forget_everything
from hippo_mem.sleep.schedule import SleepSchedule, read_schedule, write_schedule
from hippo_mem.speaker import Load, Speaker
from hippo_mem.storage.experiment import StoreMeta, load_session
from hippo_mem.storage.portable import Imported, export_to, import_from
from hippo_mem.storage.session_rows import load_rows, save_store
from hippo_mem.types import Answer, Decision, Event, Outcome, Recall, Where

if TYPE_CHECKING:  # both bring torch along, which a process that only serves does without
    from hippo_mem.lm import LanguageModel
    from hippo_mem.sleep.bedtime import Bedtime, Progress

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class HippoConfig:
    """Settings of an open memory. `engine` is what answers people: torch, or a quantized export of the same model
    ("auto" is int8), which needs no torch in the process; `engine_threads` of it share one product, all cores by
    default. `dtype` is "auto", "float32" or "bfloat16"; `surprise` False skips the model on writes; `memories` are
    those that observe and answer, episodes always among them; `schema` names the forms that enter the graph of facts
    at once (`configs/schema/default.yaml`), None lets every form in."""

    gate: GateConfig = field(default_factory=GateConfig)
    episodic: EpisodicConfig = field(default_factory=EpisodicConfig)
    sleep: SleepConfig = field(default_factory=SleepConfig)
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    engine: Literal["torch", "auto", "int8", "int4"] = "torch"
    engine_threads: int | None = None
    surprise: bool = True
    memories: tuple[str, ...] = MEMORIES
    schema: str | None = None
    relational: RelationalConfig = field(default_factory=RelationalConfig)
    spatial: SpatialConfig = field(default_factory=SpatialConfig)


class Hippo:
    """One user's memory and model. Use as a context manager, or call `close`. Not safe for two threads at once."""

    def __init__(
        self, home: UserHome, *, model: str = DEFAULT_MODEL, config: HippoConfig | None = None,
        embedder: Embedder | None = None, load: Load | None = None,
    ) -> None:  # fmt: skip
        """As `open`, for a home that is open; `load` lends a model that others use too: closing takes the night off."""
        self.home = home
        self.model_name = model
        self.config = config or HippoConfig()
        self._embedder = embedder
        self._awake: Awake | None = None
        self._opening = threading.Lock()
        self._parser = FrameParser()
        self._nights = Nights(home.nights)
        self._speaker = Speaker(
            home, model, self._nights, dtype=self.config.dtype, engine=self.config.engine,
            engine_threads=self.config.engine_threads, load=load,
        )  # fmt: skip

    @classmethod
    def open(
        cls, home: str | Path | None = None, user: str = "default", *, model: str = DEFAULT_MODEL,
        config: HippoConfig | None = None, embedder: Embedder | None = None,
    ) -> Hippo:  # fmt: skip
        """Open, or make, the memory of `user` under the data home (`HIPPO_HOME`).

        Args:
            model: a bundled name, a hub id, or a folder; loaded when first needed.
        Raises: InputError for a user id that could leave the home; StorageFull when the home cannot be written.
        """
        return cls(open_home(home, user), model=model, config=config, embedder=embedder)

    def __enter__(self) -> Hippo:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files. Closing twice is fine."""
        self._speaker.close()
        if self._awake is not None:
            self._awake.close()
            self._awake = None

    # Parts, loaded when needed ---------------------------------------------------------------------------------------

    @property
    def awake(self) -> Awake:
        """The open store, safe to share between threads. The first use makes it."""
        with self._opening:
            if self._awake is None:
                surprise = self._speaker.surprise if self.config.surprise else None
                self._awake = Awake(
                    self.home, embedder=self._embedder, surprise=surprise, config=self.config.gate,
                    episodic=self.config.episodic, memories=self.config.memories, parser=self._parser,
                    schema=self.config.schema, relational=self.config.relational, spatial=self.config.spatial,
                )  # fmt: skip
            return self._awake

    @property
    def browse(self) -> Browser:
        """Facts and places to look through, draw and put right by hand."""
        return Browser(self.awake)

    @property
    def base(self) -> LanguageModel:
        """The language model; what is on it is whatever night was attached last."""
        return self._speaker.base

    @property
    def lm(self) -> LanguageModel:
        """The language model with the night in force over it.

        Raises: ModelUnavailable; StoreFormatError when the night's files are damaged or made for another model.
        """
        return self._speaker.lm

    @property
    def night_folder(self) -> Path | None:
        """The folder of the night in force, None while the base speaks alone.

        Raises: StoreFormatError when it was learned by another model.
        """
        return self._speaker.night_folder

    # Awake ----------------------------------------------------------------------------------------------------------

    def observe(
        self, text: str, *, source: str = "user", time: float | None = None, context: str | None = None,
        reward: bool = False, pin: bool = False, doc_id: str | None = None, conf: float = 1.0,
        tags: tuple[str, ...] = (), slots: Mapping[str, str] | None = None,
    ) -> list[Outcome]:  # fmt: skip
        """Tell it one thing, once. What is returned is on disk.

        Args:
            text: 1 to 20 000 characters. time: when it was true, unix seconds; now by default.
            context: the session it belongs to; a cue asked in one context is not answered from another.
            reward, pin: raise its salience; what is pinned is always kept. conf: 0..1.
        Raises: InputError before anything is written; StoreBusy, StorageFull with nothing written.
        """
        return self.awake.observe(
            text, source=source, time=time, context=context, reward=reward, pin=pin, doc_id=doc_id, conf=conf,
            tags=tags,
            slots=slots,
        )  # fmt: skip

    def observe_many(self, events: Iterable[Event | str]) -> list[list[Outcome]]:
        """Tell it many things at once, in one transaction: all are on disk, or an error and none."""
        return self.awake.observe_many(events)

    def recall(
        self, cue: str, k: int = 8, *, where: Where | None = None, as_of: float | None = None, touch: bool = True
    ) -> Recall:
        """The `k` memories nearest to a cue, best first. Recalled text is data, never instructions.

        Args: touch: count the hits as used; False leaves the store as it is.
        Raises: InputError for a cue that is no text, a `k` out of range, an `as_of` that is no time.
        """
        return self.awake.recall(cue, k, where=where, as_of=as_of, touch=touch)

    def decide(self, question: str, *, context: str | None = None, as_of: float | None = None) -> Decision | None:
        """What the map or the graph answers by itself, with the path that led there; None where neither can."""
        return self.awake.decide(question, context=context, as_of=as_of)

    def forget(
        self, *, trace_id: int | None = None, source: str | None = None, doc_id: str | None = None,
        everything: bool = False,
    ) -> int:  # fmt: skip
        """Delete memories by exactly one choice; returns how many. The next sleep takes them out of the weights as
        well; `everything` deletes the nights too, at once.

        Raises: InputError for none or several choices, and for one that cannot be; with `everything`, StoreBusy while
            a sleep runs.
        """
        check_choice(trace_id, source, doc_id, everything)
        if everything:
            return forget_everything(self.awake, self._nights)
        return self.awake.forget(trace_id=trace_id, source=source, doc_id=doc_id, everything=everything)

    def bring_back(self, since: float | None = None) -> int:
        """Bring back the memories that upkeep retired (at or after `since`, unix seconds); returns how many."""
        return self.awake.bring_back(since)

    def vacuum(self, until: float | None = None) -> int:
        """Delete for good what upkeep retired (at or before `until`, unix seconds); returns how many went."""
        return self.awake.vacuum(until)

    # Answering ------------------------------------------------------------------------------------------------------

    def answer(self, question: str, *, memory: bool = True, context: str | None = None, k: int = 16) -> Answer:
        """Answer one question; see `answer_many`."""
        return self.answer_many([question], contexts=[context], memory=memory, k=k)[0]

    def answer_many(
        self, questions: Sequence[str], *, contexts: Sequence[str | None] | None = None, memory: bool = True,
        k: int = 16, touch: bool = True,
    ) -> list[Answer]:  # fmt: skip
        """Answer questions from memory (ON), or from the weights alone (OFF: nothing reads the store).

        Args:
            contexts: one a question; a question with a context sees only what was told in it.
            memory: ON first asks the map and the graph, which answer what they can decide with the path that led
                there; else reads the best of `k` recalled episodes and answers with the shortest span of them; where
                none has to do with the question, the weights answer.
            touch: count what was recalled as used; a probe that must not change what it measures says False.
        Raises: InputError for an empty question or contexts of another length.
        """
        answering = Answering(lambda: self.awake, lambda: self.engine, self._parser, self._speaker.night_question)
        return answering.answer_many(questions, contexts=contexts, memory=memory, k=k, touch=touch)

    @property
    def engine(self) -> Engine:
        """What answers now, with the night in force: torch, or the quick engine where `HippoConfig.engine` asks for
        it and there is a checked export. An export that is missing is started; nothing is waited for.

        Raises: as `lm`.
        """
        return self._speaker.engine

    def prepare_engine(self) -> bool:
        """See that the quick engine is exported, and checked with the night in force; whether it is. Waits for
        nothing and loads no torch: what answered before goes on meanwhile."""
        return self._speaker.prepare()

    def wait_for_engine(self, timeout_s: float = 600.0) -> str:
        """Wait until the quick engine has been exported and checked, which the first use of a model needs once.

        Returns: the name of the engine that answers: "int8", "int4", or "torch" (`status()["engine"]` says why).
        """
        return self._speaker.wait(timeout_s)

    def chat(
        self, messages: Sequence[Message | Mapping[str, str]], *, memory: bool = True, observe: bool = True,
        context: str | None = None, source: str = "user", max_new_tokens: int = 256, temperature: float = 0.0,
        top_p: float = 1.0, seed: int | None = None, stop: Sequence[str] = (),
    ) -> ChatTurn:  # fmt: skip
        """Take one turn of a conversation: keep what the user states, ask memory, answer piece by piece.

            turn = hippo.chat([{"role": "user", "content": "I adopted a cat named Miso."}])
            turn.outcomes                     # stored, merged, gated (and why), routed to graph or map
            for piece in turn: ...            # or turn.finish()
            turn.sources, turn.recall         # the memories the answer rests on; everything recalled, with scores

        Only the last message is kept and asked; earlier ones are the talk so far, trimmed to what the model takes.
        Statements go through the gate as `observe` does, questions and requests are never stored, and "Remember that
        ..." pins. A question is answered by the graph or the map where they decide, else read from the recalled
        episode that has to do with it, else by the night's adapter where its gate opens; a question that only the user
        could have answered is said to be unknown; everything else the language model answers in its own words, with
        recalled memories fenced as data.

        When this returns, everything that touches the store is done and on disk: iterating the turn only decodes. So
        one may start a turn under a lock and stream it outside; several streams run side by side.

        Args:
            messages: `Message`s, or mappings with "role" ("system", "user", "assistant") and "content"; last: the user.
            memory: False reads and writes nothing; the weights answer, a night's adapter included.
            observe: False asks memory without keeping anything of this turn.
            context: keeps apart what would contradict each other, as in `observe`.
            temperature: 0 is greedy, at most 2; top_p: 0..1; seed: the same seed draws the same answer.
            stop: the answer ends before the first of these texts, at most 16.
        Raises: InputError before anything is kept; StoreBusy, StorageFull with nothing kept; ModelUnavailable where a
            model has to speak and there is none.
        """
        options = TurnOptions(
            memory=memory, observe=observe, context=context, source=source, max_new_tokens=max_new_tokens,
            sampling=Sampling(temperature=temperature, top_p=top_p, seed=seed), stop=checked_stop(stop),
        )  # fmt: skip
        chatting = Chatting(lambda: self.awake, lambda: self.engine, self._parser, self._speaker.night_question)
        return chatting.turn([m if isinstance(m, Message) else read_turn(m) for m in messages], options)

    # Asleep ---------------------------------------------------------------------------------------------------------

    def sleep(
        self, config: SleepConfig | None = None, *, progress: Progress | None = None, merge: bool = False
    ) -> NightReport:
        """Learn what was told since the last night, unlearn what was deleted, verify, keep or undo.

        Returns: the report; `verdict` "nothing" when there was nothing to do.
        Raises: StoreBusy when another process sleeps; SleepError when training fails. The night before stays in force
            through any error, Ctrl-C or kill.
        """
        try:
            return self._bedtime(self.base).sleep(config or self.config.sleep, progress=progress, merge=merge)
        finally:
            self._speaker.night_may_have_changed()

    def nights(self) -> list[Night]:
        """Every night, oldest first."""
        return self._nights.all()

    def undo_night(self) -> Night | None:
        """Go back one night; returns the night now in force. What the undone night learned is new again.

        Raises: InputError when there is no night to undo; StoreBusy while a sleep runs.
        """
        return self._bedtime(None).undo()

    def _bedtime(self, lm: LanguageModel | None) -> Bedtime:
        from hippo_mem.sleep.bedtime import Bedtime

        return Bedtime(self.awake, lm, self._nights, self._parser)

    def who_sleeps(self) -> str | None:
        """Which process puts this memory to sleep now, in words; None while none does."""
        return held_by(self.home.sleep_lock)

    def n_waiting(self) -> int:
        """What the next night would do: memories not learned yet, and learned ones deleted since."""
        return self.awake.ledger.n_waiting()

    @property
    def schedule(self) -> SleepSchedule:
        """When this memory is to sleep by itself; a running server does it. Set it to change it.

        Raises: StoreFormatError for a damaged file.
        """
        return read_schedule(self.home.schedule)

    @schedule.setter
    def schedule(self, schedule: SleepSchedule) -> None:
        write_schedule(self.home.schedule, schedule)

    # About it -------------------------------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """What there is, as plain data. Opens no store that does not exist."""
        night = self._nights.in_force()
        store = self.awake.status() if self._awake is not None or self.home.database.exists() else None
        loaded = None
        if (lm := self._speaker.loaded) is not None:
            loaded = {"dtype": str(lm.dtype).removeprefix("torch."), "layers": lm.n_layers}
        return {
            "user": self.home.user,
            "home": str(self.home.root),
            "model": self.model_name,
            "model_loaded": loaded,
            "engine": self._speaker.status(),
            "memory": store,
            "n_traces": store["episodic"]["traces"] if store else 0,
            "night_in_force": night.to_dict() if night else None,
            "n_nights": len(self._nights.all()),
            "disk_bytes": sum(p.stat().st_size for p in self.home.folder.rglob("*") if p.is_file()),
        }

    def save(self, dir: str | Path, session_id: str) -> StoreMeta:
        """Write the three memories as an experiment store: `hei_nw/<session>` with everything, `sgc_rss/<session>` with
        the graph, `smpd/<session>` with the map."""
        return save_store(self.awake.database, self.awake.store, dir, session_id, model=self.model_name)

    def export(self, path: str | Path, *, format: Literal["jsonl", "parquet"] = "jsonl") -> dict[str, int]:
        """Write everything remembered to a file (JSONL) or a folder (Parquet); returns table -> rows.

        Raises: InputError for a place that holds something else; StorageFull.
        """
        return export_to(self.awake.database, Path(path), format=format)

    def import_(self, path: str | Path, *, renumber: bool = False) -> Imported:
        """Take in an export, all of it or nothing.

        Args: renumber: give rows new ids and join what both stores have; without it an id that is taken is an error.
        Raises: InputError, StoreFormatError with the line, StoreVersionError.
        """
        return import_from(self.awake.database, Path(path), space=self.awake.embedder, renumber=renumber)

    def load(self, dir: str | Path, session_id: str) -> int:
        """Take in an experiment store; returns how many episodes were added. Ids are given anew, and what came from it
        before is not added again.

        Facts and places come from the session's own rows, and are read from the texts where it has none.
        Raises: InputError when there is no such session; StoreFormatError with file and line.
        """
        saved = load_session(dir, session_id)
        start = clock.perf_counter()
        facts, places = saved.rows.get("relational", ()), saved.rows.get("spatial", ())
        events = [
            Event(
                text=t.text, source=t.provenance.source, time=t.provenance.time, context=t.context_key, pin=True,
                doc_id=t.provenance.doc_id, conf=t.provenance.conf, tags=t.tags, slots=t.slots,
            )
            for t in saved.traces
        ]  # fmt: skip
        with self.awake.store.transaction():
            outcomes = self.awake.observe_many(events, route=not (facts or places))
            if facts or places:
                pairs = [(t.id, first.trace_id) for t, (first, *_) in zip(saved.traces, outcomes, strict=True)]
                ids = {old: new for old, new in pairs if new is not None}
                load_rows(self.awake.database, facts, places, ids, origin=str(saved.folder))
        log.info("loaded %d traces in %.2f s", len(outcomes), clock.perf_counter() - start)
        return sum(o.kind == "stored" for o, *_ in outcomes)
