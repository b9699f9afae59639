"""Moments of some rows of a data set, in one pass by blocks."""

from __future__ import annotations

import math

import numpy as np

from topovae.data.dataset import Dataset


def moments(data: Dataset, index: np.ndarray) -> tuple[np.ndarray, float]:
    """Per-feature mean and overall standard deviation of some rows, in double precision by blocks.

    References:
        Chan, Golub, LeVeque, Updating formulae and a pairwise algorithm for computing sample variances (1979), equation 2.1.
    """
    mean, square = np.zeros(data.sample_shape), 0.0
    step = data.block_rows()
    for start in range(0, len(index), step):
        x = data.rows(index[start : start + step]).astype(np.float64)
        block_mean = x.mean(0)
        shift = block_mean - mean
        x -= block_mean
        square += float(np.vdot(x, x)) + float(np.vdot(shift, shift)) * start * len(x) / (start + len(x))
        mean += shift * (len(x) / (start + len(x)))
    return mean, math.sqrt(square / (len(index) * data.n_features))
