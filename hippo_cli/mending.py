"""What can be wrong with one user's files, and how each is mended: rows, vectors, index, origins, nights.

In: a session, and whether to mend. Out: a `Check` each. Mending never loses what was told: what is derived is made
again, what nothing accounts for is removed, a damaged night gives way to the one before it. Knows nothing of how the
findings are printed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hippo_cli.session import DEFAULT_USER, Session
from hippo_mem.types import check_id

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hippo_mem.embed import Embedder
    from hippo_mem.home import UserHome
    from hippo_mem.sleep.nights import Nights
    from hippo_mem.storage import Database

REPAIR = "hippo doctor --repair"
_PAGE = 64  # texts embedded between two reports of progress
_ROWS = 4_000  # vectors looked at at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One finding. `ok` None is a remark, neither good nor broken."""

    name: str
    ok: bool | None
    found: str
    remedy: str = ""


def checks() -> tuple[tuple[str, Callable[[Session, bool], Check]], ...]:
    """Every check of a user's files, each after what it depends on."""
    return (("store", store), ("embedder", space), ("index", index), ("origins", origins), ("nights", nights))


def paths(session: Session) -> UserHome:
    """Where the user's files are; nothing is made."""
    from hippo_mem.home import UserHome, data_home

    return UserHome(root=data_home(session.home), user=check_id(session.user or DEFAULT_USER, "user"))


def store(session: Session, repair: bool) -> Check:
    """The file is whole by SQLite's own account. SQLite's own indexes can be made again, rows cannot."""
    path = paths(session).database
    if not path.exists():
        return Check(name="store", ok=None, found="nothing was remembered yet")
    with _database(session) as database:
        wrong = _wrong(database)
        mended = ""
        if wrong and repair:
            with database.write() as connection:
                connection.execute("REINDEX")
            mended, wrong = f", mended: indexes made again ({wrong[0]})", _wrong(database)
    if wrong:
        remedy = f"hippo restore SNAPSHOT, or put back a backup of {path}" if repair else REPAIR
        return Check(name="store", ok=False, found="; ".join(wrong[:3]), remedy=remedy)
    return Check(name="store", ok=True, found=f"{path.stat().st_size / 1e6:.1f} MB, whole{mended}")


def space(session: Session, repair: bool) -> Check:
    """Every memory has a vector of the embedder that is used now, of length 1."""
    if not paths(session).database.exists():
        return Check(name="embedder", ok=None, found="no vectors yet")
    from hippo_mem.embed import MiniLMEmbedder

    embedder = MiniLMEmbedder()
    with _database(session) as database:
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
    from hippo_mem.storage.index import discard

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
    with _database(session) as database, database.read() as connection:
        (n,) = connection.execute("SELECT count(*) FROM traces").fetchone()
    return Check(name="index", ok=True, found=f"{n} rows, in step{mended}")


def origins(session: Session, repair: bool) -> Check:
    """Every fact, place and edge comes from something, and every link leads somewhere."""
    from hippo_mem.storage.origins import orphans, sweep

    if not paths(session).database.exists():
        return Check(name="origins", ok=None, found="no facts or places yet")
    with _database(session) as database:
        with database.read() as connection:
            lost = orphans(connection)
            told = connection.execute("SELECT count(*) FROM origins").fetchone()[0]
        if not lost:
            return Check(name="origins", ok=True, found=f"{told} tellings, each row comes from one")
        if not repair:
            return Check(name="origins", ok=False, found=f"come from nothing: {_counted(lost)}", remedy=REPAIR)
        with database.write() as connection:
            gone = sweep(connection)
            left = orphans(connection)
        database.flush_log()
    if left:
        return Check(name="origins", ok=False, found=f"still come from nothing: {_counted(left)}")
    return Check(name="origins", ok=True, found=f"mended: {_counted(lost)}; removed {_counted(gone) or 'no row'}")


def nights(session: Session, repair: bool) -> Check:
    """Records can be read, the night in force is there, and the weights of every kept night are what was written."""
    from hippo_mem.errors import StoreFormatError
    from hippo_mem.sleep.nights import Nights

    kept = Nights(paths(session).nights)
    mended: list[str] = []
    try:
        every, force = kept.all(), kept.in_force()
    except StoreFormatError as error:
        if not repair:
            return Check(name="nights", ok=False, found=str(error), remedy=REPAIR)
        last = _newest_whole(kept)
        kept.set_force(last)
        mended.append(f"{'no night' if last is None else f'night {last}'} put in force ({error})")
        every, force = kept.all(), kept.in_force()
    if not every:
        return Check(name="nights", ok=None, found="no night yet")
    damaged = {n.number: wrong for n in every if n.status == "kept" and (wrong := _night_wrong(kept, n.number))}
    if damaged and not repair:
        number, wrong = max(damaged.items())
        where = "in force" if force is not None and force.number == number else "kept"
        return Check(name="nights", ok=False, found=f"night {number} ({where}): {wrong[0]}", remedy=REPAIR)
    for number in sorted(damaged):
        if force is None or number != force.number:
            kept.purge([number])
            mended.append(f"night {number} gave up its damaged weights")
    if force is not None and force.number in damaged:
        with session.open() as hippo:
            now = hippo.undo_night()
        mended.append(f"night {force.number} undone, its memories are new to the next sleep")
        force = now
    speaks = "the base speaks alone" if force is None else f"night {force.number} is in force"
    return Check(
        name="nights",
        ok=True,
        found=f"{len(every)} on disk, {speaks}" + (f", mended: {'; '.join(mended)}" if mended else ""),
    )


@contextlib.contextmanager
def _database(session: Session) -> Iterator[Database]:
    from hippo_mem.storage import Database

    database = Database(paths(session).database)
    try:
        yield database
    finally:
        database.close()


def _wrong(database: Database) -> list[str]:
    found = database.check()
    if found:
        return found
    with database.read() as connection:
        return [
            f"row {row[1]} of {row[0]} points at a row of {row[2]} that is gone"
            for row in connection.execute("PRAGMA foreign_key_check")
        ][:20]


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
    with _database(session) as database, database.read() as connection:
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


def _night_wrong(kept: Nights, number: int) -> list[str]:
    from safetensors import SafetensorError, safe_open

    wrong = kept.damage(number)
    file = kept.path(number) / "adapter_model.safetensors"
    if not wrong:
        try:
            with safe_open(file, framework="numpy") as weights:
                wrong = [] if list(weights.keys()) else [f"{file} is empty"]
        except (SafetensorError, OSError) as error:
            wrong = [f"{file} is damaged: {error}"]
    return wrong


def _newest_whole(kept: Nights) -> int | None:
    from hippo_mem.errors import StoreFormatError

    numbers: list[int] = []
    for folder in sorted(kept.folder.glob("[0-9]*")):
        with contextlib.suppress(StoreFormatError, ValueError):
            if kept.read(int(folder.name)).status == "kept" and not _night_wrong(kept, int(folder.name)):
                numbers.append(int(folder.name))
    return max(numbers, default=None)


def _counted(counts: Any) -> str:
    pairs: Iterable[tuple[str, int]] = counts.items()
    return ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in pairs)
