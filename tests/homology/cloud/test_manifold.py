"""Verdicts from tangent planes on manifolds, and on what is none."""

from __future__ import annotations

import numpy as np
import pytest

from topovae.homology.cloud.manifold import Verdicts, dimension_probabilities, judge
from topovae.homology.cloud.tangents import Dimension, intrinsic_dimension
from topovae.homology.odds import decided


def sphere(rng: np.random.Generator, n: int) -> np.ndarray:
    z = rng.normal(size=(n, 3))
    return z / np.linalg.norm(z, axis=1, keepdims=True)


def cylinder(rng: np.random.Generator, n: int) -> np.ndarray:
    angle = rng.uniform(0, 2 * np.pi, n)
    return np.column_stack([np.cos(angle), np.sin(angle), rng.uniform(-1, 1, n)])


def mobius(rng: np.random.Generator, n: int) -> np.ndarray:
    angle, width = rng.uniform(0, 2 * np.pi, n), rng.uniform(-0.5, 0.5, n)
    radius = 1 + width * np.cos(angle / 2)
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle), width * np.sin(angle / 2)])


def wedge(rng: np.random.Generator, n: int) -> np.ndarray:
    """Return a sphere with a circle at a point."""
    points, angle = sphere(rng, n), rng.uniform(0, 2 * np.pi, n)
    thread = np.column_stack([2 + np.cos(angle), np.sin(angle), np.zeros(n)])
    return np.where((np.arange(n) < n // 4)[:, None], thread, points)


def verdicts_on(points: np.ndarray) -> Verdicts:
    return judge(points, intrinsic_dimension(points, 0.0, 0))


@pytest.mark.parametrize(
    ("draw", "closed", "orientable"), [(sphere, True, True), (cylinder, False, True), (mobius, False, False)]
)
def test_surfaces_are_told_apart(draw: object, closed: bool, orientable: bool) -> None:
    assert callable(draw)
    found = verdicts_on(draw(np.random.default_rng(0), 2000))
    assert (decided(found.closed), decided(found.orientable)) == (closed, orientable)
    assert found.manifold > 0.9


def test_a_wedge_is_no_manifold() -> None:
    assert verdicts_on(wedge(np.random.default_rng(1), 2000)).manifold < 0.1


def test_a_dimension_that_changes_with_scale_is_none() -> None:
    steady = Dimension(2, 2.0, (1.9, 2.1), 12, 10.0, 0.0, steady=1.0)
    drifting = Dimension(5, 5.0, (3.0, 6.0), 12, 10.0, 0.0, steady=0.25)
    points = np.random.default_rng(2).uniform(size=(500, 5))
    points[:, 2:] = 0
    assert judge(points, steady).manifold > 0.9
    assert judge(points, drifting).manifold < 0.1


@pytest.mark.parametrize("gap", [1.0, 2.0, 4.0, 20.0, np.inf])
def test_dimension_probabilities_add_to_one(gap: float) -> None:
    found = dimension_probabilities(Dimension(2, 2.0, (1.9, 2.1), 12, gap, 0.0))
    assert sum(found.values()) == pytest.approx(1)
    assert (found[2] > 0.85) == (gap >= 4)


@pytest.mark.parametrize(("probability", "verdict"), [(None, None), (0.1, False), (0.5, None), (0.9, True)])
def test_verdicts_near_even_are_withheld(probability: float | None, verdict: bool | None) -> None:
    assert decided(probability) is verdict


@pytest.mark.parametrize(("low", "high"), [(1.9, 2.6), (3.1, 3.2), (2.6, 4.4)])
def test_a_dimension_within_the_interval_or_below_is_believed(low: float, high: float) -> None:
    found = Dimension.read(3, (low + high) / 2, low, high, scale=12, gap=20.0, thin=0.0)
    assert found.believed and dimension_probabilities(found)[3] > 0.85
    assert found.interval[0] <= found.value <= found.interval[1]


def test_a_dimension_above_the_interval_is_not_believed() -> None:
    found = Dimension.read(4, 2.1, 1.9, 2.3, scale=12, gap=20.0, thin=0.0)
    assert not found.believed and found.interval == (1.9, 4)
    assert dimension_probabilities(found) == pytest.approx({2: 1 / 3, 3: 1 / 3, 4: 1 / 3})
