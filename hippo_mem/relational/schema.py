"""What ordinary facts look like, so that one that fits enters the graph at once [schema-guided consolidation].

In: a tuple and, where an embedder is there, the vector of its frame. Out: the best schema with its score. Schemas
come from YAML and are learned from use: prototypes are running means of the frames that fitted, and a form that
recurs becomes a schema of its own. Without schemas everything fits. Knows nothing of entities or of the graph.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hippo_mem.config import load_yaml
from hippo_mem.configs_path import find_config
from hippo_mem.errors import ConfigError, nearest
from hippo_mem.relational.tuples import Tuple

Floats = NDArray[np.float32]
KINDS = ("person", "place", "thing", "time", "number", "user", "value")
ANY_RELATION = "*"
# Weights of relation, slot types and frame; without vectors the first two share the whole.
_WEIGHTS = (0.5, 0.3, 0.2)
# A prototype stands still after so many frames: a later one would move it by less than one part in a hundred.
PROTOTYPE_FRAMES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """One form of fact. `head` and `tail` are the kinds that may stand there, empty for any; relations "*": any.

    `prototype` is the mean vector (d,) of the frames that fitted, `n` how many did.
    """

    name: str
    relations: frozenset[str]
    head: frozenset[str] = frozenset()
    tail: frozenset[str] = frozenset()
    functional: bool = False
    prototype: Floats | None = field(default=None, compare=False)
    n: int = 0
    origin: Literal["yaml", "learned"] = "yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How well a tuple fits: the schema ("" for none), the score in 0..1, whether that is enough."""

    schema: str
    score: float
    fits: bool


def frame_text(t: Tuple) -> str:
    """The words whose vector stands for the tuple's frame."""
    negation = "not " if t.negated else ""
    return f"{t.head} {negation}{t.relation.replace('_', ' ')} {t.tail}"


def signature(t: Tuple) -> str:
    """The form of a tuple: what recurs when two tellings say the same sort of thing."""
    return f"{t.head_kind}|{t.relation}|{t.tail_kind}"


