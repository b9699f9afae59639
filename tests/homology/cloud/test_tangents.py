"""Local geometry on shapes sampled in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from topovae.homology.cloud.denoise import fit_denoiser
from topovae.homology.cloud.manifold import CROSSED, FLAT_ROUNDS
from topovae.homology.cloud.planes import onto_planes
from topovae.homology.cloud.tangents import (
    CLEAR_GAP,
    FAINT_GAP,
    LEAST_SCALE,
    _first_clear,
    _isotropic_gaps,
    boundary_share,
    frame_graph,
    growth_dimension,
    intrinsic_dimension,
    principal_frames,
)


def sphere(rng: np.random.Generator, n: int) -> np.ndarray:
    z = rng.normal(size=(n, 3))
    return z / np.linalg.norm(z, axis=1, keepdims=True)


def disk(rng: np.random.Generator, n: int) -> np.ndarray:
    radius, angle = np.sqrt(rng.uniform(size=n)), rng.uniform(0, 2 * np.pi, n)
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle), np.zeros(n)])


def mobius(rng: np.random.Generator, n: int) -> np.ndarray:
    angle, width = rng.uniform(0, 2 * np.pi, n), rng.uniform(-0.5, 0.5, n)
    radius = 1 + width * np.cos(angle / 2)
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle), width * np.sin(angle / 2)])


def circle(rng: np.random.Generator, n: int) -> np.ndarray:
    angle = rng.uniform(0, 2 * np.pi, n)
    return np.column_stack([np.cos(angle), np.sin(angle), np.zeros(n)])


def cloud(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.normal(size=(n, 3))


SHAPES = {
    "sphere": (sphere, 2),
    "disk": (disk, 2),
    "mobius": (mobius, 2),
    "circle": (circle, 1),
    "cloud": (cloud, 3),
}


@pytest.fixture(params=SHAPES, ids=str)
def shape(request: pytest.FixtureRequest) -> tuple[np.ndarray, int]:
    draw, dimension = SHAPES[request.param]
    return draw(np.random.default_rng(0), 1500), dimension


def test_the_dimension_is_read(shape: tuple[np.ndarray, int]) -> None:
    points, dimension = shape
    found = intrinsic_dimension(points, 0.0, 0)
    assert found.value == dimension
    low, high = found.interval
    assert low <= found.estimate <= high
    assert abs(found.estimate - dimension) < 0.5


def test_the_dimension_is_read_from_distances(shape: tuple[np.ndarray, int]) -> None:
    points, dimension = shape
    found = growth_dimension(cdist(points, points))
    assert found.value == dimension
    assert found.interval[0] < found.estimate < found.interval[1]


@pytest.mark.parametrize(("name", "bounded"), [("sphere", False), ("disk", True), ("mobius", True)])
def test_the_boundary_shows(name: str, bounded: bool) -> None:
    points = onto_planes(SHAPES[name][0](np.random.default_rng(1), 2000), 2, 15, FLAT_ROUNDS)
    assert (boundary_share(points, 2) > 0.022) == bounded


@pytest.mark.parametrize(("name", "orientable"), [("sphere", True), ("disk", True), ("mobius", False)])
def test_orientability_shows(name: str, orientable: bool) -> None:
    frames = frame_graph(SHAPES[name][0](np.random.default_rng(2), 1500), 2, 15)
    ratio = None if frames is None else frames.ratio()
    assert ratio is not None
    assert (ratio < 0.1) == orientable


@pytest.mark.parametrize("n", [60, 300, 2000])
def test_the_noise_floor_is_found(n: int) -> None:
    rng = np.random.default_rng(3)
    signal = rng.normal(size=(n, 3)) @ rng.normal(size=(3, 80))
    denoiser = fit_denoiser(signal + 0.2 * rng.normal(size=(n, 80)))
    assert len(denoiser.components) == 3
    assert denoiser.noise == pytest.approx(0.2, rel=0.15)
    assert denoiser.components @ denoiser.components.T == pytest.approx(np.eye(3), abs=1e-9)


def test_few_features_are_only_rotated() -> None:
    x = np.random.default_rng(4).normal(size=(50, 4))
    assert cdist(fit_denoiser(x).transform(x), fit_denoiser(x).transform(x)) == pytest.approx(cdist(x, x))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("unit", [1e-40, 1e-3, 1e130])
def test_the_dimension_is_the_same_in_any_unit(unit: float) -> None:
    points = disk(np.random.default_rng(0), 300)
    plain, other = (intrinsic_dimension(scale * points, 0.0, 0) for scale in (1.0, unit))
    assert (other.value, other.estimate) == (plain.value, pytest.approx(plain.estimate, rel=1e-6))


def sheets(name: str, n: int, seed: int) -> np.ndarray:
    """Surfaces (n, 8) that cross, and some that do not, with a little noise."""
    rng = np.random.default_rng(seed)
    a, b, which = rng.uniform(-1, 1, n), rng.uniform(-1, 1, n), rng.integers(0, 3, n)
    turn = np.pi * b
    shapes = {
        "planes": np.column_stack([a, np.where(which > 0, b, 0), np.where(which > 0, 0, b)]),
        "tube": np.column_stack([2 * a, np.cos(turn), np.sin(turn)]),
        "sheet": np.column_stack([a, b, a * b]),
        "bent sheet": np.column_stack([np.cos(2 * a), np.sin(2 * a), b]),
    }
    frame, _ = np.linalg.qr(rng.normal(size=(8, 8)))
    return shapes[name] @ frame[:3] + 0.01 * rng.normal(size=(n, 8))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("name", "meet"), [("planes", True), ("tube", False), ("sheet", False), ("bent sheet", False)])
def test_sheets_that_meet_are_told_from_those_that_do_not(name: str, meet: bool, seed: int) -> None:
    found = intrinsic_dimension(sheets(name, 1500, seed), 0.01, seed)
    assert found.value == 2
    assert (found.crossed > CROSSED[0]) == meet


def test_the_first_scale_with_a_clear_gap_tells_the_dimension_else_the_widest_gap() -> None:
    first, second = LEAST_SCALE, 2 * LEAST_SCALE
    none, clear = np.array([1.0, 1.0, 1.0]), CLEAR_GAP * np.array([0.1, 1.0, 0.1])
    faint = FAINT_GAP * _isotropic_gaps(second, 4) * np.array([0.5, 0.5, 1.1])
    assert CLEAR_GAP > faint.max(), "the gap is not clear, only wider than chance"
    assert _first_clear({first: none, second: clear}, 4) == (second, 2)
    assert _first_clear({first: clear, second: none}, 4) == (first, 2)
    assert _first_clear({LEAST_SCALE - 1: clear, first: none}, 4) == (first, 4)
    assert _first_clear({first: none, second: faint}, 4) == (second, 3)
    assert _first_clear({first: none, second: none}, 4) == (first, 4)
    assert _first_clear({first: np.array([])}, 1) == (first, 1)


def test_a_cloud_that_fills_its_space_is_as_steady_as_can_be() -> None:
    found = intrinsic_dimension(np.random.default_rng(0).normal(size=(400, 2)), 0.0, 0)
    assert (found.value, found.steady, found.crossed) == (2, 1.0, 0.0)


@pytest.mark.parametrize(("k", "p"), [(30, 6), (6, 6), (5, 30)])
@pytest.mark.parametrize("dimension", [1, 2, 4])
def test_frames_are_those_of_the_largest_singular_values(k: int, p: int, dimension: int) -> None:
    patches = np.random.default_rng(k).normal(size=(20, k, p))
    frames = principal_frames(patches, dimension)
    right = np.linalg.svd(patches - patches.mean(1, keepdims=True))[2][:, :dimension]
    assert np.allclose(frames @ np.swapaxes(frames, 1, 2), np.eye(dimension))
    assert np.allclose(np.swapaxes(frames, 1, 2) @ frames, np.swapaxes(right, 1, 2) @ right)


@pytest.mark.parametrize(("k", "p"), [(8, 3), (3, 8)])
def test_frames_of_equal_points_are_orthonormal(k: int, p: int) -> None:
    frames = principal_frames(np.ones((2, k, p)), 2)
    assert np.allclose(frames @ np.swapaxes(frames, 1, 2), np.eye(2))
