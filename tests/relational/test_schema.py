"""Schemas: what fits, what was learned, what a file may say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hippo_mem.embed import HashingEmbedder
from hippo_mem.errors import ConfigError
from hippo_mem.relational.extract import SpacyExtractor
from hippo_mem.relational.graph import KnowledgeGraph
from hippo_mem.relational.schema import Schema, SchemaIndex, frame_text
from hippo_mem.relational.tuples import Tuple
from hippo_mem.storage.database import Database
from hippo_mem.types import Event

ORDINARY = (
    "My sister Ana works at the clinic.", "I live in Porto.", "My favorite color is green.", "I'm allergic to nuts.",
    "Tom drives a red van.", "Marta repaired the compass in the boathouse.", "The keys are in the drawer.",
    "The capital of Zorvia is Plim.", "My PIN is 4471.", "Mary dropped the football.", "I have a cat named Milo.",
    "Ana doesn't like olives.", "My birthday is on May 3.", "Carol is a nurse.", "I want to visit Japan.",
)  # fmt: skip


def one(relation: str, head: str = "person", tail: str = "thing") -> Tuple:
    return Tuple(head="a", relation=relation, tail="b", head_kind=head, tail_kind=tail)  # type: ignore[arg-type]


def test_no_schemas_means_that_everything_fits() -> None:
    fit = SchemaIndex().score(one("erases", "value"))
    assert (fit.fits, fit.score, fit.schema) == (True, 1.0, "")


def test_the_default_lets_ordinary_facts_through() -> None:
    index = SchemaIndex.load("default")
    for text in ORDINARY:
        for t in SpacyExtractor().extract(text):
            assert index.score(t).fits, (text, t)


def test_the_default_holds_back_what_is_odd() -> None:
    assert not SchemaIndex.load("default").score(one("erases", "thing", "thing")).fits


def test_relation_then_slots_decide() -> None:
    index = SchemaIndex.of({"schemas": {"work": {"relations": ["works_at"], "head": "person", "tail": "place|thing"}}})
    assert index.score(one("works_at")).score == 1.0
    assert index.score(one("works_at", "place")).score == pytest.approx((0.5 + 0.15) / 0.8)
    assert index.score(one("erases")).score == 0.0


def test_a_frame_that_looks_like_the_prototype_fits() -> None:
    embedder = HashingEmbedder()
    index = SchemaIndex([Schema(name="work", relations=frozenset({"works_at"}), head=frozenset({"person"}))])
    known = Tuple(head="Ana", relation="works_at", tail="the mill", head_kind="person")
    like = Tuple(head="Ana", relation="works_near", tail="the mill", head_kind="person")
    unlike = Tuple(head="storm", relation="swallows", tail="boat", head_kind="thing")
    vectors = embedder.embed([frame_text(t) for t in (known, like, unlike)])
    index.count("work", vectors[0])
    assert index.score(like, vectors[1]).fits
    assert not index.score(unlike, vectors[2]).fits
    assert not index.score(like).fits  # without a vector nothing says so


def test_the_prototype_is_the_mean_of_its_frames() -> None:
    index = SchemaIndex([Schema(name="s", relations=frozenset({"r"}))])
    vectors = HashingEmbedder(16).embed(["one", "two", "three"])
    for vector in vectors:
        index.count("s", vector)
    prototype = index.schema("s").prototype
    assert prototype is not None
    assert np.allclose(prototype, vectors.mean(axis=0), atol=1e-6)
    assert index.schema("s").n == 3
    assert index.count("unknown", None) is None


def test_what_was_learned_is_there_after_reopening(tmp_path: Path) -> None:
    embedder = HashingEmbedder()
    for _ in range(2):
        database = Database(tmp_path / "s.sqlite")
        graph = KnowledgeGraph(database, SpacyExtractor(), embedder, SchemaIndex.load("default"))
        event = Event(text="I live in Porto.", time=1.0)
        (tuples,) = graph.prepare([event])
        graph.observe(event, tuples, None, 1.0)
        database.close()
    learned = graph._intake._schema.schema("dwelling")
    assert (learned.n, learned.prototype is not None) == (2, True)


def test_a_schema_can_make_a_relation_functional(tmp_path: Path) -> None:
    index = SchemaIndex.of({"schemas": {"cap": {"relations": ["wears"], "functional": True}}})
    graph = KnowledgeGraph(Database(tmp_path / "s.sqlite"), SpacyExtractor(), schema=index)
    for i, text in enumerate(("Bo wears a hat.", "Bo wears a cap.")):
        event = Event(text=text, time=float(i))
        graph.observe(event, [Tuple(head="Bo", relation="wears", tail=text[11:14], span=text)], None, 0.0)
    assert [f.tail for f in graph.facts()] == ["cap"]
    graph._database.close()


def test_every_error_of_a_file_is_told_at_once() -> None:
    bad = {"treshold": 1, "schemas": {"a": {"relations": "x", "head": "persn"}, "b": 3, "c": {"relations": ["r"],
           "functional": "yes", "tial": "any"}}}  # fmt: skip
    with pytest.raises(ConfigError) as error:
        SchemaIndex.of(bad, origin="mine.yaml")
    for part in ("mine.yaml", "treshold", "did you mean 'threshold'", "relations must be a list", "'persn' is no kind",
                 "'b' must be a mapping", "functional must be true or false", "'tial'"):  # fmt: skip
        assert part in str(error.value)
    with pytest.raises(ConfigError, match="threshold must be a number"):
        SchemaIndex.of({"threshold": 2})
