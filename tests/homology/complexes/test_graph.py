"""Triangles and double covers of the graph of landmarks."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.sparse.csgraph import connected_components

from topovae.homology.complexes.graph import double_cover, list_triangles, mod_two_matrix


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
