"""`hippo doctor`: what works here and what does not, each with its remedy. Changes nothing unless `--repair` is given.

Every check stands alone: one that fails does not hide the next. Knows nothing of how the parts it asks do their work.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from hippo_cli.plain import one_line, print_json
from hippo_cli.session import DEFAULT_USER, Session, with_session
from hippo_mem.errors import HippoError
from hippo_mem.types import check_id

if TYPE_CHECKING:
    from hippo_mem.home import UserHome


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One finding. `ok` None is a remark, neither good nor broken."""

    name: str
    ok: bool | None
    found: str
    remedy: str = ""


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(name="doctor")(with_session(doctor))


def doctor(
    session: Session,
    repair: Annotated[
        bool, typer.Option("--repair", help="Rebuild what is derived (the index); memories are never touched.")
    ] = False,
) -> None:
    """Check versions, model, data home, store, index and nights. Exit code 1 if something is broken.

    Example: hippo doctor --repair
    """
    findings = list(examine(session, repair))
    if session.as_json:
        print_json({"healthy": all(c.ok is not False for c in findings), "checks": findings})
    else:
        console = Console(highlight=False, soft_wrap=True)
        for check in findings:
            mark = {True: ("ok     ", "green"), False: ("broken ", "bold red"), None: ("note   ", "dim")}[check.ok]
            console.print(Text.assemble(mark, (f"{check.name:<11}", "bold"), one_line(check.found)))
            if check.ok is False and check.remedy:
                console.print(Text(f"       {'':<11}→ {one_line(check.remedy)}", style="yellow"))
    if any(c.ok is False for c in findings):
        raise typer.Exit(1)


def examine(session: Session, repair: bool = False) -> Iterator[Check]:
    """All findings, in the order in which one depends on another."""
    yield _versions()
    yield _sqlite()
    home = _home(session)
    yield home
    for name, check in (
        ("model", _model),
        ("vectors", _vectors),
        ("parser", _parser),
        ("arithmetic", _arithmetic),
    ):
        yield _guarded(name, lambda check=check: check(session))  # type: ignore[misc]
    if home.ok:
        for name, look in (("store", _store), ("index", _index), ("nights", _nights_whole)):
            yield _guarded(name, lambda look=look: look(session, repair))  # type: ignore[misc]


