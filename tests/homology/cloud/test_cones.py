"""Cones: rays from an apex, told from discs and bowls."""

from __future__ import annotations

import numpy as np
import pytest

from topovae.homology.cloud.cones import directions_of_cone


def polar(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return np.sqrt(rng.uniform(0, 1, n)), rng.uniform(0, 2 * np.pi, n)


def tuning(angle: np.ndarray) -> np.ndarray:
    """The rates (n, 12) of units that prefer directions."""
    return np.exp(2 * (np.cos(angle[:, None] - 2 * np.pi * np.arange(12) / 12) - 1))


def winding(radius: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """A cone over a curve that is not plane."""
    return radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle), np.cos(2 * angle), np.sin(2 * angle)])


CONES = {
    "a bump that fades": lambda radius, angle: 1 + radius[:, None] * tuning(angle),
    "two harmonics": winding,
    "a cone of the school": lambda radius, angle: np.column_stack([radius * np.cos(angle), radius * np.sin(angle), radius]),
}
DISCS = {
    "a flat disc": lambda radius, angle: np.column_stack([radius * np.cos(angle), radius * np.sin(angle), 0 * radius]),
    "a bowl": lambda radius, angle: np.column_stack([radius * np.cos(angle), radius * np.sin(angle), 0.5 * radius**2]),
    "a saddle": lambda radius, angle: np.column_stack(
        [radius * np.cos(angle), radius * np.sin(angle), radius**2 * np.cos(2 * angle)]
    ),
    "an umbrella's rim": lambda radius, angle: tuning(angle) + 0.2 * radius[:, None],
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", CONES)
def test_directions_of_a_cone_are_a_curve(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = CONES[name](*polar(1200, rng))
    directions = directions_of_cone(points + 0.01 * rng.standard_normal(points.shape))
    assert directions is not None
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1)
    assert 600 <= len(directions) <= 1200


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", DISCS)
def test_discs_and_bowls_are_no_cones(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = DISCS[name](*polar(1200, rng))
    assert directions_of_cone(points + 0.01 * rng.standard_normal(points.shape)) is None


def test_a_plane_has_no_bent_cone() -> None:
    assert directions_of_cone(np.random.default_rng(0).standard_normal((200, 2))) is None


def test_the_apex_may_be_anywhere_and_the_size_any() -> None:
    rng = np.random.default_rng(4)
    points = winding(*polar(800, rng)) + 0.01 * rng.standard_normal((800, 4))
    moved = 1e3 * points + np.array([1e4, -2e4, 5.0, 0.0])
    one, other = directions_of_cone(points), directions_of_cone(moved)
    assert one is not None and other is not None
    np.testing.assert_allclose(one, other, atol=1e-6)
