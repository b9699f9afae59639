"""HDF5, and h5ad in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from topovae.data.dataset import REAL_KINDS
from topovae.data.readers.base import TEXT, Contents, Entry, File, InputFormat, choose, parsing
from topovae.store.checksums import CHECKSUMS


def read_hdf5(file: File) -> Contents:
    """Open the wanted dataset or sparse matrix of an HDF5 file, and what lies beside it.

    Raises:
        InputError: the file is damaged, or holds no such array.
    """
    return choose_hdf5(file, _hdf5_entry)


def choose_hdf5(file: File, entry: Callable[[Any], Entry | None]) -> Contents:
    """Open the wanted array of a file that is HDF5 inside, and what lies beside it.

    Args:
        file: what is read.
        entry: describes a node of the file that is an array, and is None for others.

    Raises:
        InputError: the file is damaged, or holds no such array.
    """
    import h5py

    entries: dict[str, Entry] = {}
    sparse: list[str] = []

    def visit(name: str, node: Any) -> None:
        if name.startswith("#") or any(name.startswith(folder) for folder in sparse):
            return
        found = entry(node)
        if found is not None:
            entries[name] = found
            if isinstance(node, h5py.Group):
                sparse.append(name + "/")

    with parsing(file, HDF5.name):
        # stays open, for reading, as long as a dataset of it is in use
        root = h5py.File(file.path, "r")
        root.visititems(visit)
        if CHECKSUMS in root.attrs:
            entries = _sealed(entries, root)
        if file.member and file.member not in entries and file.member in root:  # behind a link
            visit(file.member, root[file.member])
        contents = choose(file, entries)
    folder = root[file.member].parent if file.member else root
    texts = [owner.attrs.get("space") for owner in (folder, root)]
    found = next((text for text in texts if isinstance(text, str)), None)
    return contents._replace(space=contents.space or found)


def _sealed(entries: Mapping[str, Entry], file: Any) -> dict[str, Entry]:
    """The arrays of a file that topovae wrote, compared with their checksums when they are opened."""
    from topovae.store.tree import GroupReader

    root = GroupReader.of_file(file)

    def opening(name: str, entry: Entry) -> Any:
        if entry.shape and entry.dtype.kind in REAL_KINDS:
            root.check_rows(name)
        return entry.open()

    return {name: replace(entry, open=partial(opening, name, entry)) for name, entry in entries.items()}


def _hdf5_entry(node: Any) -> Entry | None:
    """Describe a dataset, or a group that stands for a sparse matrix; other groups are none."""
    import h5py

    if isinstance(node, h5py.Group):
        return _sparse_entry(node)
    try:
        dtype = node.dtype
    except TypeError:  # a type that NumPy has none for
        return Entry(node.shape or (), np.dtype("V"), lambda: node)
    if h5py.check_string_dtype(dtype) is not None:
        return Entry(node.shape or (), TEXT, lambda: node.asstr()[()])
    return Entry(node.shape or (), dtype, lambda: node)


class SparseRows:
    """A matrix in compressed rows, in memory or in a file; the rows that are asked for become dense."""

    chunks = None

    def __init__(self, data: Any, indices: Any, indptr: np.ndarray, shape: tuple[int, ...]) -> None:
        self.data, self.indices, self.indptr = data, indices, indptr
        self.shape, self.dtype = shape, data.dtype
        ends = len(indptr) == shape[0] + 1 and indptr[0] == 0 and indptr[-1] == len(data) == len(indices)
        if not ends or (np.diff(indptr) < 0).any():
            raise ValueError(f"its sparse matrix of shape {shape} has row pointers that do not fit its entries")

    def __getitem__(self, rows: slice) -> np.ndarray:
        start, stop, _ = rows.indices(self.shape[0])
        first, last = int(self.indptr[start]), int(self.indptr[stop])
        out = np.zeros((stop - start, self.shape[1]), self.dtype)
        row = np.repeat(np.arange(stop - start), np.diff(self.indptr[start : stop + 1]))
        np.add.at(out, (row, self.indices[first:last]), self.data[first:last])  # repeated entries add up
        return out

    @classmethod
    def of_columns(cls, data: Any, indices: Any, indptr: Any, shape: Any) -> SparseRows:
        """Turn compressed columns into compressed rows, in memory."""
        from scipy.sparse import csc_matrix

        return cls.of_scipy(csc_matrix((data[:], indices[:], indptr[:]), shape=shape))

    @classmethod
    def of_scipy(cls, matrix: Any) -> SparseRows:
        """Take any sparse matrix of scipy's as compressed rows."""
        rows = matrix.tocsr()
        return cls(rows.data, rows.indices, rows.indptr, rows.shape)


def _sparse_entry(group: Any) -> Entry | None:
    """Describe a sparse matrix as anndata stores it: `encoding-type`, earlier `h5sparse_format`."""
    encoding = str(group.attrs.get("encoding-type", group.attrs.get("h5sparse_format", ""))).removesuffix("_matrix")
    if encoding not in ("csr", "csc"):
        return None
    shape = tuple(int(side) for side in group.attrs.get("shape", group.attrs.get("h5sparse_shape")))
    data, indices, indptr = group["data"], group["indices"], group["indptr"]
    opens: dict[str, Callable[[], SparseRows]] = {
        "csr": lambda: SparseRows(data, indices, indptr[:], shape),
        "csc": lambda: SparseRows.of_columns(data, indices, indptr, shape),
    }
    return Entry(shape, data.dtype, opens[encoding])


HDF5 = InputFormat("HDF5", (".h5", ".hdf5"), (b"\x89HDF\r\n\x1a\n",), read_hdf5)
H5AD = InputFormat("h5ad", (".h5ad",), (), read_hdf5)
