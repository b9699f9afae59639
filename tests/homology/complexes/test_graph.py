"""Triangles and double covers of the graph of landmarks."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.sparse.csgraph import connected_components

from topovae.homology.complexes.graph import (
    Graph,
    double_cover,
    graph_at,
    harmonic_potential,
    integer_lift,
    lattice_index,
    list_triangles,
    mod_two_matrix,
    periods,
    reduce_lattice,
    saturate,
    whole_lift,
)


def test_triangles_are_those_of_the_complete_graph() -> None:
    near = np.triu(np.ones((6, 6), dtype=bool), 1)
    assert sorted(map(tuple, list_triangles(near).tolist())) == list(combinations(range(6), 3))


def test_a_cocycle_over_two_elements_is_symmetric() -> None:
    found = mod_two_matrix(np.array([[0, 1, 1], [3, 2, 1], [1, 2, 2]]), 4)
    assert (found == found.T).all()
    assert np.argwhere(np.triu(found)).tolist() == [[0, 1], [2, 3]]


@pytest.mark.parametrize(("crossings", "components"), [(0, 2), (1, 1), (2, 2), (3, 1)])
def test_the_double_cover_of_a_circle_is_connected_where_it_is_crossed_oddly(crossings: int, components: int) -> None:
    m = 7
    i = np.arange(m)
    edges = np.zeros((m, m), dtype=bool)
    edges[i, (i + 1) % m] = edges[(i + 1) % m, i] = True
    crossed = np.array([[k, (k + 1) % m, 1] for k in range(crossings)], dtype=int).reshape(-1, 3)
    distances = np.arange(1.0, m * m + 1).reshape(m, m)
    cover = double_cover(distances + distances.T, edges, mod_two_matrix(crossed, m))
    assert cover.nnz == 4 * m and (cover != cover.T).nnz == 0
    assert connected_components(cover, directed=False)[0] == components


def ring(m: int, weights: np.ndarray | None = None) -> Graph:
    """The edges i – i + 1 and i – i + 2 of a circle of m vertices, with its triangles (i, i + 1, i + 2)."""
    i = np.repeat(np.arange(m), 2)
    ends = np.sort(np.column_stack([i, (i + np.tile([1, 2], m)) % m]), axis=1)
    return Graph(m, ends, np.ones(2 * m) if weights is None else weights)


def once_around(graph: Graph) -> np.ndarray:
    """The integer cocycle of a ring that counts turns: 1 from the end to the beginning, so −1 in the direction i → j."""
    return np.where(graph.ends[:, 1] - graph.ends[:, 0] > 2, -1, 0)


def as_rows(values: np.ndarray, graph: Graph, prime: int) -> np.ndarray:
    """A cochain as persistence gives it: rows of ends and values mod p, where they are not zero."""
    kept = values % prime != 0
    return np.column_stack([graph.ends[kept], values[kept] % prime])


@pytest.mark.parametrize("turns", [-1, 1])
@pytest.mark.parametrize("prime", [3, 5, 47])
def test_a_cocycle_is_lifted_to_the_integers_of_least_size(prime: int, turns: int) -> None:
    graph = ring(9)
    values = turns * once_around(graph)
    np.testing.assert_array_equal(integer_lift(as_rows(values, graph, prime), prime, graph), values)
    np.testing.assert_array_equal(whole_lift(as_rows(values, graph, prime), prime, graph), values)


def test_what_is_a_cocycle_over_the_field_alone_has_no_lift() -> None:
    triangle = Graph(3, np.array([[0, 1], [0, 2], [1, 2]]), np.ones(3))
    thirds = np.array([[0, 1, 1], [1, 2, 1], [0, 2, 2]])  # 1 + 1 = 2 = −1 over Z/3, as integers 1 + 1 ≠ −1
    assert integer_lift(thirds, 3, triangle) is None
    assert whole_lift(thirds, 3, triangle) is not None  # three times it is nothing
    assert integer_lift(np.array([[0, 1, 1]]), 5, triangle) is None


@pytest.mark.parametrize("multiple", [1, 2, 3])
def test_a_class_divided_by_a_small_number_is_lifted_by_that_multiple(multiple: int) -> None:
    graph, prime = ring(9), 47
    values = once_around(graph) + (graph.coboundary() @ np.array([0, 1, 0, 1, 1, 0, 1, 0, 0])).astype(int)
    divided = as_rows(values * pow(multiple, -1, prime), graph, prime)
    assert (integer_lift(divided, prime, graph) is None) == (multiple > 1)
    np.testing.assert_array_equal(whole_lift(divided, prime, graph), values)


def test_a_harmonic_form_has_no_sources_and_the_same_turns() -> None:
    rng = np.random.default_rng(0)
    graph = ring(9, rng.uniform(0.2, 1.0, 18))
    values = once_around(graph)
    potential, form = harmonic_potential(values, graph)
    root = np.sqrt(graph.weights)
    np.testing.assert_allclose(form, root * (values - graph.coboundary() @ potential), atol=1e-9)
    np.testing.assert_allclose(graph.coboundary().T @ (root * form), 0, atol=1e-7)


def test_a_harmonic_form_of_a_circle_is_spread_evenly() -> None:
    i = np.arange(8)
    circle = Graph(8, np.sort(np.column_stack([i, (i + 1) % 8]), axis=1), np.full(8, 0.25))
    _, form = harmonic_potential(once_around(circle), circle)
    np.testing.assert_allclose(np.abs(form), 0.5 / 8, atol=1e-8)


def test_periods_are_turns_around_loops_and_nothing_else() -> None:
    graph = ring(9)
    around = periods(np.array([once_around(graph), 3 * once_around(graph)]), graph)
    assert set(np.abs(around[0]).tolist()) == {0, 1}
    np.testing.assert_array_equal(around[1], 3 * around[0])
    rng = np.random.default_rng(0)
    differences = (graph.coboundary() @ rng.integers(-5, 6, 9)).astype(int)
    np.testing.assert_array_equal(periods(differences[None], graph), np.zeros((1, 18)))
    apart = Graph(18, np.vstack([graph.ends, graph.ends + 9]), np.ones(36))
    both = periods(np.array([np.concatenate([once_around(graph), 2 * once_around(graph)])]), apart)
    np.testing.assert_array_equal(both[0], np.concatenate([around[0], 2 * around[0]]))


@pytest.mark.parametrize("change", [[[2, 0], [0, 1]], [[1, 1], [1, -1]], [[3, 1], [0, 2]], [[1, 0], [0, 1]]])
def test_saturation_finds_the_classes_of_which_multiples_are_given(change: list[list[int]]) -> None:
    graph = ring(9)
    apart = Graph(18, np.vstack([graph.ends, graph.ends + 9]), np.ones(36))
    turns, none = once_around(graph), np.zeros(18, dtype=int)
    classes = np.array([np.concatenate([turns, none]), np.concatenate([none, turns])])
    found = saturate(np.array(change) @ classes, apart)
    assert found is not None
    assert lattice_index(periods(found, apart).T) == 1
    assert round(abs(np.linalg.det(change))) == lattice_index(periods(np.array(change) @ classes, apart).T)
    assert saturate(np.array([classes[0], 2 * classes[0]]), apart) is None


@pytest.mark.parametrize(
    ("vectors", "index"),
    [([[2, 0], [0, 3]], 6), ([[2, 1], [1, 2]], 3), ([[4, 0], [6, 0], [0, 1]], 2), ([[1, 2], [2, 4]], None), ([[0, -5]], None)],
)
def test_the_index_of_a_lattice(vectors: list[list[int]], index: int | None) -> None:
    assert lattice_index(np.array(vectors)) == index


@pytest.mark.parametrize("seed", range(5))
def test_a_reduced_basis_is_short_and_of_the_same_lattice(seed: int) -> None:
    rng = np.random.default_rng(seed)
    short = np.array([[1.0, 0.2], [0.1, 1.3]])
    long = np.array([[1, 0], [int(rng.integers(3, 9)), 1]]) @ np.array([[1, int(rng.integers(3, 9))], [0, 1]]) @ short
    change = reduce_lattice(long @ long.T)
    assert round(abs(np.linalg.det(change))) == 1
    lengths = np.sort(np.linalg.norm(change @ long, axis=1))
    np.testing.assert_allclose(lengths, np.sort(np.linalg.norm(short, axis=1)))


def test_edges_of_a_graph_are_up_to_the_scale_and_weigh_less_the_longer_they_are() -> None:
    places = np.array([0.0, 1.0, 3.0])
    graph = graph_at(np.abs(places[:, None] - places), 2.0)
    assert graph.ends.tolist() == [[0, 1], [1, 2]]
    assert graph.weights[0] > graph.weights[1] > 0
    np.testing.assert_allclose(np.log(graph.weights[1]) / np.log(graph.weights[0]), 4)
    assert (graph.coboundary() @ places).tolist() == [1.0, 2.0]
