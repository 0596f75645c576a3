"""The nights of one user on disk: numbered folders, and one small file that names the night in force.

    nights/
    ├── in_force.json        {"night": 2}, replaced at once; missing or null means the base speaks alone
    ├── 0001/                adapter (PEFT), gate, night.json, checksums.json, report.html
    ├── 0002/
    └── .writing-4711/       a night that is not finished; removed by the next one

A night becomes visible by one rename and comes into force by another, so a killed sleep leaves the last good night as
it was. Knows nothing of training or of memories' texts: a night is known by the ids it learned.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from hippo_mem.errors import InputError, StoreFormatError
from hippo_mem.home import FOLDER_MODE, make_folder, sync_folder, unwritable, write_private
from hippo_mem.storage.restoring import finish_pending

Status = Literal["kept", "undone", "purged"]
_STATE, _NIGHT, _SUMS = "in_force.json", "night.json", "checksums.json"
_WEIGHTS = ("adapter_model.safetensors", "adapter_config.json", "hippo_gate.safetensors")


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """One night. `parent` is the night it went on from. A purged night has lost its weights: they held what was
    deleted.

    Times are unix seconds; `recall` is the share of this night's check questions answered right, memory OFF.
    """

    number: int
    created: float
    status: Status
    in_force: bool
    parent: int | None
    model: str
    n_facts: int
    n_new: int
    recall: float | None
    seconds: float
    reason: str
    conditioned: bool
    config_hash: str
    folder: str

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


class Nights:
    """The nights under one folder, which need not exist yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def all(self) -> list[Night]:
        """Every finished night, oldest first.

        Raises: StoreFormatError when a night's record is damaged.
        """
        force = self._force()
        if not self.folder.is_dir():
            return []
        numbers = sorted(int(p.name) for p in self.folder.iterdir() if p.name.isdigit() and p.is_dir())
        return [self._read(n, force) for n in numbers]

    def in_force(self) -> Night | None:
        """The night whose adapter speaks, None for the base alone.

        Raises: StoreFormatError when it is named but damaged or gone.
        """
        number = self._force()
        return None if number is None else self._read(number, number)

    def read(self, number: int) -> Night:
        """One night by its record, whether or not the others can be read; it does not say what is in force.

        Raises: StoreFormatError.
        """
        return self._read(number, None)

    def path(self, number: int) -> Path:
        """The folder of a night."""
        return self.folder / f"{number:04d}"

    @property
    def next_number(self) -> int:
        """The number a night that is published now would get."""
        return max((n.number for n in self.all()), default=0) + 1

    @contextmanager
    def writing(self) -> Iterator[Path]:
        """A folder to write a night into; what is still there at the end is removed, and what killed nights left."""
        make_folder(self.folder)
        for left in self.folder.glob(".writing-*"):
            shutil.rmtree(left, ignore_errors=True)
        scratch = self.folder / f".writing-{os.getpid()}"
        try:
            scratch.mkdir(mode=FOLDER_MODE)
        except OSError as error:
            raise unwritable(scratch, error) from error
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def publish(self, scratch: Path, night: Night) -> Night:
        """Make a written night visible; a kept one comes into force, an undone one stays as a record without
        weights."""
        target = self.path(night.number)
        if night.status == "undone":
            _drop_weights(scratch)
        final = replace(night, folder=str(target), in_force=night.status == "kept")
        self._record(scratch, final)
        write_private(scratch / _SUMS, (json.dumps(_sums(scratch), indent=2) + "\n").encode())
        try:
            for file in scratch.rglob("*"):
                if file.is_file():
                    file.chmod(0o600)
                    handle = os.open(file, os.O_RDONLY)
                    os.fsync(handle)
                    os.close(handle)
            scratch.rename(target)
            sync_folder(self.folder)
        except OSError as error:
            raise unwritable(target, error) from error
        if final.in_force:
            self.set_force(final.number)
        return final

    def undo(self) -> tuple[Night, Night | None]:
        """Go back from the night in force to its nearest ancestor that still has weights: (undone, now in force).

        Raises: InputError when no night is in force.
        """
        current = self.in_force()
        if current is None:
            raise InputError("there is no night to undo: the base model speaks alone")
        by_number = {n.number: n for n in self.all()}
        parent = by_number.get(current.parent) if current.parent is not None else None
        while parent is not None and parent.status != "kept":
            parent = by_number.get(parent.parent) if parent.parent is not None else None
        self.set_force(parent.number if parent else None)
        undone = replace(current, status="undone", in_force=False, reason="undone by its user")
        self._record(self.path(current.number), undone)
        return undone, self.in_force()

    def purge(self, numbers: Iterable[int]) -> list[int]:
        """Delete the weights of nights that learned what was deleted; one that is in force is taken out of force."""
        done = []
        for number in sorted(set(numbers)):
            folder = self.path(number)
            if not folder.is_dir():
                continue
            if self._force() == number:
                self.set_force(None)
            _drop_weights(folder)
            self._record(folder, replace(self._read(number, None), status="purged", in_force=False))
            done.append(number)
        return done

    def clear(self) -> int:
        """Delete every night, record and report included; the base speaks alone. Returns how many there were."""
        if not self.folder.is_dir():
            return 0
        if self._force() is not None:
            self.set_force(None)
        gone = [p for p in self.folder.iterdir() if p.is_dir()]
        for folder in gone:
            shutil.rmtree(folder)
        sync_folder(self.folder)
        return sum(p.name.isdigit() for p in gone)

    def damage(self, number: int) -> list[str]:
        """What is wrong with the weights of a kept night, in words; empty when every file is as it was written.

        A night of a version that wrote no checksums is only looked at for files that are missing.
        """
        folder = self.path(number)
        try:
            written = json.loads((folder / _SUMS).read_text(encoding="utf-8"))
            if not isinstance(written, dict):
                raise ValueError("not an object")
        except FileNotFoundError:
            return [] if (folder / _WEIGHTS[0]).is_file() else [f"{folder / _WEIGHTS[0]} is missing"]
        except (OSError, ValueError) as error:
            return [f"{folder / _SUMS} is damaged: {error}"]
        found = _sums(folder)
        wrong = [f"{folder / name} is missing" for name in written if name not in found]
        return wrong + [
            f"{folder / n} is not what was written" for n in written if n in found and found[n] != written[n]
        ]

    def set_force(self, number: int | None) -> None:
        """Name the night in force, at once."""
        write_private(self.folder / _STATE, json.dumps({"night": number}).encode())

    def _force(self) -> int | None:
        finish_pending(self.folder.parent)
        file = self.folder / _STATE
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
            number = data["night"]
            if number is not None and not isinstance(number, int):
                raise ValueError(f"night is {number!r}")
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise StoreFormatError(
                f'{file} is damaged ({error}); write {{"night": N}} with the number of a good night, or null'
            ) from error
        return number

    def _read(self, number: int, force: int | None) -> Night:
        file = self.path(number) / _NIGHT
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
            night = Night(**{**data, "in_force": number == force, "folder": str(self.path(number))})
        except FileNotFoundError:
            raise StoreFormatError(
                f"night {number} is named in {self.folder / _STATE} but {file} is missing; "
                "go back with: hippo nights undo"
                if number == force
                else f"{file} is missing; remove the folder {self.path(number)}"
            ) from None
        except (ValueError, TypeError) as error:
            raise StoreFormatError(f"{file} is damaged: {error}") from error
        if night.number != number:
            raise StoreFormatError(f"{file} says night {night.number}, its folder says {number}")
        return night

    @staticmethod
    def _record(folder: Path, night: Night) -> None:
        write_private(folder / _NIGHT, (json.dumps(night.to_dict(), indent=2) + "\n").encode())


def _sums(folder: Path) -> dict[str, str]:
    """SHA-256 of each weight file that is there."""
    return {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in _WEIGHTS if (folder / name).is_file()
    }


def _drop_weights(folder: Path) -> None:
    for name in _WEIGHTS:
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / "merged", ignore_errors=True)
