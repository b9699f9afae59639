"""The ground on which a map from the data is read: denoised samples, landmarks, and how long the landmarks' classes live."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from topovae.data.dataset import Dataset
from topovae.homology.calibration import regime, tuned
from topovae.homology.cloud.cloud import AVERAGED, Averaged, count_landmarks
from topovae.homology.cloud.front import read_points
from topovae.homology.cloud.landmarks import Landmarks, assign, choose_landmarks
from topovae.homology.cloud.neighbours import nearest
from topovae.homology.cloud.presets import Preset, choose_preset
from topovae.homology.cloud.tangents import Dimension, frame_size

MOST_SAMPLES = 10_000
"""Samples read at most: of more, no ball of the certificate is judged otherwise. A limit on cost, not tuned."""

BALL_NEIGHBOURS, LEAP_NEIGHBOURS = int(tuned("ball_neighbours")), int(tuned("leap_neighbours"))

NEAR = max(AVERAGED, BALL_NEIGHBOURS, LEAP_NEIGHBOURS)
"""Neighbours searched for once, as many as any user of them looks at: not tuned itself."""

SURFACE_LANDMARKS, SURFACE_EDGE = int(tuned("surface_landmarks")), tuned("surface_edge")


@dataclass(frozen=True)
class Ground:
    """Samples without their noise.

    Attributes:
        index: (n,) rows of the data that they are.
        points: (n, q) denoised samples.
        near: distances (n, k) to the nearest of them, and their rows (n, k), nearest first.
        averaged: (n', q) some of them, averaged over neighbours.
        dimension: intrinsic dimension.
        seed: of landmarks.
    """

    index: np.ndarray
    points: np.ndarray
    near: tuple[np.ndarray, np.ndarray]
    averaged: np.ndarray
    dimension: Dimension
    seed: int

    def landmarks(self, usual: int | None = None) -> Landmarks:
        """Draw landmarks, the usual number for the dimension unless another is given."""
        count = count_landmarks(len(self.points), usual or regime(self.dimension.value).landmarks, None)
        dimension = self.dimension.value
        return choose_landmarks(self.points, self.averaged, count, dimension, frame_size(self.dimension), self.seed)

    @property
    def longest_edge(self) -> float:
        """Cap of the filtration of degree 1."""
        return regime(self.dimension.value).longest_edge

    def owner(self, landmarks: Landmarks) -> np.ndarray:
        """Return the nearest landmark (n,) of each sample."""
        assert landmarks.points is not None  # k-means centres
        return assign(self.points, landmarks.points)


def survey(data: Dataset, seed: int, preset: Preset | None = None) -> Ground:
    """Read samples as the diagnosis reads them, and denoise them.

    Each sample stays by itself: a map to be certified takes single rows, and a window over rows in time would move a sample
    to where others lie, but not its image.

    Args:
        data: the samples.
        seed: chooses the rows.
        preset: what the diagnosis of these data chose; None chooses it again.
    """
    known = choose_preset(data, seed=seed) if preset is None else preset
    front = read_points(data, replace(known, window=0.0), seed=seed, least=1, most=MOST_SAMPLES)
    near = nearest(front.points, NEAR)
    averaged = Averaged.of(front.points, front.denoiser.noise, seed, near[1])
    return Ground(front.index, front.points, near, averaged.sheet, averaged.dimension, seed)
