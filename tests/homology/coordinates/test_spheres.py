"""Spheres are found among functions, straightened, and told from what is none."""

from __future__ import annotations

import numpy as np
import pytest

from topovae.homology.coordinates.spheres import fit_sphere, unit


@pytest.mark.parametrize("d", [1, 2, 3])
def test_an_ellipsoid_among_other_functions_is_straightened(d: int) -> None:
    rng = np.random.default_rng(d)
    truth = unit(rng.normal(size=(400, d + 1)))
    axes = truth * np.geomspace(1, 5, d + 1)
    functions = np.column_stack([axes, rng.normal(size=(400, 3))])[:, ::-1]
    found = fit_sphere(functions / functions.std(0), d)
    assert found is not None
    points, residual = found
    assert residual < 1e-6
    np.testing.assert_allclose(points @ points.T, truth @ truth.T, atol=1e-5)


def test_a_plane_is_no_sphere() -> None:
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 300)
    functions = np.column_stack([np.cos(angle), np.sin(angle), 1e3 * np.ones(300)])
    assert fit_sphere(functions, 2) is None


def test_noise_is_far_from_a_sphere() -> None:
    found = fit_sphere(np.random.default_rng(0).normal(size=(300, 9)), 2)
    assert found is not None and found[1] > 0.2
