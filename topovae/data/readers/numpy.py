"""NumPy's .npy and .npz."""

from __future__ import annotations

import zipfile
from typing import IO

import numpy as np

from topovae.data.dataset import require_numbers
from topovae.data.readers.base import Contents, _choose, _Entry, _File, _parsing, _refuse_member


def _read_npy(file: _File) -> Contents:
    _refuse_member(file)
    with _parsing(file, "NumPy's .npy"), open(file.path, "rb") as stream:
        shape, dtype = _npy_header(stream)
    require_numbers(shape, dtype, file.label)
    with _parsing(file, "NumPy's .npy"):
        return Contents(np.load(file.path, mmap_mode="r", allow_pickle=False))


def _npy_header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    version = np.lib.format.read_magic(stream)
    # version 3 differs from 2 in the encoding of field names alone, and arrays with fields are refused
    parse = np.lib.format.read_array_header_1_0 if version[0] == 1 else np.lib.format.read_array_header_2_0
    shape, _, dtype = parse(stream)
    return shape, dtype


def _read_npz(file: _File) -> Contents:
    def entry(archive: zipfile.ZipFile, member: str) -> _Entry:
        def load() -> np.ndarray:
            with (
                _parsing(file, "NumPy's .npz"),
                zipfile.ZipFile(file.path) as again,
                again.open(member) as stream,
            ):
                return np.lib.format.read_array(stream, allow_pickle=False)

        with archive.open(member) as stream:
            return _Entry(*_npy_header(stream), load)

    with _parsing(file, "NumPy's .npz"), zipfile.ZipFile(file.path) as archive:
        members = [name for name in archive.namelist() if name.endswith(".npy")]
        entries = {name.removesuffix(".npy"): entry(archive, name) for name in members}
    return _choose(file, entries)
