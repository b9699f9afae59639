"""NumPy's .npy and .npz."""

from __future__ import annotations

import zipfile
from math import prod
from typing import IO

import numpy as np

from topovae.data.dataset import require_numbers
from topovae.data.readers.base import Contents, Entry, File, InputFormat, choose, parsing, refuse_member


def read_npy(file: File) -> Contents:
    """Map an .npy file.

    Raises:
        InputError: it is damaged, or holds no real numbers.
    """
    refuse_member(file)
    with parsing(file, NPY.name), open(file.path, "rb") as stream:
        shape, dtype = _npy_header(stream)
    require_numbers(shape, dtype, file.label)
    with parsing(file, NPY.name):
        return Contents(np.load(file.path, mmap_mode="r", allow_pickle=False))


def _npy_header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    version = np.lib.format.read_magic(stream)
    # version 3 differs from 2 in the encoding of field names alone, and arrays with fields are refused
    parse = np.lib.format.read_array_header_1_0 if version[0] == 1 else np.lib.format.read_array_header_2_0
    shape, _, dtype = parse(stream)
    return shape, dtype


def read_npz(file: File) -> Contents:
    """Read the wanted array of an .npz file, and what lies beside it.

    Raises:
        InputError: it is damaged, or holds no such array.
    """

    return choose(file, npz_entries(file))


def npz_entries(file: File) -> dict[str, Entry]:
    """The arrays of an .npz file by name, not read yet.

    Raises:
        InputError: it is damaged.
    """

    def entry(archive: zipfile.ZipFile, member: str) -> Entry:
        with archive.open(member) as stream:
            shape, dtype = _npy_header(stream)
        declared, held = prod(shape) * dtype.itemsize, archive.getinfo(member).file_size

        def load() -> np.ndarray:
            with parsing(file, NPZ.name), zipfile.ZipFile(file.path) as again, again.open(member) as stream:
                # read_array takes memory for what a header says before it reads
                if not dtype.hasobject and declared > held:
                    raise ValueError(f"{member} is said to take {declared} bytes, and {held} are there")
                return np.lib.format.read_array(stream, allow_pickle=False)

        return Entry(shape, dtype, load, whole=True)

    with parsing(file, NPZ.name), zipfile.ZipFile(file.path) as archive:
        members = [name for name in archive.namelist() if name.endswith(".npy")]
        return {name.removesuffix(".npy"): entry(archive, name) for name in members}


NPY = InputFormat("NumPy's .npy", (".npy",), (b"\x93NUMPY",), read_npy)
NPZ = InputFormat("NumPy's .npz", (".npz",), (b"PK\x03\x04",), read_npz)
