"""Laws of persistent homology on shapes whose bars are known."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from topovae.errors import InputError, UsageError
from topovae.homology import analyze
from topovae.homology.complexes.bars import universal_p_values
from topovae.homology.complexes.rips import check_prime, persistence


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


def test_p_values_are_uniform_on_noise_and_small_on_a_loop() -> None:
    rng = np.random.default_rng(1)
    square = rng.uniform(size=(500, 2))
    noise = universal_p_values(persistence(cdist(square, square), 2, 1).bars[1])
    assert noise.min() > 1e-4
    assert abs(np.median(noise) - 0.5) < 0.15
    angle = rng.uniform(0, 2 * np.pi, 500)
    ring = np.column_stack([np.cos(angle), np.sin(angle)]) + 0.05 * rng.normal(size=(500, 2))
    assert universal_p_values(persistence(cdist(ring, ring), 2, 1).bars[1]).min() < 1e-6


def test_all_bars_of_points_at_one_place_are_empty() -> None:
    diagram = persistence(np.zeros((12, 12)), 2, 2)
    assert [len(bars) for bars in diagram.bars[1:]] == [0, 0]
    assert diagram.threshold == 0.0


def test_one_point_is_one_component() -> None:
    diagram = persistence(np.zeros((1, 1)), 3, 2)
    assert diagram.bars[0].tolist() == [[0.0, np.inf]]
    assert [len(bars) for bars in diagram.bars[1:]] == [0, 0]


@pytest.mark.parametrize("prime", [2, 3, 47])
def test_copies_of_points_change_no_loop(prime: int) -> None:
    points = np.repeat(polygon(24), 3, axis=0)
    bars = persistence(cdist(points, points), prime, 1).bars[1]
    assert np.allclose(bars, persistence(cdist(polygon(24), polygon(24)), prime, 1).bars[1], rtol=1e-5)


@pytest.mark.parametrize("prime", [2, 3])
def test_points_on_a_line_have_no_loop(prime: int) -> None:
    line = np.random.default_rng(0).uniform(size=(60, 1)) * np.ones((1, 3))
    diagram = persistence(cdist(line, line), prime, 2)
    assert not any((bars[:, 1] > bars[:, 0] * (1 + 1e-6)).any() for bars in diagram.bars[1:])


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int64, np.float32])
def test_the_type_of_the_numbers_does_not_matter(dtype: type) -> None:
    steps = np.abs(np.subtract.outer(np.arange(20), np.arange(20)))
    ring = np.minimum(steps, 20 - steps)
    bars = persistence(ring.astype(dtype), 3, 1).bars[1]
    assert bars.tolist() == [[1.0, 7.0]]


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan, -0.5])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_bad_number_reaches_the_computation(bad: float, dtype: type) -> None:
    distances = cdist(polygon(8), polygon(8)).astype(dtype)
    distances[2, 5] = distances[5, 2] = bad
    with pytest.raises(InputError, match=r"Entry \[2, 5\]"):
        persistence(distances, 2, 1)


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (5,), (2, 2, 2)])
def test_matrices_of_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"square|empty"):
        persistence(np.zeros(shape), 2, 1)


def test_a_negative_degree_is_refused() -> None:
    with pytest.raises(UsageError, match="-1"):
        persistence(cdist(polygon(8), polygon(8)), 2, -1)


def test_the_input_is_left_as_it_was() -> None:
    distances = cdist(polygon(30), polygon(30))
    before = distances.copy()
    persistence(distances, 3, 1)
    assert np.array_equal(distances, before)


TRAPS: dict[str, tuple[np.ndarray, bool]] = {
    "copies": (np.repeat(polygon(60), 4, axis=0), False),
    "on a line": (np.linspace(0, 1, 200)[:, None] * np.ones((1, 4)), False),
    "integers": (np.round(1000 * polygon(200)).astype(np.int32), False),
    "booleans": (np.random.default_rng(0).uniform(size=(200, 6)) > 0.5, False),
    "tiny": (1e-40 * polygon(200), False),
    "huge": (1e37 * polygon(200), False),
    "distances of copies": (cdist(np.repeat(polygon(50), 3, axis=0), np.repeat(polygon(50), 3, axis=0)), True),
    "distances on a line": (np.abs(np.subtract.outer(np.arange(100), np.arange(100))), True),
}


@pytest.mark.parametrize(("data", "given"), TRAPS.values(), ids=TRAPS.keys())
def test_the_diagnosis_survives_degenerate_data(data: np.ndarray, given: bool) -> None:
    found = analyze(data, distance_matrix=given, max_dim=1)
    assert found.n_samples == len(data)
    assert json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("data", "given", "words"),
    [
        (np.zeros((0, 3)), False, "samples"),
        (np.zeros((1, 3)), False, "1 samples"),
        (np.ones((100, 3)), False, "equal"),
        (np.zeros((0, 0)), True, "0 samples"),
        (np.zeros((1, 1)), True, "1 samples"),
        (np.zeros((80, 80)), True, "equal"),
        (np.where(np.eye(80) > 0, 0.0, np.inf), True, "not finite"),
        (np.triu(np.ones((80, 80)), 1), True, "symmetric"),
    ],
)
def test_the_diagnosis_refuses_what_has_no_shape(data: np.ndarray, given: bool, words: str) -> None:
    with pytest.raises(InputError, match=words):
        analyze(data, distance_matrix=given)
