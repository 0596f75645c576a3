"""The whole state of one user in one file, and back: rows, nights, and a checksum of each.

In: an open store and the folder of its nights. Out: a zip, stored and not packed, that holds

    manifest.json       who, when, which schema, and size and SHA-256 of every other entry
    memory.sqlite       the rows as they were at one moment, while others went on writing
    nights/...          the nights and which is in force

The zip's comment is the SHA-256 of the manifest. The file appears by one rename. A restore verifies everything before
it changes anything, and a killed one leaves the old state or the new one (`restoring`). Knows nothing of what the rows
mean or how a night came to be.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import re
import sqlite3
import tempfile
import time
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from hippo_mem.errors import InputError, StoreBusy, StoreError, StoreFormatError, StoreVersionError
from hippo_mem.home import FILE_MODE, FOLDER_MODE, UserHome, check_target, locked, sync_folder, unwritable
from hippo_mem.storage import restoring
from hippo_mem.storage.database import Database
from hippo_mem.storage.identity import store_id
from hippo_mem.storage.migrations import LATEST

_FORMAT, _VERSION = "hippo-snapshot", 1
_MANIFEST, _ROWS = "manifest.json", "memory.sqlite"
_NAME = re.compile(r"^(memory\.sqlite|nights(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+)$")
_CHUNK = 1 << 20
_TRIES = 3
_DATE = (1980, 1, 1, 0, 0, 0)  # entries carry no time: the manifest does


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a snapshot says of itself. `files`: name -> size in bytes and SHA-256; `created` in unix seconds."""

    user: str
    store_id: str
    schema: int
    created: float
    n_traces: int
    night_in_force: int | None
    files: Mapping[str, tuple[int, str]]

    @property
    def n_bytes(self) -> int:
        """Size of all entries."""
        return sum(size for size, _ in self.files.values())


def snapshot(database: Database, home: UserHome, path: Path) -> Manifest:
    """Write the state of `home`'s user to `path`, replacing what is there. Writers go on meanwhile.

    Raises: InputError when `path` is a folder, lies in the user's own folder or holds something else; StoreBusy when
        nights keep changing under it; StorageFull; StoreError when a night holds a link, which could lead anywhere.
    """
    path = path.expanduser().absolute()
    if path.is_dir():
        raise InputError(f"{path} is a folder; name the file that the snapshot is to be")
    if home.folder.resolve() in path.resolve().parents:
        raise InputError(f"{path} lies in the folder that it would be a snapshot of; choose another place")
    check_target(path, "a snapshot", _is_snapshot)
    for _ in range(_TRIES):
        with _temporary(path) as scratch, tempfile.TemporaryDirectory(dir=path.parent, prefix=".hippo-") as folder:
            rows = Path(folder) / _ROWS
            _copy_rows(database, rows)
            before = _force_record(home)
            try:
                manifest = _write(home, rows, scratch)
            except FileNotFoundError:
                continue  # a night was undone or purged while it was read
            if _force_record(home) != before:
                continue
            scratch.replace(path)
            sync_folder(path.parent)
            return manifest
    raise StoreBusy(f"the nights under {home.nights} keep changing; take the snapshot when the sleep has ended")


def read_manifest(path: Path) -> Manifest:
    """What the snapshot at `path` says of itself; its entries are not verified.

    Raises: InputError when there is no such file; StoreFormatError when it is not a snapshot or is damaged;
        StoreVersionError when a newer version wrote it.
    """
    with _opened(path) as archive:
        return _manifest_of(archive, path)


