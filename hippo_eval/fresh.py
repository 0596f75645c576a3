"""What a run opens: a model by name, and a memory in a home of its own.

"dummy" is the model without weights. What is dear to load, the language model and the sentence vectors, is loaded once
a process and lent. Knows nothing of what is asked.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from hippo_eval import dummy
from hippo_eval.answerers import Memory, Model
from hippo_eval.settings import EvalConfig
from hippo_mem.config import GateConfig
from hippo_mem.embed import Embedder, HashingEmbedder, MiniLMEmbedder
from hippo_mem.errors import InputError
from hippo_mem.home import UserHome, data_home, make_folder, open_home
from hippo_mem.knowledge import MEMORIES

if TYPE_CHECKING:
    from hippo_eval.kept_readings import LentModel
    from hippo_eval.token_meter import TokenMeter
    from hippo_mem.lm import LanguageModel
    from hippo_mem.memory import Hippo, HippoConfig


@contextlib.contextmanager
def open_model(name: str, adapter: str | Path | None = None) -> Iterator[Model]:
    """The model, with an adapter over it for the length of the block where one is given.

    Raises: InputError when the adapter's folder does not exist; StoreFormatError when it holds no fitting adapter;
        ModelUnavailable.
    """
    folder = None if adapter is None else check_adapter(adapter)
    if name == dummy.NAME:
        model = dummy.DummyModel()
        if folder is not None:
            model.attach(folder)
        yield model
        return
    from hippo_eval.shared_prefix import PrefixReader

    lm = lent_model(name)
    reader = PrefixReader(lm)
    try:
        if folder is not None:
            reader.attach(folder)
        yield reader
    finally:
        lm.detach()


def lent_model(name: str) -> LentModel:
    """The language model, loaded once a process and place of models; whoever attaches to it detaches after.

    Raises: ModelUnavailable.
    """
    return _load(name, data_home() / "models")


@cache
def _load(name: str, models_dir: Path) -> LentModel:
    from hippo_eval.kept_readings import LentModel

    return LentModel.load(name, models_dir=models_dir)


@cache
def meter_of(lm: LanguageModel) -> TokenMeter:
    """The meter of a lent model."""
    from hippo_eval.token_meter import TokenMeter

    return TokenMeter(lm.base, int(lm.tokenizer.pad_token_id))


def check_adapter(adapter: str | Path) -> Path:
    """The folder of an adapter; the file in it will do as well.

    Raises: InputError when there is none, before any model is loaded.
    """
    given = Path(adapter).expanduser()
    folder = given.parent if given.is_file() else given
    if not folder.is_dir():
        raise InputError(f"no adapter folder {given}; scripts/replay_consolidate.py writes one to its --outdir")
    if not (folder / "adapter_config.json").is_file():
        raise InputError(f"{folder} holds no adapter: adapter_config.json is missing")
    return folder


def home_with_models(root: Path, models_home: Path | None = None) -> UserHome:
    """A data home that borrows the converted models of another: converting takes 15 s, once is enough.

    A home that is there already is opened as it is.
    """
    make_folder(root)
    if not (root / "models").is_symlink():
        (root / "models").symlink_to(make_folder(data_home(models_home) / "models"), target_is_directory=True)
    return open_home(root)


@contextlib.contextmanager
def memory_in(folder: Path, config: EvalConfig) -> Iterator[Memory]:
    """The memory that a run's settings ask for, kept in `folder`; what is there already is opened."""
    if config.model == dummy.NAME:
        yield dummy.DummyMemory(make_folder(folder) / "dummy.json")
        return
    from hippo_mem.memory import Hippo

    home = home_with_models(folder)
    with Hippo(
        home, model=config.model, config=hippo_config(config), embedder=shared_vectors(config.model),
        load=lambda: lent_model(config.model),
    ) as memory:  # fmt: skip
        yield memory


def hippo_config(config: EvalConfig) -> HippoConfig:
    """A run's settings as those of a user's memory."""
    from hippo_mem.memory import HippoConfig

    return HippoConfig(
        memories=config.memories, gate=config.gate, episodic=config.episodic, relational=config.relational,
        spatial=config.spatial, schema=config.schema, surprise=config.gate.surprise == "model",
    )  # fmt: skip


@contextlib.contextmanager
def fresh_memory(
    model: str,
    *,
    memories: tuple[str, ...] = MEMORIES,
    surprise: bool = True,
    embedder: Embedder | None = None,
) -> Iterator[Memory]:
    """An empty memory, gone after the block; the dummy's own for the dummy model. Arguments as `fresh_hippo`."""
    if model == dummy.NAME:
        yield dummy.DummyMemory()
        return
    with fresh_hippo(model, memories=memories, surprise=surprise, embedder=embedder) as hippo:
        yield hippo


@contextlib.contextmanager
def fresh_hippo(
    model: str,
    *,
    memories: tuple[str, ...] = MEMORIES,
    surprise: bool = True,
    embedder: Embedder | None = None,
    gate: GateConfig | None = None,
) -> Iterator[Hippo]:
    """An empty `Hippo`, gone after the block. Converted models are borrowed from the user's data home.

    Args:
        model: loaded when something first needs it.
        memories: which of the three observe and answer.
        surprise: whether the model weighs what is told.
        embedder: sentence vectors; by default the bundled ones.
        gate: what is kept; by default as for any user.
    """
    from hippo_mem.memory import Hippo, HippoConfig

    config = HippoConfig(memories=memories, surprise=surprise, gate=gate or GateConfig())
    with tempfile.TemporaryDirectory(prefix="hippo-eval-") as folder:
        home = home_with_models(Path(folder))
        with Hippo.open(home.root, home.user, model=model, config=config, embedder=embedder) as memory:
            yield memory


def embedder_for(model: str) -> Embedder:
    """Sentence vectors; hashed words beside the dummy."""
    return HashingEmbedder() if model == dummy.NAME else MiniLMEmbedder()


@cache
def shared_vectors(model: str) -> Embedder:
    """As `embedder_for`, loaded once a process."""
    return embedder_for(model)
