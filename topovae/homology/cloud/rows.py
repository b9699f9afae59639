"""What the diagnosis reads of a data set: a subsample that fits in memory, as rows of features."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from topovae.data.dataset import Dataset
from topovae.data.images import channel_axis
from topovae.errors import FewSamplesError, InputError, UsageError
from topovae.homology.calibration import tuned
from topovae.homology.cloud.presets import LEAST_ROWS, Preset, reach_of, smooth, stabilise

METRICS = ("euclidean", "cosine")
STRIDE, ENOUGH_ROWS = tuned("series_stride"), int(tuned("series_rows"))
BLUR = tuned("image_blur")

MOST_ROWS = 20_000
"""Rows that are read at most: a limit on cost, not tuned."""

BLOCK_NUMBERS = 2**22
"""Numbers in a block of rows, 32 MiB in double precision: a limit on cost, not tuned."""

SMALLEST, LARGEST = 1e-50, 1e140
"""Values whose squares, local variances and noise among them, are numbers in double precision: not tuned."""


@dataclass(frozen=True)
class RowFilter:
    """What is done to every sample before distances are taken.

    Attributes:
        sample_shape: shape of one sample.
        blur: standard deviation in pixels of the low-pass filter along each axis of a sample.
        metric: `euclidean`, or `cosine` (samples scaled to unit length: the chord then is √(2 · cosine
            distance)).
        transform: `sqrt` for counts, which become 2√(x + 3/8), or `identity`.
        window: standard deviation, in rows, of the Gaussian window over successive rows; 0 for none.
        omitted: columns that are left out.
    """

    sample_shape: tuple[int, ...]
    blur: tuple[float, ...]
    metric: str
    transform: str = "identity"
    window: float = 0.0
    omitted: tuple[int, ...] = ()

    def apply(self, rows: np.ndarray) -> np.ndarray:
        """Return rows (n, *sample_shape), each by itself, as filtered features (n, p) of float64."""
        return self.measure(self.filter(rows))

    def apply_series(self, rows: np.ndarray) -> np.ndarray:
        """Return successive rows (n, *sample_shape) as features (n, p) smoothed over the window.

        The average over time is taken of the same features that `apply` gives for single samples, so that a
        single sample lies around its place among smoothed ones, with more noise.
        """
        return self.measure(smooth(self.filter(rows), self.window))

    def filter(self, rows: np.ndarray) -> np.ndarray:
        """Return rows as features (n, p) before the metric: transformed, blurred and flattened."""
        x = np.asarray(rows, dtype=np.float64)
        if self.transform == "sqrt":
            if (x < 0).any():
                raise InputError(f"Counts cannot be negative, and {x.min():g} is among the samples read.")
            x = stabilise(x)
        if any(self.blur):
            from scipy.ndimage import gaussian_filter

            x = gaussian_filter(x, (0.0, *self.blur))
        return np.delete(x.reshape(len(x), -1), self.omitted, axis=1)

    def measure(self, x: np.ndarray) -> np.ndarray:
        """Return features (n, p) whose Euclidean distance is that of the metric."""
        if self.metric == "cosine":
            length = np.linalg.norm(x, axis=1, keepdims=True)
            if (length == 0).any():
                row = int(np.flatnonzero(length == 0)[0])
                raise InputError(f"Sample {row} of those read is zero, and has no cosine distance to others.")
            x = x / length
        return x


def prepare(sample_shape: tuple[int, ...], metric: str, preset: Preset = Preset()) -> RowFilter:  # noqa: B008
    """Choose the preparation for samples of a shape; images, of 2 or 3 axes, get a light blur.

    Args:
        sample_shape: shape of one sample.
        metric: `euclidean` or `cosine`.
        preset: what the kind of data asks for (`counts.choose_preset`).

    Raises:
        UsageError: the metric is not known.
    """
    if metric not in METRICS:
        raise UsageError(f"The metric {metric!r} is not known; use one of {', '.join(METRICS)}.")
    if len(sample_shape) not in (2, 3):
        return RowFilter(sample_shape, (0.0,) * len(sample_shape), metric, preset.transform, preset.window, preset.omitted)
    channel = channel_axis(sample_shape)
    sigma = BLUR * max(side for axis, side in enumerate(sample_shape) if axis != channel)
    blur = tuple(0.0 if axis == channel else sigma for axis in range(len(sample_shape)))
    return RowFilter(sample_shape, blur, metric, preset.transform, preset.window)


def read_sample(
    data: Dataset, preparation: RowFilter, memory: int, seed: int, least: int = LEAST_ROWS, most: int = MOST_ROWS
) -> tuple[np.ndarray, np.ndarray]:
    """Read and prepare as many rows as wanted at most, fewer where they would not fit in memory.

    Args:
        data: the samples.
        memory: bytes that the whole diagnosis may use.
        seed: chooses the rows.
        least: fewest samples accepted.
        most: rows read at most.

    Returns:
        The row numbers (n',), ascending, and the rows prepared (n', p).

    Raises:
        InputError: too few samples, or samples that are not finite or all equal.
    """
    n = data.n_samples
    if n < least:
        raise FewSamplesError(
            f"The data holds {n} samples; a diagnosis needs at least {least}, and some hundreds to see "
            "more than a circle. Give more samples."
        )
    # four copies in double precision at once: raw, filtered, centred, and linear algebra's own
    affordable = memory // (2 * 4 * 8 * max(data.n_features, 1))
    count = min(n, most, max(affordable, 4 * LEAST_ROWS))
    if preparation.window:
        index = _apart(n, count, preparation.window, seed)
        x = _read_series(data, preparation, index)
    else:
        index = _chosen(np.arange(n), count, seed)
        x = _read_rows(data, preparation, index)
    spread = np.ptp(x, axis=0).max(initial=0.0)
    if not spread:
        raise InputError(f"All {len(x)} samples read are equal: there is no space to diagnose.")
    if not SMALLEST < spread < LARGEST:
        raise InputError(
            f"The samples read spread over {spread:.3g}, whose square a computer cannot hold; give them in another unit, so "
            f"that they spread over more than {SMALLEST:g} and less than {LARGEST:g}."
        )
    return index, x


def _chosen(index: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return `count` of the row numbers, in order."""
    if len(index) <= count:
        return index
    return np.sort(np.random.default_rng(seed).choice(index, count, replace=False))


