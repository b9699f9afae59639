"""Laws of persistent homology on shapes whose bars are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from topovae.errors import InputError, ResourceError, UsageError
from topovae.homology.persistence import check_prime, persistence, universal_p_values


def polygon(n: int) -> np.ndarray:
    angle = 2 * np.pi * np.arange(n) / n
    return np.column_stack([np.cos(angle), np.sin(angle)])


def cross_polytope(d: int) -> np.ndarray:
    return np.vstack([np.eye(d), -np.eye(d)])


def projective_plane(n: int) -> np.ndarray:
    """Return distances between evenly spread lines through 0: a Fibonacci lattice on a hemisphere."""
    height = (np.arange(n) + 0.5) / n
    angle = np.pi * (3 - np.sqrt(5)) * np.arange(n)
    radius = np.sqrt(1 - height**2)
    z = np.column_stack([radius * np.cos(angle), radius * np.sin(angle), height])
    distances = np.arccos(np.clip(np.abs(z @ z.T), 0, 1))
    np.fill_diagonal(distances, 0.0)
    return (distances + distances.T) / 2


@pytest.mark.parametrize("prime", [2, 3, 47])
@pytest.mark.parametrize("n", [6, 9, 24, 60])
def test_a_polygon_has_one_loop_of_known_birth_and_death(n: int, prime: int) -> None:
    bars = persistence(cdist(polygon(n), polygon(n)), prime, 1).bars[1]
    assert len(bars) == 1
    assert bars[0, 0] == pytest.approx(2 * np.sin(np.pi / n), rel=1e-5)
    # the loop is filled when an edge first spans a third of the way round (Adamaszek and Adams 2017)
    assert bars[0, 1] == pytest.approx(2 * np.sin(np.pi * -(-n // 3) / n), rel=1e-5)


@pytest.mark.parametrize("prime", [2, 3])
@pytest.mark.parametrize("d", [2, 3])
def test_a_cross_polytope_is_a_sphere(d: int, prime: int) -> None:
    vertices = cross_polytope(d)
    diagram = persistence(cdist(vertices, vertices), prime, d - 1)
    assert [len(diagram.bars[degree]) for degree in range(1, d)] == [0] * (d - 2) + [1]
    assert diagram.bars[d - 1][0] == pytest.approx([np.sqrt(2), 2.0], rel=1e-5)


@pytest.mark.parametrize(("prime", "loops"), [(2, 1), (3, 0), (5, 0)])
def test_the_projective_plane_has_torsion(prime: int, loops: int) -> None:
    bars = persistence(projective_plane(150), prime, 1).bars[1]
    assert int((bars[:, 1] / bars[:, 0] > 1.9).sum()) == loops


def test_bars_that_outlive_the_cap_die_at_it() -> None:
    diagram = persistence(cdist(polygon(30), polygon(30)), 2, 1, cap=1.0)
    assert diagram.threshold == 1.0
    assert diagram.bars[1][0, 1] == 1.0


@pytest.mark.parametrize("number", [-3, 0, 1, 4, 9, 15, 46349])
def test_a_number_that_is_no_prime_is_refused(number: int) -> None:
    with pytest.raises(UsageError, match=str(number)):
        check_prime(number)


@pytest.mark.parametrize(
    ("entry", "value", "words"),
    [
        ((1, 2), np.nan, "not finite"),
        ((1, 2), -1.0, "negative"),
        ((3, 3), 0.5, "itself"),
        ((1, 2), 0.1, "symmetric"),
    ],
)
def test_a_matrix_that_is_not_of_distances_is_refused(entry: tuple[int, int], value: float, words: str) -> None:
    distances = cdist(polygon(8), polygon(8))
    distances[entry] = value
    with pytest.raises(InputError, match=words):
        persistence(distances, 2, 1)


def test_a_matrix_that_is_not_square_is_refused() -> None:
    with pytest.raises(InputError, match="square"):
        persistence(np.ones((3, 4)), 2, 1)


def test_memory_is_estimated_before_the_work() -> None:
    points = np.random.default_rng(0).normal(size=(300, 2))
    with pytest.raises(ResourceError, match="GiB"):
        persistence(cdist(points, points), 2, 2, memory=2**20)


def test_p_values_are_uniform_on_noise_and_small_on_a_loop() -> None:
    rng = np.random.default_rng(1)
    square = rng.uniform(size=(500, 2))
    noise = universal_p_values(persistence(cdist(square, square), 2, 1).bars[1])
    assert noise.min() > 1e-4
    assert abs(np.median(noise) - 0.5) < 0.15
    angle = rng.uniform(0, 2 * np.pi, 500)
    ring = np.column_stack([np.cos(angle), np.sin(angle)]) + 0.05 * rng.normal(size=(500, 2))
    assert universal_p_values(persistence(cdist(ring, ring), 2, 1).bars[1]).min() < 1e-6
