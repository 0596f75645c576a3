"""A memory of ours under evaluation: told as a user would tell it, asked as a user would ask it.

Knows nothing of scores or files.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from hippo_eval.answerers import Asked, Memory, Progress, Taught, batches, in_order
from hippo_eval.cells import HitRow
from hippo_eval.settings import EvalConfig
from hippo_eval.suites.items import TeachItem, TestItem
from hippo_eval.token_meter import Spent, TokenMeter
from hippo_mem.types import Answer, Event, Outcome

# Events told in one call: one transaction, surprise in batches, verdicts in the same order as one at a time.
_TELL_BATCH = 16
_ALONE = 8  # single questions are enough to know what one takes


@dataclass(slots=True)
class _Call:
    """One call's time and tokens, once it is over; what was kept from other cells counts as if it had been run."""

    started: float = field(default_factory=time.perf_counter)
    seconds: float = 0.0
    spent: Spent | None = None


@contextmanager
def _timed(meter: TokenMeter | None) -> Iterator[_Call]:
    call = _Call()
    if meter is None:
        yield call
    else:
        with meter.watch() as call.spent:
            yield call
    call.seconds = time.perf_counter() - call.started + (call.spent.seconds if call.spent else 0.0)


class MemoryAnswerer:
    """A memory that is told one event after the other and asked some questions one at a time, as a user would; the
    others, and all with the memory off, in batches."""

    def __init__(self, memory: Memory, config: EvalConfig, meter: TokenMeter | None = None) -> None:
        self.memory = memory
        self._config = config
        self._meter = meter
        self.batch = config.batch_size
        self.alone = _ALONE if config.asks_memory else 0

    def teach(self, items: Sequence[TeachItem], progress: Progress) -> Taught:
        """Observe every item; a gate that is switched off is a pin."""
        told: list[dict[str, Any]] = []
        ordered = in_order(items)
        for batch in batches(ordered, _TELL_BATCH):
            with _timed(self._meter) as call:
                outcomes = self.memory.observe_many([self._event(item) for item in batch])
            told += [_told(of_one, call.seconds / len(batch)) for of_one in outcomes]
            progress("tell", len(told), len(items))
        kinds = [line["kind"] for line in told]
        return Taught(
            attempts=len(kinds),
            accepts=sum(kind != "gated" for kind in kinds),
            merged=kinds.count("merged"),
            told=tuple(told),
        )

    def _event(self, item: TeachItem) -> Event:
        source = f"eval-{self._config.suite}"
        pin = not self._config.gating_enabled
        return Event(text=item.fact, source=source, context=self._context(item.context_key), pin=pin)

    def flush(self) -> None:
        """Nothing of a memory is in a context window; that it is opened anew is the runner's part."""

    def ask(self, items: Sequence[TestItem], *, memory: bool = True) -> list[Asked]:
        """Answer with memory ON, or from the weights."""
        on = memory and self._config.retrieval.enabled
        with _timed(self._meter) as call:
            answers = self.memory.answer_many(
                [i.prompt for i in items],
                contexts=[self._context(i.context_key) for i in items],
                memory=on,
                k=self._config.k,
                touch=False,
            )
        return [_asked(answer, on, call, len(items)) for answer in answers]

    def _context(self, key: str | None) -> str | None:
        return key if self._config.isolate == "key" else None


def _told(outcomes: Sequence[Outcome], seconds: float) -> dict[str, Any]:
    """What became of one event, without its words. What facts and places were understood passes no gate."""
    first = next(o for o in outcomes if o.kind != "routed")
    line: dict[str, Any] = {"event": "told", "kind": first.kind, "reason": first.reason, "trace_id": first.trace_id}
    if first.salience is not None:
        s = first.salience
        line |= {"S": s.score, "tau": s.threshold, "surprise": s.surprise, "novelty": s.novelty, "pin": s.pin}
    routed = [o.memory for o in outcomes if o.kind == "routed"]
    return {**line, "routed": {name: routed.count(name) for name in dict.fromkeys(routed)}, "seconds": seconds}


def _asked(answer: Answer, on: bool, call: _Call, n_in_call: int) -> Asked:
    recall = answer.recall if on else None
    spent = call.spent
    return Asked(
        text=answer.text,
        decoding=answer.decoding,
        source=answer.source,
        decided_by=answer.details.get("decided_by"),
        path=tuple(str(step) for step in answer.details.get("path", ())),
        hits=tuple(
            HitRow(
                text=h.trace.text, score=h.score, memory=h.memory, source=h.trace.provenance.source,
                trace_id=h.trace.id, found_by=dict(h.ranks),
            )
            for h in recall.hits
        ) if recall else (),
        requests=int(recall is not None),
        latency_ms=1000 * call.seconds / n_in_call,
        n_in_call=n_in_call,
        prompt_tokens=round(spent.n_read / n_in_call) if spent else None,
        generated_tokens=round(spent.n_generated / n_in_call) if spent else None,
        context_tokens=spent.longest if spent else None,
    )  # fmt: skip
