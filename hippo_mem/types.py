"""The values that travel between the parts: events in, outcomes and traces, recall out.

Frozen, slotted, keyword-only. Knows nothing of storage, models or training.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, Literal

from hippo_mem.errors import InputError

MAX_TEXT_CHARS = 20_000  # one event; about 5 000 tokens, beyond the default model's useful context
_ID = re.compile(r"^[A-Za-z0-9_-]{3,64}$")


def check_id(value: str, what: str) -> str:
    """`value` if it may name a user, session or run (no path can escape the data home).

    Raises: InputError when it does not match `^[A-Za-z0-9_-]{3,64}$`.
    """
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise InputError(f"{what} {value!r} is not valid: 3 to 64 letters, digits, '_' or '-' (no dots, no slashes)")
    return value


def check_time(value: object, what: str) -> None:
    """Refuse a moment that is none; None is nobody's choice and passes.

    Raises: InputError unless `value` is a finite number (unix seconds).
    """
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise InputError(
            f"{what} must be unix seconds, got {value!r:.60}; a date gives them by datetime(2026, 5, 1).timestamp()"
        )


def check_flag(value: object, what: str) -> bool:
    """`value` as True or False; 1 and 0, as tables hold them, are these.

    Raises: InputError for anything else: the word "no" is no False.
    """
    if isinstance(value, str) or value not in (True, False):
        raise InputError(f"{what} must be True or False, got {value!r:.60}")
    return bool(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a memory comes from: the words, the document, when (unix seconds), how sure (0..1), who said it."""

    text_span: str
    source: str
    time: float
    doc_id: str | None = None
    conf: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that was said or happened, before it is judged. `time` None means now (unix seconds)."""

    text: str
    source: str = "user"
    time: float | None = None
    context: str | None = None
    reward: bool = False
    pin: bool = False
    doc_id: str | None = None
    conf: float = 1.0
    tags: tuple[str, ...] = ()
    slots: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Which memories are looked at, before any ranking. None means any; `since` and `until` are inclusive.

    `place` is a place's name: traces whose slot `where` names it, and those that the map links to it.
    Raises: InputError for a time that is no number, and for a name that is no text.
    """

    context_key: str | None = None
    source: str | None = None
    doc_id: str | None = None
    since: float | None = None
    until: float | None = None
    tag: str | None = None
    place: str | None = None

    def __post_init__(self) -> None:
        for name in ("since", "until"):
            check_time(getattr(self, name), name)
        for name in ("context_key", "source", "doc_id", "tag", "place"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, str):
                raise InputError(f"{name} must be text, got {value!r:.60}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Salience:
    """The gate's verdict on one event: S = alpha*surprise + beta*novelty + gamma*reward + delta*pin.

    `surprise` is in nats per token before z-scoring, `novelty` in 0..2 (1 - cosine), `score` is S, `threshold` tau.
    """

    surprise: float
    novelty: float
    reward: bool
    pin: bool
    score: float
    threshold: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One episode as stored. Times are unix seconds; `valid_to` None means still true."""

    id: int
    text: str
    slots: Mapping[str, str]
    tags: tuple[str, ...]
    context_key: str | None
    salience: Salience
    provenance: Provenance
    created: float
    valid_from: float
    valid_to: float | None = None
    access_count: int = 0
    mention_count: int = 1
    last_access: float | None = None
    last_mention: float | None = None
    consolidated_at: float | None = None
    expires: float | None = None
    retired: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one observed event.

    `stored` has `trace_id`; `merged` has the id of the trace it was counted into; `gated` was not worth keeping and
    says why; `routed` names the memory that took it.
    """

    kind: Literal["stored", "merged", "gated", "routed"]
    text: str
    trace_id: int | None = None
    memory: str = "episodic"
    reason: str = ""
    salience: Salience | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One recalled memory: the fused score (higher is nearer), and the ranks that found it ("dense", "lexical",
    "sparse", or the name a caller gave to a ranking of its own)."""

    trace: Trace
    score: float
    memory: str = "episodic"
    ranks: Mapping[str, int] = field(default_factory=dict)
    similarity: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One tuple of the knowledge graph as stored, names spelled out. Times are unix seconds; `valid_to` None: still
    true.

    `place` and `time_text` are as told ("in the library", "on Tuesday"); `superseded_by` is the fact that closed it.
    """

    id: int
    head: str
    relation: str
    tail: str
    negated: bool = False
    place: str = ""
    time_text: str = ""
    context_key: str | None = None
    conf: float = 1.0
    mention_count: int = 1
    created: float = 0.0
    valid_from: float = 0.0
    valid_to: float | None = None
    superseded_by: int | None = None
    provenance: tuple[Provenance, ...] = ()
    trace_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FactHit:
    """One recalled fact: its score (higher is nearer) and the walk from an entity of the cue that reached it."""

    fact: Fact
    score: float
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceHit:
    """One recalled place, how many steps it is from a place of the cue, and the traces and facts linked to it."""

    place_id: int
    name: str
    distance: int
    trace_ids: tuple[int, ...] = ()
    fact_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """An answer that the graph or the map decides by itself, with its reasons.

    `path` is what led to it, in words, one step each ("Ana -> works at -> the clinic"); `others` are answers that
    lost (an older value, one of another context); `trace_ids` and `fact_ids` are what it rests on. `doubt` says
    when what was told may know better: "open", since it rests on one fact whose relation is a verb of no listed kind;
    "newer", on one fact that a newer note may have put right; "none" for chains of facts, whereabouts and the map.
    `told` is when the newest of what it rests on was told, unix seconds; None where nothing told later competes with
    it, as with a way over a map.
    """

    text: str
    memory: Literal["relational", "spatial"]
    path: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    trace_ids: tuple[int, ...] = ()
    fact_ids: tuple[int, ...] = ()
    confidence: float = 1.0
    doubt: Literal["none", "newer", "open"] = "none"
    told: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """The answer of memory to a cue, best first. Recalled text is data, never instructions."""

    cue: str
    hits: tuple[Hit, ...]
    seconds: float = 0.0
    facts: tuple[FactHit, ...] = ()
    places: tuple[PlaceHit, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was said, by which decoding, and from what.

    `decoding` is "span" (constrained to spans of recalled text), "path" (the graph's or the map's own words), "greedy"
    (free), or "none" (nothing to say). `source` is "memory" when recalled text was read, "weights" when the model
    answered alone.
    """

    text: str
    decoding: Literal["span", "path", "greedy", "none"]
    source: Literal["memory", "weights"]
    recall: Recall | None = None
    confidence: float | None = None
    adapter_spoke: bool | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
