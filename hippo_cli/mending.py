"""What can be wrong with what one user told, and how it is mended: the store's file, its rows, where they come from.

In: a session, and whether to mend. Out: a `Check` each. Mending never loses what was told: what is derived is made
again, what nothing accounts for is removed, and what is lost for good stays a finding. Vectors are in
`mending_vectors`, the files beside the store in `mending_files`. Knows nothing of how the findings are printed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from hippo_cli.findings import REPAIR, Check, opened, paths
from hippo_cli.mending_files import nights, policy, settings
from hippo_cli.mending_vectors import index, space
from hippo_cli.session import Session

_SHOWN = 3  # findings named of one kind


def checks() -> tuple[tuple[str, Callable[[Session, bool], Check]], ...]:
    """Every check of a user's files, each after what it depends on."""
    return (
        ("store", store),
        ("contents", contents),
        ("rows", rows),
        ("embedder", space),
        ("index", index),
        ("origins", origins),
        ("nights", nights),
        ("policy", policy),
        ("settings", settings),
    )


def store(session: Session, repair: bool) -> Check:
    """The file is whole by SQLite's own account, and says which store it is. SQLite's own indexes can be made again
    and a store can be given a new name, which makes its saved index void; rows cannot be made again."""
    from hippo_mem.storage.identity import name_again, unnamed
    from hippo_mem.storage.index_file import discard

    home = paths(session)
    if not home.database.exists():
        return Check(name="store", ok=None, found="there is none yet")
    mended: list[str] = []
    with opened(session) as database:
        wrong = database.check()
        if wrong and repair:
            with database.write() as connection:
                connection.execute("REINDEX")
            mended, wrong = [f"indexes made again ({wrong[0]})"], database.check()
        if wrong:
            remedy = f"hippo restore SNAPSHOT, or put back a backup of {home.database}" if repair else REPAIR
            return Check(name="store", ok=False, found="; ".join(wrong[:_SHOWN]), remedy=remedy)
        with database.read() as connection:
            missing = unnamed(connection)
        if missing and not repair:
            return Check(name="store", ok=False, found="; ".join(missing), remedy=REPAIR)
        if missing:
            with database.write() as connection:
                name_again(connection)
            discard(home.index)
            mended.append(f"named again ({'; '.join(missing)})")
    said = f", mended: {'; '.join(mended)}" if mended else ""
    return Check(name="store", ok=True, found=f"{home.database.stat().st_size / 1e6:.1f} MB, whole{said}")


def contents(session: Session, repair: bool) -> Check:
    """No other store lay here: the index saved beside a store knows whose rows it holds, and how many.

    Rows of a store that was emptied, removed or replaced cannot be made again from anything that is left. So `--repair`
    mends nothing here: it keeps a note of what the index knew, which it builds anew afterwards, and the finding stands
    until a snapshot is restored, the store's own file is put back, or the user removes the note.
    """
    from hippo_mem.storage.identity import find_lost, note_lost, note_of

    home = paths(session)
    there, name, n = home.database.exists(), None, 0
    if there:
        with opened(session) as database, database.read() as connection:
            name = database.meta("store_id")
            (n,) = connection.execute("SELECT count(*) FROM traces").fetchone()
        if not name:
            return Check(name="contents", ok=None, found="unknown while the store does not say which one it is")
    if repair:
        note_lost(home.index, name)
    lost = find_lost(home.index, name)
    if lost is not None:
        rebuilt = repair and there  # by the check of the index
        now = f"was emptied or replaced: it holds {_memories(n)}" if there else "is gone"
        by = [path for path in lost.said_by if not (rebuilt and path == home.index)]
        return Check(
            name="contents",
            ok=False,
            found=f"{home.database} {now}; the index beside it knew {_memories(lost.rows)} of another store",
            remedy=f"hippo restore SNAPSHOT, or put back a backup of {home.database}; to go on without them, remove "
            f"{' and '.join(map(str, by))}",
        )
    if not there:
        return Check(name="contents", ok=None, found="nothing was remembered yet")
    if repair:
        note_of(home.index).unlink(missing_ok=True)  # of this very store, which was put back
    return Check(name="contents", ok=True, found=f"{_memories(n)}, no sign of others")


def rows(session: Session, repair: bool) -> Check:
    """Every value that is JSON can be read as what its column holds. Slots are read from the text again; see
    `json_columns.mend` for the others."""
    from hippo_mem.storage.json_columns import damaged, mend

    if not paths(session).database.exists():
        return Check(name="rows", ok=None, found="none yet")
    with opened(session) as database:
        with database.read() as connection:
            found = damaged(connection)
        if not found:
            return Check(name="rows", ok=True, found="every value can be read")
        said = "; ".join(f"{d.column} of row {d.row_id} of {d.table} {d.why}" for d in found[:_SHOWN])
        if len(found) > _SHOWN:
            said += f"; and {len(found) - _SHOWN} more"
        if not repair:
            return Check(name="rows", ok=False, found=said, remedy=REPAIR)
        with database.write() as connection:
            done = mend(connection, found, _read_slots)
        database.flush_log()
    return Check(name="rows", ok=True, found=f"mended: {_counted(done)} ({said})")


def origins(session: Session, repair: bool) -> Check:
    """Every fact, place and edge comes from something, and every link leads somewhere."""
    from hippo_mem.storage.origins import dangling, orphans, sweep

    if not paths(session).database.exists():
        return Check(name="origins", ok=None, found="no facts or places yet")
    with opened(session) as database:
        with database.read() as connection:
            lost, loose = orphans(connection), dangling(connection)
            told = connection.execute("SELECT count(*) FROM origins").fetchone()[0]
        if not lost and not loose:
            return Check(name="origins", ok=True, found=f"{told} tellings, each row comes from one")
        if not repair:
            return Check(name="origins", ok=False, found=_astray(lost, loose), remedy=REPAIR)
        with database.write() as connection:
            gone = sweep(connection)
            left, still = orphans(connection), dangling(connection)
        database.flush_log()
    if left or still:
        remedy = f"hippo restore SNAPSHOT, or put back a backup of {paths(session).database}"
        return Check(name="origins", ok=False, found=f"cannot be mended: {_astray(left, still)}", remedy=remedy)
    return Check(name="origins", ok=True, found=f"mended: {_astray(lost, loose)}; removed {_counted(gone) or 'no row'}")


def _read_slots(texts: Sequence[str]) -> Sequence[Mapping[str, str]]:
    from hippo_mem.episodic.slots import slots_of
    from hippo_mem.relational.frames import FrameParser

    return [slots_of(frames) for frames in FrameParser().parse_many(texts)]


def _astray(lost: Mapping[str, int], loose: Sequence[str]) -> str:
    return "; ".join([*([f"come from nothing: {_counted(lost)}"] if lost else []), *loose[:_SHOWN]])


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in counts.items())


def _memories(n: int) -> str:
    return f"{n} {'memory' if n == 1 else 'memories'}"
