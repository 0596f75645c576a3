"""What an event says of space, read before the store is locked.

In: events. Out: for each a `Prepared`: statements, a grid, a procedure, the names it may mention, vectors of the names
it uses. Touches no store. Knows nothing of what is known already.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hippo_mem.embed import Embedder, Vectors, rows_for
from hippo_mem.spatial.grid import GridTask, read_grid
from hippo_mem.spatial.names import key_of, mentions
from hippo_mem.spatial.procedures import Procedure, read_procedure
from hippo_mem.spatial.reading import Statement, read_statements
from hippo_mem.types import Event

_KEPT = 4096  # vectors of names; a home has dozens of places, a city hundreds


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """One event, read. `keys` are what its words may name, `where` what its slot "where" names."""

    statements: tuple[Statement, ...] = ()
    grid: GridTask | None = None
    procedure: Procedure | None = None
    keys: tuple[str, ...] = ()
    where: str = ""
    vectors: Mapping[str, Vectors] = field(default_factory=dict)


class Preparer:
    """Reads events. Vectors of names are kept, for places are named again and again."""

    def __init__(self, embedder: Embedder | None) -> None:
        self._embedder = embedder
        self._vectors: OrderedDict[str, Vectors] = OrderedDict()

    def prepare(self, events: Iterable[Event]) -> list[Prepared]:
        """What each event says, in order. Never raises for any text."""
        read = [_read(event) for event in events]
        names = [_names(p) for p in read]
        self.embed({name for some in names for name in some})
        return [
            Prepared(statements=p.statements, grid=p.grid, procedure=p.procedure, keys=p.keys, where=p.where,
                     vectors={n: self._vectors[n] for n in some if n in self._vectors})
            for p, some in zip(read, names, strict=True)
        ]  # fmt: skip

    def embed(self, names: Iterable[str]) -> Mapping[str, Vectors]:
        """The vectors of these keys; empty without an embedder."""
        if self._embedder is None:
            return {}
        wanted = sorted(set(names))
        new = [n for n in wanted if n not in self._vectors]
        if new:
            vectors = rows_for(self._embedder.embed(new), new, self._embedder)
            self._vectors.update(zip(new, vectors, strict=True))
        found = {n: self._vectors[n] for n in wanted}
        while len(self._vectors) > max(_KEPT, len(wanted)):
            self._vectors.popitem(last=False)
        return found


def _read(event: Event) -> Prepared:
    grid = read_grid(event.text)
    where = event.slots.get("where", "")
    return Prepared(
        statements=() if grid else tuple(read_statements(event.text)),
        grid=grid,
        procedure=None if grid else read_procedure(event.text),
        keys=mentions(event.text),
        where=_place_of(where),
    )


def _names(prepared: Prepared) -> Sequence[str]:
    return sorted({key_of(n) for s in prepared.statements for n in (s.subject, s.object)})


def _place_of(where: str) -> str:
    """A slot "in the library" as the key "library"."""
    words = where.split()
    while len(words) > 1 and words[0].casefold() in (
        "in",
        "at",
        "on",
        "near",
        "inside",
        "behind",
        "under",
        "to",
        "from",
    ):
        words = words[1:]
    return key_of(" ".join(words))