def restore(home: UserHome, path: Path, *, other_user: bool = False, timeout_s: float = 10.0) -> Manifest:
    """Put `home`'s user back to the state in `path`. What was told since then is gone.

    Args:
        other_user: allow a snapshot of another user, whose memories become this user's.
        timeout_s: how long to wait for another restore.
    Raises: StoreFormatError for a damaged file; StoreVersionError for one of a newer version; InputError for another
        user's; StoreBusy while a sleep or another restore runs. Nothing was changed then.
    """
    path = path.expanduser().absolute()
    with _opened(path) as archive:
        manifest = _manifest_of(archive, path)
        if manifest.schema > LATEST:
            raise StoreVersionError(
                f"{path} has schema {manifest.schema}, this version of hippo knows up to {LATEST}; upgrade hippo"
            )
        if manifest.user != home.user and not other_user:
            raise InputError(
                f"{path} is a snapshot of user {manifest.user!r}, not of {home.user!r}; say that another user's "
                "memories are meant (--other-user), or restore it with --user"
            )
        with (
            locked(home.sleep_lock, "restoring a snapshot"),
            restoring.restoring(home.folder, timeout_s=timeout_s),
        ):
            if restoring.is_pending(home.folder):
                restoring.finish(home.folder)
            restoring.clear(home.folder)
            token = uuid.uuid4().hex
            staged = home.folder / f"{restoring.STAGED}{token}"
            try:
                _unpack(archive, manifest, staged, path)
                _prepare(staged / _ROWS, home, token)
                restoring.commit(home.folder, staged, token)
                restoring.finish(home.folder)
            except OSError as error:
                raise unwritable(staged, error) from error
            finally:
                if not restoring.rows_are_in(home.folder, token):
                    restoring.abandon(home.folder)
    return manifest


# Writing ----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        os.close(handle)
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        yield Path(name)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        Path(name).unlink(missing_ok=True)


def _copy_rows(database: Database, target: Path) -> None:
    """One moment's rows in a file of their own, by SQLite's online backup."""
    with contextlib.closing(sqlite3.connect(target)) as copy:
        database.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE").fetchone()  # one file, no log beside it


def _force_record(home: UserHome) -> bytes | None:
    try:
        return (home.nights / "in_force.json").read_bytes()
    except FileNotFoundError:
        return None


def _write(home: UserHome, rows: Path, target: Path) -> Manifest:
    files: dict[str, tuple[int, str]] = {}
    with target.open("wb") as out:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            files[_ROWS] = _add(archive, _ROWS, rows)
            for name, file in _night_files(home):
                files[name] = _add(archive, name, file)
            with contextlib.closing(sqlite3.connect(rows)) as copy:
                name = store_id(copy, home.database)
                (schema,) = copy.execute("SELECT max(number) FROM migrations").fetchone()
                (n_traces,) = copy.execute("SELECT count(*) FROM traces").fetchone()
            record = _force_record(home)
            manifest = Manifest(
                user=home.user,
                store_id=name,
                schema=schema,
                created=time.time(),
                n_traces=n_traces,
                night_in_force=json.loads(record).get("night") if record else None,
                files=files,
            )
            data = _encode(manifest)
            archive.writestr(zipfile.ZipInfo(_MANIFEST, _DATE), data)
            archive.comment = hashlib.sha256(data).hexdigest().encode()
        out.flush()
        os.fsync(out.fileno())
    return manifest


def _night_files(home: UserHome) -> Iterator[tuple[str, Path]]:
    for folder, inner, names in os.walk(home.nights):
        inner[:] = sorted(name for name in inner if not name.startswith("."))  # an unfinished night is none
        for name in (*inner, *sorted(names)):
            file = Path(folder) / name
            if file.is_symlink():
                raise StoreError(f"{file} is a link, and a snapshot holds files only; put the file itself there")
        for name in sorted(names):
            if not name.startswith("."):
                file = Path(folder) / name
                yield f"nights/{file.relative_to(home.nights).as_posix()}", file


def _add(archive: zipfile.ZipFile, name: str, file: Path) -> tuple[int, str]:
    if not _NAME.fullmatch(name):
        raise StoreError(f"{file} has a name that a snapshot cannot hold; move it away")
    digest, size = hashlib.sha256(), 0
    entry = zipfile.ZipInfo(name, _DATE)
    entry.external_attr = FILE_MODE << 16
    with file.open("rb") as source, archive.open(entry, "w", force_zip64=True) as target:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            target.write(chunk)
    return size, digest.hexdigest()


def _encode(manifest: Manifest) -> bytes:
    plain = {f.name: getattr(manifest, f.name) for f in dataclasses.fields(manifest)}
    plain["files"] = {name: {"bytes": size, "sha256": digest} for name, (size, digest) in manifest.files.items()}
    return (json.dumps({"format": _FORMAT, "version": _VERSION, **plain}, indent=2) + "\n").encode()


