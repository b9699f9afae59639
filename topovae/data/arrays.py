"""What people hold in memory, as rows: known by what it can do, so that none of the libraries is imported."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from topovae.data.dataset import Dataset, RowSource
from topovae.data.readers.find import read
from topovae.data.readers.sparse import SparseRows, coordinate_array
from topovae.errors import InputError


def take(x: Any) -> Dataset | RowSource:
    """Return samples as a data set or as rows that numpy can slice, whatever they were held in.

    Args:
        x: a `Dataset`; a path, which is read as a file; a DataFrame (pandas, polars), a torch tensor, a scipy sparse matrix, an
            AnnData (its `X`), an xarray DataArray, a pynapple TsdFrame, a nested list, what gives its columns by the dataframe
            interchange protocol; a numpy array, memory map, h5py or zarr array, which stay where they are.

    Returns:
        The data set, or (n, ...) rows.

    Raises:
        InputError: a mask hides some of the numbers, they are complex, or the file cannot be read.

    Example:
        >>> take([[1, 2], [3, 4]]).shape
        (2, 2)
    """
    convert = next((convert for name, convert in _PROTOCOLS if hasattr(x, name)), _as_array)
    found = convert(x)
    kind = getattr(getattr(found, "dtype", None), "kind", "")
    if kind == "c":
        raise InputError(
            f"Complex data not supported: the array has the type {found.dtype}. Give the real and the imaginary part as "
            "columns of their own."
        )
    return found


def _of_tensor(x: Any) -> np.ndarray:
    """A torch tensor, from wherever it lies."""
    array: np.ndarray = x.detach().cpu().numpy()
    return array


def _of_sparse(x: Any) -> SparseRows:
    """A scipy sparse matrix or array, through the constructor that checks its parts."""
    try:
        if x.format == "csc":
            return SparseRows.of_columns(x.data, x.indices, x.indptr, x.shape)
        if x.format != "csr":  # scipy's own conversion to rows writes wherever an index says
            entries = x.tocoo()
            x = coordinate_array(entries.data, entries.row, entries.col, x.shape).tocsr()
        return SparseRows(x.data, x.indices, x.indptr, x.shape)
    except (ValueError, IndexError) as error:
        raise InputError(f"The sparse matrix of shape {x.shape} is damaged: {error}. Make it again.") from None


def _of_masked(x: Any) -> np.ndarray:
    """A masked array that hides nothing."""
    hidden = int(np.count_nonzero(np.ma.getmaskarray(x)))
    if hidden:
        raise InputError(
            f"{hidden} of the {x.size} numbers are masked, and what lies under a mask is never read. Remove the rows that hold "
            "them (`numpy.ma.compress_rows`), or fill them (`.filled(…)`)."
        )
    return np.asarray(x.data)


_INTERCHANGED = {0: "i", 1: "u", 2: "f", 20: "b"}
"""Kinds of numbers of the interchange protocol, as NumPy's."""


def _of_interchange(x: Any) -> np.ndarray:
    """A table that gives its columns by the dataframe interchange protocol alone.

    References:
        https://data-apis.org/dataframe-protocol, "Column" and "Buffer".
    """
    table = x.__dataframe__()
    parts = [
        [_of_column(chunk.get_column(i), name) for chunk in table.get_chunks()] for i, name in enumerate(table.column_names())
    ]
    return np.column_stack([np.concatenate(chunks) for chunks in parts])


def _of_column(column: Any, name: str) -> np.ndarray:
    """A copy of the numbers of a column, which has no gaps."""
    kind, bits, _, _ = column.dtype
    code = _INTERCHANGED.get(int(kind))
    if code is None or column.null_count:
        raise InputError(
            f"The column {str(name)[:60]!r} of the table holds texts, dates or gaps; expected numbers. Take it out or fill it."
        )
    buffer, _ = column.get_buffers()["data"]
    if bits == 1:  # booleans as Arrow packs them
        packed = np.frombuffer(ctypes.string_at(buffer.ptr, buffer.bufsize), np.uint8)
        return np.unpackbits(packed, bitorder="little")[column.offset : column.offset + column.size()]
    dtype = np.dtype(f"{code}{bits // 8}")
    held = np.frombuffer(ctypes.string_at(buffer.ptr, buffer.bufsize), dtype)
    return held[column.offset : column.offset + column.size()]


def _as_rows(x: Any) -> RowSource:
    """Rows as numpy, h5py or zarr hold them, which are read where they lie."""
    return _as_array(x) if not hasattr(x, "__getitem__") or not hasattr(x.dtype, "kind") else x


def _as_array(x: Any) -> np.ndarray:
    try:
        return np.asarray(x)
    except ValueError as error:
        raise InputError(f"Data must be an array of real numbers, one sample a row: {error}.") from None


_PROTOCOLS: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("sample_shape", lambda x: x),  # a Dataset of ours
    ("__fspath__", lambda x: read(os.fspath(x))),
    ("detach", _of_tensor),
    ("tocsr", _of_sparse),
    ("obsm", lambda x: take(x.X)),  # AnnData
    ("to_numpy", lambda x: take(x.to_numpy())),  # pandas, polars, xarray, pynapple
    ("__dataframe__", _of_interchange),
    ("mask", _of_masked),
    ("dtype", _as_rows),
)
"""What tells a kind, in the order in which it is asked for: a DataFrame has a `mask` of another meaning, xarray a `dtype`."""
