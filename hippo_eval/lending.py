"""A memory that borrows its language model from the process, so that the cells of a matrix load it once.

Knows nothing of what is told or asked.
"""

from __future__ import annotations

from hippo_eval.fresh import lent_model
from hippo_mem.embed import Embedder
from hippo_mem.home import UserHome
from hippo_mem.lm import LanguageModel
from hippo_mem.memory import Hippo, HippoConfig


class Borrower(Hippo):
    """`Hippo` over a lent model. Closing it takes its night off the model again."""

    def __init__(self, home: UserHome, model: str, config: HippoConfig, embedder: Embedder) -> None:
        super().__init__(home, model=model, config=config, embedder=embedder)

    @property
    def base(self) -> LanguageModel:
        """The lent model; what is on it is whatever night was attached last."""
        if self._lm is None:
            self._lm = lent_model(self.model_name)
        return self._lm

    def close(self) -> None:
        """Let go of the files and of the model. Closing twice is fine."""
        super().close()
        if self._lm is not None:
            self._lm.detach()
            self._lm, self._on_lm = None, None
