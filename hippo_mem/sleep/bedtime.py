"""A user's sleep: lock, choose, train, judge, keep or undo, and take deleted memories out of the weights.

Ties one user's store to the nights on disk. The ledger is written before a night becomes visible, so there is no moment
at which weights know a trace that the ledger does not name. Knows nothing of how a night is trained.

    lock ► what is new, what was deleted ► train_night ► publish or reject ► mark, purge ► upkeep of the store
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from hippo_mem.awake import Awake
from hippo_mem.config import SleepConfig
from hippo_mem.errors import InputError, SleepError
from hippo_mem.home import locked
from hippo_mem.lm import LanguageModel
from hippo_mem.relational.frames import FrameParser
from hippo_mem.replay.dataset import ReplayDataset
from hippo_mem.replay.from_store import trace_item
from hippo_mem.sleep.night import merge_adapter, silent, train_night
from hippo_mem.sleep.nights import Night, Nights
from hippo_mem.sleep.report import NightReport, write_report
from hippo_mem.types import Trace

log = logging.getLogger(__name__)
Progress = Callable[[str, int, int], None]

# Earlier memories a night rehearses at most: beyond it, the most important by replay priority.
_MAX_EARLIER = 600


class Bedtime:
    """One user's sleeps. `lm` None is enough for `undo`."""

    def __init__(self, awake: Awake, lm: LanguageModel | None, nights: Nights, parser: FrameParser) -> None:
        self.awake, self.lm, self.nights, self.parser = awake, lm, nights, parser

    def sleep(self, config: SleepConfig, *, progress: Progress | None = None, merge: bool = False) -> NightReport:
        """One night from beginning to end; see `Hippo.sleep`."""
        assert self.lm is not None
        with locked(self.awake.home.sleep_lock, "sleeping"):
            report = self._sleep(self.lm, config, progress or silent, merge)
            return replace(report, upkeep=self.awake.maintain())

    def undo(self) -> Night | None:
        """Take the night in force out of force; its own memories count as not learned again."""
        with locked(self.awake.home.sleep_lock, "undoing a night"):
            undone, now = self.nights.undo()
            known = set(self.awake.ledger.traces_of(now.number)) if now else set()
            self._mark(set(self.awake.ledger.traces_of(undone.number)) - known, None)
            return now

    def _sleep(self, lm: LanguageModel, config: SleepConfig, progress: Progress, merge: bool) -> NightReport:
        parent = self.nights.in_force()
        tainted = self.awake.ledger.nights_to_unlearn()
        everything = list(self.awake.store)
        if parent is not None and parent.model != lm.name:
            raise InputError(
                f"night {parent.number} was learned by {parent.model}, this is {lm.name}; sleep with --model "
                f"{parent.model}, or undo the night first: hippo nights undo"
            )
        unlearned = tuple(sorted({i for ids in tainted.values() for i in ids}))
        if parent is not None and parent.number in tainted:
            return self._anew(lm, everything, config, progress, merge, tainted, unlearned)
        gone = [n for n in tainted if self._weights(n)]
        if gone:  # undone nights that still hold what was deleted; no one speaks through them
            self.nights.purge(gone)
        new = [t for t in everything if t.consolidated_at is None]
        if not new:
            return NightReport(
                verdict="nothing", model=lm.name, unlearned=unlearned if gone else (),
                reason=f"nothing new was told since night {parent.number}" if parent else "nothing was told yet",
            )  # fmt: skip
        known = set(self.awake.ledger.traces_of(parent.number)) if parent else set()
        earlier = self._rehearsed([t for t in everything if t.id in known and t.consolidated_at is not None], config)
        new = self._ordered(new, config)
        start = self.nights.path(parent.number) if parent is not None and self._fits(parent, config) else None
        if parent is not None and start is None:  # another rank or other targets: everything is learned again
            new, earlier = self._ordered(everything, config), []
        return self._night(lm, new, earlier, config, progress, merge, parent if start else None, start, known, ())

    def _anew(
        self, lm: LanguageModel, everything: list[Trace], config: SleepConfig, progress: Progress, merge: bool,
        tainted: dict[int, tuple[int, ...]], unlearned: tuple[int, ...],
    ) -> NightReport:  # fmt: skip
        """The night in force knows what was deleted: learn everything else from the base, then destroy those nights."""
        if not everything:
            self.nights.set_force(None)
            self.nights.purge(tainted)
            return NightReport(
                verdict="kept", reason="everything that was learned has been deleted; the base model speaks alone",
                model=lm.name, unlearned=unlearned,
            )  # fmt: skip
        report = self._night(
            lm, self._ordered(everything, config), [], config, progress, merge, None, None, set(), unlearned
        )
        if not report.kept:  # what was deleted must not be heard again, even when the night to replace it failed
            self.nights.set_force(None)
            self._mark({t.id for t in everything}, None)
        self.nights.purge(tainted)
        return report

    def _night(
        self, lm: LanguageModel, new: Sequence[Trace], earlier: Sequence[Trace], config: SleepConfig,
        progress: Progress, merge: bool, parent: Night | None, start: Path | None, known: set[int],
        unlearned: tuple[int, ...],
    ) -> NightReport:  # fmt: skip
        began = time.perf_counter()
        with self.nights.writing() as scratch:
            report = train_night(lm, new, earlier, scratch, config, start=start, progress=progress, parser=self.parser)
            number = self.nights.next_number
            if merge and report.kept:
                report = replace(report, merged=str(self.nights.path(number) / merge_adapter(lm, scratch).name))
            lm.detach()
            seconds = time.perf_counter() - began
            report = replace(
                report, number=number, folder=str(self.nights.path(number)), seconds=seconds, unlearned=unlearned
            )
            write_report(report, scratch)
            night = Night(
                number=number, created=time.time(), status="kept" if report.kept else "undone", in_force=report.kept,
                parent=parent.number if parent else None, model=lm.name, n_facts=report.n_facts, n_new=report.n_new,
                recall=report.recall.share if report.recall else None, seconds=seconds, reason=report.reason,
                conditioned=report.conditioned, config_hash=report.config_hash, folder=report.folder,
            )  # fmt: skip
            if report.kept:
                learned = {t.id for t in (*new, *earlier)} | (known if start is not None else set())
                self.awake.ledger.record_night(number, sorted(learned))
            self.nights.publish(scratch, night)
        if report.kept:
            self._mark({t.id for t in new}, night.created)
        return report

    def _mark(self, trace_ids: set[int], when: float | None) -> None:
        with self.awake.store.transaction():
            self.awake.store.mark_consolidated(sorted(trace_ids), when)

    def _ordered(self, traces: Sequence[Trace], config: SleepConfig) -> list[Trace]:
        """In the order of their first replay, the most important first; at most `max_items`."""
        if not traces:
            return []
        now = max(t.created for t in traces)
        dataset = ReplayDataset([trace_item(t, now=now) for t in traces], config.replay, config.train.seed)
        chosen: dict[int, Trace] = {}
        for _ in range(max(1, config.replay.cycles)):
            for item in dataset.draw():
                chosen.setdefault(item.payload.id, item.payload)
        return list(chosen.values())

    def _rehearsed(self, traces: Sequence[Trace], config: SleepConfig) -> list[Trace]:
        return self._ordered(traces, config)[:_MAX_EARLIER]

    def _weights(self, number: int) -> bool:
        return (self.nights.path(number) / "adapter_model.safetensors").is_file()

    def _fits(self, parent: Night, config: SleepConfig) -> bool:
        """Whether the parent's adapter has the shape this night would train."""
        try:
            found = json.loads((self.nights.path(parent.number) / "adapter_config.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise SleepError(f"night {parent.number} has no readable adapter_config.json: {error}") from error
        return (found.get("r"), found.get("lora_alpha"), set(found.get("target_modules", ()))) == (
            config.peft.rank, config.peft.alpha, set(config.targets),
        )  # fmt: skip
