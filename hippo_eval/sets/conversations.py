"""LoCoMo through the ordinary memory: every turn observed once, then evidence is recalled for every question.

With the gate off and on, and beside it the same store ranked by BM25 alone and by vectors alone. No
language model takes part. Knows nothing of how an answer would be worded.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from hippo_eval.answerers import Progress
from hippo_eval.sets.evidence import AT, Found, distinct, figures
from hippo_eval.sets.folders import spread
from hippo_eval.sets.locomo import Conversation, Locomo, Turn, TurnId, read_folder
from hippo_mem.awake import Awake
from hippo_mem.config import GateConfig
from hippo_mem.types import Event, Outcome, Where

_DEEP = 200  # traces read for their sessions: a session in which much is near must not hide the others
_BATCH = 64
_SHOWN = 20  # dropped evidence that is quoted


class Observer(Protocol):
    """Whoever can be told."""

    def observe_many(self, events: Sequence[Event]) -> list[list[Outcome]]:
        """What became of each event."""
        ...


Open = Callable[[GateConfig], AbstractContextManager[Awake]]
Rank = Callable[[str, str, int], Sequence[int]]  # question, conversation, how many -> traces, best first


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What became of the turns: those that each trace stands for, those that no trace does, and the outcomes' counts.

    A turn in the same words as an earlier one of its speaker and session is merged into that one's trace.
    """

    turns: Mapping[int, tuple[TurnId, ...]]
    dropped: frozenset[tuple[str, TurnId]]
    outcomes: Mapping[str, int]


def measure_evidence(
    folder: Path, open_memory: Open, progress: Progress, *, limit: int | None = None
) -> dict[str, Any]:
    """Evidence recall over every conversation in a folder.

    Returns: `turn`, `session` and `category_<C>` with the gate off; the same under `gate_on` and, for the threshold
        that follows the stream, `gate_adaptive`, with what was `dropped` and what that `costs`; under `peers.bm25` and
        `peers.dense`; under `published_evidence` by the set's own evidence ids; `recall_ms` (the cue's vector being
        known), `n_turns`, `n_corrected`, `unknown_turns`.
    Raises: InputError, StoreFormatError before anything is told.
    """
    data = limited(read_folder(folder), limit)
    with open_memory(GateConfig()) as memory:
        memory.embedder.embed([q.text for c in data.conversations for q in c.questions])  # in batches, and kept
        told = tell(data, memory, gate=None, progress=progress)
        found, seconds = ask(data, told, _hippo(memory), progress, "gate off")
        peers = {
            "bm25": figures(ask(data, told, _bm25(memory), progress, "bm25")[0]),
            "dense": figures(ask(data, told, _dense(memory), progress, "dense")[0]),
        }
    off = figures(found)
    gated: dict[str, Any] = {}
    for key, gate in (("gate_on", GateConfig()), ("gate_adaptive", GateConfig(mode="adaptive"))):
        with open_memory(gate) as memory:
            kept = tell(data, memory, gate=gate, progress=progress)
            on = figures(ask(data, kept, _hippo(memory), progress, f"{gate.mode} gate")[0])
        gated[key] = {**on, "costs": _costs(off, on), "dropped": _dropped(data, kept), "outcomes": kept.outcomes}
    return {
        **off,
        **gated,
        "peers": peers,
        "published_evidence": figures(found, published=True),
        "outcomes": told.outcomes,
        "recall_ms": 1000 * seconds / max(1, len(found)),
        "n_conversations": len(data.conversations),
        "n_turns": sum(len(c.turns) for c in data.conversations),
        "n_corrected": data.n_corrected,
        "unknown_turns": list(data.unknown_turns),
        "files": list(data.files),
    }


def limited(data: Locomo, limit: int | None) -> Locomo:
    """The same conversations with at most `limit` of their questions, evenly spread."""
    kept = {id(q) for q in spread([q for c in data.conversations for q in c.questions], limit)}
    conversations = (
        replace(c, questions=tuple(q for q in c.questions if id(q) in kept)) for c in data.conversations
    )  # fmt: skip
    return replace(data, conversations=tuple(conversations))