def _guarded(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except HippoError as error:
        return Check(name=name, ok=False, found=str(error))
    except (ImportError, OSError, sqlite3.Error) as error:
        return Check(name=name, ok=False, found=f"{type(error).__name__}: {error}")


def _versions() -> Check:
    from hippo_eval.machine import versions

    found = versions()
    missing = [name for name, version in found.items() if version == "not installed" and name != "hippo-memory"]
    text = ", ".join(f"{name} {version}" for name, version in found.items())
    return Check(name="versions", ok=not missing, found=text, remedy=f"pip install {' '.join(missing)}")


def _sqlite() -> Check:
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("CREATE VIRTUAL TABLE words USING fts5(text)")
    except sqlite3.OperationalError as error:
        return Check(
            name="sqlite",
            ok=False,
            found=f"SQLite {sqlite3.sqlite_version} without FTS5: {error}",
            remedy="use a Python whose sqlite3 has FTS5 (python.org's and most distributions' have it)",
        )
    finally:
        connection.close()
    return Check(name="sqlite", ok=True, found=f"SQLite {sqlite3.sqlite_version} with FTS5")


def _home(session: Session) -> Check:
    from hippo_mem.home import data_home

    place = data_home(session.home)
    there = place
    while not there.exists() and there != there.parent:
        there = there.parent
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(b"0")
    except OSError as error:
        return Check(
            name="home",
            ok=False,
            found=f"{place} cannot be written: {error.strerror}",
            remedy="free space or permissions there, or set HIPPO_HOME",
        )
    free = os.statvfs(there)
    found = (
        f"{place}{'' if place.exists() else ' (made at first use)'}, {free.f_bavail * free.f_frsize / 1e9:.1f} GB free"
    )
    return Check(name="home", ok=True, found=found)


def _model(session: Session) -> Check:
    import importlib.util

    from hippo_mem.home import data_home
    from hippo_mem.lm.source import BUNDLED, is_local

    name = session.model_name
    if is_local(name, data_home(session.home) / "models"):
        return Check(name="model", ok=True, found=f"{name}, on disk")
    if name in BUNDLED:
        module, _, install = BUNDLED[name]
        there = importlib.util.find_spec(module) is not None
        found = f"{name}, bundled; converted at first use" if there else f"the weights of {name} are not installed"
        return Check(name="model", ok=there, found=found, remedy=install)
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        cached = isinstance(try_to_load_from_cache(name, "config.json"), str)
    except HFValidationError:
        cached = False
    return Check(
        name="model",
        ok=cached,
        found=f"{name}, in the hub cache" if cached else f"{name} is neither a folder with config.json nor cached",
        remedy=f"without a network: {', '.join(sorted(BUNDLED))}; with one, the first use fetches a hub id",
    )


def _vectors(_session: Session) -> Check:
    from hippo_mem.embed import MiniLMEmbedder

    embedder = MiniLMEmbedder()
    vector = embedder.embed(["the quick brown fox"])
    return Check(name="vectors", ok=vector.shape == (1, embedder.dim), found=f"{embedder.id}, {embedder.dim} wide")


def _parser(_session: Session) -> Check:
    from hippo_mem.relational.frames import FrameParser

    parser = FrameParser()
    frames = parser.parse("Marta hid the key in the barn on Friday.")
    meta = parser.nlp.meta
    return Check(name="parser", ok=bool(frames), found=f"spaCy {meta['lang']}_{meta['name']} {meta['version']}")


def _arithmetic(_session: Session) -> Check:
    import torch

    from hippo_mem.lm import precision

    seconds = precision.measure()
    chosen = "bfloat16" if precision.choose() is torch.bfloat16 else "float32"
    times = ", ".join(f"{name} {value * 1e3:.2f} ms" for name, value in seconds.items())
    return Check(name="arithmetic", ok=True, found=f"{times} a product on {torch.get_num_threads()} threads: {chosen}")


def _paths(session: Session) -> UserHome:
    from hippo_mem.home import UserHome, data_home

    return UserHome(root=data_home(session.home), user=check_id(session.user or DEFAULT_USER, "user"))


def _store(session: Session, _repair: bool) -> Check:
    from hippo_mem.storage import Database

    path = _paths(session).database
    if not path.exists():
        return Check(name="store", ok=None, found="nothing was remembered yet")
    database = Database(path)
    try:
        wrong = database.check()
    finally:
        database.close()
    if wrong:
        return Check(name="store", ok=False, found="; ".join(wrong[:3]), remedy=f"put back a backup of {path}")
    return Check(name="store", ok=True, found=f"{path.stat().st_size / 1e6:.1f} MB, whole")


def _index(session: Session, repair: bool) -> Check:
    """The index is derived: being behind is normal, being damaged or of another store is not."""
    from hippo_mem.awake import Awake
    from hippo_mem.embed import MiniLMEmbedder
    from hippo_mem.storage import VectorIndex
    from hippo_mem.storage.index import discard

    paths = _paths(session)
    if not paths.database.exists():
        return Check(name="index", ok=None, found="none yet")
    if repair:
        discard(paths.index)
        with Awake.open(session.home, paths.user):
            pass  # opening reads the rows, closing writes the index
    if not paths.index.exists():
        return Check(name="index", ok=None, found="no saved index; the next opening builds it")
    loaded = VectorIndex.load(paths.index, MiniLMEmbedder.dim)
    if loaded is None:
        return Check(name="index", ok=False, found=f"{paths.index} is damaged", remedy="hippo doctor --repair")
    stamp = loaded[1]
    with contextlib.closing(sqlite3.connect(f"{paths.database.as_uri()}?mode=ro", uri=True)) as connection:
        (store_id,) = connection.execute("SELECT value FROM meta WHERE key = 'store_id'").fetchone()
        (rows,) = connection.execute("SELECT count(*) FROM traces").fetchone()
    if stamp.store_id != store_id:
        return Check(name="index", ok=False, found=f"{paths.index} is of another store", remedy="hippo doctor --repair")
    behind = "in step" if stamp.rows == rows else f"saved at {stamp.rows}, catches up when opened"
    return Check(name="index", ok=True, found=f"{rows} rows, {behind}{', rebuilt' if repair else ''}")


def _nights_whole(session: Session, _repair: bool) -> Check:
    """Records can be read, and the weights of every kept night are whole."""
    from safetensors import SafetensorError, safe_open

    from hippo_mem.sleep.nights import Nights

    nights = Nights(_paths(session).nights)
    every = nights.all()
    if not every:
        return Check(name="nights", ok=None, found="no night yet")
    force = nights.in_force()
    for night in every:
        if night.status != "kept":
            continue
        file = nights.path(night.number) / "adapter_model.safetensors"
        try:
            with safe_open(file, framework="numpy") as weights:
                n_tensors = len(weights.keys())
        except (SafetensorError, OSError) as error:
            where = "in force" if night.in_force else "kept"
            return Check(
                name="nights",
                ok=False,
                found=f"night {night.number} ({where}): {file} is damaged or gone: {error}",
                remedy="hippo nights undo && hippo sleep",
            )
        if not n_tensors:
            return Check(name="nights", ok=False, found=f"{file} is empty", remedy="hippo nights undo && hippo sleep")
    speaks = "the base speaks alone" if force is None else f"night {force.number} is in force"
    return Check(name="nights", ok=True, found=f"{len(every)} on disk, {speaks}")
