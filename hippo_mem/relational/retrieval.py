"""Facts near a cue: its entities start a walk over the graph, and the facts the walk goes through come back.

In: the words of a cue. Out: fact ids with scores and the path to each. The walk sees a bounded neighborhood, so that
an entity with ten thousand facts costs no more than one with a thousand. Knows nothing of questions or answers.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import Stemmer
from numpy.typing import NDArray
from scipy import sparse

from hippo_mem.relational.entities import Sameness, entity_key, known_keys
from hippo_mem.relational.incidence import Incidence, Ints
from hippo_mem.relational.pagerank import personalized_pagerank
from hippo_mem.text import STOP_WORDS, words

MAX_FACTS = 1500  # of one walk
MAX_AT_NODE = 200  # the newest facts of a hub
MAX_HOPS = 3
_MAX_NAME_WORDS = 6
_FIRST_NAME_WEIGHT = 0.3  # "Ana" may be Ana Ruiz: near, but nobody said so
_RELATION_WEIGHT = 1.0
# Enough to rank by: after 12 steps the order of the first facts no longer moves.
_TOLERANCE = 1e-3
_ITERATIONS = 12
_STEMMER = Stemmer.Stemmer("english")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """One fact the walk went through: its id, its score, and the facts that lead to it, itself last."""

    fact_id: int
    score: float
    steps: tuple[int, ...]


def seeds(connection: sqlite3.Connection, cue: str, context_key: str | None) -> dict[int, float]:
    """The entities that a cue names, each with a weight: longest names first, no word used twice."""
    spoken = [w for w in words(cue) if w != "?"]
    same = Sameness(connection, context_key, everywhere=context_key is None)
    spans: dict[tuple[int, int], str] = {}
    for size in range(min(_MAX_NAME_WORDS, len(spoken)), 0, -1):
        for start in range(len(spoken) - size + 1):
            part = spoken[start : start + size]
            if all(w in STOP_WORDS for w in part) and entity_key(" ".join(part)) != "user":
                continue
            spans[start, start + size] = entity_key(" ".join(part).removesuffix("'s"))
    known = known_keys(connection, set(spans.values()))
    used: set[int] = set()
    found: dict[int, float] = {}
    for (start, end), key in spans.items():
        if used & set(range(start, end)):
            continue
        ids = same.of_key(key) if key in known or "'s " in key else frozenset()
        if not ids:
            continue
        used |= set(range(start, end))
        for i in ids:
            found[i] = max(found.get(i, 0.0), 1.0)
    for start, word in enumerate(spoken):
        if start not in used and word not in STOP_WORDS and len(word) > 1:
            rows = connection.execute(
                "SELECT id FROM entities WHERE key >= ? AND key < ? LIMIT 8", (f"{word} ", f"{word}!")
            )
            for (i,) in rows:
                found.setdefault(i, _FIRST_NAME_WEIGHT)
    return found


def walk(index: Incidence, starts: dict[int, float], mask: NDArray[np.bool_], cue: str, limit: int) -> list[Reached]:
    """The facts that a walk from `starts` goes through most, best first.

    A fact's score is what flows through it: the PageRank of its ends, each shared over that end's facts by weight;
    the weight of a fact is its confidence, doubled when its relation is in the cue. A start counts less the more
    facts it has, as a common word does in a search.
    """
    if not starts or not mask.any():
        return []
    facts, trails = _neighborhood(index, starts, mask)
    if not len(facts):
        return []
    head, tail = index.head[facts], index.tail[facts]
    nodes, places = np.unique(np.concatenate([head, tail]), return_inverse=True)
    h, t = places[: len(facts)], places[len(facts) :]
    asked = _mentioned(index, cue)
    weight = index.conf[facts] * (1.0 + _RELATION_WEIGHT * asked[index.relation[facts]])
    matrix = sparse.csr_matrix(
        (np.concatenate([weight, weight]), (np.concatenate([h, t]), np.concatenate([t, h]))),
        shape=(len(nodes), len(nodes)),
    )
    restart = np.zeros(len(nodes))
    for entity, mass in starts.items():
        at = int(np.searchsorted(nodes, entity))
        if at < len(nodes) and nodes[at] == entity:
            restart[at] = mass / np.sqrt(1.0 + index.degree(entity))
    if restart.sum() <= 0:
        return []
    rank = personalized_pagerank(matrix, restart, tolerance=_TOLERANCE, max_iterations=_ITERATIONS)
    out = np.asarray(matrix.sum(axis=1)).ravel()
    flow = weight * (rank[h] / out[h] + rank[t] / out[t])
    best = np.lexsort((-facts, -flow))[:limit]
    return [
        Reached(fact_id=int(index.id[facts[i]]), score=float(flow[i]), steps=_steps(index, int(facts[i]), trails))
        for i in best
    ]


class _Trails:
    """The entities a walk has met, and the fact and the entity each was first reached from."""

    def __init__(self, starts: Ints) -> None:
        nowhere = np.full(len(starts), -1, dtype=np.int64)
        self._hops: list[tuple[Ints, Ints, Ints]] = [(np.sort(starts), nowhere, nowhere)]

    def unmet(self, entities: Ints) -> NDArray[np.bool_]:
        """Which of these entities were not met before."""
        fresh = np.ones(len(entities), dtype=bool)
        for known, _, _ in self._hops:
            at = np.minimum(np.searchsorted(known, entities), len(known) - 1)
            fresh &= known[at] != entities
        return fresh

    def add(self, entities: Ints, facts: Ints, origins: Ints) -> None:
        """One hop on: sorted entities, each once."""
        if len(entities):
            self._hops.append((entities, facts, origins))

    def to(self, entity: int) -> list[int]:
        """The facts that lead to an entity, from a start on."""
        found: list[int] = []
        for known, facts, origins in reversed(self._hops[1:]):
            at = int(known.searchsorted(entity))
            if at < len(known) and known[at] == entity:
                found.append(int(facts[at]))
                entity = int(origins[at])
        return found[::-1]


def _neighborhood(index: Incidence, starts: dict[int, float], mask: NDArray[np.bool_]) -> tuple[Ints, _Trails]:
    """Positions of the facts within a few hops, nearest first, and how each entity was reached."""
    frontier = np.array(sorted(starts, key=lambda e: index.degree(e)), dtype=np.int64)
    trails = _Trails(frontier)
    heads, tails = index.head, index.tail
    taken = np.empty(0, dtype=np.int64)
    for _ in range(MAX_HOPS):
        here, origins = index.around(frontier, mask, MAX_AT_NODE, 2 * MAX_FACTS)
        others = heads[here] + tails[here] - origins
        together = np.concatenate([taken, here])
        _, first = np.unique(together, return_index=True)
        taken = together[np.sort(first)][:MAX_FACTS]
        fresh = trails.unmet(others)
        reached, at = np.unique(others[fresh], return_index=True)
        trails.add(reached, here[fresh][at], origins[fresh][at])
        frontier = reached[np.argsort(at, kind="stable")]
        if len(taken) >= MAX_FACTS or not len(frontier):
            break
    return taken, trails


def _steps(index: Incidence, fact: int, trails: _Trails) -> tuple[int, ...]:
    """The facts from a start to this one, as ids."""
    way = min((trails.to(int(index.head[fact])), trails.to(int(index.tail[fact]))), key=len)
    return tuple(int(index.id[f]) for f in [*(f for f in way if f != fact), fact])


def _mentioned(index: Incidence, cue: str) -> NDArray[np.float64]:
    """For each relation code, the share of its content words that the cue has too, word forms aside."""
    found = np.zeros(max(1, len(index.relations)))
    words_of = index.relation_words(lambda relation: _stems(w for w in relation.split("_") if w not in STOP_WORDS))
    for stem in _stems(words(cue)):
        for code, share in words_of.get(stem, ()):
            found[code] += share
    return found


def _stems(tokens: Iterable[str]) -> set[str]:
    return set(_STEMMER.stemWords([t for t in tokens if t not in STOP_WORDS]))
