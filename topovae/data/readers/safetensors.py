"""Safetensors: a header of JSON and raw numbers, mapped from the file."""

from __future__ import annotations

import json
import struct
from math import prod
from typing import Any

import numpy as np

from topovae.data.readers.base import Contents, Entry, File, InputFormat, choose, parsing

MOST_HEADER = 100_000_000
"""Bytes of a header at most, as the format's own reader allows."""

_TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?",
}  # fmt: skip
_MOST_AXES = 32


def read_safetensors(file: File) -> Contents:
    """Map the wanted array.

    Raises:
        InputError: the header and the file disagree, or it holds no such array.

    References:
        https://github.com/huggingface/safetensors, section "Format".
    """
    with parsing(file, SAFETENSORS.name):
        size = file.path.stat().st_size
        with open(file.path, "rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            if length > min(MOST_HEADER, size - 8):
                raise ValueError(f"its header is said to take {length} bytes, and the file takes {size}")
            header = dict(json.loads(stream.read(length)))
        header.pop("__metadata__", None)
        entries = {name: _entry(file, told, 8 + length, size) for name, told in header.items()}
    return choose(file, entries)


def _entry(file: File, told: Any, start: int, size: int) -> Entry:
    """Describe an array, whose place and size must be within the file.

    Raises:
        ValueError: they are not.
    """
    shape = tuple(int(side) for side in told["shape"])
    begin, end = (int(offset) for offset in told["data_offsets"])
    kind = _TYPES.get(told["dtype"])
    if kind is None:  # bfloat16 and others that NumPy has none for
        return Entry(shape, np.dtype("V2"), lambda: None)
    dtype = np.dtype(kind)
    needed = prod(shape) * dtype.itemsize
    if len(shape) > _MOST_AXES or min(shape, default=0) < 0 or not 0 <= begin <= end <= size - start or end - begin != needed:
        raise ValueError(f"an array of shape {shape} and {needed} bytes is said to lie in bytes {begin} to {end}")

    def load() -> np.ndarray:
        return np.memmap(file.path, dtype, "r", start + begin, shape) if needed else np.empty(shape, dtype)

    return Entry(shape, dtype, load)


SAFETENSORS = InputFormat("safetensors", (".safetensors",), (), read_safetensors, "arrays by name")
