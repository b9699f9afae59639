"""A connected piece of the data, ready for homology: its local geometry, and how landmarks are drawn from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from topovae.homology.calibration import tuned
from topovae.homology.cloud.landmarks import Landmarks, choose_landmarks, covering_radius, farthest_points, self_tuned
from topovae.homology.cloud.manifold import Verdicts, judge
from topovae.homology.cloud.neighbours import average, average_over
from topovae.homology.cloud.tangents import Dimension, frame_size, growth_dimension, intrinsic_dimension

SHARE = tuned("resample_share")
AVERAGED = int(tuned("averaged"))
SAMPLES_A_LANDMARK, FEWEST_LANDMARKS = int(tuned("samples_a_landmark")), int(tuned("fewest_landmarks"))

MOST_GEOMETRY = 4000
"""Local geometry and geodesics are read at so many samples at most: a limit on cost, not tuned."""


@dataclass(frozen=True)
class Averaged:
    """Points averaged over their neighbours, and the dimension of what they lie on, as diagnosis and certificate read them.

    Attributes:
        points: (n, p) all of them.
        chosen: (m,) rows of those at which local geometry is read.
        dimension: intrinsic dimension.
    """

    points: np.ndarray
    chosen: np.ndarray
    dimension: Dimension

    @classmethod
    def of(cls, points: np.ndarray, noise: float, seed: int, near: np.ndarray | None = None) -> Averaged:
        """Average denoised points (n, p), in whose coordinates noise of a standard deviation is left, and measure them.

        Args:
            points: denoised.
            noise: in the unit of the points.
            seed: of the rows at which local geometry is read.
            near: (n, k) rows of the nearest points of each, nearest first, where they have been searched for.
        """
        averaged = average(points, AVERAGED) if near is None else average_over(points, near[:, :AVERAGED])
        chosen = subset(len(points), MOST_GEOMETRY, seed)
        return cls(averaged, chosen, intrinsic_dimension(averaged[chosen], noise / np.sqrt(AVERAGED + 1), seed))

    @property
    def sheet(self) -> np.ndarray:
        """The chosen points (m, p)."""
        return self.points[self.chosen]


@dataclass(frozen=True)
class Cloud:
    """One piece of the data.

    Attributes:
        size: number of samples.
        dimension: intrinsic dimension.
        verdicts: boundary, orientation, manifold or not.
        draw: makes landmarks of a resample (0 is all samples), given how many are usual.
        covering_radius: largest distance of a sample to its landmark, given landmarks of all samples.
        pulled: whether the samples were pulled onto planes, which leaves little of their noise.
    """

    size: int
    dimension: Dimension
    verdicts: Verdicts
    draw: Callable[[int, int], Landmarks]
    covering_radius: Callable[[Landmarks], float]
    pulled: bool = False


def of_points(points: np.ndarray, noise: float, landmarks: int | None, seed: int, *, pulled: bool = False) -> Cloud:
    """Read the geometry of denoised points (n, p).

    Args:
        points: denoised samples.
        noise: standard deviation of the noise left in each coordinate.
        landmarks: number of landmarks asked for, None for the usual one.
        seed: of subsets and resamples.
        pulled: whether they were pulled onto planes.
    """
    averaged = Averaged.of(points, noise, seed)
    dimension = averaged.dimension
    verdicts = judge(averaged.sheet, dimension)
    draw = drawing(points, averaged.points, dimension, landmarks, seed)

    def radius(chosen: Landmarks) -> float:
        assert chosen.points is not None  # k-means centres
        return covering_radius(points, chosen.points)

    return Cloud(len(points), dimension, verdicts, draw, radius, pulled)


def drawing(
    points: np.ndarray, averaged: np.ndarray, dimension: Dimension, landmarks: int | None, seed: int
) -> Callable[[int, int], Landmarks]:
    """Return what makes landmarks of a resample (0 is all samples), given how many are usual.

    Args:
        points: (n, p) denoised samples.
        averaged: (n, p) averaged over their neighbours, which carry the geodesics.
        dimension: their intrinsic dimension.
        landmarks: number of landmarks asked for, None for the usual one.
        seed: of resamples and landmarks.
    """

    def draw(resample: int, usual: int) -> Landmarks:
        rng = np.random.default_rng((seed, resample))
        keep = _resampled(len(points), resample, rng)
        carry = keep[subset(len(keep), MOST_GEOMETRY, seed)]
        return choose_landmarks(
            points[keep],
            averaged[carry],
            count_landmarks(len(points), usual, landmarks),
            dimension.value,
            frame_size(dimension),
            seed=int(rng.integers(2**31)),
        )

    return draw


def of_distances(distances: np.ndarray, landmarks: int | None, seed: int, *, thinned: bool = False) -> Cloud:
    """Read the geometry of a distance matrix (n, n): landmarks are samples, and there are no tangent planes.

    Args:
        distances: distances of the samples.
        landmarks: number of landmarks asked for, None for the usual one.
        seed: of landmarks and resamples.
        thinned: whether the samples were spread out before, so that most of them may be landmarks.
    """
    n = len(distances)

    def draw(resample: int, usual: int) -> Landmarks:
        rng = np.random.default_rng((seed, resample))
        keep = _resampled(n, resample, rng)
        count = count_landmarks(n, usual, landmarks or (min(usual, n) if thinned else None))
        index = keep[farthest_points(distances[np.ix_(keep, keep)], count, int(rng.integers(2**31)))]
        tuned, scales = self_tuned(distances[np.ix_(index, index)])
        return Landmarks(tuned, scales, index=index)

    def radius(chosen: Landmarks) -> float:
        return float(distances[:, chosen.index].min(1).max())

    return Cloud(n, growth_dimension(distances), Verdicts(), draw, radius)


def count_landmarks(n: int, usual: int, asked: int | None) -> int:
    """Return how many landmarks to take of n samples: a quarter of them where that is not too few."""
    if asked is not None:
        return min(asked, int(SHARE * n))
    return min(usual, max(n // SAMPLES_A_LANDMARK, min(int(SHARE * n), FEWEST_LANDMARKS)))


def subset(n: int, most: int, seed: int) -> np.ndarray:
    """Return all of n row numbers, or so many of them, ascending."""
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, most, replace=False))


def _resampled(n: int, resample: int, rng: np.random.Generator) -> np.ndarray:
    """Return the rows of a resample: all for the first, a random share for the others."""
    return np.sort(rng.choice(n, int(SHARE * n), replace=False)) if resample else np.arange(n)