class SchemaIndex:
    """The schemas in force. Immutable but for what it learns; `learned` and `remember` keep that in the store.

    Args:
        schemas: the forms; none means that everything fits.
        threshold: the least score that fits, 0..1.
    """

    def __init__(self, schemas: Iterable[Schema] = (), *, threshold: float = 0.6) -> None:
        self.threshold = threshold
        self._schemas: dict[str, Schema] = {}
        self._by_relation: dict[str, list[str]] = {}
        for schema in schemas:
            self._add(schema)

    def _add(self, schema: Schema) -> None:
        self._schemas[schema.name] = schema
        for relation in schema.relations:
            names = self._by_relation.setdefault(relation, [])
            if schema.name not in names:
                names.append(schema.name)

    @classmethod
    def load(cls, name: str | Path = "default") -> SchemaIndex:
        """The schemas of a YAML file: a path, or a name below `configs/schema/`.

        Raises: ConfigError naming every key, kind or value that cannot be used.
        """
        file = find_config(name, "schema")
        return cls.of(load_yaml(file), origin=str(file))

    @classmethod
    def of(cls, data: Mapping[str, Any], *, origin: str = "schema") -> SchemaIndex:
        """The schemas of plain data: `{threshold, schemas: {name: {relations, head, tail, functional}}}`."""
        problems = [f"unknown key {k!r}{nearest(str(k), ('threshold', 'schemas'))}" for k in data
                    if k not in ("threshold", "schemas")]  # fmt: skip
        threshold = data.get("threshold", 0.6)
        if not isinstance(threshold, (int, float)) or isinstance(threshold, bool) or not 0 <= threshold <= 1:
            problems.append(f"threshold must be a number from 0 to 1, got {threshold!r}")
        entries = data.get("schemas") or {}
        if not isinstance(entries, Mapping):
            problems.append(f"schemas must be a mapping of names, got {type(entries).__name__}")
            entries = {}
        schemas = [_schema(str(name), entry, problems) for name, entry in entries.items()]
        if problems:
            raise ConfigError(f"{origin}: " + "; ".join(problems))
        return cls([s for s in schemas if s is not None], threshold=float(threshold))

    def __len__(self) -> int:
        return len(self._schemas)

    def __contains__(self, name: str) -> bool:
        return name in self._schemas

    def schema(self, name: str) -> Schema:
        """The schema of that name."""
        return self._schemas[name]

    def score(self, t: Tuple, vector: Floats | None = None) -> Fit:
        """The schema that a tuple fits best.

        A relation that is listed counts 1, "*" 0.6; each slot whose kind is allowed counts a half; the frame counts
        its cosine to the prototype, where both are there.
        """
        if not self._schemas:
            return Fit(schema="", score=1.0, fits=True)
        best = Fit(schema="", score=0.0, fits=False)
        listing = (*self._by_relation.get(t.relation, ()), *self._by_relation.get(ANY_RELATION, ()))
        names: dict[str, None] = dict.fromkeys(listing)
        if t.relation.startswith("favorite_"):
            names.update(dict.fromkeys(self._by_relation.get("likes", ())))
        if vector is not None:  # a relation nobody listed can still look like those that are
            names.update((name, None) for name, s in self._schemas.items() if s.prototype is not None)
        for name in names:
            schema = self._schemas[name]
            likeness = None
            if vector is not None and schema.prototype is not None:
                likeness = max(0.0, float(np.dot(vector, _unit(schema.prototype))))
            listed = t.relation in schema.relations or t.relation.startswith("favorite_")
            slots = 0.5 * (not schema.head or t.head_kind in schema.head)
            slots += 0.5 * (not schema.tail or t.tail_kind in schema.tail)
            if listed:
                relation = 1.0
            elif ANY_RELATION in schema.relations:
                relation = 0.6 if slots == 1.0 else 0.0  # "any" says nothing where the slots do not fit
            else:
                relation = likeness or 0.0
            parts = [(relation, _WEIGHTS[0]), (slots, _WEIGHTS[1])]
            if likeness is not None:
                parts.append((likeness, _WEIGHTS[2]))
            score = sum(v * w for v, w in parts) / sum(w for _, w in parts)
            # What is listed with its slots is known; its frame can only raise the score, never send it away.
            score = max(score, 1.0) if listed and slots == 1.0 else score
            if score > best.score:
                best = Fit(schema=name, score=score, fits=score >= self.threshold)
        return best

    def is_functional(self, relation: str) -> bool:
        """Whether some schema says that the relation has one tail at a time."""
        return any(self._schemas[name].functional for name in self._by_relation.get(relation, ()))

    def learns_from(self, name: str) -> bool:
        """Whether the schema's prototype still moves."""
        return name in self._schemas and self._schemas[name].n < PROTOTYPE_FRAMES

    def count(self, name: str, vector: Floats | None) -> Schema | None:
        """One more tuple fitted: the schema as it is now, with its prototype moved; None for no schema."""
        if name not in self._schemas:
            return None
        old = self._schemas[name]
        prototype = old.prototype
        if vector is not None and old.n < PROTOTYPE_FRAMES:
            known = np.zeros_like(vector) if prototype is None else prototype
            prototype = np.asarray((known * old.n + vector) / (old.n + 1), dtype=np.float32)
        new = replace(old, prototype=prototype, n=old.n + 1)
        self._schemas[name] = new
        return new

    def recur(self, t: Tuple, vector: Floats | None = None) -> Schema:
        """A schema for the form of this tuple, which has recurred."""
        schema = Schema(
            name=f"learned:{signature(t)}",
            relations=frozenset({t.relation}),
            head=frozenset({t.head_kind}),
            tail=frozenset({t.tail_kind}),
            prototype=vector,
            n=1,
            origin="learned",
        )
        self._add(schema)
        return schema

    def recall(self, connection: sqlite3.Connection, dim: int | None) -> None:
        """Take over what was learned before: prototypes (of width `dim`), counts, and learned schemas."""
        learned = {n for n, s in self._schemas.items() if s.origin == "learned"}
        there: set[str] = set()
        rows = connection.execute(
            "SELECT name, relation, head_type, tail_type, functional, prototype, n, origin FROM schemas"
        )
        for name, relation, head, tail, functional, blob, n, origin in rows:
            there.add(name)
            vector = np.frombuffer(blob, dtype="<f4") if blob is not None else None
            if vector is not None and vector.shape != (dim,):
                vector = None  # of another embedder
            if origin == "learned":
                self._add(Schema(name=name, relations=_set(relation), head=_set(head), tail=_set(tail),
                                 functional=bool(functional), prototype=vector, n=n, origin="learned"))  # fmt: skip
            elif name in self._schemas:
                self._schemas[name] = replace(self._schemas[name], prototype=vector, n=n)
        for name in learned - there:  # unlearned elsewhere
            schema = self._schemas.pop(name)
            for relation in schema.relations:
                self._by_relation[relation].remove(name)

    @staticmethod
    def remember(connection: sqlite3.Connection, schema: Schema) -> None:
        """Keep what a schema has learned, in the caller's transaction."""
        blob = None if schema.prototype is None else schema.prototype.astype("<f4").tobytes()
        connection.execute(
            "INSERT INTO schemas (name, relation, head_type, tail_type, functional, prototype, n, origin) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET prototype = excluded.prototype, "
            "n = excluded.n",
            (schema.name, _joined(schema.relations), _joined(schema.head), _joined(schema.tail), schema.functional,
             blob, schema.n, schema.origin),
        )  # fmt: skip


def _schema(name: str, entry: Any, problems: list[str]) -> Schema | None:
    if not isinstance(entry, Mapping):
        problems.append(f"schema {name!r} must be a mapping, got {type(entry).__name__}")
        return None
    known = ("relations", "head", "tail", "functional")
    problems += [f"schema {name!r}: unknown key {k!r}{nearest(str(k), known)}" for k in entry if k not in known]
    relations = entry.get("relations")
    if isinstance(relations, str) or not isinstance(relations, Sequence) or not relations:
        problems.append(f"schema {name!r}: relations must be a list of names, got {relations!r}")
        relations = ()
    functional = entry.get("functional", False)
    if not isinstance(functional, bool):
        problems.append(f"schema {name!r}: functional must be true or false, got {functional!r}")
    slots: dict[str, frozenset[str]] = {}
    for slot in ("head", "tail"):
        kinds = [k.strip() for k in str(entry.get(slot, "any")).split("|")]
        problems += [f"schema {name!r}: {slot} {k!r} is no kind{nearest(k, (*KINDS, 'any'))}" for k in kinds
                     if k not in (*KINDS, "any")]  # fmt: skip
        slots[slot] = frozenset() if "any" in kinds else frozenset(kinds)
    return Schema(
        name=name,
        relations=frozenset(map(str, relations)),
        head=slots["head"],
        tail=slots["tail"],
        functional=functional is True,
    )


def _unit(vector: Floats) -> Floats:
    length = float(np.linalg.norm(vector))
    return vector / length if length > 0 else vector


def _joined(values: Iterable[str]) -> str:
    return "|".join(sorted(values))


def _set(text: str) -> frozenset[str]:
    return frozenset(filter(None, text.split("|")))
