"""A memory that borrows its language model from the process, so that the cells of a matrix load it once.

Knows nothing of what is told or asked.
"""

from __future__ import annotations

from hippo_eval.fresh import lent_model
from hippo_mem.embed import Embedder
from hippo_mem.home import UserHome
from hippo_mem.memory import Hippo, HippoConfig


class Borrower(Hippo):
    """`Hippo` over a lent model. Closing it takes its night off the model again."""

    def __init__(self, home: UserHome, model: str, config: HippoConfig, embedder: Embedder) -> None:
        super().__init__(home, model=model, config=config, embedder=embedder, load=lambda: lent_model(model))
