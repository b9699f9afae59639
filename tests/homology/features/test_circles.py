"""Circular coordinates wind as the truth does."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from topovae.homology.cloud.landmarks import Landmarks, centres, self_tuned
from topovae.homology.complexes.graph import graph_at, harmonic_potential, integer_lift, reduce_lattice, saturate, whole_lift
from topovae.homology.complexes.rips import persistence
from topovae.homology.features.circles import find_circles, landmark_angles


def distances(points: np.ndarray) -> np.ndarray:
    return np.linalg.norm(points[:, None] - points[None, :], axis=2)


def landmarks_of(points: np.ndarray, count: int) -> Landmarks:
    centre = centres(points, count, seed=0)
    tuned, scales = self_tuned(distances(centre))
    return Landmarks(tuned, scales, centre)


def agreement(found: np.ndarray, truth: np.ndarray) -> float:
    """Return the length of the mean of exp(i(found ∓ truth)): 1 when equal up to sign and offset."""
    return max(abs(np.exp(1j * (found - sign * truth)).mean()) for sign in (1, -1))


def circle(angle: np.ndarray) -> np.ndarray:
    return np.column_stack([np.cos(angle), np.sin(angle)])


def angles_of(landmarks: Landmarks) -> np.ndarray:
    """Return the angles of landmarks (m, k) whose points are those of k circles."""
    assert landmarks.points is not None
    return np.arctan2(landmarks.points[:, 1::2], landmarks.points[:, ::2]) % (2 * np.pi)


def test_the_coordinate_of_a_noisy_circle_is_its_angle() -> None:
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 2 * np.pi, 800)
    points = circle(truth) + 0.05 * rng.normal(size=(800, 2))
    landmarks = landmarks_of(points, 150)
    found = landmark_angles(landmarks, 1)
    assert found.shape == (150, 1)
    assert (found >= 0).all() and (found < 2 * np.pi).all()
    assert agreement(found[:, 0], angles_of(landmarks)[:, 0]) > 0.99


def test_the_winding_number_along_a_loop_is_one() -> None:
    truth = 2 * np.pi * np.arange(400) / 400
    points = circle(truth) * [1.0, 0.6]
    landmarks = landmarks_of(points, 80)
    found = landmark_angles(landmarks, 1)[np.argsort(angles_of(landmarks)[:, 0]), 0]
    steps = np.angle(np.exp(1j * np.diff(np.append(found, found[0]))))
    assert abs(round(steps.sum() / (2 * np.pi))) == 1


def test_the_coordinates_of_a_torus_are_its_two_angles() -> None:
    truth = np.random.default_rng(1).uniform(0, 2 * np.pi, (1500, 2))
    points = np.hstack([circle(truth[:, 0]), circle(truth[:, 1])])
    landmarks = landmarks_of(points, 300)
    found, truth = landmark_angles(landmarks, 2), angles_of(landmarks)
    table = np.array([[agreement(found[:, i], truth[:, j]) for j in range(2)] for i in range(2)])
    assert max(min(table[0, 0], table[1, 1]), min(table[0, 1], table[1, 0])) > 0.95


def test_no_class_no_coordinate() -> None:
    landmarks = landmarks_of(np.random.default_rng(2).normal(size=(400, 2)), 100)
    assert landmark_angles(landmarks, 0).shape == (100, 0)


def test_a_lift_that_is_no_cocycle_is_refused() -> None:
    points = circle(2 * np.pi * np.arange(30) / 30)
    tuned = distances(points)
    diagram = persistence(tuned, 47, 1, cocycles=True)
    graph = graph_at(tuned, 1.0)
    assert diagram.cocycles is not None
    cocycle = diagram.cocycles[1][0]
    lift = integer_lift(cocycle, 47, graph)
    assert lift is not None and set(np.unique(np.abs(lift))) <= {0, 1}
    broken = np.vstack([cocycle, [[3, 4, 5]]])
    assert integer_lift(broken, 47, graph) is None


def flat_torus(count: int) -> np.ndarray:
    """Return a square grid on the torus."""
    side = 2 * np.pi * np.arange(count) / count
    u, v = (angle.ravel() for angle in np.meshgrid(side, side))
    return np.hstack([circle(u), circle(v)])


@pytest.mark.parametrize("change", [[[2, 0], [0, 1]], [[1, 1], [1, -1]], [[3, 0], [1, 2]], [[0, 1], [1, 0]]])
def test_saturation_finds_the_classes_that_multiples_and_sums_are_made_of(change: list[list[int]]) -> None:
    found = find_circles(distances(flat_torus(12)), 2)
    assert found is not None
    graph = graph_at(distances(flat_torus(12)), found.scale)
    i, j = graph.ends.T
    basis = found.turns[:, i, j]
    whole = saturate(np.array(change) @ basis, graph)
    assert whole is not None
    harmonic, given = ([harmonic_potential(z, graph)[1] for z in classes] for classes in (whole, basis))
    winding = np.linalg.lstsq(np.array(given).T, np.array(harmonic).T, rcond=None)[0].T
    np.testing.assert_allclose(winding, np.rint(winding), atol=1e-6)
    assert abs(round(np.linalg.det(winding))) == 1


def test_dependent_classes_have_no_saturation() -> None:
    points = circle(2 * np.pi * np.arange(30) / 30)
    found = find_circles(distances(points), 1)
    assert found is not None
    graph = graph_at(distances(points), found.scale)
    cocycle = found.turns[0][tuple(graph.ends.T)]
    assert saturate(np.array([cocycle, 2 * cocycle]), graph) is None


def test_half_a_class_is_lifted_by_its_double() -> None:
    tuned = distances(flat_torus(12))
    found = find_circles(tuned, 1)
    assert found is not None
    graph = graph_at(tuned, found.scale)
    i, j = graph.ends.T
    cut = np.random.default_rng(0).integers(0, 2, graph.size)
    values = found.turns[0, i, j] + cut[i] - cut[j]
    half = np.column_stack([i, j, values * 24 % 47])  # 24 is one half modulo 47
    assert integer_lift(half, 47, graph) is None
    lift = whole_lift(half, 47, graph)
    assert lift is not None and (lift == values).all()


def test_a_loop_not_yet_filled_is_no_circle_unless_trusted() -> None:
    points = np.random.default_rng(2).normal(size=(150, 2))
    tuned, _ = self_tuned(distances(points))
    assert find_circles(tuned, 1) is not None
    assert find_circles(tuned, 1, trusted=0) is None


def test_turns_are_the_steps_of_the_potentials() -> None:
    tuned = distances(flat_torus(12))
    found = find_circles(tuned, 2)
    assert found is not None
    steps = found.potentials.T[:, None, :] - found.potentials.T[:, :, None] - found.turns
    assert np.abs(steps[:, tuned <= found.scale]).max() < 0.5
    assert (found.turns == -found.turns.transpose(0, 2, 1)).all()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("k", [1, 2, 3])
def test_lattice_reduction_keeps_the_lattice_and_shortens(k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    change = np.eye(k, dtype=int)
    for i, j in itertools.permutations(range(k), 2):
        change[i] += rng.integers(-3, 4) * change[j]
    found = reduce_lattice(change @ change.T)
    assert abs(round(np.linalg.det(found))) == 1
    reduced = found @ change
    if k < 3:  # exact there: the shortest basis of Z^k is orthonormal
        assert (reduced @ reduced.T == np.eye(k, dtype=int)).all()
    assert np.trace(reduced @ reduced.T) <= np.trace(change @ change.T)


def opposite_views_alike(n: int, apart: float) -> np.ndarray:
    """Self-tuned distances of a circle whose points half a turn apart lie `apart` from each other."""
    t = np.arange(n) * 2 * np.pi / n
    points = np.column_stack([np.cos(2 * t), np.sin(2 * t), apart / 2 * np.cos(t), apart / 2 * np.sin(t)])
    return self_tuned(distances(points))[0]


@pytest.mark.parametrize(("apart", "winding"), [(0.2, 2), (0.4, 1), (1.0, 1)])
def test_a_map_that_winds_twice_along_the_data_says_so(apart: float, winding: int) -> None:
    found = find_circles(opposite_views_alike(300, apart), 1)
    assert found is not None and found.winding == winding
    steps = np.diff(found.potentials[:, 0], append=found.potentials[0, 0])
    assert abs(round((steps - np.rint(steps)).sum())) == winding


def test_maps_of_a_torus_wind_once() -> None:
    angles = np.random.default_rng(0).uniform(0, 2 * np.pi, (400, 2))
    points = np.column_stack([np.cos(angles), np.sin(angles)])
    found = find_circles(self_tuned(distances(points))[0], 2)
    assert found is not None and found.potentials.shape[1] == 2 and found.winding == 1
