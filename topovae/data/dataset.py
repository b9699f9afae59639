"""A data set: rows that stay on disk until they are asked for, with truth and groups beside them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from topovae.errors import InputError
from topovae.store.documents import Brief

CHUNK_BYTES = 64 * 2**20
HELD_BYTES = 128 * 2**20
HELD_SHARE = 16
"""Samples of at most so many bytes, or of one part in so many of the memory that a work may use, are read from their file
once and held: limits on cost, not tuned."""

MEMORY_BYTES = 2 * 2**30
"""Bytes that a work may use where nothing else is said: a limit on cost, not tuned."""

COPIES = 6
"""Copies of the samples at hand, in double precision, that checks and diagnosis hold at once: an estimate, not tuned."""

MOMENTS = 6
"""Numbers of a column, in double precision, that checks keep beside them: its origin, mean, squares, range and a new one."""

BLOCK_BYTES = 2**20
_GAP_BYTES = 2**18
REAL_KINDS = "biuf"
_SHAPES = "(n, d) for features, (n, h, w), (n, h, w, c) or (n, c, h, w) for images, one sample a row"


class RowSource(Protocol):
    """What a data set reads from: numpy.ndarray, numpy.memmap, h5py.Dataset, or anything sliced by rows."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype: ...

    def __getitem__(self, rows: slice, /) -> Any: ...


@dataclass(frozen=True)
class Source:
    """Where data came from.

    Attributes:
        path: as the user gave it; `-` is standard input.
        sha256: of the bytes read, in hexadecimal; of a folder, of its names and contents in order.
    """

    path: str
    sha256: str


