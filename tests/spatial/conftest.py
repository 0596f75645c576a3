"""A map that is told sentence by sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hippo_mem.spatial import PlaceGraph
from hippo_mem.storage.database import Database
from hippo_mem.types import Event, Outcome

Tell = Callable[..., list[Outcome]]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "memory.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def places(database: Database, tmp_path: Path) -> PlaceGraph:
    return PlaceGraph(database, policy=tmp_path / "policy.safetensors", clock=lambda: 1_000_000.0)


@pytest.fixture
def tell(places: PlaceGraph, database: Database) -> Tell:
    """Tell one event a second; options are the event's fields."""
    now = iter(range(1000, 1_000_000))

    def told(text: str, *, trace_id: int | None = None, **fields: object) -> list[Outcome]:
        event = Event(text=text, **fields)  # type: ignore[arg-type]
        (prepared,) = places.prepare([event])
        with database.write():
            return places.observe(event, prepared, trace_id, float(next(now)))

    return told
