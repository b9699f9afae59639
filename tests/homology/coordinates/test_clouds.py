"""Laws of the linear directions that learned priors start from."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from topovae.data.dataset import Dataset
from topovae.homology import Analysis, analyze
from topovae.homology.coordinates.clouds import linear_cloud

RNG = np.random.default_rng(5)
ANGLE = RNG.uniform(-np.pi, np.pi, 500)
WAVES = {
    "once": (1.0, 0.5),
    "mostly twice": (0.5, 1.0),  # as a picture that looks much the same after half a turn
}


@cache
def data(name: str) -> Dataset:
    """A closed curve in 20 dimensions that goes around once, and twice, by different amounts."""
    once, twice = WAVES[name]
    curve = np.column_stack([once * np.exp(1j * ANGLE), twice * np.exp(2j * ANGLE)]).view(np.float64)
    mixing = np.linalg.qr(np.random.default_rng(6).normal(size=(20, 4)))[0]
    return Dataset.of(curve @ mixing.T + 0.02 * np.random.default_rng(7).normal(size=(500, 20)))


@cache
def diagnosis(name: str) -> Analysis:
    return analyze(data(name), seed=0, max_dim=1)


def turns(cloud: np.ndarray) -> int:
    """How often a cloud (n, 2) goes around the origin with the angle."""
    around = np.unwrap(np.arctan2(cloud[:, 1], cloud[:, 0])[np.argsort(ANGLE)])
    return abs(round((around[-1] - around[0]) / (2 * np.pi)))


@pytest.mark.parametrize("name", WAVES)
@pytest.mark.parametrize("dim", [2, 3, 4, 6])
def test_the_first_two_directions_go_around_once_and_all_are_standardised(name: str, dim: int) -> None:
    angles = ANGLE[:, None].copy()
    angles[:20] = np.nan  # those that are not known have no say, and a place all the same
    cloud = linear_cloud(data(name), diagnosis(name), dim, angles)
    assert cloud.shape == (500, dim) and turns(cloud) == 1
    fit = np.exp(1j * ANGLE) @ (cloud[:, 0] - 1j * cloud[:, 1]) / 500
    assert abs(fit) == pytest.approx(np.sqrt(2), rel=0.02)
    np.testing.assert_allclose(cloud.mean(0), 0, atol=1e-9)
    np.testing.assert_allclose(cloud.std(0)[:4], 1, atol=1e-9)


@pytest.mark.parametrize("angles, circles", [(0, 1), (1, 2), (2, 2)])
def test_without_angles_or_room_for_all_circles_they_are_principal_components(angles: int, circles: int) -> None:
    found = diagnosis("mostly twice")
    found = replace(found, skeleton=replace(found.skeleton, circles=circles))
    cloud = linear_cloud(data("mostly twice"), found, 3, np.repeat(ANGLE[:, None], angles, 1))
    places = np.concatenate([part for _, part in found.skeleton.place_all(data("mostly twice"))])[:, :3]
    np.testing.assert_allclose(cloud, (places - places.mean(0)) / places.std(0), atol=1e-9)
    assert turns(cloud) == 2
