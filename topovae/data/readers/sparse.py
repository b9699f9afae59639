"""Sparse matrices of files: one constructor, which checks every pointer and index before anything goes by them."""

from __future__ import annotations

from typing import Any

import numpy as np


class SparseRows:
    """A matrix in compressed rows, in memory or in a file; the rows that are asked for become dense.

    Args:
        data: (k,) the entries, row by row.
        indices: (k,) column of each entry; checked when its row is read, for a file may hold more than memory does.
        indptr: (rows + 1,) where each row's entries begin, and the number of all.
        shape: rows and columns.

    Raises:
        ValueError: the parts do not fit each other.
    """

    chunks = None

    def __init__(self, data: Any, indices: Any, indptr: Any, shape: Any) -> None:
        self.shape, self.dtype = sides(shape), data.dtype
        self.data, self.indices = data, indices
        self.indptr = pointers(indptr, self.shape[0], data, indices)

    def __getitem__(self, rows: slice) -> np.ndarray:
        """Dense rows.

        Raises:
            IndexError: an index lies outside of the matrix.
        """
        start, stop, _ = rows.indices(self.shape[0])
        first, last = int(self.indptr[start]), int(self.indptr[stop])
        columns = inside(self.indices[first:last], self.shape[1])
        out = np.zeros((stop - start, self.shape[1]), self.dtype)
        row = np.repeat(np.arange(stop - start), np.diff(self.indptr[start : stop + 1]))
        np.add.at(out, (row, columns), self.data[first:last])  # repeated entries add up
        return out

    @classmethod
    def of_columns(cls, data: Any, indices: Any, indptr: Any, shape: Any) -> SparseRows:
        """Turn compressed columns into compressed rows, in memory.

        Args:
            data: (k,) the entries, column by column.
            indices: (k,) row of each entry.
            indptr: (columns + 1,) where each column's entries begin, and the number of all.
            shape: rows and columns.

        Raises:
            ValueError: the parts do not fit each other.
            IndexError: an index lies outside of the matrix.
        """
        rows, columns = sides(shape)
        ends = pointers(indptr, columns, data, indices)
        row = inside(indices[:], rows)
        column = np.repeat(np.arange(columns), np.diff(ends))
        order = np.argsort(row, kind="stable")
        begins = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=rows))])
        return cls(data[:][order], column[order], begins, (rows, columns))


def compressed_array(form: str, data: Any, indices: Any, indptr: Any, shape: Any) -> Any:
    """A sparse array of scipy's, csr or csc, of parts that are checked.

    Args:
        form: "csr" or "csc".
        data: (k,) the entries.
        indices: (k,) column (or row) of each entry.
        indptr: where each row's (or column's) entries begin, and the number of all.
        shape: rows and columns.

    Raises:
        ValueError: the parts do not fit each other.
        IndexError: an index lies outside of the matrix.
    """
    from scipy import sparse

    made, along = {"csr": (sparse.csr_array, 0), "csc": (sparse.csc_array, 1)}[form]
    found = sides(shape)
    begins = pointers(indptr, found[along], data, indices)
    return made((data, inside(indices, found[1 - along]), begins), shape=found)


def coordinate_array(data: Any, row: Any, column: Any, shape: Any) -> Any:
    """A sparse array of scipy's of entries at rows and columns, which are checked.

    Raises:
        ValueError: the parts do not fit each other.
        IndexError: an index lies outside of the matrix.
    """
    from scipy import sparse

    found = sides(shape)
    for indices in (row, column):
        if data.ndim != 1 or indices.shape != data.shape or indices.dtype.kind not in "iu":
            raise ValueError(f"its sparse matrix has {data.shape} entries and {indices.shape} indices of {indices.dtype}")
    return sparse.coo_array((data, (inside(row, found[0]), inside(column, found[1]))), shape=found)


def sides(shape: Any) -> tuple[int, int]:
    """The shape of a matrix as a file says it.

    Raises:
        ValueError: it is none of two whole numbers from 0 on.
    """
    found = np.asarray(shape)
    if found.shape != (2,) or found.dtype.kind not in "iu" or (found < 0).any():
        raise ValueError(f"its sparse matrix has the shape {str(found.tolist())[:80]}; expected two whole numbers from 0 on")
    return int(found[0]), int(found[1])


def pointers(indptr: Any, count: int, data: Any, indices: Any) -> np.ndarray:
    """Where the entries of each of `count` rows (or columns) begin, as int64.

    Raises:
        ValueError: they do not start at 0, fall, or do not end at the number of entries.
    """
    found, entries = np.asarray(indptr[:]), tuple(data.shape)
    if len(entries) != 1 or tuple(indices.shape) != entries or indices.dtype.kind not in "iu":
        raise ValueError(
            f"its sparse matrix has entries of shape {entries} and indices of shape {tuple(indices.shape)} and type "
            f"{indices.dtype}; expected one whole number an entry"
        )
    whole = found.shape == (count + 1,) and found.dtype.kind in "iu"
    if not whole or found[0] != 0 or found[-1] != entries[0] or (found[1:] < found[:-1]).any():
        raise ValueError(
            f"its sparse matrix of {count} rows or columns and {entries[0]} entries has pointers that do not fit its entries"
        )
    return found.astype(np.int64)


def inside(indices: Any, side: int) -> np.ndarray:
    """Indices of a matrix along an axis of this length, as int64.

    Raises:
        IndexError: one lies outside; a negative one would count from the end.
    """
    found = np.asarray(indices)
    # compared in the type of the file: from 2⁶³ on an unsigned number would turn negative
    wrong = (found < 0) | (found >= side)
    if wrong.any():
        raise IndexError(f"an index of its sparse matrix is {found[wrong][0]}; expected 0 to {side - 1}")
    return found.astype(np.int64)
