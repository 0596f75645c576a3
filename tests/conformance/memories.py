"""Every memory behind one small interface, so that the same laws can be asked of each.

A telling is a name said by a source; each memory keeps it in its own way and tells which names it still holds,
asked by every way of reading that it has. Ways that disagree are an error here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from hippo_mem.awake import Awake
from hippo_mem.embed import HashingEmbedder
from hippo_mem.episodic import EpisodicStore
from hippo_mem.home import UserHome
from hippo_mem.relational.frames import FrameParser
from hippo_mem.relational.graph import KnowledgeGraph
from hippo_mem.relational.tuples import Tuple
from hippo_mem.spatial import PlaceGraph
from hippo_mem.storage.database import Database
from hippo_mem.storage.origins import delete_by
from hippo_mem.types import Event, Where

EMBEDDER = HashingEmbedder(32)
_PARSER = FrameParser()  # loads its model at the first sentence


class Memory(Protocol):
    """One opened memory over a user's file."""

    database: Database

    def tell(self, word: str, source: str) -> None:
        """Take in a word; part of an open transaction of the database when there is one."""

    def transaction(self) -> AbstractContextManager[Any]:
        """What happens inside is on disk at the end, or nothing of it."""

    def words(self) -> set[str]:
        """The words it holds."""

    def forget(self, source: str | None) -> None:
        """Delete what a source told, None: everything."""

    def close(self) -> None:
        """Let go of the file."""


class Episodic:
    """Traces, their vectors, words and filters."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(folder / "memory.sqlite")
        self.store = EpisodicStore(self.database, EMBEDDER, folder / "index.faiss")

    def tell(self, word: str, source: str) -> None:
        text = f"{word} keeps the ledger."
        self.store.write(EMBEDDER.embed([text])[0], {"text": text, "source": source})

    def transaction(self) -> AbstractContextManager[Any]:
        return self.store.transaction()

    def words(self) -> set[str]:
        texts = {trace.id: trace.text for trace in self.store}
        near = {i for i, _ in self.store.nearest(EMBEDDER.embed(["ledger"])[0], 1_000)}
        lexical = set(self.store.lexical("ledger", 1_000))
        assert near == lexical == set(texts)
        for trace_id, text in texts.items():
            assert trace_id in self.store.lexical(text.split()[0], 1_000)
        return {text.split()[0] for text in texts.values()}

    def forget(self, source: str | None) -> None:
        if source is None:
            self.store.forget(everything=True)
        else:
            self.store.forget(source=source)

    def close(self) -> None:
        self.store.close()
        self.database.close()


class FirstWord:
    """An extractor that needs no parser: the first word keeps the ledger."""

    def extract(self, text: str) -> list[Tuple]:
        return [Tuple(head=text.split()[0], relation="keep", tail="ledger", span=text)]

    def extract_many(self, texts: Iterable[str]) -> list[list[Tuple]]:
        return [self.extract(text) for text in texts]


class Relational:
    """Facts, entities and the walk over them."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(folder / "memory.sqlite")
        self.graph = KnowledgeGraph(self.database, FirstWord())
        self._now = 0.0

    def tell(self, word: str, source: str) -> None:
        event = Event(text=f"{word} keeps the ledger.", source=source)
        [tuples] = self.graph.prepare([event])
        self._now += 1.0
        with self.database.write():
            assert self.graph.observe(event, tuples, None, self._now)

    def transaction(self) -> AbstractContextManager[Any]:
        return self.database.write()

    def words(self) -> set[str]:
        told = {fact.head for fact in self.graph.facts(tail="ledger")}
        assert told == {fact.head for fact in self.graph.facts()}
        walked = {hit.fact.head for hit in self.graph.retrieve("ledger", 1_000)}
        assert walked == told
        for fact in self.graph.facts():
            assert fact.provenance
            assert fact.mention_count == len(fact.provenance)
        return told

    def forget(self, source: str | None) -> None:
        _delete_by(self.database, source)

    def close(self) -> None:
        self.database.close()


class Spatial:
    """Places and the ways between them."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(folder / "memory.sqlite")
        self.map = PlaceGraph(self.database)

    def tell(self, word: str, source: str) -> None:
        self.map.observe_place({"from": "hallway", "to": word, "cost": 1.0, "source": source, "text": f"To {word}."})

    def transaction(self) -> AbstractContextManager[Any]:
        return self.database.write()

    def words(self) -> set[str]:
        around = {hit.name for hit in self.map.near("hallway", 1_000)}
        laid_out = set(self.map.coordinates())
        assert {hit.name for hit in self.map.near("hallway", 1_000, where=Where())} == around
        with self.database.read() as connection:
            stored = {row[0] for row in connection.execute("SELECT name FROM places")}
        assert around == stored
        assert laid_out <= stored
        return stored - {"hallway"}

    def forget(self, source: str | None) -> None:
        _delete_by(self.database, source)

    def close(self) -> None:
        self.database.close()


class Whole:
    """All three over one file, as a user meets them."""

    def __init__(self, folder: Path) -> None:
        home = UserHome(root=folder.parent.parent, user=folder.name)
        self.awake = Awake(home, embedder=EMBEDDER, parser=_PARSER)
        self.database = self.awake.database

    def tell(self, word: str, source: str) -> None:
        assert self.awake.observe(f"{word} owns a bakery.", source=source, pin=True)

    def transaction(self) -> AbstractContextManager[Any]:
        return self.awake.store.transaction()

    def words(self) -> set[str]:
        told = {trace.text.split()[0] for trace in self.awake.store}
        found = self.awake.recall("Who owns a bakery?", 1_000, touch=False)
        assert {hit.trace.text.split()[0] for hit in found.hits} == told
        with self.database.read() as connection:
            heads = {r[0] for r in connection.execute("SELECT e.name FROM facts f JOIN entities e ON e.id = f.head")}
        assert heads == told
        return told

    def forget(self, source: str | None) -> None:
        if source is None:
            self.awake.forget(everything=True)
        else:
            self.awake.forget(source=source)

    def close(self) -> None:
        self.awake.close()


def _delete_by(database: Database, source: str | None) -> None:
    with database.write() as connection:
        if source is None:
            delete_by(connection, everything=True)
        else:
            delete_by(connection, source=source)
    database.flush_log()


MEMORIES: dict[str, Callable[[Path], Memory]] = {
    "episodic": Episodic,
    "relational": Relational,
    "spatial": Spatial,
    "whole": Whole,
}
