"""The ground on which a map from the data is read: denoised samples, landmarks, and how long the landmarks' classes live."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from topovae.homology.cloud.cloud import AVERAGED, MOST_GEOMETRY, count_landmarks
from topovae.homology.cloud.denoise import fit_denoiser
from topovae.homology.cloud.landmarks import Landmarks, assign, choose_landmarks
from topovae.homology.cloud.neighbours import average
from topovae.homology.cloud.rows import MOST_ROWS, prepare, shape_of
from topovae.homology.cloud.tangents import Dimension, frame_size, intrinsic_dimension
from topovae.homology.features.nulls import null

LANDMARKS = {1: 200, 2: 400, 3: 600}
LONGEST_EDGE = {1: 8.0, 2: 4.5, 3: 2.5}
"""By dimension of the data, the last beyond it: landmarks and the longest edge between them for classes of degree 1."""

SURFACE_LANDMARKS, SURFACE_EDGE = 250, 4.0
"""Likewise for a class of degree 2."""

ALPHA = 0.01


@dataclass(frozen=True)
class Ground:
    """Samples without their noise.

    Attributes:
        index: (n,) rows of the data that they are.
        points: (n, q) denoised samples.
        averaged: (n', q) some of them, averaged over neighbours.
        dimension: intrinsic dimension.
        seed: of landmarks.
    """

    index: np.ndarray
    points: np.ndarray
    averaged: np.ndarray
    dimension: Dimension
    seed: int

    def landmarks(self, usual: int | None = None) -> Landmarks:
        """Draw landmarks, the usual number for the dimension unless another is given."""
        count = count_landmarks(len(self.points), usual or self._by_dimension(LANDMARKS), None)
        dimension = self.dimension.value
        return choose_landmarks(self.points, self.averaged, count, dimension, frame_size(self.dimension), self.seed)

    @property
    def longest_edge(self) -> float:
        """Cap of the filtration of degree 1."""
        return self._by_dimension(LONGEST_EDGE)

    def critical_ratio(self, degree: int) -> float:
        """Return the ratio death/birth from which a class is none of noise."""
        return null(degree, self.dimension.value).critical_ratio(ALPHA)

    def owner(self, landmarks: Landmarks) -> np.ndarray:
        """Return the nearest landmark (n,) of each sample."""
        assert landmarks.points is not None  # k-means centres
        return assign(self.points, landmarks.points)

    def _by_dimension(self, table: dict[int, Any]) -> Any:
        return table[min(self.dimension.value, max(table))]


def survey(data: Any, seed: int) -> Ground:
    """Read and denoise at most `MOST_ROWS` samples of a Dataset or array (n, ...).

    Args:
        data: the samples.
        seed: chooses the rows.
    """
    n, sample_shape = shape_of(data)
    rng = np.random.default_rng(seed)
    index = np.arange(n) if n <= MOST_ROWS else np.sort(rng.choice(n, MOST_ROWS, replace=False))
    rows = np.asarray(data[index] if isinstance(data, np.ndarray) else data.rows(index))
    features = prepare(sample_shape, "euclidean").apply(rows)
    denoiser = fit_denoiser(features)
    points = denoiser.transform(features)
    few = np.sort(rng.choice(len(points), min(len(points), MOST_GEOMETRY), replace=False))
    averaged = average(points, AVERAGED)[few]
    dimension = intrinsic_dimension(averaged, denoiser.noise / np.sqrt(AVERAGED + 1), seed)
    return Ground(index, points, averaged, dimension, seed)
