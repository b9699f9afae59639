"""The one way from a data set to points: preset, preparation, the rows that are read, denoising.

The diagnosis, the coordinates that a training starts from and the certificate all go this way, so that they see the same data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from topovae.data.dataset import MEMORY_BYTES, Dataset
from topovae.homology.cloud.denoise import Denoiser, fit_denoiser
from topovae.homology.cloud.presets import Preset
from topovae.homology.cloud.rows import LEAST_ROWS, MOST_ROWS, RowFilter, prepare, read_sample


@dataclass(frozen=True)
class Front:
    """Samples as points without their noise, and what made them so.

    Attributes:
        index: (n,) rows of the data that they are, ascending.
        points: (n, q) denoised samples.
        preparation: what was done to each sample.
        denoiser: then, to its features.
    """

    index: np.ndarray
    points: np.ndarray
    preparation: RowFilter
    denoiser: Denoiser


def read_points(
    data: Dataset,
    preset: Preset,
    *,
    metric: str = "euclidean",
    memory: int = MEMORY_BYTES,
    seed: int = 0,
    least: int = LEAST_ROWS,
    most: int = MOST_ROWS,
) -> Front:
    """Read as many rows as wanted at most, fewer where they would not fit in memory, and denoise them.

    Args:
        data: the samples.
        preset: what the kind of data asks for (`presets.choose_preset`).
        metric: `euclidean` or `cosine`.
        memory: bytes that the whole work may use.
        seed: chooses the rows.
        least: fewest samples accepted.
        most: rows read at most.

    Raises:
        UsageError: the metric is not known.
        InputError: too few samples, or samples that are not finite or all equal.
    """
    preparation = prepare(data.sample_shape, metric, preset)
    index, features = read_sample(data, preparation, memory, seed, least, most)
    denoiser = fit_denoiser(features)
    return Front(index, denoiser.transform(features), preparation, denoiser)
