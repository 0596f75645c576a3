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

MAX_FACTS = 2000  # of one walk
MAX_AT_NODE = 200  # the newest facts of a hub
MAX_HOPS = 3
_MAX_NAME_WORDS = 6
_FIRST_NAME_WEIGHT = 0.3  # "Ana" may be Ana Ruiz: near, but nobody said so
_RELATION_WEIGHT = 1.0
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
    facts, parents = _neighborhood(index, starts, mask)
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
    rank = personalized_pagerank(matrix, restart)
    out = np.asarray(matrix.sum(axis=1)).ravel()
    flow = weight * (rank[h] / out[h] + rank[t] / out[t])
    best = np.lexsort((-facts, -flow))[:limit]
    return [
        Reached(fact_id=int(index.id[facts[i]]), score=float(flow[i]), steps=_steps(index, int(facts[i]), parents))
        for i in best
    ]


def _neighborhood(
    index: Incidence, starts: dict[int, float], mask: NDArray[np.bool_]
) -> tuple[Ints, dict[int, tuple[int, int]]]:
    """Positions of the facts within a few hops, and for each entity the fact and the entity it was reached from."""
    parents: dict[int, tuple[int, int]] = dict.fromkeys(starts, (-1, -1))
    taken: dict[int, None] = {}
    frontier = sorted(starts, key=lambda e: index.degree(e))
    for _ in range(MAX_HOPS):
        following: list[int] = []
        for entity in frontier:
            here = index.at(entity)
            here = here[mask[here]][-MAX_AT_NODE:]
            here = here[::-1][: MAX_FACTS - len(taken)]
            others = index.head[here] + index.tail[here] - entity
            for fact, other in zip(here.tolist(), others.tolist(), strict=True):
                taken[fact] = None
                if other not in parents:
                    parents[other] = (fact, entity)
                    following.append(other)
            if len(taken) >= MAX_FACTS:
                break
        frontier = following
        if len(taken) >= MAX_FACTS:
            break
    return np.fromiter(taken, dtype=np.int64, count=len(taken)), parents


def _steps(index: Incidence, fact: int, parents: dict[int, tuple[int, int]]) -> tuple[int, ...]:
    """The facts from a start to this one, as ids."""

    def trail(entity: int) -> list[int]:
        found: list[int] = []
        while (parent := parents.get(entity, (-1, -1)))[0] >= 0:
            found.append(parent[0])
            entity = parent[1]
        return found[::-1]

    ways = [trail(int(index.head[fact])), trail(int(index.tail[fact]))]
    way = min(ways, key=len)
    return tuple(int(index.id[f]) for f in [*(f for f in way if f != fact), fact])


def _mentioned(index: Incidence, cue: str) -> NDArray[np.float64]:
    """For each relation code, the share of its content words that the cue has too, word forms aside."""
    spoken = _stems(words(cue))
    found = np.zeros(max(1, len(index.relations)))
    for relation, code in index.relations.items():
        own = _stems(w for w in relation.split("_") if w not in STOP_WORDS)
        if own:
            found[code] = len(own & spoken) / len(own)
    return found


def _stems(tokens: Iterable[str]) -> set[str]:
    return set(_STEMMER.stemWords([t for t in tokens if t not in STOP_WORDS]))
