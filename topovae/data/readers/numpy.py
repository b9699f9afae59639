"""NumPy's .npy and .npz."""

from __future__ import annotations

import zipfile
from math import prod
from typing import IO

import numpy as np

from topovae.data.dataset import REAL_KINDS, require_numbers
from topovae.data.readers.archives import holds_pictures, read_archive
from topovae.data.readers.base import (
    Contents,
    Entry,
    File,
    InputFormat,
    choose,
    fields_of,
    parsing,
    refuse_member,
    require_room,
    tabulate,
)
from topovae.data.readers.sparse import SparseRows, coordinate_array, sides


def read_npy(file: File) -> Contents:
    """Map an .npy file.

    Raises:
        InputError: it is damaged, or holds no real numbers.
    """
    refuse_member(file)
    with parsing(file, NPY.name), open(file.path, "rb") as stream:
        shape, dtype = _npy_header(stream)
    if dtype.names and len(shape) == 1 and not dtype.hasobject:
        require_room(shape, dtype, file.label, file.memory)
        with parsing(file, NPY.name):
            return tabulate(file, fields_of(np.load(file.path, allow_pickle=False)))
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

    entries = npz_entries(file)
    if not entries and holds_pictures(file):
        return read_archive(file)
    if {"format", "shape", "data"} <= set(entries) and file.member is None:
        return Contents(_sparse(file, entries))
    return choose(file, entries)


def _sparse(file: File, entries: dict[str, Entry]) -> SparseRows:
    """The rows of a matrix as scipy.sparse.save_npz writes it.

    Raises:
        InputError: its parts do not fit each other, or it is neither of rows, columns nor coordinates.
    """
    for name, entry in entries.items():
        require_room(entry.shape, entry.dtype, f"{file.label}::{name}", file.memory)
    with parsing(file, NPZ.name):
        form = np.asarray(entries["format"].open()).item()
        form = form.decode() if type(form) is bytes else str(form)
        names = {"csr": ("indices", "indptr"), "csc": ("indices", "indptr"), "coo": ("row", "col")}.get(form)
        if names is None:
            raise ValueError(f"its sparse matrix has the format {form[:20]!r}; save it as rows: matrix.tocsr()")
        if entries["data"].dtype.kind not in REAL_KINDS:
            raise ValueError(f"its entries are of type {entries['data'].dtype}, and real numbers are read")
        shape = entries["shape"].open()
        require_room(sides(shape)[:1], np.dtype(np.int64), f"{file.label}, its rows", file.memory)
        data, first, second = (entries[name].open() for name in ("data", *names))
        if form == "csc":
            return SparseRows.of_columns(data, first, second, shape)
        if form == "coo":
            matrix = coordinate_array(data, first, second, shape).tocsr()
            data, first, second = matrix.data, matrix.indices, matrix.indptr
        return SparseRows(data, first, second, shape)


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


NPY = InputFormat("NumPy's .npy", (".npy",), (b"\x93NUMPY",), read_npy, "one array, fields of a table as columns")
NPZ = InputFormat("NumPy's .npz", (".npz",), (b"PK\x03\x04",), read_npz, "arrays by name, or a sparse matrix of scipy")
