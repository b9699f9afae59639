"""Nothing goes by a pointer or an index of a file that was not checked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse

from topovae.data.readers.sparse import SparseRows, compressed_array, coordinate_array

MATRIX = scipy.sparse.random(12, 7, 0.4, format="csr", random_state=0)
COLUMNS = MATRIX.tocsc()


def parts(matrix: Any, **changed: Any) -> tuple[Any, ...]:
    known = {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr, "shape": matrix.shape}
    return tuple((known | changed).values())


def at(array: np.ndarray, place: int, value: int) -> np.ndarray:
    changed = array.astype(np.uint64 if value >= 2**63 else np.int64)
    changed[place] = value
    return changed


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int16, np.uint8, np.bool_, np.float16])
def test_rows_are_those_of_the_matrix(dtype: type) -> None:
    dense = (MATRIX.toarray() * 100).astype(dtype)
    rows, columns = scipy.sparse.csr_matrix(dense.astype(float)), scipy.sparse.csc_matrix(dense.astype(float))
    for made in (
        SparseRows(*parts(rows, data=rows.data.astype(dtype))),
        SparseRows.of_columns(*parts(columns, data=columns.data.astype(dtype))),
    ):
        assert made.dtype == dtype and made.shape == dense.shape
        np.testing.assert_array_equal(made[:], dense)
        np.testing.assert_array_equal(made[3:5], dense[3:5])


def test_repeated_entries_add_up() -> None:
    twice = SparseRows(np.array([1.0, 2.0, 4.0]), np.array([1, 1, 0]), np.array([0, 2, 3]), (2, 2))
    assert twice[:].tolist() == [[0, 3], [4, 0]]


WRONG = {
    "a pointer too far": {"indptr": at(MATRIX.indptr, 5, 10**6)},
    "a pointer back": {"indptr": at(MATRIX.indptr, 5, 0)},
    "a negative pointer": {"indptr": at(MATRIX.indptr, 5, -3)},
    "a pointer from 2^63": {"indptr": at(MATRIX.indptr, 5, 2**63 + 4)},
    "no first pointer": {"indptr": at(MATRIX.indptr, 0, 1)},
    "another end": {"indptr": at(MATRIX.indptr, -1, MATRIX.nnz - 1)},
    "few pointers": {"indptr": MATRIX.indptr[:3]},
    "pointers of two axes": {"indptr": MATRIX.indptr[:, None]},
    "real pointers": {"indptr": MATRIX.indptr.astype(float)},
    "indices of two axes": {"indices": MATRIX.indices[:, None]},
    "real indices": {"indices": MATRIX.indices.astype(float)},
    "few indices": {"indices": MATRIX.indices[:-1]},
    "shape of three": {"shape": (12, 7, 2)},
    "a negative shape": {"shape": (12, -7)},
    "a real shape": {"shape": (12.0, 7.5)},
    "no shape": {"shape": None},
}
OUTSIDE = {"one too large": 12, "far": 2**40, "negative": -1, "from 2^63": 2**63 + 1}


@pytest.mark.parametrize("name", WRONG)
def test_parts_that_do_not_fit_are_refused_at_once(name: str) -> None:
    with pytest.raises(ValueError, match="its sparse matrix"):
        SparseRows(*parts(MATRIX, **WRONG[name]))


@pytest.mark.parametrize("value", OUTSIDE.values(), ids=OUTSIDE)
def test_an_index_outside_is_refused_before_it_is_used(value: int) -> None:
    rows = SparseRows(*parts(MATRIX, indices=at(MATRIX.indices, -1, value)))
    last = int(np.flatnonzero(np.diff(MATRIX.indptr))[-1])
    np.testing.assert_array_equal(rows[:last], MATRIX.toarray()[:last])
    with pytest.raises(IndexError, match=f"index of its sparse matrix is {value}"):
        rows[last:]
    with pytest.raises(IndexError, match=f"index of its sparse matrix is {value}; expected 0 to 11"):
        SparseRows.of_columns(*parts(COLUMNS, indices=at(COLUMNS.indices, 2, value)))


@pytest.mark.parametrize("name", WRONG)
def test_nothing_unchecked_reaches_scipy(name: str) -> None:
    with pytest.raises(ValueError, match="its sparse matrix"):
        compressed_array("csr", *parts(MATRIX, **WRONG[name]))


@pytest.mark.parametrize("value", OUTSIDE.values(), ids=OUTSIDE)
def test_no_index_outside_reaches_scipy(value: int) -> None:
    entries = MATRIX.tocoo()
    with pytest.raises(IndexError):
        compressed_array("csr", *parts(MATRIX, indices=at(MATRIX.indices, 3, value)))
    with pytest.raises(IndexError):
        coordinate_array(entries.data, at(entries.row, 3, value), entries.col, MATRIX.shape)
    with pytest.raises(IndexError):
        coordinate_array(entries.data, entries.row, at(entries.col, 3, value), MATRIX.shape)


def test_what_fits_is_the_matrix() -> None:
    entries = MATRIX.tocoo()
    for made in (
        compressed_array("csr", *parts(MATRIX)),
        compressed_array("csc", *parts(COLUMNS)),
        coordinate_array(entries.data, entries.row, entries.col, MATRIX.shape),
    ):
        np.testing.assert_array_equal(made.toarray(), MATRIX.toarray())
    with pytest.raises(ValueError, match="its sparse matrix"):
        coordinate_array(entries.data, entries.row[:-1], entries.col, MATRIX.shape)
