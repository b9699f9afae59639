"""Samples along the principal components that stand above the noise: a start for spaces without a shape of their own."""

from __future__ import annotations

import numpy as np

from topovae.data.dataset import Dataset
from topovae.homology.verdict.analysis import Analysis


def principal_cloud(data: Dataset, analysis: Analysis, dim: int) -> np.ndarray:
    """Return the first principal components (n, dim) of all samples, each of mean 0 and deviation 1.

    Args:
        data: all samples.
        analysis: diagnosis of some of them, whose denoised components are taken; those that it finds too few are 0.
        dim: how many.
    """
    cloud = np.zeros((data.n_samples, dim))
    for rows, places in analysis.skeleton.place_all(data):
        cloud[rows, : places.shape[1]] = places[:, :dim]
    deviation = cloud.std(0)
    # what is constant but for rounding stays so
    return (cloud - cloud.mean(0)) / np.where(deviation > 1e-6 * deviation.max(), deviation, np.inf)
