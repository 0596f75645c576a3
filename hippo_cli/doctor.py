"""`hippo doctor`: what works here and what does not, each with its remedy. Changes nothing unless `--repair` is given.

Here are the checks of the machine; those of a user's files are in `mending`. Every check stands alone: one that fails
does not hide the next. Knows nothing of how the parts it asks do their work.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from hippo_cli import mending
from hippo_cli.findings import Check
from hippo_cli.plain import one_line, print_json
from hippo_cli.session import Session, with_session
from hippo_mem.errors import HippoError


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(name="doctor")(with_session(doctor))


def doctor(
    session: Session,
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend what can be mended; nothing that was told is lost.")
    ] = False,
) -> None:
    """Check versions, model, data home, store, rows, vectors, index, origins, nights and settings. Exit code 1 if
    something is broken and was not mended.

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
        for name, look in mending.checks():
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
