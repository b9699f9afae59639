"""MATLAB's .mat, of version 7.3 as HDF5."""

from __future__ import annotations

from typing import Any

import numpy as np

from topovae.data.readers.base import TEXT, Contents, Entry, File, InputFormat, choose, parsing
from topovae.data.readers.hdf5 import SparseRows, choose_hdf5

_MATLAB_TYPES = {
    "double": "f8", "single": "f4", "logical": "?", "sparse": "f8", "char": "U",
    "int8": "i1", "int16": "i2", "int32": "i4", "int64": "i8",
    "uint8": "u1", "uint16": "u2", "uint32": "u4", "uint64": "u8",
}  # fmt: skip


def read_mat(file: File) -> Contents:
    """Open the wanted variable of a .mat file, and what lies beside it.

    Raises:
        InputError: the file is damaged, or holds no such array.
    """
    import h5py

    if h5py.is_hdf5(file.path):
        return choose_hdf5(file, _matlab_entry)
    from scipy.io import loadmat, whosmat
    from scipy.io.matlab import MatReadError

    def entry(name: str, shape: tuple[int, ...], kind: str) -> Entry:
        def load() -> Any:
            with parsing(file, MAT.name, MatReadError):
                array = loadmat(file.path, variable_names=[name])[name]
                return SparseRows.of_scipy(array) if kind == "sparse" else array

        return Entry(shape, np.dtype(_MATLAB_TYPES.get(kind, "O")), load)

    with parsing(file, MAT.name, MatReadError):
        entries = {name: entry(name, tuple(shape), kind) for name, shape, kind in whosmat(file.path)}
    return choose(file, entries)


class _TransposedRows:
    """A dataset of MATLAB 7.3, whose axes HDF5 has in reverse."""

    chunks = None

    def __init__(self, stored: Any) -> None:
        self.stored = stored
        self.shape, self.dtype = stored.shape[::-1], stored.dtype
        if stored.chunks:
            self.chunks = stored.chunks[::-1]

    def __getitem__(self, rows: slice) -> np.ndarray:
        return self.stored[..., rows].T


def _matlab_entry(node: Any) -> Entry | None:
    """Describe a variable of MATLAB 7.3; cells, structures and empty arrays are none."""
    import h5py

    kind = node.attrs.get("MATLAB_class", b"double").decode()
    if isinstance(node, h5py.Group):
        return _matlab_sparse(node) if "MATLAB_sparse" in node.attrs else None
    if kind not in _MATLAB_TYPES or "MATLAB_empty" in node.attrs or not node.shape:
        return None
    if kind == "char":
        return Entry((), TEXT, lambda: "".join(map(chr, node[()].ravel())))
    return Entry(node.shape[::-1], node.dtype, lambda: _TransposedRows(node))


def _matlab_sparse(group: Any) -> Entry:
    shape = (int(group.attrs["MATLAB_sparse"]), len(group["jc"]) - 1)
    if "data" not in group:  # all zero
        return Entry(shape, np.dtype("V"), lambda: None)
    data, indices, indptr = group["data"], group["ir"], group["jc"]
    return Entry(shape, data.dtype, lambda: SparseRows.of_columns(data, indices, indptr, shape))


MAT = InputFormat("MATLAB's .mat", (".mat",), (b"MATLAB ",), read_mat)
