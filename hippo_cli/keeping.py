"""Commands that carry memories in and out of the data home, and into and out of retirement: snapshot, restore, export,
import, unretire, vacuum.

None of them loads a language model. Knows nothing of how the files are made.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hippo_cli.engine_export import Precision, export_model
from hippo_cli.incoming import parse_time
from hippo_cli.plain import print_json
from hippo_cli.session import DEFAULT_USER, Session, with_session
from hippo_cli.waking import confirm
from hippo_mem.errors import InputError
from hippo_mem.types import check_id

if TYPE_CHECKING:
    from hippo_mem.home import UserHome


class Format(StrEnum):
    """How an export is written."""

    JSONL = "jsonl"
    PARQUET = "parquet"


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command(name="snapshot")(with_session(snapshot))
    app.command(name="restore")(with_session(restore))
    app.command(name="export")(with_session(export))
    app.command(name="import")(with_session(take_in))
    app.command(name="unretire")(with_session(unretire))
    app.command(name="vacuum")(with_session(vacuum))


def snapshot(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; an earlier file there is replaced.")],
) -> None:
    """Write one user's whole state, memories and nights, to one checksummed file. Others may go on writing.

    Example: hippo snapshot backup.hippo
    """
    from hippo_mem.storage import Database
    from hippo_mem.storage import snapshot as storage

    home = _existing(session)
    database = Database(home.database)
    try:
        manifest = storage.snapshot(database, home, file)
    finally:
        database.close()
    night = "no night" if manifest.night_in_force is None else f"night {manifest.night_in_force}"
    _say(
        session,
        {"file": file.absolute(), "user": manifest.user, "traces": manifest.n_traces, "bytes": manifest.n_bytes},
        f"{file}: {_count(manifest.n_traces, 'memory', 'memories')}, {night}, {manifest.n_bytes / 1e6:.1f} MB",
    )


def restore(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `hippo snapshot` wrote.")],
    other_user: Annotated[
        bool, typer.Option("--other-user", help="Take the snapshot of another user as this user's memory.")
    ] = False,
) -> None:
    """Go back to a snapshot: what was told or slept since then is gone. A restore that is killed is old or new.

    Example: hippo restore backup.hippo
    """
    from hippo_mem.home import open_home
    from hippo_mem.storage import snapshot as storage

    storage.read_manifest(file.expanduser().absolute())  # a file that is none makes no data home
    home = open_home(session.home, session.user or DEFAULT_USER)
    manifest = storage.restore(home, file, other_user=other_user)
    _say(
        session,
        {"user": home.user, "traces": manifest.n_traces, "night_in_force": manifest.night_in_force},
        f"restored {_count(manifest.n_traces, 'memory', 'memories')} of {manifest.user} from {file}",
    )


def export(
    session: Session,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A file (jsonl) or a folder (parquet).")],
    format: Annotated[Format, typer.Option("--format", help="jsonl: one file; parquet: one file a table.")] = (
        Format.JSONL
    ),
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="With PATH `onnx`: the model's folder.")] = (
        None
    ),
    precision: Annotated[Precision, typer.Option(help="With `onnx`: how weights are stored.")] = Precision.FP32,
    with_night: Annotated[
        bool, typer.Option("--with-night", help="With `onnx`: bake the night in force in; it then always speaks.")
    ] = False,
) -> None:
    """Write every memory in an open format that `hippo import` and other programs read; or, as `hippo export onnx`,
    the model as a folder that onnxruntime loads.

    Example: hippo export memories.jsonl

    Example: hippo export onnx --out smollm2-onnx
    """
    if out is not None:
        if str(path) != "onnx":
            raise typer.BadParameter(f"--out goes with `hippo export onnx`, not with {path}")
        export_model(session, out, precision, with_night)
        return
    if str(path) == "onnx":
        raise typer.BadParameter("say where to: hippo export onnx --out DIR (a file of memories needs another name)")
    from hippo_mem.storage import Database
    from hippo_mem.storage.portable import export_to

    home = _existing(session)
    database = Database(home.database)
    try:
        counts = export_to(database, path, format=format.value)
    finally:
        database.close()
    _say(session, {"path": path.absolute(), "rows": counts}, f"{path}: {_rows(counts)}")


def take_in(
    session: Session,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="What `hippo export` wrote, of either format.")],
    renumber: Annotated[
        bool, typer.Option("--renumber", help="Give every row a new id, and join what both stores have.")
    ] = False,
    keep_learned: Annotated[
        bool, typer.Option("--keep-learned", help="What a night had learned is learned here too: the nights are here.")
    ] = False,
) -> None:
    """Take in an export: all of it, or an error that names the line and nothing.

    Example: hippo import memories.jsonl --user anna
    """
    from hippo_mem.awake import Awake
    from hippo_mem.storage.portable import import_from

    if not path.expanduser().exists():
        raise InputError(f"no file {path}")
    with Awake.open(session.home, session.user or DEFAULT_USER) as awake:
        done = import_from(awake.database, path, space=awake.embedder, renumber=renumber, keep_learned=keep_learned)
    joined = f"; here already: {_rows(done.joined)}" if done.joined else ""
    _say(session, {"added": done.added, "joined": done.joined}, f"{path}: {_rows(done.added)}{joined}")


def unretire(
    session: Session,
    since: Annotated[
        str | None, typer.Option(help="Only what was retired from then on: a date, a year, or unix seconds.")
    ] = None,
) -> None:
    """Bring back the memories that upkeep retired because they had faded, expired, or repeated another.

    Example: hippo unretire --since 2026-05-01
    """
    from hippo_mem.awake import Awake

    moment = parse_time(since)
    home = _existing(session)
    with Awake.open(session.home, home.user) as awake:
        n = awake.bring_back(moment)
    _say(session, {"brought_back": n}, f"{_count(n, 'memory', 'memories')} brought back")


def vacuum(
    session: Session,
    until: Annotated[
        str | None, typer.Option(help="Only what was retired by then: a date, a year, or unix seconds.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False,
) -> None:
    """Delete for good what upkeep retired, and what only those memories told. Nothing brings it back but a snapshot.

    Example: hippo vacuum --until 2026-05-01 --yes
    """
    from hippo_mem.awake import Awake

    moment = parse_time(until)
    home = _existing(session)
    confirm("Delete retired memories for good?", yes)
    with Awake.open(session.home, home.user) as awake:
        n = awake.vacuum(moment)
    _say(session, {"deleted": n}, f"{_count(n, 'memory', 'memories')} deleted for good")


def _existing(session: Session) -> UserHome:
    """The user's home.

    Raises: InputError when nothing was ever remembered there; StoreError when it cannot be looked at.
    """
    from hippo_mem.home import UserHome, data_home, unreadable

    home = UserHome(root=data_home(session.home), user=check_id(session.user or DEFAULT_USER, "user"))
    try:
        told = home.database.exists()
    except OSError as error:
        raise unreadable(home.folder, error) from error
    if not told:
        raise InputError(f"user {home.user!r} has no memory under {home.root}; tell it something first: hippo remember")
    return home


def _say(session: Session, data: dict[str, Any], line: str) -> None:
    if session.as_json:
        print_json(data)
    else:
        typer.echo(line)


def _count(n: int, one: str, many: str) -> str:
    return f"{n} {one if n == 1 else many}"


def _rows(counts: Any) -> str:
    return ", ".join(f"{n} {table}" for table, n in counts.items() if n) or "nothing"
