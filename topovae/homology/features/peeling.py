"""Peeling: a factor too small to be seen beside another shows in what the other's coordinate leaves over."""

from __future__ import annotations

import numpy as np

from topovae.homology.calibration import tuned
from topovae.homology.cloud.landmarks import Landmarks
from topovae.homology.cloud.neighbours import nearest

NEIGHBOURS = int(tuned("peel_neighbours"))
ABOVE = tuned("peel_above")


def peel(points: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Return points beside a circle: (cos θ, sin θ) and what is left of the points without their mean at θ, at one scale.

    The map is a homeomorphism onto its image wherever the mean at θ is not on what is left, so that no topology is lost or
    made up; but each factor now has the size 1.

    Args:
        points: (n, p) samples.
        angles: (n,) circular coordinate of each, in radians.

    Returns:
        (n, 2 + q), the left-over directions being those above the noise.
    """
    circle = np.column_stack([np.cos(angles), np.sin(angles)])
    _, index = nearest(circle, min(NEIGHBOURS, len(points) - 1))
    left = points - points[index].mean(1)
    size = np.sqrt((left[index] ** 2).sum(2).mean(1))
    left = left / np.maximum(size, 1e-300)[:, None]
    left = left - left.mean(0)
    _, values, directions = np.linalg.svd(left, full_matrices=False)
    kept = _above_noise(values**2)
    return np.column_stack([circle, left @ directions[:kept].T])


def _above_noise(variances: np.ndarray) -> int:
    """Return how many variances, largest first, stand above the noise; all where there are too few to tell."""
    if len(variances) <= 8:
        return len(variances)
    return max(2, int((variances > ABOVE * np.median(variances)).sum()))


def spread_angles(points: np.ndarray, landmarks: Landmarks, angles: np.ndarray) -> np.ndarray:
    """Return the angles (n,) of points (n, p) from those of their nearest landmarks, weighed by nearness.

    Args:
        points: where angles are wanted.
        landmarks: with places.
        angles: (m,) of the landmarks, in radians.
    """
    assert landmarks.points is not None  # k-means centres
    distances, index = nearest(landmarks.points, 3, points)
    weights = 1 / np.maximum(distances, 1e-12 * max(float(distances.max()), 1e-300))
    return np.angle((np.exp(1j * angles[index]) * weights).sum(1))
