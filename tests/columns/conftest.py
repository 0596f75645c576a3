"""A set of small made-up images for every test, and the real MNIST where it can be had."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hippo_columns.data import DataUnavailable, ImageSet, get, load, write_idx
from hippo_columns.data.cache import TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS


def write_glyphs(folder: Path, *, n_train: int = 1200, n_test: int = 300, side: int = 8, seed: int = 0) -> Path:
    """Four IDX files of ten noisy patterns: as easy to tell apart as a picture can be, but not trivially so."""
    rng = np.random.default_rng(seed)
    patterns = rng.random((10, side, side)) > 0.6
    folder.mkdir(parents=True, exist_ok=True)
    for n, images, labels in ((n_train, TRAIN_IMAGES, TRAIN_LABELS), (n_test, TEST_IMAGES, TEST_LABELS)):
        y = rng.permutation(np.arange(n) % 10).astype(np.uint8)
        flipped = rng.random((n, side, side)) < 0.1
        x = np.where(patterns[y] ^ flipped, 220, 20) + rng.integers(0, 30, (n, side, side))
        (folder / images).write_bytes(write_idx(x.astype(np.uint8)))
        (folder / labels).write_bytes(write_idx(y))
    return folder


@pytest.fixture(scope="session")
def glyph_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of IDX files, usable as a task's `dataset`."""
    return write_glyphs(tmp_path_factory.mktemp("glyphs"))


@pytest.fixture(scope="session")
def glyphs(glyph_folder: Path) -> ImageSet:
    """The same, loaded."""
    return load(str(glyph_folder))


@pytest.fixture(scope="session")
def mnist_home(request: pytest.FixtureRequest) -> Path:
    """A data home with MNIST, fetched once into pytest's cache."""
    home = request.config.cache.mkdir("hippo-columns")
    try:
        get("mnist", home=home)
    except DataUnavailable as error:
        pytest.skip(f"MNIST cannot be had here: {error}")
    return Path(home)


@pytest.fixture(scope="session")
def mnist(mnist_home: Path) -> ImageSet:
    """The real MNIST."""
    return load("mnist", home=mnist_home)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Small tensors are slower on more threads."""
    torch.set_num_threads(1)
