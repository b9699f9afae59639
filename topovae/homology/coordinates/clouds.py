"""Samples along the directions that show most of the data: a start for spaces without a shape of their own."""

from __future__ import annotations

import numpy as np

from topovae.data.dataset import Dataset
from topovae.homology.verdict.analysis import Analysis


def linear_cloud(data: Dataset, analysis: Analysis, dim: int, angles: np.ndarray) -> np.ndarray:
    """Return where all samples lie along a few directions of the data, (n, dim), each of mean 0 and deviation 1.

    Where there are two for each circle of the data, those come first in which the cosine and sine of its angle are read off
    best, for principal components may run around a circle several times, as those of a turning picture do. Then come the
    principal components of the rest.

    Args:
        data: all samples.
        analysis: diagnosis of some of them, whose denoised components are taken; those that it finds too few are 0.
        dim: how many.
        angles: (n, c) in radians around some of the circles, NaN where they are not known.
    """
    waves = np.concatenate([np.cos(angles), np.sin(angles)], 1)
    directions = None
    if waves.shape[1] and 2 * analysis.skeleton.circles <= dim:
        moments: np.ndarray | float = 0.0
        for rows, places in analysis.skeleton.place_all(data):
            beside = np.column_stack([np.ones(len(places)), places, waves[rows]])
            beside = beside[np.isfinite(beside).all(1)]
            moments = moments + beside.T @ beside
        directions = _directions(np.asarray(moments), waves.shape[1], dim)
    cloud = np.zeros((data.n_samples, dim))
    for rows, places in analysis.skeleton.place_all(data):
        found = places[:, :dim] if directions is None else places @ directions
        cloud[rows, : found.shape[1]] = found
    deviation = cloud.std(0)
    # what is constant but for rounding stays so
    return (cloud - cloud.mean(0)) / np.where(deviation > 1e-6 * deviation.max(), deviation, np.inf)


def _directions(moments: np.ndarray, count: int, dim: int) -> np.ndarray:
    """Directions (q, at most dim): those of least squares for functions, then the principal ones at right angles to them.

    Args:
        moments: (1 + q + count, 1 + q + count) sums of products of 1, components and functions.
        count: of functions.
        dim: how many are wanted.
    """
    mean = moments[0, 1:] / moments[0, 0]
    covariance = moments[1:, 1:] / moments[0, 0] - np.outer(mean, mean)
    own, across = covariance[:-count, :-count], covariance[:-count, -count:]
    fitted = np.linalg.pinv(own, hermitian=True) @ across
    taken = np.linalg.qr(fitted)[0]
    rest = np.eye(len(own)) - taken @ taken.T
    _, vectors = np.linalg.eigh(rest @ own @ rest)
    others = vectors[:, ::-1][:, : max(0, min(dim, len(own)) - count)]
    return np.concatenate([fitted, others * np.where(others.sum(0) < 0, -1.0, 1.0)], 1)
