"""Every test has a data home of its own, and sentence vectors without a model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hippo_mem.awake import Awake
from hippo_mem.embed import HashingEmbedder


@pytest.fixture(autouse=True)
def data_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "hippo-home"
    monkeypatch.setenv("HIPPO_HOME", str(home))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    return home


@pytest.fixture
def embedder() -> HashingEmbedder:
    return HashingEmbedder()


@pytest.fixture
def awake(data_home: Path, embedder: HashingEmbedder) -> Iterator[Awake]:
    with Awake.open(embedder=embedder) as memory:
        yield memory
