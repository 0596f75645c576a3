"""Where everything lives on disk, and who may use it now. Knows nothing of what the files hold.

    <home>/                     HIPPO_HOME, else XDG_DATA_HOME/hippo, else ~/.local/share/hippo
    ├── models/                 shared between users
    └── users/<user>/
        ├── memory.sqlite       the truth
        ├── index.faiss         derived from it, as is index.words; index.lost notes another store that lay here
        ├── sleep.lock
        ├── settings.json      when to sleep by itself
        └── nights/

Folders are 0700 and files 0600: memories are private.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hippo_mem.errors import InputError, StorageFull, StoreBusy, StoreError
from hippo_mem.types import check_id

FILE_MODE = 0o600
FOLDER_MODE = 0o700


@dataclass(frozen=True, slots=True, kw_only=True)
class UserHome:
    """The paths of one user. `open_home` makes the folders; the files are made by who writes them."""

    root: Path
    user: str

    @property
    def folder(self) -> Path:
        """All of this user's files."""
        return self.root / "users" / self.user

    @property
    def database(self) -> Path:
        """The store, the truth."""
        return self.folder / "memory.sqlite"

    @property
    def index(self) -> Path:
        """Vectors, derived from the store."""
        return self.folder / "index.faiss"

    @property
    def policy(self) -> Path:
        """What the map's macros are ranked by, cloned in sleep."""
        return self.folder / "policy.safetensors"

    @property
    def nights(self) -> Path:
        """One numbered folder a night."""
        return self.folder / "nights"

    @property
    def sleep_lock(self) -> Path:
        """Held by the one process that sleeps."""
        return self.folder / "sleep.lock"

    @property
    def schedule(self) -> Path:
        """When this user's memory sleeps by itself."""
        return self.folder / "settings.json"

    @property
    def models(self) -> Path:
        """Weights, shared between users."""
        return self.root / "models"


def data_home(home: str | Path | None = None) -> Path:
    """The data home: the argument, else `HIPPO_HOME`, else the platform's data folder. Nothing is created."""
    if home is not None:
        return Path(home).expanduser().absolute()
    if configured := os.environ.get("HIPPO_HOME"):
        return Path(configured).expanduser().absolute()
    base = os.environ.get("XDG_DATA_HOME")
    # The XDG specification says that a relative path there is to be ignored.
    folder = Path(base) if base and Path(base).is_absolute() else Path.home() / ".local" / "share"
    return folder / "hippo"


def open_home(home: str | Path | None = None, user: str = "default") -> UserHome:
    """The paths of `user`, their folders made and writable.

    Raises: InputError for a user id that could leave the home, or files that are links to another user's; StorageFull
        when the home cannot be written.
    """
    found = UserHome(root=data_home(home), user=check_id(user, "user"))
    _refuse_links_to_others(found)
    for folder in (found.root, found.models, found.root / "users", found.folder, found.nights):
        make_folder(folder)
    return found


def _refuse_links_to_others(home: UserHome) -> None:
    """A user's files may lie on another disk by a link, but not in another user's folder."""
    users = (home.root / "users").resolve()
    for path in (home.folder, home.database, home.index, home.nights):
        place = path.resolve()
        if place.is_relative_to(users) and place.relative_to(users).parts[:1] != (home.user,):
            raise InputError(f"{path} is a link to {place}, which is not of user {home.user!r}; remove the link")


def make_folder(folder: Path) -> Path:
    """Make `folder` (0700) and check that files can be made in it.

    Raises: StorageFull with the reason and the remedy.
    """
    try:
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK | os.X_OK)
    except OSError as error:
        raise unwritable(folder, error) from error
    if not writable:
        raise unwritable(folder, PermissionError("permission denied"))
    return folder


def unwritable(path: Path, error: OSError) -> StorageFull:
    """The error for a place that takes no data."""
    reason = error.strerror or str(error)
    return StorageFull(
        f"cannot write {path}: {reason}; free space or permissions there, or set HIPPO_HOME to a writable folder"
    )


def check_target(path: Path, what: str, is_one: Callable[[Path], bool]) -> None:
    """Refuse to write over what is not ours: only a new place, an empty file, or an earlier one of its kind.

    Args: what: "an export", for the message. is_one: whether the file that is there is one.
    Raises: InputError.
    """
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise InputError(f"{path} is no ordinary file; name a new file for {what}")
    if path.exists() and path.stat().st_size and not is_one(path):
        raise InputError(f"{path} holds something else than {what}, which would be lost; name a new file")


def unreadable(path: Path, error: OSError) -> StoreError:
    """The error for a place that cannot be looked at."""
    reason = (error.strerror or str(error)).lower()
    return StoreError(
        f"cannot read {path}: {reason}; take the right to it (chmod -R u+rwX), or name another place by HIPPO_HOME"
    )


def write_private(path: Path, data: bytes) -> None:
    """Replace `path` by `data` at once (0600): a reader or a crash sees the old file or the new one, never a part.

    Raises: StorageFull.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        try:
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        raise unwritable(path, error) from error


def sync_folder(folder: Path) -> None:
    """Make renames and deletions in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def locked(path: Path, purpose: str) -> Iterator[None]:
    """Hold `path` for this process alone. The kernel lets go when the process ends, however it ends.

    Args:
        path: the lock file; it is made when missing and stays (removing it would let two holders in).
        purpose: what the others are told, as in "sleeping".
    Raises: StoreBusy naming the holder, at once; StorageFull when the file cannot be written.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreBusy(f"{_holder(path)} (lock {path}); wait for it to end, or end it") from None
        try:
            os.ftruncate(handle, 0)
            os.pwrite(handle, json.dumps({"pid": os.getpid(), "purpose": purpose, "since": time.time()}).encode(), 0)
        except OSError as error:
            raise unwritable(path, error) from error
        yield
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def held_by(path: Path) -> str | None:
    """Who holds the lock file `path` now, in words; None while nobody does."""
    try:
        if not path.stat().st_size:  # whoever let go of it emptied it; nothing is locked to find that out
            return None
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)  # its holder was killed where this succeeds
    except BlockingIOError:
        return _holder(path)
    else:
        return None
    finally:
        os.close(handle)


def _holder(path: Path) -> str:
    try:
        held = json.loads(path.read_bytes())
        seconds = max(0.0, time.time() - float(held["since"]))
        return f"process {int(held['pid'])} has been {held['purpose']} for {seconds:.0f} s"
    except (OSError, ValueError, KeyError, TypeError):  # the holder took the lock and has not written its name yet
        return "another process is busy here"