@dataclass(frozen=True, repr=False)
class Dataset(Brief):
    """Samples, one a row, read when asked for; and what is known about them.

    Attributes:
        x: (n, *sample_shape) real numbers, in memory or in a file.
        truth: (n, k) coordinates on the space that made the data, or None.
        group: (n,) int64 labels of rows that a split must not part, or None.
        space: latent expression of the truth coordinates, or None.
        source: the file, or None for an array from memory.
        chunk_rows: rows that the file reads together, whether all are wanted or not; 0 where it reads single rows.
        notes: sentences on what the reader took for something else than samples.
        names: of the columns, "" for one without a name; empty where none has one.
        label: (n,) texts or numbers that are no measurements, which colour pictures; or None.
        choices: what was chosen in the file, as the header of a run records it.
        held_out: so many of the last samples are for testing alone.

    Raises:
        InputError: truth, group or label do not fit x.

    Example:
        >>> data = Dataset.of([[0, 1], [2, 3], [4, 5]])
        >>> data.rows([2, 0]).tolist()
        [[4.0, 5.0], [0.0, 1.0]]
    """

    x: RowSource
    truth: np.ndarray | None = None
    group: np.ndarray | None = None
    space: str | None = None
    source: Source | None = None
    chunk_rows: int = 0
    notes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    label: np.ndarray | None = None
    choices: Mapping[str, Any] = field(default_factory=dict)
    held_out: int = 0

    def __post_init__(self) -> None:
        for name, array in (("truth", self.truth), ("group", self.group), ("label", self.label)):
            if array is not None and len(array) != self.n_samples:
                raise InputError(
                    f"{self.place} holds {self.n_samples} samples, but `{name}` beside them has "
                    f"{len(array)} rows; "
                    f"expected one a sample. Correct or remove `{name}`."
                )

    @classmethod
    def of(
        cls,
        x: Any,
        *,
        truth: Any = None,
        group: Any = None,
        space: str | None = None,
        source: Source | None = None,
        notes: tuple[str, ...] = (),
        names: tuple[str, ...] = (),
        label: Any = None,
    ) -> Dataset:
        """Make a data set of any row source or nested sequence.

        Args:
            x: (n, ...) samples; anything with `shape` and `dtype` is kept as it is.
            truth: (n, k) or (n,) numbers.
            group: (n,) whole numbers or texts; texts are numbered in sorted order.
            space: latent expression of the truth.
            source: where x came from.
            notes: sentences on what was taken for something else than samples.
            names: of the columns of x.
            label: (n,) texts or numbers.

        Raises:
            InputError: x is no table of at least two columns of real numbers, or truth or group do not fit it.
        """
        place = source.path if source else "The array"
        rows = _as_rows(x)
        coordinates = None if truth is None else _coordinates(truth, place)
        labels = None if group is None else _labels(group, place)
        require_samples(rows.shape, rows.dtype, place)
        told = None if label is None else np.asarray(label).reshape(-1)
        told = told if told is None or told.dtype.kind in REAL_KINDS else told.astype(str)
        return cls(rows, coordinates, labels, space, source, _chunk_rows(rows), notes, names, told)

    @classmethod
    def given(cls, data: Dataset | RowSource | ArrayLike) -> Dataset:
        """Return a data set as it is, and an array of real numbers, of one sample a row, as a data set.

        Unlike `of`, it takes samples of one number, of many axes, and none at all: what can be done with them is for the
        diagnosis to say.

        Args:
            data: a Dataset, a row source or nested sequence (n, ...), or (n,) samples of one number.

        Raises:
            InputError: the array is none of real numbers.
        """
        if isinstance(data, Dataset):
            return data
        rows = _as_rows(data)
        if not rows.shape or rows.dtype.kind not in REAL_KINDS:
            raise InputError(
                f"Data must be an array of real numbers, one sample a row; this one has the shape "
                f"{rows.shape} and the type {rows.dtype}."
            )
        return cls(rows if len(rows.shape) > 1 else np.asarray(rows)[:, None], chunk_rows=_chunk_rows(rows))

    @property
    def place(self) -> str:
        """How a message names these data."""
        return self.source.path if self.source else "The array"

    @property
    def n_samples(self) -> int:
        return int(self.x.shape[0])

    @property
    def sample_shape(self) -> tuple[int, ...]:
        return tuple(int(side) for side in self.x.shape[1:])

    @property
    def n_features(self) -> int:
        return prod(self.sample_shape)

    @property
    def dtype(self) -> np.dtype:
        """The type in which rows are given: float64 stays, everything else becomes float32."""
        wide = self.x.dtype.kind == "f" and self.x.dtype.itemsize >= 8
        return np.dtype(np.float64 if wide else np.float32)

    def rows(self, index: Any) -> np.ndarray:
        """Return some samples in the order asked for, reading only the blocks that hold them.

        Args:
            index: (m,) whole numbers in [−n, n), repeated or not, or (n,) booleans.

        Returns:
            (m, *sample_shape) of `dtype`, a copy.

        Raises:
            IndexError: an index is out of range.
            InputError: the file is damaged there.
        """
        index = self._positions(index)
        if isinstance(self.x, np.ndarray):
            return np.asarray(self.x[index], dtype=self.dtype)
        rising = bool((index[1:] >= index[:-1]).all())
        order = np.arange(len(index)) if rising else np.argsort(index, kind="stable")
        ordered = index if rising else index[order]
        edges = [0, *(np.flatnonzero(self._parted(ordered)) + 1).tolist(), len(index)]
        out = np.empty((len(index), *self.sample_shape), self.dtype)
        for begin, end in itertools.pairwise(edges):
            if begin < end:
                wanted, first = ordered[begin:end], int(ordered[begin])
                places = slice(begin, end) if rising else order[begin:end]
                out[places] = self._read(slice(first, int(wanted[-1]) + 1)).take(wanted - first, axis=0)
        return out

    def grouped(self, group: Any) -> Dataset:
        """Return these samples with other groups.

        Args:
            group: (n,) as `of` takes it.

        Raises:
            InputError: they do not fit.
        """
        return replace(self, group=_labels(group, self.place))

    def take(self, index: np.ndarray) -> Dataset:
        """Return some samples as a data set in memory, with their truth and groups.

        Args:
            index: (m,) as `rows` takes it.
        """
        truth, group, label = (None if beside is None else beside[index] for beside in (self.truth, self.group, self.label))
        return replace(self, x=self.rows(index), truth=truth, group=group, label=label, chunk_rows=0, held_out=0)

    def block_rows(self, size_bytes: int = BLOCK_BYTES) -> int:
        """How many rows of about so many bytes are read best together: whole chunks of the file, unless one is very large."""
        row_bytes = self.n_features * self.dtype.itemsize
        rows, stored = max(1, size_bytes // row_bytes), self.chunk_rows or 1
        return min(max(stored, rows - rows % stored), max(1, CHUNK_BYTES // row_bytes))

    def chunks(self, size_bytes: int = CHUNK_BYTES) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield all samples in order, as (which rows, array of `dtype`), the array of at most so many bytes.

        A chunk has one sample at least. It may be a view of the data: do not write to it.
        """
        step = max(1, size_bytes // (self.n_features * self.dtype.itemsize))
        stored = self.chunk_rows or 1
        if step > stored:
            step -= step % stored
        for start in range(0, self.n_samples, step):
            rows = slice(start, min(start + step, self.n_samples))
            yield rows, self._read(rows)

    def load(self) -> np.ndarray:
        """Return all samples in memory, (n, *sample_shape) of `dtype`, a copy."""
        out = np.empty((self.n_samples, *self.sample_shape), self.dtype)
        for rows, block in self.chunks():
            out[rows] = block
        return out

    def held(self, most_bytes: int = HELD_BYTES) -> Dataset:
        """Return these samples in memory, read once, where they take at most so many bytes; else as they are.

        They keep their type, and the chunks of their file, so that all work on them goes in the same blocks.

        Raises:
            InputError: the file is damaged.
        """
        # an array mapped from a file is one, too, but of a type of its own
        if type(self.x) is np.ndarray or self.n_samples * self.n_features * self.x.dtype.itemsize > most_bytes:
            return self
        x = np.empty(self.x.shape, self.x.dtype)
        step = self.block_rows(CHUNK_BYTES // 4)
        for start in range(0, self.n_samples, step):
            rows = slice(start, min(start + step, self.n_samples))
            x[rows] = self._stored(rows)
        return replace(self, x=x)

    def _positions(self, index: Any) -> np.ndarray:
        index = np.asarray(index)
        if index.dtype == bool:
            if index.shape != (self.n_samples,):
                raise IndexError(f"a mask of shape {index.shape} does not fit {self.n_samples} samples")
            return np.flatnonzero(index)
        if index.ndim != 1 or (index.size and index.dtype.kind not in "iu"):
            raise IndexError(f"rows are chosen by whole numbers (m,), not by {index.dtype} of shape {index.shape}")
        index = index.astype(np.int64)
        if index.size and not (-self.n_samples <= index.min() and index.max() < self.n_samples):
            raise IndexError(f"rows {index.min()} to {index.max()} asked for, of {self.n_samples}")
        return np.where(index < 0, index + self.n_samples, index)

    def _parted(self, ordered: np.ndarray) -> np.ndarray:
        """Between which of the rows in ascending order a read ends: at a block's border, or before much that is not wanted."""
        parted = np.diff(ordered // self.block_rows()) > 0
        # A chunk is read whole; elsewhere a gap costs its bytes, and a read of its own as much as `_GAP_BYTES`.
        most = 1 if self.chunk_rows else max(1, _GAP_BYTES // (self.n_features * self.x.dtype.itemsize))
        gap = np.diff(ordered // (self.chunk_rows or 1)) > most
        return parted | gap

    def _read(self, rows: slice) -> np.ndarray:
        return np.asarray(self._stored(rows), dtype=self.dtype)

    def _stored(self, rows: slice) -> np.ndarray:
        """Some successive samples in the type in which they are stored."""
        try:
            return np.asarray(self.x[rows])
        except (OSError, IndexError) as error:
            raise InputError(
                f"{self.place}: rows {rows.start} to {rows.stop - 1} cannot be read ({error}). The file is "
                "damaged or was changed meanwhile; make or copy it again."
            ) from error


def require_numbers(shape: tuple[int, ...], dtype: np.dtype, place: str) -> None:
    """Refuse an array without a real number in it, from its shape and type alone.

    Raises:
        InputError: the type is not of real numbers, or the array is empty.
    """
    found = f"{place} is an array of shape {tuple(int(side) for side in shape)} and type {dtype}"
    if dtype.kind not in REAL_KINDS:
        raise InputError(
            f"{found}; expected real numbers (bool, integer or floating). Convert it, for instance by "
            "`x.astype(float)`, and write complex numbers as two columns. Nothing is ever unpickled."
        )
    if 0 in shape:
        raise InputError(f"{found}, without any number in it; expected {_SHAPES}. Give a file that holds data.")


def require_samples(shape: tuple[int, ...], dtype: np.dtype, place: str) -> None:
    """Refuse what cannot be a table of samples, from its shape and type alone.

    Raises:
        InputError: as `require_numbers`, or the shape is not one of those that samples can have.
    """
    require_numbers(shape, dtype, place)
    found = f"{place} is an array of shape {tuple(int(side) for side in shape)} and type {dtype}"
    if len(shape) < 2 or prod(shape[1:]) == 1:
        raise InputError(
            f"{found}: one column; expected at least two: {_SHAPES}. Choose the array with all columns, check "
            "the delimiter of a text file, or turn a single signal into delay coordinates first."
        )
    if len(shape) > 4:
        raise InputError(f"{found}, of {len(shape)} axes; expected {_SHAPES}. Reshape it.")


def _as_rows(x: Any) -> RowSource:
    """Return what has a shape and a type as it is, and anything else as an array."""
    rows: RowSource = x if hasattr(x, "shape") and hasattr(x, "dtype") else np.asarray(x)
    return rows


def _chunk_rows(x: RowSource) -> int:
    """Rows that a source reads together, whether all are wanted or not; 0 where it reads single rows."""
    chunks = getattr(x, "chunks", None)
    return int(chunks[0]) if chunks else 0


def _coordinates(truth: Any, place: str) -> np.ndarray:
    array = np.asarray(truth)
    if array.dtype.kind not in REAL_KINDS or array.ndim not in (1, 2):
        raise InputError(
            f"{place}: `truth` is an array of shape {array.shape} and type {array.dtype}; expected real "
            "numbers of shape (n, k), the coordinates of each sample. Correct or remove it."
        )
    return array[:, None] if array.ndim == 1 else array


def _labels(group: Any, place: str) -> np.ndarray:
    array = np.asarray(group)
    array = array.reshape(-1) if array.size == max(array.shape, default=1) else array
    if array.dtype.kind in "OSU" and array.ndim == 1:
        return np.unique(array.astype(str), return_inverse=True)[1].astype(np.int64)
    whole = array.dtype.kind in "biu" or (array.dtype.kind == "f" and bool((array == np.round(array)).all()))
    if not whole or array.ndim != 1:
        raise InputError(
            f"{place}: `group` is an array of shape {array.shape} and type {array.dtype}; expected one whole "
            "number or text a sample, shape (n,). Correct or remove it."
        )
    return array.astype(np.int64)
