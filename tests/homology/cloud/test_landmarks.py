"""Landmarks cover what they stand for, and their distances have the usual spacing as unit."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from topovae.homology.cloud.landmarks import assign, centres, choose_landmarks, farthest_points, hybrid_distances, self_tuned

RNG = np.random.default_rng(0)
BLOBS = np.concatenate([RNG.normal(size=(40, 3)) * 0.01 + place for place in 10 * np.eye(3)])


def test_each_centre_is_the_mean_of_the_points_nearest_to_it() -> None:
    points = RNG.normal(size=(500, 2))
    found = centres(points, 12, seed=0, rounds=100)
    owner = assign(points, found)
    np.testing.assert_array_equal(owner, cdist(points, found).argmin(1))
    np.testing.assert_allclose(found, [points[owner == i].mean(0) for i in range(12)], atol=1e-12)
    np.testing.assert_array_equal(found, centres(points, 12, seed=0, rounds=100))
    assert not np.array_equal(found, centres(points, 12, seed=1, rounds=100))


def test_points_are_assigned_in_blocks_as_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    points = RNG.normal(size=(5000, 2))
    many = np.tile(points[:50], (100, 1))  # more centres: fewer points at a time
    np.testing.assert_array_equal(assign(points, many) % 50, cdist(points, points[:50]).argmin(1))


def test_a_centre_that_owns_nothing_stays() -> None:
    points = np.repeat([[0.0, 0.0], [1.0, 1.0]], 20, axis=0)
    found = centres(points, 5, seed=0)
    assert {tuple(row) for row in found.tolist()} <= {(0.0, 0.0), (1.0, 1.0)}


def test_each_next_point_is_the_farthest() -> None:
    points = RNG.normal(size=(60, 2))
    distances = cdist(points, points)
    chosen = farthest_points(distances, 12, seed=0)
    assert len(set(chosen.tolist())) == 12
    for count in range(1, 12):
        reach = distances[chosen[:count]].min(0)
        assert reach[chosen[count]] == reach.max()
    repeated = np.repeat(points[:4], 5, axis=0)
    assert len(farthest_points(cdist(repeated, repeated), 12, seed=0)) == 4


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e6])
def test_self_tuned_distances_have_no_unit_and_equal_out_densities(unit: float) -> None:
    coarse, fine = np.arange(20.0), 100 + 0.1 * np.arange(20)
    points = unit * np.concatenate([coarse, fine])[:, None]
    tuned, scales = self_tuned(cdist(points, points), k=2)
    np.testing.assert_allclose(scales[5:15], unit)
    np.testing.assert_allclose(scales[25:35], 0.1 * unit)
    np.testing.assert_allclose(tuned[9, 10], 1)
    np.testing.assert_allclose(tuned[29, 30], 1)
    np.testing.assert_allclose(tuned[9, 29], (points[29] - points[9])[0] / (unit * 0.1**0.5))
    np.testing.assert_array_equal(tuned, tuned.T)
    assert (np.diag(tuned) == 0).all()


def test_distances_of_equal_points_are_numbers() -> None:
    tuned, scales = self_tuned(np.zeros((5, 5)))
    assert np.isfinite(tuned).all() and (scales > 0).all()


def test_sheets_that_come_close_are_far_apart_along_the_data() -> None:
    turn = np.linspace(1.5 * np.pi, 4.5 * np.pi, 900)
    roll = np.column_stack([turn * np.cos(turn), turn * np.sin(turn)]) / 5
    start, above = roll[0], roll[np.abs(turn - 3.5 * np.pi).argmin()]  # a whole turn further
    centre = np.array([start, above, roll[5]])
    found = hybrid_distances(centre, roll, 1, 10)
    length = np.linalg.norm(np.diff(roll[: np.abs(turn - 3.5 * np.pi).argmin()], axis=0), axis=1).sum()
    assert np.linalg.norm(start - above) < 0.4 * found[0, 1]
    assert found[0, 1] == pytest.approx(length / 1.3, rel=0.05)
    np.testing.assert_array_equal(found, found.T)
    assert (np.diag(found) == 0).all()
    assert (found >= cdist(centre, centre) - 1e-12).all()


def test_what_no_path_joins_keeps_its_straight_distance() -> None:
    centre = BLOBS[[0, 1, 40, 80]]
    found = hybrid_distances(centre, BLOBS, 1, 10)
    np.testing.assert_allclose(found[[0, 0], [2, 3]], np.linalg.norm(centre[0] - centre[2:], axis=1))


def test_chosen_landmarks_stand_for_their_samples() -> None:
    angles = np.linspace(0, 2 * np.pi, 1000, endpoint=False)
    circle = np.column_stack([np.cos(angles), np.sin(angles)])
    found = choose_landmarks(circle, circle, 50, 1, 10, seed=0)
    assert found.points is not None and found.points.shape == (50, 2) and found.index is None
    assert found.distances.shape == (50, 50) and found.scales.shape == (50,)
    assert np.median(np.sort(found.distances, 1)[:, 1]) == pytest.approx(0.5, abs=0.3)
