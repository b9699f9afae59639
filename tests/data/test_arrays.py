"""What people hold in memory: every kind is read as the array that it stands for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.sparse
import torch

import topovae
from topovae.data.arrays import take
from topovae.data.dataset import Dataset
from topovae.errors import InputError

X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)


class Frame:
    """The protocol of pandas and polars: names, a method `mask` of another meaning, and `to_numpy`."""

    columns = ("a", "b", "c")
    shape = X.shape

    def mask(self) -> None:
        """Not an array of hidden places."""

    def to_numpy(self) -> np.ndarray:
        return X


class Exporting:
    """The protocol of pyarrow, cupy and others: `__array__` alone."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return X.astype(dtype or X.dtype)


class Series(Exporting):
    """The protocol of pynapple's TsdFrame and of xarray: a shape, a type, slices of its own kind, and `to_numpy`."""

    shape, dtype = X.shape, X.dtype

    def __getitem__(self, rows: slice) -> Series:
        return self

    def to_numpy(self) -> np.ndarray:
        return X


class Annotated:
    """The protocol of AnnData: a matrix `X` with embeddings beside it."""

    obsm: dict[str, np.ndarray] = {}  # noqa: RUF012

    def __init__(self) -> None:
        self.X = scipy.sparse.csr_matrix(X)


class Interchanging:
    """The protocol of dataframes between libraries: columns in chunks, whose numbers lie at an address."""

    def __init__(self, null_count: int = 0) -> None:
        self.null_count = null_count

    def __dataframe__(self) -> Any:
        return self

    def column_names(self) -> list[str]:
        return ["a", "b", "c"]

    def get_chunks(self) -> list[Any]:
        return [_Chunk(np.ascontiguousarray(part.T), self.null_count) for part in (X[:7], X[7:])]


class _Chunk:
    def __init__(self, columns: np.ndarray, null_count: int) -> None:
        self.columns, self.null_count = columns, null_count

    def get_column(self, i: int) -> Any:
        # two numbers before the column belong to another: an offset is counted in numbers
        held = np.concatenate([[-9, -9], self.columns[i]]).astype(np.float32)
        buffer = SimpleNamespace(ptr=held.ctypes.data, bufsize=held.nbytes, held=held)
        known = (2, 32, "f", "=")
        return SimpleNamespace(
            dtype=known,
            null_count=self.null_count,
            offset=2,
            size=lambda: len(held) - 2,
            get_buffers=lambda: {"data": (buffer, known)},
        )


def on_disk(folder: Path) -> Any:
    np.save(folder / "x.npy", X)
    return np.load(folder / "x.npy", mmap_mode="r")


def saved(folder: Path) -> Path:
    np.save(folder / "x.npy", X)
    return folder / "x.npy"


def stored(folder: Path) -> Any:
    with h5py.File(folder / "x.h5", "w") as file:
        file["x"] = X
    return h5py.File(folder / "x.h5")["x"]


def installed(library: str, make: Callable[[Any], Any]) -> Callable[[Path], Any]:
    return lambda folder: make(pytest.importorskip(library))