def _apart(n: int, count: int, window: float, seed: int) -> np.ndarray:
    """Return rows to keep of a smoothed series: so far apart that each has noise of its own, where there are enough."""
    step = max(1, min(round(STRIDE * window), n // ENOUGH_ROWS))
    return _chosen(np.arange(0, n, step), count, seed)


def _read_rows(data: Dataset, preparation: RowFilter, index: np.ndarray) -> np.ndarray:
    """Read and prepare single rows."""
    raw = data.rows(index)
    _require_finite(raw, index)
    return preparation.apply(raw)


def _read_series(data: Dataset, preparation: RowFilter, index: np.ndarray) -> np.ndarray:
    """Read all stretches that hold the wanted rows, smooth them, and keep these rows."""
    kept = []
    for rows, block in series(data, preparation, index):
        wanted = index[(index >= rows.start) & (index < rows.stop)] - rows.start
        kept.append(block[wanted])
    return np.concatenate(kept)


def _require_finite(rows: np.ndarray, index: np.ndarray) -> None:
    """Refuse rows, of these numbers in the data, that hold NaN or infinity.

    Raises:
        InputError: names some of them.
    """
    bad = ~np.isfinite(rows.reshape(len(rows), -1)).all(1)
    if bad.any():
        named = ", ".join(str(row) for row in index[bad][:5]) + ", …" * int(bad.sum() > 5)
        raise InputError(
            f"{int(bad.sum())} of the {len(rows)} samples read hold NaN or infinity (rows {named}). Remove or repair them."
        )


def series(data: Dataset, preparation: RowFilter, index: np.ndarray | None = None) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield prepared features of all rows in order, smoothed over the window, in blocks that fit in memory.

    Each block is read with as many rows before and after it as its windows take in.

    Args:
        data: the samples.
        preparation: what is done to them.
        index: sorted row numbers; blocks without any of them are left out.

    Raises:
        InputError: samples that are not finite, or counts that are negative.
    """
    n = data.n_samples
    reach = reach_of(preparation.window)
    step = max(BLOCK_NUMBERS // max(1, data.n_features), 4 * reach, 1)
    for start in range(0, n, step):
        stop = min(start + step, n)
        if index is not None and np.searchsorted(index, start) == np.searchsorted(index, stop):
            continue
        first, last = max(0, start - reach), min(n, stop + reach)
        raw = data.rows(np.arange(first, last))
        _require_finite(raw, np.arange(first, last))
        yield slice(start, stop), preparation.apply_series(raw)[start - first : stop - first]
