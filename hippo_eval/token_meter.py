"""What a model read and wrote, counted where it happens: at the table of token vectors.

Every text that a model reads, for an answer, a surprise or a gate's decision, passes its input embedding; a row of one
token after others is one that was generated. Knows nothing of why it was read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True, eq=False)
class Spent:
    """Tokens read and generated, and the longest sequence that was held at once. Padding is not counted.

    `seconds`: how long what was counted without being run had taken when it was (`TokenMeter.count`).
    """

    n_read: float = 0
    n_generated: float = 0
    longest: int = 0
    seconds: float = 0.0

    def share(self, n: int) -> Spent:
        """What each of `n` texts spent, on average."""
        return Spent(
            n_read=self.n_read / n, n_generated=self.n_generated / n, longest=self.longest, seconds=self.seconds / n
        )


class TokenMeter:
    """Counts what passes a model from `watch` on.

    Args: model: a torch module with `get_input_embeddings`; pad_id: the token that fills rows up.
    """

    def __init__(self, model: Any, pad_id: int) -> None:
        self._pad = pad_id
        self._open: list[Spent] = []
        self._rows: Any = None
        model.get_input_embeddings().register_forward_hook(self._count)

    @contextmanager
    def watch(self) -> Iterator[Spent]:
        """Within the block, what is spent is added up."""
        spent = Spent()
        self._open.append(spent)
        try:
            yield spent
        finally:
            self._open.remove(spent)

    def count(self, more: Spent) -> None:
        """Add what was spent elsewhere, and how long it took there, to what is watched."""
        for spent in self._open:
            spent.seconds += more.seconds
            spent.n_read += more.n_read
            spent.n_generated += more.n_generated
            spent.longest = max(spent.longest, more.longest)

    def _count(self, module: Any, inputs: tuple[Any, ...], output: Any) -> None:
        if not self._open:
            return
        ids = inputs[0]
        if ids.dim() != 2:
            return
        filled = ids != self._pad
        if ids.shape[1] == 1:
            self._step(filled[:, 0])
            return
        # A row is as long as from its first to its last token that is no padding: the token itself may stand inside.
        first = filled.int().argmax(1)
        last = ids.shape[1] - filled.flip(1).int().argmax(1)
        lengths = (last - first) * filled.any(1)
        self._rows = lengths
        for spent in self._open:
            spent.n_read += int(lengths.sum())
            spent.longest = max(spent.longest, int(lengths.max()))

    def _step(self, going: Any) -> None:
        """One more token of each row that has not ended."""
        grown = self._rows is not None and len(self._rows) == len(going)
        if grown:
            self._rows = self._rows + going.int()
        for spent in self._open:
            spent.n_generated += int(going.sum())
            if grown:
                spent.longest = max(spent.longest, int(self._rows.max()))
