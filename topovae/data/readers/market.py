"""Matrix Market: a matrix as lines of row, column and number, or of numbers column by column."""

from __future__ import annotations

from typing import TextIO

import numpy as np

from topovae.data.readers.base import Contents, File, InputFormat, parsing, refuse_member, require_room
from topovae.data.readers.sparse import SparseRows, coordinate_array

MOST_LINE = 2**16
"""Characters of a line at most: a limit on cost, not tuned."""

_COLUMNS = {"real": 3, "integer": 3, "pattern": 2}


def read_market(file: File) -> Contents:
    """Read a matrix; rows are samples.

    Raises:
        InputError: it is damaged, complex, or its entries lie outside of it.
        ResourceError: its entries do not fit in memory.

    References:
        Boisvert, Pozo, Remington, "The Matrix Market exchange formats" (1996).
    """
    refuse_member(file)
    with parsing(file, MARKET.name), open(file.path, encoding="utf-8", errors="replace") as stream:
        _, kind, form, field, symmetry = stream.readline(MOST_LINE).lower().split()
        sizes = [int(word) for word in _sizes(stream).split()]
        if kind != "matrix" or field not in _COLUMNS or symmetry not in ("general", "symmetric"):
            raise ValueError(f"it is a {field} {symmetry} {kind}, and real, integer or pattern matrices are read")
        if min(sizes) < 0 or len(sizes) != {"coordinate": 3, "array": 2}[form]:
            raise ValueError(f"its sizes are {sizes}")
        width = _COLUMNS[field] if form == "coordinate" else 1
        count = sizes[2] if form == "coordinate" else sizes[0] * sizes[1]
        require_room((count, 2 * width), np.dtype(np.float64), file.label, file.memory)
        require_room((sizes[0],), np.dtype(np.int64), f"{file.label}, its rows", file.memory)
        numbers = np.loadtxt(stream, comments="%", ndmin=2, max_rows=count + 1) if count else np.empty((0, width))
        if numbers.shape != (count, width):
            raise ValueError(
                f"it holds {numbers.shape[0]} entries of {numbers.shape[1]} numbers, and {count} of {width} are said"
            )
        if form == "array":
            return Contents(numbers.reshape(sizes[1], sizes[0]).T)
        row, column = (numbers[:, axis].astype(np.int64) - 1 for axis in (0, 1))
        values = numbers[:, 2] if width == 3 else np.ones(count)
        if symmetry == "symmetric":
            apart = row != column
            row, column = np.concatenate([row, column[apart]]), np.concatenate([column, row[apart]])
            values = np.concatenate([values, values[apart]])
        matrix = coordinate_array(values, row, column, np.array(sizes[:2])).tocsr()
        return Contents(SparseRows(matrix.data, matrix.indices, matrix.indptr, matrix.shape))


def _sizes(stream: TextIO) -> str:
    """The first line that is neither blank nor a comment."""
    while line := stream.readline(MOST_LINE):
        if line.strip() and not line.startswith("%"):
            return line
    raise ValueError("it ends before its sizes")


MARKET = InputFormat("Matrix Market", (".mtx",), (b"%%MatrixMarket", b"%%matrixmarket"), read_market)
