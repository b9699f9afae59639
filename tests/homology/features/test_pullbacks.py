"""Classes of landmarks on circles and spheres as yardsticks, where what they measure is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse.csgraph import connected_components

from topovae.homology.complexes.graph import Graph
from topovae.homology.features.double_covers import Classes
from topovae.homology.features.pullbacks import (
    connected_graph,
    early_scale,
    exactness,
    free_classes,
    frustration,
    match_mod_two,
    mod_two_graph,
    surface_class,
)

M = 40
ANGLES = np.linspace(0, 2 * np.pi, M, endpoint=False)


def distances_of(points: np.ndarray) -> np.ndarray:
    """In usual spacings, as self-tuned distances are."""
    apart = np.linalg.norm(points[:, None] - points, axis=-1)
    return np.asarray(apart / np.median(np.sort(apart, axis=1)[:, 1]))


CIRCLE = distances_of(np.column_stack([np.cos(ANGLES), np.sin(ANGLES)]))


def turns(angles: np.ndarray, graph: Graph) -> np.ndarray:
    """How far a map to the circle moves along each edge."""
    i, j = graph.ends.T
    return np.asarray((angles[j] - angles[i] + np.pi) % (2 * np.pi) - np.pi) / (2 * np.pi)


def test_a_map_to_the_circle_has_the_coefficient_of_its_winding() -> None:
    classes = free_classes(CIRCLE, 1, 8.0)
    assert classes is not None
    maps = [k * ANGLES + 0.3 * np.sin(ANGLES) for k in (1, 0, -1, 2)]
    found = classes.coefficients(np.array([turns(angles, classes.graph) for angles in maps]))
    np.testing.assert_allclose(found[:, 0] / found[0, 0], [1, 0, -1, 2], atol=1e-6)
    assert abs(found[0, 0]) == pytest.approx(1, abs=1e-6)
    assert free_classes(CIRCLE, 2, 8.0) is None


@pytest.mark.parametrize("factor", [1.0, 3.0])
def test_an_early_scale_lies_early_in_a_life_in_any_unit(factor: float) -> None:
    scale = early_scale(factor * 1.0, factor * 16.0)
    assert factor < scale <= 4.0 * factor
    assert scale == pytest.approx(factor * early_scale(1.0, 16.0))


def test_exactness_is_0_of_differences_and_1_of_harmonic_cochains() -> None:
    graph = connected_graph(CIRCLE)
    assert connected_components(graph.coboundary().T @ graph.coboundary())[0] == 1
    rng = np.random.default_rng(0)
    difference, winding = graph.coboundary() @ rng.normal(size=M), turns(ANGLES, graph)
    assert exactness(graph, difference[None]) == (pytest.approx(0, abs=1e-9), (1,))
    assert exactness(graph, winding[None]) == (pytest.approx(1, abs=1e-6), (1,))
    share, chosen = exactness(graph, np.array([winding, winding + difference]))
    assert share == pytest.approx(0, abs=1e-9) and chosen == (1, -1)
    share, chosen = exactness(graph, np.array([winding, difference - winding]))
    assert share == pytest.approx(0, abs=1e-9) and chosen == (1, 1)


def solid_angles(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Share of the sphere that each triangle covers, with its sign (van Oosterom and Strackee, 1983)."""
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    volume = (a * np.cross(b, c)).sum(1)
    return np.arctan2(volume, 1 + (a * b).sum(1) + (b * c).sum(1) + (c * a).sum(1)) / (2 * np.pi)


def test_a_map_to_the_sphere_has_the_coefficient_of_its_degree() -> None:
    n = 60
    heights, around = 1 - (2 * np.arange(n) + 1) / n, np.pi * (1 + 5**0.5) * np.arange(n)
    points = np.column_stack([np.sqrt(1 - heights**2) * np.cos(around), np.sqrt(1 - heights**2) * np.sin(around), heights])
    found = surface_class(distances_of(points), 4.0)
    assert found is not None
    assert (np.diff(found.triangles, axis=1) > 0).all()
    degree = found.coefficient(solid_angles(points, found.triangles))
    assert abs(degree) == pytest.approx(1, abs=1e-3)
    mirrored = found.coefficient(solid_angles(points * [1, 1, -1], found.triangles))
    assert mirrored == pytest.approx(-degree, abs=1e-3)
    assert found.coefficient(solid_angles(np.abs(points) + 0.01, found.triangles)) == pytest.approx(0, abs=0.05)


def test_a_circle_has_no_class_of_degree_two() -> None:
    assert surface_class(CIRCLE, 3.0) is None


def ring(weights: np.ndarray) -> Graph:
    i = np.arange(len(weights))
    return Graph(len(weights), np.sort(np.column_stack([i, (i + 1) % len(weights)]), axis=1), weights)


def test_frustration_is_the_share_of_the_edges_that_no_gauge_removes() -> None:
    weights = np.array([1.0, 0.9, 0.8, 0.1, 0.9, 1.0, 1.1])
    graph, m = ring(weights), len(weights)
    rng = np.random.default_rng(0)
    gauge = rng.random(m) < 0.5
    difference = gauge[graph.ends[:, 0]] ^ gauge[graph.ends[:, 1]]
    once = np.arange(m) == 2
    assert frustration(graph, np.zeros(m, dtype=bool)) == 0
    assert frustration(graph, difference) == 0
    for cochain in (once, once ^ difference):
        assert frustration(graph, cochain) == pytest.approx(0.1 / weights.sum())


def test_a_class_mod_two_is_matched_by_the_sum_that_it_is() -> None:
    m = 12
    i, j = np.triu_indices(m, 1)
    near = np.zeros((2 * m, 2 * m), dtype=bool)  # two circles apart, each with a class of its own
    for start in (0, m):
        for step in (1, 2):
            here, there = start + np.arange(m), start + (np.arange(m) + step) % m
            near[here, there] = near[there, here] = True
    cocycles = np.zeros((2, 2 * m, 2 * m), dtype=bool)
    for number, start in enumerate((0, m)):
        across = np.abs(i - j) > m // 2
        cocycles[number, start + i[across], start + j[across]] = cocycles[number, start + j[across], start + i[across]] = True
    cocycles &= near
    classes = Classes(np.where(near, 1.0, 9.0), cocycles, 1.0, 8.0)
    graph = mod_two_graph(classes)
    ends = graph.ends.T
    assert len(graph.ends) == 4 * m
    gauge = np.random.default_rng(0).random(2 * m) < 0.5
    for combination in ((0, 0), (1, 0), (0, 1), (1, 1)):
        cochain = gauge[ends[0]] ^ gauge[ends[1]]
        for chosen, own in zip(combination, cocycles[:, ends[0], ends[1]], strict=True):
            cochain = cochain ^ (own if chosen else False)
        match = match_mod_two(classes, graph, cochain)
        assert match.combination == combination and match.frustration == 0 < match.rival
