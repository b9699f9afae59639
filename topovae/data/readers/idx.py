"""MNIST's IDX."""

from __future__ import annotations

import struct
from math import prod

import numpy as np

from topovae.data.dataset import require_numbers
from topovae.data.readers.base import Contents, File, InputFormat, refuse_member
from topovae.errors import InputError

_MOST_AXES = 8
_IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(file: File) -> Contents:
    """Map an IDX file: two zeros, the type, the number of axes, their lengths (big-endian), the numbers.

    Raises:
        InputError: its header and its length disagree.

    References:
        LeCun, Cortes, Burges, "The MNIST database of handwritten digits", section on file formats.
    """
    refuse_member(file)
    with open(file.path, "rb") as stream:
        *_, kind, axes = stream.read(4)
        lengths = stream.read(4 * axes)
    shape = struct.unpack(f">{len(lengths) // 4}I", lengths[: len(lengths) // 4 * 4])
    dtype = np.dtype(_IDX_TYPES[kind])
    found, expected = file.path.stat().st_size, 4 + 4 * axes + prod(shape) * dtype.itemsize
    if len(shape) < axes or found != expected:
        raise InputError(
            f"{file.label} is an IDX file of {found} bytes whose header says {shape} of {dtype}, "
            f"{expected} bytes "
            "in all; expected the two to agree. It is damaged or cut short: copy it again."
        )
    require_numbers(shape, dtype, file.label)
    return Contents(np.memmap(file.path, dtype, "r", 4 + 4 * axes, shape))


_MAGIC = tuple(bytes((0, 0, kind, axes)) for kind in _IDX_TYPES for axes in range(1, _MOST_AXES + 1))
IDX = InputFormat("MNIST IDX", (), _MAGIC, read_idx)
