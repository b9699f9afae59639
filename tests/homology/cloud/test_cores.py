"""Thick circles have a core of dimension 1; what really extends in two directions has none."""

from __future__ import annotations

import numpy as np
import pytest

from topovae.homology.cloud.cores import find_core, thickness

SEEDS = range(2)


def draw(name: str, seed: int, n: int = 1200, noise: float = 0.02) -> np.ndarray:
    rng = np.random.default_rng(seed)
    one, other = rng.uniform(0, 2 * np.pi, (2, n))
    radius = np.sqrt(rng.uniform(size=n))
    shapes = {
        "circle": np.column_stack([np.cos(one), np.sin(one)]),
        "torus": np.column_stack([np.cos(one), np.sin(one), np.cos(other), np.sin(other)]),
        "disc": np.column_stack([radius * np.cos(one), radius * np.sin(one)]),
    }
    frame, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    return shapes[name] @ frame[: shapes[name].shape[1]] + noise * rng.normal(size=(n, 6))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("noise", [0.05, 0.1])
def test_a_thick_circle_has_a_core_of_dimension_1(noise: float, seed: int) -> None:
    points = draw("circle", seed, noise=noise)
    core = find_core(points, (1, 2), seed)
    assert core is not None and core.dimension == 1
    assert core.points.shape == points.shape
    radius = np.linalg.norm(core.points - core.points.mean(0), axis=1)
    assert radius.std() < noise / 2
    found = thickness(points, core)
    assert found.directions == 0 and not found.structured, "noise is alike in all directions"


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ["torus", "disc"])
def test_what_extends_in_two_directions_has_no_core_of_dimension_1(name: str, seed: int) -> None:
    assert find_core(draw(name, seed), (1,), seed) is None


def test_of_a_torus_the_core_is_the_torus() -> None:
    core = find_core(draw("torus", 0), (1, 2), 0)
    assert core is not None and core.dimension == 2


def test_no_core_fills_the_space() -> None:
    assert find_core(draw("disc", 0)[:, :2], (2,), 0) is None


def test_equal_seeds_give_equal_cores() -> None:
    points = draw("circle", 0, noise=0.1)
    one, other = find_core(points, (1,), 5), find_core(points.copy(), (1,), 5)
    assert one is not None and other is not None
    assert np.array_equal(one.points, other.points)
