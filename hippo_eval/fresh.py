"""What a run opens: a model by name, and a memory in an empty home that ends with the run.

"dummy" is the model without weights. Knows nothing of what is asked.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hippo_eval import dummy
from hippo_eval.answerers import Memory, Model
from hippo_mem.config import GateConfig
from hippo_mem.embed import Embedder, HashingEmbedder, MiniLMEmbedder
from hippo_mem.errors import InputError
from hippo_mem.home import UserHome, data_home, make_folder, open_home
from hippo_mem.knowledge import MEMORIES

if TYPE_CHECKING:
    from hippo_mem.memory import Hippo


def open_model(name: str, adapter: str | Path | None = None) -> Model:
    """The model, with an adapter over it where one is given.

    Raises: InputError when the adapter's folder does not exist; StoreFormatError when it holds no fitting adapter;
        ModelUnavailable.
    """
    folder = None if adapter is None else check_adapter(adapter)
    model: Model
    if name == dummy.NAME:
        model = dummy.DummyModel()
    else:
        from hippo_mem.lm import LanguageModel

        model = LanguageModel.load(name)
    if folder is not None:
        model.attach(folder)
    return model


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
    """A fresh data home that borrows the converted models of another: converting takes 15 s, once is enough."""
    make_folder(root)
    (root / "models").symlink_to(make_folder(data_home(models_home) / "models"), target_is_directory=True)
    return open_home(root)


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
    """Sentence vectors for the `rag` baseline; hashed words beside the dummy."""
    return HashingEmbedder() if model == dummy.NAME else MiniLMEmbedder()
