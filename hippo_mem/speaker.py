"""What speaks for one user now: the model's weights with the night in force over them, and the engine that runs them.

    weights (torch, loaded when first needed) ──► night in force ──► engine: torch, or its quantized export

Knows nothing of the store: with memory OFF this is all there is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hippo_mem.errors import StoreFormatError
from hippo_mem.home import UserHome
from hippo_mem.lm.engine import Engine
from hippo_mem.lm.quick.keeper import EngineKeeper, check_precision
from hippo_mem.sleep import Night, Nights
from hippo_mem.sleep.asked_in import with_context

if TYPE_CHECKING:  # brings torch along, which a process that only serves does without
    from hippo_mem.lm import LanguageModel

Load = Callable[[], "LanguageModel"]


class Speaker:
    """The language model of one user's memory, as the night in force has made it.

    Args:
        model: a bundled name, a hub id, or a folder; its converted weights lie in the home.
        dtype: "auto", "float32" or "bfloat16", of torch's weights.
        engine: "torch", "auto", "int8" or "int4"; see `HippoConfig`. engine_threads: of the quick one.
        load: gives torch's model; by default it is loaded from the home, for this speaker alone.
    Raises: InputError for an engine that does not exist.
    """

    def __init__(
        self, home: UserHome, model: str, nights: Nights, *, dtype: str = "auto", engine: str = "torch",
        engine_threads: int | None = None, load: Load | None = None,
    ) -> None:  # fmt: skip
        self.home, self.model_name, self._nights, self._dtype = home, model, nights, dtype
        self._load = load or self._load_own
        self._loading = threading.RLock()
        self._lm: LanguageModel | None = None
        self._torch: Engine | None = None
        self._on_lm: int | None = None  # number of the night over the weights
        self._conditioned = False
        precision = check_precision(engine)
        self._keeper: EngineKeeper | None = None
        if precision is not None:
            self._keeper = EngineKeeper(
                model, home.models, precision, self._torch_engine, lambda: self.night_folder,
                torch_loaded=lambda: self._lm is not None, n_threads=engine_threads,
            )  # fmt: skip

    # The weights ----------------------------------------------------------------------------------------------------

    @property
    def base(self) -> LanguageModel:
        """Torch's model; what is on it is whatever night was attached last.

        Raises: ModelUnavailable.
        """
        if self._lm is None:
            self._lm = self._load()
        return self._lm

    @property
    def lm(self) -> LanguageModel:
        """Torch's model with the night in force over it.

        Raises: ModelUnavailable; StoreFormatError when the night's files are damaged or made for another model.
        """
        lm, night = self.base, self._nights.in_force()
        number = night.number if night else None
        if number != self._on_lm or (night is not None and lm.adapter_dir is None):
            lm.detach()
            if night is not None:
                lm.attach(self._folder_of(night))
            self._on_lm, self._conditioned = number, bool(night and night.conditioned)
        return lm

    @property
    def loaded(self) -> LanguageModel | None:
        """Torch's model if something has needed it."""
        return self._lm

    @property
    def night_folder(self) -> Path | None:
        """The folder of the night in force, None while the base speaks alone.

        Raises: StoreFormatError when it was learned by another model.
        """
        night = self._nights.in_force()
        if night is None:
            return None
        folder = self._folder_of(night)
        self._conditioned = night.conditioned
        return folder

    def _folder_of(self, night: Night) -> Path:
        if night.model != self.model_name:
            raise StoreFormatError(
                f"night {night.number} was learned by {night.model}, this is {self.model_name}; open with --model "
                f"{night.model}, or go back with: hippo nights undo"
            )
        return self._nights.path(night.number)

    def _load_own(self) -> LanguageModel:
        from hippo_mem.lm.model import LanguageModel

        return LanguageModel.load(self.model_name, models_dir=self.home.models, dtype=self._dtype)

    # What answers ---------------------------------------------------------------------------------------------------

    @property
    def engine(self) -> Engine:
        """What answers now, with the night in force: torch, or the quick engine where it is wished for and there is a
        checked export. An export that is missing is started; nothing is waited for.

        Raises: as `lm`.
        """
        return self._torch_engine() if self._keeper is None else self._keeper.current()

    def prepare(self) -> bool:
        """See that the quick engine is exported, and checked with the night in force; whether it is. Waits for
        nothing and loads no torch: what answered before goes on meanwhile."""
        return True if self._keeper is None else self._keeper.prepare()

    def wait(self, timeout_s: float) -> str:
        """Wait until the quick engine has been exported and checked; the name of the engine that answers."""
        return "torch" if self._keeper is None else self._keeper.wait(timeout_s)

    def status(self) -> dict[str, str]:
        """Which engine answered last or would answer first, and why torch, where it is not wished for."""
        if self._keeper is None:
            return {"name": "torch", "reason": ""}
        return {"name": self._keeper.name, "reason": self._keeper.reason}

    def night_question(self, question: str, context: str | None) -> str:
        """The question as the night in force was taught questions."""
        return with_context(question, context if self._conditioned else None)

    def surprise(self, texts: Sequence[str]) -> list[float]:
        """Mean nats per token of each text, by the base alone."""
        speaker = self.base if self._keeper is None else self.engine
        return speaker.surprise(texts, adapter=False)

    def _torch_engine(self) -> Engine:
        from hippo_mem.lm.torch_engine import TorchEngine

        with self._loading:
            lm = self.lm
            if self._torch is None:
                self._torch = TorchEngine(lm)
            return self._torch

    # When it changes ------------------------------------------------------------------------------------------------

    def night_may_have_changed(self) -> None:
        """Take the night off the weights; what is in force then is attached when something next speaks."""
        self._on_lm = None
        if self._lm is not None:
            self._lm.detach()

    def close(self) -> None:
        """Stop what was started, and let go of the model. Closing twice is fine."""
        if self._keeper is not None:
            self._keeper.close()
        self.night_may_have_changed()
        self._lm = self._torch = None
