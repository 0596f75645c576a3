"""Every test has a data home of its own, and sentence vectors without a model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hippo_mem.awake import Awake
from hippo_mem.embed import HashingEmbedder
from hippo_mem.lm import DEFAULT_MODEL, LanguageModel, resolve
from tests.tiny_model import write_tiny_model


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


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a language model small enough to train in a second."""
    return write_tiny_model(tmp_path_factory.mktemp("tiny-model"))


@pytest.fixture
def tiny(tiny_folder: Path, data_home: Path) -> LanguageModel:
    return LanguageModel.load(str(tiny_folder), dtype="float32")


@pytest.fixture(scope="session")
def shared_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the base's answers to anchors are kept between the tests of a run."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture
def home_with_models(data_home: Path, shared_models: Path) -> Path:
    """A data home that borrows the shared models folder."""
    data_home.mkdir()
    (data_home / "models").symlink_to(shared_models, target_is_directory=True)
    return data_home


@pytest.fixture(scope="session")
def real_models_dir(request: pytest.FixtureRequest) -> Path:
    """The default model, converted once and kept in pytest's cache between runs."""
    models = request.config.cache.mkdir("hippo-models")
    resolve(DEFAULT_MODEL, models)
    return models


@pytest.fixture(scope="session")
def real(real_models_dir: Path) -> LanguageModel:
    """The default model, loaded once; a test that puts an adapter on it takes it off again."""
    return LanguageModel.load(models_dir=real_models_dir)