# Reading ----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except FileNotFoundError:
        raise InputError(f"no file {path}") from None
    except zipfile.BadZipFile as error:
        raise StoreFormatError(f"{path} is damaged or not a snapshot: {error}; it may have been cut off") from error
    except IsADirectoryError:
        raise InputError(f"{path} is a folder, not a snapshot") from None


def _is_snapshot(path: Path) -> bool:
    return zipfile.is_zipfile(path) and _MANIFEST in zipfile.ZipFile(path).namelist()


def _manifest_of(archive: zipfile.ZipFile, path: Path) -> Manifest:
    try:
        data = archive.read(_MANIFEST)
        plain: dict[str, Any] = json.loads(data)
        if plain["format"] != _FORMAT:
            raise ValueError(f"format is {plain['format']!r}")
        if int(plain["version"]) > _VERSION:
            raise StoreVersionError(f"{path} was written by a newer version of hippo; upgrade hippo to read it")
        if hashlib.sha256(data).hexdigest().encode() != archive.comment:
            raise ValueError("the checksum of its manifest does not match")
        files = {str(name): (int(f["bytes"]), str(f["sha256"])) for name, f in plain["files"].items()}
        manifest = Manifest(
            user=str(plain["user"]),
            store_id=str(plain["store_id"]),
            schema=int(plain["schema"]),
            created=float(plain["created"]),
            n_traces=int(plain["n_traces"]),
            night_in_force=None if plain["night_in_force"] is None else int(plain["night_in_force"]),
            files=files,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreFormatError(f"{path} is not a snapshot of hippo or is damaged: {error}") from error
    bad = [name for name in files if not _NAME.fullmatch(name) or ".." in name]
    if bad or _ROWS not in files:
        raise StoreFormatError(f"{path} names entries that no snapshot has: {bad or 'no ' + _ROWS}")
    return manifest


def _unpack(archive: zipfile.ZipFile, manifest: Manifest, staged: Path, path: Path) -> None:
    """Every entry into `staged`, verified and on disk."""
    staged.mkdir(mode=FOLDER_MODE)
    (staged / "nights").mkdir(mode=FOLDER_MODE)
    for name, (size, digest) in manifest.files.items():
        target = staged / name
        target.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        try:
            entry = archive.getinfo(name)
            with archive.open(entry) as source, target.open("xb") as out:
                found = _copy(source, out)
                os.fsync(out.fileno())
        except KeyError:
            raise StoreFormatError(f"{path} is damaged: {name} is missing; nothing was changed") from None
        except (zipfile.BadZipFile, EOFError) as error:
            raise StoreFormatError(f"{path} is damaged at {name}: {error}; nothing was changed") from error
        if found != (size, digest):
            raise StoreFormatError(f"{path} is damaged: the checksum of {name} does not match; nothing was changed")
        target.chmod(FILE_MODE)
    for folder in (staged, *(p for p in staged.rglob("*") if p.is_dir())):
        sync_folder(folder)


def _copy(source: IO[bytes], target: IO[bytes]) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    while chunk := source.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
        target.write(chunk)
    target.flush()
    return size, digest.hexdigest()


def _prepare(rows: Path, home: UserHome, token: str) -> None:
    """Bring the staged rows to this version's schema and to change numbers that no open process has seen."""
    numbers = dict.fromkeys(("generation", "relational_version", "spatial_version"), 0)
    for file in (rows, home.database):
        if file.exists():
            for key, value in _numbers(file).items():
                numbers[key] = max(numbers[key], value)
    staged = Database(rows)
    try:
        for key, value in numbers.items():
            staged.set_meta(key, str(value + 1))
        staged.set_meta("restored", token)
        staged.flush_log()
    finally:
        staged.close()
    with contextlib.closing(sqlite3.connect(rows)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE").fetchone()


def _numbers(file: Path) -> dict[str, int]:
    try:
        with contextlib.closing(sqlite3.connect(file, timeout=10.0)) as connection:
            rows = connection.execute(
                "SELECT key, value FROM meta WHERE key IN ('generation', 'relational_version', 'spatial_version')"
            ).fetchall()
    except sqlite3.DatabaseError:  # what is to be replaced may be damaged
        return {}
    return {key: int(value) for key, value in rows}
