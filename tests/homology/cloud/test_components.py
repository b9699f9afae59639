"""Components are pieces far apart, from the largest; what is too small for one joins the nearest."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from topovae.homology.cloud.components import (
    COMPONENT_LANDMARKS,
    GAP,
    LEAST_SHARE,
    components,
    components_of_distances,
    components_of_points,
)


def on_a_line(*places: float) -> np.ndarray:
    return cdist(np.array(places)[:, None], np.array(places)[:, None])


def test_landmarks_hold_together_up_to_the_gap() -> None:
    weights = np.ones(6)
    near = on_a_line(0, 1, 2, 2 + GAP, 3 + GAP, 4 + GAP)
    assert components(near, weights).tolist() == [0] * 6
    far = on_a_line(0, 1, 2, 2.001 + GAP, 3.001 + GAP, 4.001 + GAP)
    assert components(far, weights).tolist() == [0, 0, 0, 1, 1, 1]


def test_components_are_counted_from_the_one_of_most_samples() -> None:
    far = 5 + GAP
    places = on_a_line(0, 1, far, far + 1, 2 * far, 2 * far + 1)
    assert components(places, np.array([3.0, 3, 1, 1, 9, 9])).tolist() == [1, 1, 2, 2, 0, 0]
    assert components(places, np.array([1.0, 1, 1, 1, 1, 1])).tolist() == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize(("share", "expected"), [(0.9, [0, 0, 1, 1, 1]), (1.1, [0, 0, 2, 1, 1])])
def test_a_piece_of_few_samples_joins_the_nearest(share: float, expected: list[int]) -> None:
    far = 5 + GAP
    lone = share * LEAST_SHARE / (1 - share * LEAST_SHARE) * 100
    weights = np.array([30.0, 30, lone, 20, 20])
    assert components(on_a_line(0, 1, far, 1.5 * far, 1.5 * far + 1), weights).tolist() == expected


def test_as_many_components_as_are_looked_for_are_parted_by_the_widest_gaps() -> None:
    near = on_a_line(0, 0.5 * GAP, 1.1 * GAP, 2 * GAP, 2.8 * GAP, 3.5 * GAP)  # gaps of 0.5, 0.6, 0.9, 0.8 and 0.7
    weights = np.array([2.0, 2, 2, 1, 1, 1])
    for least, expected in ((1, [0, 0, 0, 0, 0, 0]), (2, [0, 0, 0, 1, 1, 1]), (3, [0, 0, 0, 2, 1, 1])):
        assert components(near, weights, least).tolist() == expected
    assert len(np.unique(components(near, weights, 6))) == 6
    # no gap parts so many: only what counts anyway does
    assert components(near, weights, 7).tolist() == [0] * 6
    assert components(on_a_line(0, 1, 9, 10), np.ones(4), 9).tolist() == [0, 0, 1, 1]


def test_what_is_parted_for_the_number_is_large_enough() -> None:
    lone = np.array([30.0, 30, 0.5, 20, 20])
    places = on_a_line(0, 0.5, 0.5 + 0.9 * GAP, 0.5 + 1.7 * GAP, 1 + 1.7 * GAP)
    assert components(places, lone, 2).tolist() == [0, 0, 1, 1, 1]


def blobs(sizes: tuple[int, ...]) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(size=(size, 3)) * 0.1 + 10 * i for i, size in enumerate(sizes)])


@pytest.mark.parametrize("sizes", [(300,), (200, 400), (300, 200, 400)])
def test_points_and_distances_give_the_same_components(sizes: tuple[int, ...]) -> None:
    points = blobs(sizes)
    order = np.argsort(np.argsort([-size for size in sizes]))
    expected = np.repeat(order, sizes)
    np.testing.assert_array_equal(components_of_points(points, seed=0), expected)
    np.testing.assert_array_equal(components_of_distances(cdist(points, points), seed=0), expected)
    assert len(points) // 5 < COMPONENT_LANDMARKS or len(points) > COMPONENT_LANDMARKS
