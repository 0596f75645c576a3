"""What can be wrong with vectors and their index, and how it is mended: both are derived from the texts.

Knows nothing of how the findings are printed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from hippo_cli.findings import REPAIR, Check, opened, paths
from hippo_cli.session import Session

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hippo_mem.embed import Embedder
    from hippo_mem.storage import Database

_PAGE = 64  # texts embedded between two reports of progress
_ROWS = 4_000  # vectors looked at at a time


def space(session: Session, repair: bool) -> Check:
    """Every memory has a vector of the embedder that is used now, of length 1."""
    if not paths(session).database.exists():
        return Check(name="embedder", ok=None, found="no vectors yet")
    from hippo_mem.embed import MiniLMEmbedder

    embedder = MiniLMEmbedder()
    with opened(session) as database:
        was, bad = database.meta("space"), _bad_vectors(database, embedder)
        moved = was not in (None, f"{embedder.id}/{embedder.dim}")
        if not bad and not moved:
            return Check(name="embedder", ok=True, found=f"{embedder.id}, every memory has its vector")
        found = f"the vectors are of {was}, not of {embedder.id}" if moved else f"{len(bad)} memories have a bad vector"
        if not repair:
            return Check(name="embedder", ok=False, found=found, remedy=REPAIR)
        n = _embed_again(database, embedder, bad)
    return Check(name="embedder", ok=True, found=f"mended: {found}; {n} embedded again")


def index(session: Session, repair: bool) -> Check:
    """The saved index holds the store's rows as of when it was saved. Being behind is normal."""
    from hippo_mem.awake import Awake
    from hippo_mem.storage.index_file import discard

    home = paths(session)
    if not home.database.exists():
        return Check(name="index", ok=None, found="none yet")
    wrong = _index_wrong(session)
    mended = ""
    if wrong and repair:
        discard(home.index)
        with Awake.open(session.home, home.user) as awake:
            awake.store.nearest(awake.embedder.embed(["index"])[0], 1)  # reads the rows; closing writes the file
        mended, wrong = f", mended: built again ({wrong})", _index_wrong(session)
    if wrong:
        return Check(name="index", ok=False, found=wrong, remedy=REPAIR)
    if not home.index.exists():
        return Check(name="index", ok=None, found=f"no saved index; the next opening builds it{mended}")
    with opened(session) as database, database.read() as connection:
        (n,) = connection.execute("SELECT count(*) FROM traces").fetchone()
    return Check(name="index", ok=True, found=f"{n} rows, in step{mended}")


def _bad_vectors(database: Database, embedder: Embedder) -> list[int]:
    """Ids of the traces whose vector is of another space, not finite, or not of length 1."""
    import numpy as np

    bad: list[int] = []
    last = 0
    while True:
        with database.read() as connection:
            rows = connection.execute(
                "SELECT id, embedder, dim, vector FROM traces WHERE id > ? ORDER BY id LIMIT ?", (last, _ROWS)
            ).fetchall()
        if not rows:
            return bad
        last = rows[-1]["id"]
        ours = [row for row in rows if (row["embedder"], row["dim"]) == (embedder.id, embedder.dim)]
        bad += [row["id"] for row in rows if (row["embedder"], row["dim"]) != (embedder.id, embedder.dim)]
        vectors = np.frombuffer(b"".join(row["vector"] for row in ours), dtype="<f4").reshape(-1, embedder.dim)
        with np.errstate(invalid="ignore", over="ignore"):
            off = ~(np.abs(np.linalg.norm(vectors, axis=1) - 1.0) < 1e-3)
        bad += [ours[i]["id"] for i in np.flatnonzero(off)]


class _Reported:
    """An embedder that says how far it is."""

    def __init__(self, embedder: Embedder, total: int, report: Callable[[str, int, int], None]) -> None:
        self.id, self.dim = embedder.id, embedder.dim
        self._embedder, self._report, self._total, self._done = embedder, report, total, 0

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        import numpy as np

        found = []
        for start in range(0, len(texts), _PAGE):
            found.append(self._embedder.embed(texts[start : start + _PAGE]))
            self._done = min(self._total, self._done + _PAGE)
            self._report("embed", self._done, self._total)
        return np.concatenate(found) if found else np.empty((0, self.dim), dtype=np.float32)


def _embed_again(database: Database, embedder: Embedder, bad: Sequence[int]) -> int:
    """Give these rows a vector of the embedder; returns how many. One transaction; others wait for it or are told."""
    from hippo_cli.progress import StageBars

    with StageBars() as bars, database.write() as connection:
        reported = _Reported(embedder, len(bad), bars)
        for start in range(0, len(bad), _ROWS):
            page = bad[start : start + _ROWS]
            texts = [connection.execute("SELECT text FROM traces WHERE id = ?", (i,)).fetchone()[0] for i in page]
            vectors = reported.embed(texts).astype("<f4")
            connection.executemany(
                "UPDATE traces SET vector = ?, embedder = ?, dim = ? WHERE id = ?",
                [(v.tobytes(), embedder.id, embedder.dim, i) for v, i in zip(vectors, page, strict=True)],
            )
        database.set_meta("space", f"{embedder.id}/{embedder.dim}")
        database.set_meta("generation", str(int(database.meta("generation") or 0) + 1))
    return len(bad)


def _index_wrong(session: Session) -> str:
    """What is wrong with the saved index; "" when it is right or there is none."""
    from hippo_mem.embed import MiniLMEmbedder
    from hippo_mem.storage import VectorIndex

    home = paths(session)
    if not home.index.exists():
        return ""
    loaded = VectorIndex.load(home.index, MiniLMEmbedder.dim)
    if loaded is None:
        return f"{home.index} is damaged"
    held, stamp = set(loaded[0].ids().tolist()), loaded[1]
    with opened(session) as database, database.read() as connection:
        if stamp.store_id != database.meta("store_id"):
            return f"{home.index} is of another store"
        if str(stamp.generation) != (database.meta("generation") or "0"):
            return f"{home.index} is of an earlier state of the store"
        there = {row[0] for row in connection.execute("SELECT id FROM traces WHERE id <= ?", (stamp.last_id,))}
        gone = {row[0] for row in connection.execute("SELECT trace_id FROM tombstones")}
    extra, missing = held - there - gone, there - held
    if extra or missing:
        return f"{home.index} is out of step: {len(missing)} rows missing, {len(extra)} that the store does not have"
    return ""
