"""Planes of neighbours: what is flat stays, noise about what is curved falls."""

from __future__ import annotations

import numpy as np
import pytest

from topovae.homology.cloud import planes
from topovae.homology.cloud.planes import onto_planes


def frame(p: int, seed: int = 0) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(p, p)))[0]


def noisy_circle(n: int, noise: float, p: int = 6) -> np.ndarray:
    rng = np.random.default_rng(1)
    angle = rng.uniform(0, 2 * np.pi, n)
    flat = np.column_stack([np.cos(angle), np.sin(angle), np.zeros((n, p - 2))])
    return flat + noise * rng.normal(size=(n, p))


def off_circle(points: np.ndarray) -> float:
    radial = np.hypot(points[:, 0], points[:, 1]) - 1
    return float(np.sqrt((radial**2 + (points[:, 2:] ** 2).sum(1)).mean()))


@pytest.mark.parametrize("d", [1, 2, 3])
def test_points_on_a_flat_plane_stay(d: int) -> None:
    points = np.random.default_rng(d).normal(size=(200, d)) @ frame(7)[:d] + 3
    assert np.allclose(onto_planes(points, d, 12), points)


@pytest.mark.parametrize("noise", [0.02, 0.05, 0.1])
def test_noise_about_a_circle_falls(noise: float) -> None:
    points = noisy_circle(1000, noise)
    assert off_circle(onto_planes(points, 1, 50)) < 0.35 * off_circle(points)


def test_rotated_points_give_the_rotated_result() -> None:
    points, turn = noisy_circle(400, 0.05), frame(6, 3)
    assert np.allclose(onto_planes(points @ turn + 2, 1, 20), onto_planes(points, 1, 20) @ turn + 2)


def test_scaled_points_give_the_scaled_result() -> None:
    points = noisy_circle(400, 0.05)
    assert np.allclose(onto_planes(7 * points, 1, 20), 7 * onto_planes(points, 1, 20))


def test_no_round_leaves_the_points() -> None:
    points = noisy_circle(100, 0.05)
    assert np.array_equal(onto_planes(points, 1, 10, rounds=0), points)


def test_blocks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    points = noisy_circle(200, 0.05)
    whole = onto_planes(points, 1, 10)
    monkeypatch.setattr(planes, "BLOCK_NUMBERS", 1000)
    assert np.allclose(onto_planes(points, 1, 10), whole)
