"""Peeling shows the small factor beside a large one, and leaves a lone circle a circle."""

from __future__ import annotations

import numpy as np
import pytest

from topovae.homology.cloud.landmarks import Landmarks
from topovae.homology.features.peeling import peel, spread_angles


def circle(angle: np.ndarray) -> np.ndarray:
    return np.column_stack([np.cos(angle), np.sin(angle)])


def hidden(points: np.ndarray, p: int = 12, noise: float = 0.01) -> np.ndarray:
    rng = np.random.default_rng(5)
    frame, _ = np.linalg.qr(rng.normal(size=(p, p)))
    return points @ frame[: points.shape[1]] + noise * rng.normal(size=(len(points), p))


def spans(points: np.ndarray, angle: np.ndarray) -> float:
    """Return the share of the variance of points that (cos, sin) of an angle explains by least squares."""
    centred, design = points - points.mean(0), circle(angle) - circle(angle).mean(0)
    fitted = design @ np.linalg.lstsq(design, centred, rcond=None)[0]
    return float((fitted**2).sum() / (centred**2).sum())


@pytest.mark.parametrize("small", [0.1, 0.3, 1.0])
def test_a_torus_of_unlike_radii_becomes_two_circles_of_like_size(small: float) -> None:
    rng = np.random.default_rng(0)
    large_angle, small_angle = rng.uniform(0, 2 * np.pi, (2, 1500))
    points = hidden(np.hstack([circle(large_angle), small * circle(small_angle)]))
    peeled = peel(points, large_angle)
    assert np.array_equal(peeled[:, :2], circle(large_angle))
    assert peeled.shape == (1500, 4)
    assert (peeled[:, 2:] ** 2).sum(1).mean() == pytest.approx(1, rel=0.1)
    assert spans(peeled[:, 2:], small_angle) > 0.95
    assert spans(peeled[:, 2:], large_angle) < 0.05


def test_nothing_of_a_circle_is_lost() -> None:
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 800)
    peeled = peel(hidden(circle(angle)), angle)
    assert len(peeled) == 800
    assert np.allclose(np.angle(np.exp(1j * (np.arctan2(peeled[:, 1], peeled[:, 0]) - angle))), 0)
    assert spans(peeled[:, 2:], angle) < 0.1, "what is left over knows nothing of the circle"


@pytest.mark.parametrize("scale", [0.01, 100.0])
def test_the_scale_of_the_samples_does_not_matter(scale: float) -> None:
    angles = np.random.default_rng(0).uniform(0, 2 * np.pi, (2, 600))
    points = hidden(np.hstack([circle(angles[0]), 0.3 * circle(angles[1])]))
    assert np.allclose(np.abs(peel(scale * points, angles[0])), np.abs(peel(points, angles[0])))


def test_angles_spread_from_landmarks_to_samples() -> None:
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 500)
    there = 2 * np.pi * np.arange(40) / 40
    landmarks = Landmarks(np.zeros((40, 40)), np.ones(40), circle(there))
    off = np.angle(np.exp(1j * (spread_angles(circle(angle), landmarks, there) - angle)))
    assert np.abs(off).max() < 2 * np.pi / 40
    at_landmarks = spread_angles(circle(there), landmarks, there)
    assert np.allclose(np.exp(1j * at_landmarks), np.exp(1j * there))