KINDS: dict[str, Callable[[Path], Any]] = {
    "array": lambda folder: X,
    "list": lambda folder: X.tolist(),
    "tuples": lambda folder: tuple(map(tuple, X.tolist())),
    "memory map": on_disk,
    "hdf5": stored,
    "path": saved,
    "data set": lambda folder: Dataset.of(X),
    "tensor": lambda folder: torch.tensor(X),
    "tensor with gradient": lambda folder: torch.tensor(X, requires_grad=True),
    "csr": lambda folder: scipy.sparse.csr_matrix(X),
    "csc": lambda folder: scipy.sparse.csc_array(X),
    "coo": lambda folder: scipy.sparse.coo_array(X),
    "masked, nothing hidden": lambda folder: np.ma.masked_array(X, mask=np.zeros(X.shape, bool)),
    "frame": lambda folder: Frame(),
    "exporting": lambda folder: Exporting(),
    "series": lambda folder: Series(),
    "annotated": lambda folder: Annotated(),
    "interchanging": lambda folder: Interchanging(),
    "arrow": installed("pyarrow", lambda pyarrow: pyarrow.table({name: X[:, i] for i, name in enumerate("abc")})),
    "pandas": installed("pandas", lambda pandas: pandas.DataFrame(X, columns=list("abc"))),
    "polars": installed("polars", lambda polars: polars.DataFrame(X, schema=list("abc"))),
    "xarray": installed("xarray", lambda xarray: xarray.DataArray(X)),
    "anndata": installed("anndata", lambda anndata: anndata.AnnData(X)),
    "pynapple": installed("pynapple", lambda pynapple: pynapple.TsdFrame(t=np.arange(len(X)), d=X)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_read_as_its_numbers(kind: str, tmp_path: Path) -> None:
    found = take(KINDS[kind](tmp_path))
    np.testing.assert_allclose(Dataset.given(found).load(), X)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_fitted_and_transformed_alike(kind: str, tmp_path: Path) -> None:
    held = KINDS[kind](tmp_path)
    model = topovae.TopoVAE(latent="R2", epochs=1).fit(held)
    plain = topovae.TopoVAE(latent="R2", epochs=1).fit(X)
    np.testing.assert_allclose(model.transform(held), plain.transform(X), rtol=1e-4, atol=1e-5)
    assert model.n_features_in_ == 3


def test_names_of_columns_are_kept_and_compared() -> None:
    pandas = pytest.importorskip("pandas")
    model = topovae.TopoVAE(latent="R2", epochs=1).fit(pandas.DataFrame(X, columns=list("abc")))
    assert model.feature_names_in_.tolist() == ["a", "b", "c"]
    with pytest.raises(InputError, match="feature names"):
        model.transform(pandas.DataFrame(X, columns=list("abd")))


@pytest.mark.parametrize("kind", ["memory map", "hdf5"])
def test_what_lies_on_disk_stays_there(kind: str, tmp_path: Path) -> None:
    held = KINDS[kind](tmp_path)
    assert take(held) is held


@pytest.mark.parametrize("kind", ["array", "path", "data set", "csr", "frame"])
def test_groups_stay_together_whatever_the_samples_are_held_in(kind: str, tmp_path: Path) -> None:
    groups = np.repeat(np.arange(10), 4)
    model = topovae.TopoVAE(latent="R2", epochs=1).fit(KINDS[kind](tmp_path), groups=groups)
    parts = [set(groups[rows].tolist()) for rows in model.run_.split.values()]
    assert sum(map(len, parts)) == 10 and set.union(*parts) == set(range(10))


@pytest.mark.filterwarnings("error")
def test_what_a_reader_left_out_is_said(tmp_path: Path) -> None:
    rows = "\n".join(f"{i},{a},{b}" for i, (a, b) in enumerate(X[:, :2].tolist()))
    (tmp_path / "x.csv").write_text(f",a,b\n{rows}\n")  # as pandas writes it, with an index
    with pytest.raises(UserWarning, match="index"):
        topovae.TopoVAE(latent="R", epochs=1).fit(tmp_path / "x.csv")


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (np.ma.masked_array(X, mask=np.eye(*X.shape, dtype=bool)), "3 of the 120 numbers are masked"),
        (X.astype(complex), "Complex data not supported"),
        ([[1.0, 2.0], [3.0]], "one sample a row"),
        (Interchanging(null_count=1), "'a' of the table holds texts, dates or gaps"),
        (Path("nowhere.npy"), "nowhere"),
    ],
    ids=["masked", "complex", "ragged", "gaps", "path"],
)
def test_what_cannot_be_read_is_refused(x: Any, words: str) -> None:
    for use in (take, topovae.analyze, topovae.TopoVAE(latent="R2", epochs=1).fit, topovae.TopologyAnalyzer().fit):
        with pytest.raises(ValueError, match=words):
            use(x)


@pytest.mark.parametrize(("kind", "part"), [("csr", "indptr"), ("csc", "indptr"), ("csc", "indices"), ("coo", "row")])
def test_an_index_outside_of_a_sparse_matrix_is_refused(kind: str, part: str, tmp_path: Path) -> None:
    broken = KINDS[kind](tmp_path)
    getattr(broken, part)[-1] = 10**6
    with pytest.raises(InputError, match="damaged"):
        take(broken)


@pytest.mark.parametrize(
    "kind, dtype", [(0, "<i4"), (0, "<i8"), (1, "<u2"), (2, "<f4"), (2, "<f8"), (20, "|b1"), (20, "packed")]
)
def test_every_kind_of_number_that_the_interchange_protocol_has(kind: int, dtype: str) -> None:
    values = np.array([0, 0, 1, 0, 1, 1, 0, 1, 1, 1, 0], int)
    held = np.packbits(values, bitorder="little") if dtype == "packed" else values.astype(dtype)
    buffer = SimpleNamespace(ptr=held.ctypes.data, bufsize=held.nbytes)
    known = (kind, 1 if dtype == "packed" else 8 * held.itemsize, "", "=")
    column = SimpleNamespace(dtype=known, null_count=0, offset=2, size=lambda: 9, get_buffers=lambda: {"data": (buffer, known)})
    chunk = SimpleNamespace(get_column=lambda i: column)
    table = SimpleNamespace(column_names=lambda: ["a"], get_chunks=lambda: [chunk])
    found = take(SimpleNamespace(__dataframe__=lambda: table))
    assert np.array_equal(np.asarray(found).astype(int), values[2:, None])
