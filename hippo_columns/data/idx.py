"""The IDX format of MNIST: unsigned bytes behind a header that says their shape.

In and out: bytes and uint8 arrays. Knows nothing of where the bytes are from.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from hippo_mem.errors import InputError, StoreFormatError

# Two zero bytes, the type (0x08: unsigned byte), the number of dimensions.
_UNSIGNED_BYTE = 0x08
_GZIP_MAGIC = b"\x1f\x8b"


def read_idx(data: bytes, n_dims: int, *, origin: str = "IDX data") -> NDArray[np.uint8]:
    """The array that `data` holds, plain or gzipped.

    Args:   n_dims: how many dimensions are expected, 1 for labels and 3 for images. origin: what messages call it.
    Returns: (d_1, ..., d_n) uint8, a copy.
    Raises: StoreFormatError for broken gzip, a wrong magic number, a header that ends early, or another number of
        bytes than the header promises.
    Source: the format's description at yann.lecun.com/exdb/mnist. Differs: unsigned bytes only.
    """
    data = ungzip(data, origin=origin)
    if len(data) < 4:
        raise StoreFormatError(f"{origin} ends after {len(data)} bytes, inside the IDX magic number; fetch it again")
    zero, kind, found_dims = struct.unpack(">HBB", data[:4])
    if zero != 0 or kind != _UNSIGNED_BYTE or found_dims != n_dims:
        wanted = f"0000{_UNSIGNED_BYTE:02x}{n_dims:02x}"
        raise StoreFormatError(
            f"{origin} begins with {data[:4].hex()}, an IDX file of {n_dims} dimensions of unsigned bytes begins "
            f"with {wanted}; is it another file?"
        )
    start = 4 + 4 * n_dims
    if len(data) < start:
        raise StoreFormatError(f"{origin} ends after {len(data)} bytes, inside its header of {start}; fetch it again")
    shape = struct.unpack(f">{n_dims}I", data[4:start])
    promised, there = math.prod(shape), len(data) - start
    if there != promised:
        state = "is truncated" if there < promised else "is too long"
        raise StoreFormatError(
            f"{origin} {state}: its header promises {promised} bytes of shape {shape}, {there} follow; fetch it again"
        )
    return np.frombuffer(data, dtype=np.uint8, offset=start).reshape(shape).copy()


def write_idx(values: NDArray[np.uint8]) -> bytes:
    """The IDX file of a uint8 array of 1 to 255 dimensions; `read_idx` gives it back.

    Raises: InputError for another type or no dimension.
    """
    if values.dtype != np.uint8 or not 1 <= values.ndim <= 255:
        raise InputError(f"an IDX file holds uint8 of 1 to 255 dimensions, got {values.dtype} of {values.ndim}")
    header = struct.pack(f">HBB{values.ndim}I", 0, _UNSIGNED_BYTE, values.ndim, *values.shape)
    return header + np.ascontiguousarray(values).tobytes()


def ungzip(data: bytes, *, origin: str) -> bytes:
    """`data` without its gzip wrapping, or as it is when it has none.

    Raises: StoreFormatError when the wrapping is broken.
    """
    if not data.startswith(_GZIP_MAGIC):
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise StoreFormatError(f"{origin} is broken gzip ({error}); fetch it again") from error
