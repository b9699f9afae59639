"""MATLAB's .mat, of version 7.3 as HDF5."""

from __future__ import annotations

from typing import Any

import numpy as np

from topovae.data.readers import matlab5
from topovae.data.readers.base import TEXT, Contents, Entry, File, InputFormat, choose, parsing
from topovae.data.readers.hdf5 import Place, attribute, choose_hdf5, dense_entry, sparse_entry

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

    def entry(name: str, shape: tuple[int, ...], kind: str) -> Entry:
        def load() -> Any:
            with parsing(file, MAT.name):
                return matlab5.load_variable(file, name)

        return Entry(shape, np.dtype(_MATLAB_TYPES.get(kind, "O")), load, whole=kind != "sparse")

    with parsing(file, MAT.name):
        entries = {name: entry(name, shape, kind) for name, shape, kind in matlab5.list_variables(file)}
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


def _matlab_entry(place: Place, node: Any) -> Entry | None:
    """Describe a variable of MATLAB 7.3; cells, structures, named types and empty arrays are none."""
    import h5py

    kind = attribute(node, "MATLAB_class")
    if isinstance(node, h5py.Group):
        return _matlab_sparse(place, node) if "MATLAB_sparse" in node.attrs else None
    # what is no text, or is not there, says nothing about the numbers
    unknown = not isinstance(kind, str) or kind == ""
    if not isinstance(node, h5py.Dataset) or "MATLAB_empty" in node.attrs or not (unknown or kind in _MATLAB_TYPES):
        return None
    if kind == "char":
        return Entry((), TEXT, lambda: _characters(place))
    entry = dense_entry(place, node)
    return Entry(entry.shape[::-1], entry.dtype, lambda: _TransposedRows(place.rows(axis=-1))) if entry.shape else None


def _characters(place: Place) -> str:
    """Text, which MATLAB stores as the numbers of its characters."""
    return "".join(map(chr, np.ravel(place.values()).tolist()))


def _matlab_sparse(place: Place, group: Any) -> Entry:
    import h5py

    rows = attribute(group, "MATLAB_sparse")
    pointers = place.below(group, "jc").node()
    if not isinstance(pointers, h5py.Dataset) or not pointers.shape:
        raise ValueError(f"{place.name} is said to be a sparse matrix, and jc is no array in it")
    shape = (int(rows), int(pointers.shape[0]) - 1)
    if "data" not in group:  # all zero
        return Entry(shape, np.dtype("V"), lambda: None)
    return sparse_entry(place, group, ("data", "ir", "jc"), np.array(shape), of_columns=True)


MAT = InputFormat("MATLAB's .mat", (".mat",), (b"MATLAB ",), read_mat, "arrays by name")