def tell(data: Locomo, memory: Observer, *, gate: GateConfig | None, progress: Progress) -> Told:
    """Observe every turn once, in order; without a gate everything is kept."""
    held: dict[int, tuple[TurnId, ...]] = {}
    dropped: set[tuple[str, TurnId]] = set()
    kinds = Counter[str]()
    turns = [(c, turn) for c in data.conversations for turn in c.turns]
    stage = "gate off" if gate is None else f"{gate.mode} gate"
    for first in range(0, len(turns), _BATCH):
        batch = turns[first : first + _BATCH]
        outcomes = memory.observe_many([event_of(c, turn, pin=gate is None) for c, turn in batch])
        for (conversation, turn), became in zip(batch, outcomes, strict=True):
            (outcome,) = (o for o in became if o.kind != "routed")
            kinds[outcome.kind] += 1
            if outcome.trace_id is None:
                dropped.add((conversation.key, turn.id))
            else:
                held[outcome.trace_id] = distinct((*held.get(outcome.trace_id, ()), turn.id))
        progress(f"tell, {stage}", first + len(batch), len(turns))
    return Told(turns=held, dropped=frozenset(dropped), outcomes=dict(kinds))


def event_of(conversation: Conversation, turn: Turn, *, pin: bool) -> Event:
    """A turn as it is told: who says it, what, and what a photo sent with it shows."""
    shown = f" (shares {turn.shows})" if turn.shows else ""
    return Event(
        text=f"{turn.speaker}: {turn.text}{shown}",
        source=turn.speaker,
        doc_id=f"session {turn.id[0]}",
        time=turn.time + turn.id[1],
        context=conversation.key,
        pin=pin,
    )


def ask(data: Locomo, told: Told, rank: Rank, progress: Progress, stage: str) -> tuple[list[Found], float]:
    """What every question brings back, and how many seconds the recalls of a few took together."""
    questions = [(c, q) for c in data.conversations for q in c.questions]
    found: list[Found] = []
    seconds = 0.0
    for conversation, question in questions:
        began = time.perf_counter()
        near = rank(question.text, conversation.key, max(AT))
        seconds += time.perf_counter() - began
        deep = rank(question.text, conversation.key, _DEEP)
        found.append(
            Found(
                question=question,
                turns=distinct(turn for trace in near for turn in told.turns.get(trace, ())),
                sessions=distinct((session for trace in deep for session, _ in told.turns.get(trace, ())), max(AT)),
            )
        )
        progress(f"ask, {stage}", len(found), len(questions))
    return found, seconds


def _hippo(memory: Awake) -> Rank:
    def rank(question: str, key: str, k: int) -> list[int]:
        recalled = memory.recall(question, k, where=Where(context_key=key), touch=False)
        return [hit.trace.id for hit in recalled.hits]

    return rank


def _bm25(memory: Awake) -> Rank:
    def rank(question: str, key: str, k: int) -> list[int]:
        with memory.store.view() as view:
            return view.lexical(question, k, view.passing(Where(context_key=key)))

    return rank


def _dense(memory: Awake) -> Rank:
    def rank(question: str, key: str, k: int) -> list[int]:
        unit = memory.store.unit(memory.embedder.embed([question])[0])
        with memory.store.view() as view:
            return [i for i, _ in view.dense(unit, k, view.passing(Where(context_key=key)))]

    return rank


def _dropped(data: Locomo, told: Told) -> dict[str, Any]:
    """What the gate let go: turns, those of them that are evidence, and questions that lost some or all of theirs."""
    asked = [{(c.key, turn) for turn in q.evidence} for c in data.conversations for q in c.questions if q.evidence]
    lost = [len(evidence & told.dropped) / len(evidence) for evidence in asked]
    said = {(c.key, turn.id): turn.text for c in data.conversations for turn in c.turns}
    evidence = told.dropped & set[tuple[str, TurnId]]().union(*asked)
    return {
        "turns": len(told.dropped),
        "evidence_turns": len(evidence),
        "questions_losing_some": sum(share > 0 for share in lost),
        "questions_losing_all": sum(share == 1 for share in lost),
        "evidence_texts": [said[turn] for turn in sorted(evidence)][:_SHOWN],
    }


def _costs(off: dict[str, Any], on: dict[str, Any]) -> dict[str, dict[str, float]]:
    """How much lower each recall is with the gate on."""
    return {
        by: {name: off[by][name] - on[by][name] for name in off[by] if off[by][name] is not None}
        for by in ("turn", "session")
    }
