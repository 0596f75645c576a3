"""The graph of facts and the map of places behind one face: what an event adds to them, what a cue finds in them, which
questions they decide by themselves.

Events in, outcomes and decisions out. Every write belongs to the caller's open transaction. Knows nothing of episodes'
ranking, of language models or of sleep.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from hippo_mem.config import RelationalConfig, SpatialConfig
from hippo_mem.embed import Embedder
from hippo_mem.errors import InputError, nearest
from hippo_mem.relational.deciding import MAX_CHARS
from hippo_mem.relational.extract import default_extractor
from hippo_mem.relational.frames import FrameParser
from hippo_mem.relational.graph import KnowledgeGraph
from hippo_mem.relational.living import asked_plainly
from hippo_mem.relational.schema import SchemaIndex
from hippo_mem.relational.tuples import Tuple
from hippo_mem.spatial.places import PlaceGraph
from hippo_mem.storage.database import Database
from hippo_mem.types import Decision, Event, FactHit, Outcome, PlaceHit, Where

_USERS = re.compile(r"\buser's ")  # the graph's name for who speaks, inside of another name
_PAST = re.compile(
    r"\b(?:was|were|did|had|used|before|previous(?:ly)?|former(?:ly)?|old|first|original(?:ly)?|earlier|until|ever|since|"
    r"changed?|moved?|ended|last|no longer|anymore)\b",
    re.IGNORECASE,
)
MEMORIES = ("episodic", "relational", "spatial")


def check_memories(memories: Iterable[str]) -> frozenset[str]:
    """The set of memories to use.

    Raises: InputError for an unknown name, or when episodes are left out: facts and places point back to them.
    """
    chosen = frozenset(memories)
    for name in sorted(chosen - set(MEMORIES)):
        raise InputError(f"there is no memory {name!r}{nearest(name, MEMORIES)}")
    if "episodic" not in chosen:
        raise InputError("memories must include 'episodic': facts and places point back to episodes")
    return chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What was read from events before the store is locked, in their order."""

    facts: Sequence[Any]
    places: Sequence[Any]

    @classmethod
    def joined(cls, parts: Sequence[Prepared]) -> Prepared:
        """Of several sequences of events, one after the other."""
        return cls(facts=[f for part in parts for f in part.facts], places=[p for part in parts for p in part.places])


class Knowledge:
    """The graph and the map of one store, or those of them that `memories` names.

    Args:
        policy: where the map's policy over macros is kept.
        schema: a YAML file, or a name below `configs/schema`, of the forms that enter the graph at once; what fits none
            waits beside its episode until it recurs. None takes in everything.
        relational, spatial: the settings of each.
    """

    def __init__(
        self,
        database: Database,
        embedder: Embedder,
        memories: frozenset[str],
        parser: FrameParser,
        *,
        policy: Path,
        schema: str | None = None,
        relational: RelationalConfig | None = None,
        spatial: SpatialConfig | None = None,
    ) -> None:
        self._relational = relational or RelationalConfig()
        self.graph = (
            KnowledgeGraph(
                database,
                default_extractor(parser),
                embedder,
                SchemaIndex.load(schema) if schema else None,
                parser=parser,
            )
            if "relational" in memories
            else None
        )
        self.map = PlaceGraph(database, embedder, policy=policy, config=spatial) if "spatial" in memories else None

    def prepare(self, events: Sequence[Event]) -> Prepared:
        """Read the events; touches no store."""
        nothing: list[Any] = [None] * len(events)
        return Prepared(
            facts=[self._sure(told) for told in self.graph.prepare(events)] if self.graph is not None else nothing,
            places=self.map.prepare(events) if self.map is not None else nothing,
        )

    def _sure(self, told: Sequence[Tuple]) -> list[Tuple]:
        return [t for t in told if t.conf >= self._relational.tuple_conf_min]

    def observe(self, event: Event, prepared: Prepared, at: int, trace_id: int | None, now: float) -> list[Outcome]:
        """Add what event number `at` says to both, within the caller's transaction."""
        outcomes: list[Outcome] = []
        if self.graph is not None:  # first, so that the map can link the facts of a place to it
            outcomes += self.graph.observe(event, prepared.facts[at], trace_id, now)
        if self.map is not None:
            outcomes += self.map.observe(event, prepared.places[at], trace_id, now)
        return outcomes

    def retrieve(
        self, cue: str, k: int, *, where: Where | None = None, as_of: float | None = None
    ) -> tuple[list[FactHit], list[PlaceHit]]:
        """The facts and places nearest to a cue, best first: `k` places, and `k` facts or as many as are configured."""
        n_facts = self._relational.topk_subgraphs or k
        facts = self.graph.retrieve(cue, n_facts, where=where, as_of=as_of) if self.graph is not None else []
        places = self.map.near(cue, k, where=where) if self.map is not None else []
        return facts, places

    def decide(self, question: str, *, context: str | None = None, as_of: float | None = None) -> Decision | None:
        """The answer the map or the graph gives by itself, None where neither does.

        The map is asked first, but for where somebody lives: the graph knows who has moved since. Where something
        is, the graph tells if it was told of it as late as the map.
        """

        def ask(memory: PlaceGraph | KnowledgeGraph | None, asked: str) -> Decision | None:
            decision = memory.decide(asked, context=context, as_of=as_of) if memory is not None else None
            return decision if decision is not None and not _repeats(decision.text, question) else None

        living = asked_plainly(question) if len(question) <= MAX_CHARS else ""
        decision = (ask(self.graph, living) if living else None) or ask(self.map, question)
        if decision is None:
            decision = ask(self.graph, question)
        elif decision.memory == "spatial" and decision.told is not None:
            later = ask(self.graph, question)
            if later is not None and later.told is not None and later.told >= decision.told:
                decision = later
        return decision and replace(decision, text=_USERS.sub("your ", decision.text))

    def outdated(self, question: str, trace_ids: Iterable[int]) -> frozenset[int]:
        """Those of the episodes whose every fact has ended, by what the graph knows; none where the past is asked."""
        if self.graph is None or _PAST.search(question):
            return frozenset()
        return self.graph.outdated(trace_ids)

    def maintain(self) -> dict[str, Any]:
        """Let places past their time go, and learn which steps lead on from the trajectories that succeeded."""
        if self.map is None:
            return {}
        learned = self.map.macros.train_policy()
        return {"spatial": {**self.map.expire(), "policy": None if learned is None else asdict(learned)}}

    def counts(self) -> dict[str, dict[str, int]]:
        """Rows by memory."""
        found = {"relational": self.graph, "spatial": self.map}
        return {name: memory.counts() for name, memory in found.items() if memory is not None}


def _repeats(answer: str, question: str) -> bool:
    """Whether an answer only names again what is asked about: "your working hours" to "What are my working hours?"."""
    owner, _, thing = answer.casefold().partition(" ")
    asked = " ".join(re.findall(r"[\w'-]+", question.casefold()))
    return owner == "your" and bool(thing) and f" my {thing} " in f" {asked} "


def traces_of(facts: Sequence[FactHit], places: Sequence[PlaceHit]) -> dict[str, list[int]]:
    """The episodes that facts and places come from, best first: two more rankings for recall.

    Denials come last: what is not so seldom answers a cue.
    """
    graph = dict.fromkeys(i for hit in sorted(facts, key=lambda h: h.fact.negated) for i in hit.fact.trace_ids)
    place = dict.fromkeys(i for hit in places for i in hit.trace_ids)
    return {name: list(ids) for name, ids in (("graph", graph), ("place", place)) if ids}
