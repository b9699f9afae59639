"""What the diagnosis reads of a data set: a subsample that fits in memory, as rows of features."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from topovae.errors import InputError, UsageError

MOST_ROWS = 20_000
LEAST_ROWS = 40
METRICS = ("euclidean", "cosine")
CHANNELS = (1, 3, 4)
BLUR = 0.05
"""Standard deviation of the low-pass filter of images, as a share of the longer side."""


@dataclass(frozen=True)
class Preparation:
    """What is done to every sample before distances are taken.

    Attributes:
        sample_shape: shape of one sample.
        blur: standard deviation in pixels of the low-pass filter along each axis of a sample.
        metric: `euclidean`, or `cosine` (samples scaled to unit length: the chord then is √(2 · cosine
            distance)).
    """

    sample_shape: tuple[int, ...]
    blur: tuple[float, ...]
    metric: str

    def apply(self, rows: np.ndarray) -> np.ndarray:
        """Return rows (n, *sample_shape) as filtered features (n, p) of float64."""
        x = np.asarray(rows, dtype=np.float64)
        if any(self.blur):
            from scipy.ndimage import gaussian_filter

            x = gaussian_filter(x, (0.0, *self.blur))
        x = x.reshape(len(x), -1)
        if self.metric == "cosine":
            length = np.linalg.norm(x, axis=1, keepdims=True)
            if (length == 0).any():
                row = int(np.flatnonzero(length == 0)[0])
                raise InputError(f"Sample {row} of those read is zero, and has no cosine distance to others.")
            x = x / length
        return x


def prepare(sample_shape: tuple[int, ...], metric: str) -> Preparation:
    """Choose the preparation for samples of a shape; images, of 2 or 3 axes, get a light blur.

    Raises:
        UsageError: the metric is not known.
    """
    if metric not in METRICS:
        raise UsageError(f"The metric {metric!r} is not known; use one of {', '.join(METRICS)}.")
    if len(sample_shape) not in (2, 3):
        return Preparation(sample_shape, (0.0,) * len(sample_shape), metric)
    channel = None
    if len(sample_shape) == 3:
        channel = 0 if sample_shape[0] in CHANNELS and sample_shape[2] not in CHANNELS else 2
    sigma = BLUR * max(side for axis, side in enumerate(sample_shape) if axis != channel)
    blur = tuple(0.0 if axis == channel else sigma for axis in range(len(sample_shape)))
    return Preparation(sample_shape, blur, metric)


def shape_of(data: Any) -> tuple[int, tuple[int, ...]]:
    """Return the number of samples and the shape of one, of a Dataset or an array (n, ...)."""
    if isinstance(data, np.ndarray):
        if data.ndim == 0 or data.dtype.kind not in "fiub":
            raise InputError(
                f"Data must be an array of real numbers, one sample a row; this one has the shape "
                f"{data.shape} and the type {data.dtype}."
            )
        return len(data), data.shape[1:] or (1,)
    return data.n_samples, tuple(data.sample_shape)


def read_sample(data: Any, preparation: Preparation, memory: int, seed: int) -> np.ndarray:
    """Read and prepare at most 20,000 rows, fewer where they would not fit in memory.

    Args:
        data: Dataset, or array (n, ...).
        memory: bytes that the whole diagnosis may use.
        seed: chooses the rows.

    Returns:
        Prepared rows (n', p).

    Raises:
        InputError: too few samples, or samples that are not finite or all equal.
    """
    n, sample_shape = shape_of(data)
    if n < LEAST_ROWS:
        raise InputError(
            f"The data holds {n} samples; a diagnosis needs at least {LEAST_ROWS}, and some hundreds to see "
            "more than a circle. Give more samples."
        )
    features = int(np.prod(sample_shape))
    # four copies in double precision at once: raw, filtered, centred, and linear algebra's own
    affordable = memory // (2 * 4 * 8 * max(features, 1))
    count = min(n, MOST_ROWS, max(affordable, 4 * LEAST_ROWS))
    index = np.arange(n)
    if count < n:
        index = np.sort(np.random.default_rng(seed).choice(n, count, replace=False))
    raw = data[index] if isinstance(data, np.ndarray) else data.rows(index)
    bad = ~np.isfinite(raw.reshape(len(raw), -1)).all(1)
    if bad.any():
        rows = ", ".join(str(row) for row in index[bad][:5]) + ", …" * int(bad.sum() > 5)
        raise InputError(
            f"{int(bad.sum())} of the {count} samples read hold NaN or infinity (rows {rows}). Remove or repair them."
        )
    x = preparation.apply(raw)
    if not np.ptp(x, axis=0).any():
        raise InputError(f"All {count} samples read are equal: there is no space to diagnose.")
    return x


def blocks(data: Any) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield all rows of a Dataset or array in blocks that fit in memory."""
    if not isinstance(data, np.ndarray):
        yield from data.chunks()
        return
    step = max(1, 2**23 // max(1, int(np.prod(data.shape[1:]))))
    for start in range(0, len(data), step):
        yield slice(start, min(start + step, len(data))), data[start : start + step]
