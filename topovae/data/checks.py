"""One pass over the data, in chunks: what makes them unusable, and what a user should know about them."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from topovae.data.dataset import CHUNK_BYTES, Dataset
from topovae.errors import InputError

MINIMUM = 20
_NAMED = 5

DWARFS = 99.0
"""A column with so many times the variance of all smaller ones together leaves nothing of them in a distance: not tuned."""

TESTED_COLUMNS = 1000
"""A table of more columns is not searched for clocks and ids: a limit on cost, not tuned."""

_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Columns:
    """What one pass over the data found.

    Attributes:
        n_samples: rows.
        mean: mean of each feature, float64 of the shape of a sample.
        std: standard deviation of each feature (divided by n), float64 of the shape of a sample.
        constant: columns that never change, as int64 indices into the flattened sample.
        duplicates: rows that repeat an earlier row exactly, int64, sorted.
        warnings: a sentence for each thing worth knowing.
    """

    n_samples: int
    mean: np.ndarray
    std: np.ndarray
    constant: np.ndarray
    duplicates: np.ndarray
    warnings: tuple[str, ...]


class _Moments:
    """Mean, spread and range of each column, chunk by chunk, in double precision; and whether it follows the rows.

    References:
        Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances"
        (1979), equation 2.1.
    """

    def __init__(self, columns: int, follows: bool) -> None:
        self.count = 0
        self.origin: np.ndarray | float = 0.0
        self.mean, self.squares = np.zeros(columns), np.zeros(columns)
        self.low, self.high = np.full(columns, np.inf), np.full(columns, -np.inf)
        self.rising, self.falling, self.whole = (np.full(columns, follows) for _ in range(3))
        self.last: np.ndarray | None = None

    def add(self, block: np.ndarray) -> None:
        self.low = np.minimum(self.low, block.min(axis=0))
        self.high = np.maximum(self.high, block.max(axis=0))
        self._follow(block)
        if not self.count:
            self.origin = block[0].astype(np.float64)
        block = block - self.origin  # a large common offset would cost digits in every mean
        mean = block.mean(axis=0)
        squares = np.square(block - mean).sum(axis=0)
        total = self.count + len(block)
        shift = mean - self.mean
        self.squares += squares + shift**2 * (self.count * len(block) / total)
        self.mean += shift * (len(block) / total)
        self.count = total

    def _follow(self, block: np.ndarray) -> None:
        """Which columns rise or fall from row to row, as a clock does, or hold whole numbers alone, as ids do."""
        before = block[:1] if self.last is None else self.last
        for kind, tell in (("rising", np.greater), ("falling", np.less)):
            alive = np.flatnonzero(getattr(self, kind))
            told = tell(block[:, alive], np.concatenate([before[:, alive], block[:-1, alive]]))
            getattr(self, kind)[alive] = told[int(self.last is None) :].all(axis=0)
        alive = np.flatnonzero(self.whole)
        self.whole[alive] = (block[:, alive] == np.rint(block[:, alive])).all(axis=0)
        self.last = block[-1:].copy()


def check(dataset: Dataset, minimum: int = MINIMUM, *, size_bytes: int = CHUNK_BYTES // 4) -> Columns:
    """Read all data once, in chunks, and say what is wrong with them.

    Args:
        dataset: the samples.
        minimum: how many samples are enough.
        size_bytes: of one chunk; about six times as much memory is used.

    Raises:
        InputError: too few samples, numbers that are not finite in single precision, or samples all equal.

    Example:
        >>> check(Dataset.of([[0, 1], [4, 1], [2, 1]]), minimum=3).warnings
        ('1 of the 2 columns is constant (1): it tells nothing about the shape of the data.',)
    """
    n = dataset.n_samples
    if n < minimum:
        raise InputError(
            f"{dataset.place} holds {n} samples of shape {dataset.sample_shape}; expected at least "
            f"{minimum}, and "
            "some hundreds to see a shape. Give more samples; if rows and columns are exchanged, transpose."
        )
    moments = _Moments(dataset.n_features, follows=len(dataset.sample_shape) == 1 and dataset.n_features <= TESTED_COLUMNS)
    prints = np.empty(n, dtype=np.uint64)
    bad_rows = 0
    bad_named: list[str] = []
    for rows, block in dataset.chunks(size_bytes):
        flat = block.reshape(len(block), -1)
        # false for NaN too; beyond this a network in single precision would see infinity
        good = np.abs(flat) <= _LARGEST
        bad = np.flatnonzero(~good.all(axis=1))
        bad_rows += len(bad)
        for row in bad[: _NAMED - len(bad_named)]:
            bad_named.append(_name_row(rows.start + row, np.flatnonzero(~good[row]), dataset.sample_shape))
        if not bad_rows:
            moments.add(flat)
            prints[rows] = _fingerprints(flat)
    if bad_rows:
        raise InputError(
            f"{bad_rows} of the {n} samples of {dataset.place} hold NaN, infinity or a number beyond "
            f"{_LARGEST:.1e}: "
            f"{'; '.join(bad_named)}{'; …' * (bad_rows > len(bad_named))} (counted from 0); expected "
            "finite numbers. "
            "Remove these rows (--missing drop), or fill the gaps, for instance with the median of the column."
        )
    return _summarise(dataset, moments, prints, minimum)


def _summarise(dataset: Dataset, moments: _Moments, prints: np.ndarray, minimum: int) -> Columns:
    n, shape = dataset.n_samples, dataset.sample_shape
    constant = np.flatnonzero(moments.low == moments.high)
    if len(constant) == dataset.n_features and minimum > 1:
        raise InputError(f"All {n} samples of {dataset.place} are equal; expected data that vary. Check how they were made.")
    duplicates, originals = _repeats(prints)
    warnings = []
    if len(shape) == 1 and minimum > 1:
        warnings += _columns_apart(dataset, moments)
    # Borders of pictures are constant as a rule, which is not worth a warning.
    if len(constant) and len(shape) == 1:
        named = _few([_call_column(dataset, column) for column in constant[: _NAMED + 1]])
        are, they = ("is", "it tells") if len(constant) == 1 else ("are", "they tell")
        warnings.append(
            f"{len(constant)} of the {dataset.n_features} columns {are} constant ({named}): {they} nothing "
            "about the shape of the data."
        )
    if len(duplicates):
        pairs = zip(duplicates[: _NAMED + 1], originals, strict=False)
        named = _few([f"row {row} repeats row {first}" for row, first in pairs])
        warnings.append(
            f"{len(duplicates)} of the {n} samples repeat an earlier one exactly ({named}): copies in both "
            "the training and the test part would flatter the results, so remove them or give groups."
        )
    return Columns(
        n_samples=n,
        mean=(moments.origin + moments.mean).reshape(shape),
        std=np.sqrt(moments.squares / n).reshape(shape),
        constant=constant,
        duplicates=duplicates,
        warnings=tuple(warnings),
    )


def _columns_apart(dataset: Dataset, moments: _Moments) -> list[str]:
    """Sentences on columns that may be no measurements: clocks, ids, and what dwarfs all others."""
    n, variance = dataset.n_samples, moments.squares / dataset.n_samples
    found = []
    steady = np.flatnonzero(moments.rising | moments.falling)
    if 0 < len(steady) < dataset.n_features:
        found.append((steady, "from row to row in one direction, as a clock or a count", "goes", "go"))
    # n different whole numbers without a gap: their variance is that of 1, …, n, and hardly of any others
    counted = moments.whole & (moments.high - moments.low == n - 1) & np.isclose(variance, (n * n - 1) / 12, rtol=1e-9)
    ids = np.flatnonzero(counted & ~moments.rising & ~moments.falling)
    if len(ids):
        found.append((ids, f"each of {n} successive whole numbers once, as ids", "holds", "hold"))
    large = _dwarfs(variance)
    if len(large):
        found.append((large, f"more than {DWARFS:.0f} times the variance of all smaller ones together", "has", "have"))
    sentences = []
    for columns, words, one, many in found:
        named = _few([_call_column(dataset, column) for column in columns[: _NAMED + 1]])
        advice = f"leave out what is no measurement (--drop {_call_column(dataset, columns[0])})"
        units = ", or put all in like units (--scale columns)" if columns is large else ""
        sentences.append(
            f"{'column' if len(columns) == 1 else 'columns'} {named} of {dataset.place} {one if len(columns) == 1 else many} "
            f"{words}: {advice}{units}."
        )
    return sentences


def _dwarfs(variance: np.ndarray) -> np.ndarray:
    """The largest columns, at most half of those that vary, next to which all smaller ones are as nothing."""
    varying = np.flatnonzero(variance > 0)
    order = varying[np.argsort(variance[varying], kind="stable")]
    below = np.cumsum(variance[order])[:-1]
    jumps = np.flatnonzero(variance[order][1:] > DWARFS * below) + 1
    jumps = jumps[2 * jumps >= len(order)]
    return np.sort(order[jumps[0] :]) if len(jumps) else np.empty(0, np.int64)


def _call_column(dataset: Dataset, column: int) -> str:
    """The name of a column, or its number."""
    name = dataset.names[column] if dataset.names else ""
    return name or _name_column(int(column), dataset.sample_shape)


def _fingerprints(flat: np.ndarray) -> np.ndarray:
    """Hash each row to 64 bits; 10⁷ different rows then agree somewhere with probability 3e-6."""
    flat = np.ascontiguousarray(flat + 0)  # −0 becomes 0: equal numbers, equal bytes
    return np.frombuffer(b"".join(blake2b(row, digest_size=8).digest() for row in flat), dtype=np.uint64)


def _repeats(prints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows whose fingerprint was seen before, sorted, and the row where it was first seen."""
    _, first, member = np.unique(prints, return_index=True, return_inverse=True)
    original = first[member]
    rows = np.flatnonzero(original != np.arange(len(prints)))
    return rows, original[rows]


def _few(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + ", …" * (len(names) > _NAMED)


def _name_row(row: int, columns: np.ndarray, shape: tuple[int, ...]) -> str:
    named = _few([_name_column(column, shape) for column in columns[: _NAMED + 1]])
    return f"row {row} (column{'s' * (len(columns) > 1)} {named})"


def _name_column(column: int, shape: tuple[int, ...]) -> str:
    """Write a column of flattened samples as its index in a sample: 7, or (2, 3) in an image."""
    index = tuple(int(i) for i in np.unravel_index(column, shape))
    return str(index[0] if len(index) == 1 else index)
