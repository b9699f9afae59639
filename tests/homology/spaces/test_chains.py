"""Cup products of triangulated surfaces, against the general cell complex and against known forms."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from topovae.errors import InputError, ResourceError
from topovae.homology.complexes.cups import coboundary_residues, cup_products
from topovae.homology.spaces.chains import CellComplex
from topovae.homology.spaces.forms import CupForm, Span, describe_form, rank

Triangles = list[tuple[int, ...]]


def grid(n: int, m: int, twisted: bool) -> Triangles:
    """A torus of n × m squares, or a Klein bottle, each cut in two."""

    def vertex(i: int, j: int) -> int:
        return (i % n) * m + (-j if twisted and i >= n else j) % m

    squares = [(vertex(i, j), vertex(i + 1, j), vertex(i, j + 1), vertex(i + 1, j + 1)) for i in range(n) for j in range(m)]
    return [face for a, b, c, d in squares for face in ((a, b, d), (a, c, d))]


def wedge() -> Triangles:
    """Two circles and a sphere at one point."""
    return list(combinations(range(4), 3))


RP2 = [(0, 1, 2), (0, 2, 3), (0, 3, 4), (0, 4, 5), (0, 1, 5), (1, 2, 4), (2, 3, 5), (1, 3, 4), (2, 4, 5), (1, 3, 5)]

CASES: dict[str, tuple[Triangles, list[tuple[int, int]], CupForm]] = {
    "torus": (grid(4, 5, False), [], CupForm(2, 1, 0, 3)),
    "klein": (grid(5, 4, True), [], CupForm(2, 1, 2, 2)),
    "rp2": (RP2, [], CupForm(1, 1, 1, 0)),
    "wedge": (wedge(), [(0, 4), (4, 5), (0, 5), (0, 6), (6, 7), (0, 7)], CupForm(2, 0, 0, 0)),
    "sphere": (wedge(), [], CupForm(0, 0, 0, 0)),
}


def edges_and_triangles(faces: Triangles, more: list[tuple[int, int]], seed: int) -> tuple[list[tuple[int, int]], np.ndarray]:
    """The edges in a random order and the triangles by the numbers of their edges, of ordered vertices."""
    faces = [tuple(sorted(face)) for face in faces]
    edges = sorted({pair for face in faces for pair in combinations(face, 2)} | set(more))
    edges = [edges[i] for i in np.random.default_rng(seed).permutation(len(edges))]
    number = {edge: i for i, edge in enumerate(edges)}
    return edges, np.array([[number[a, b], number[b, c], number[a, c]] for a, b, c in faces])


def cell_complex(edges: list[tuple[int, int]], triangles: np.ndarray) -> CellComplex:
    vertices = max(max(edge) for edge in edges) + 1
    ends = [((b, 1), (a, -1)) for a, b in edges]
    sides = [((vertices + e12, 1), (vertices + e02, -1), (vertices + e01, 1)) for e01, e12, e02 in triangles.tolist()]
    start = vertices + len(edges)
    diagonal = [((v, v),) for v in range(vertices)]
    diagonal += [((a, vertices + i), (vertices + i, b)) for i, (a, b) in enumerate(edges)]
    diagonal += [
        ((edges[e01][0], start + i), (vertices + e01, vertices + e12), (start + i, edges[e12][1]))
        for i, (e01, e12, _) in enumerate(triangles.tolist())
    ]
    dims = (0,) * vertices + (1,) * len(edges) + (2,) * len(triangles)
    return CellComplex(dims, (*((),) * vertices, *ends, *sides), tuple(diagonal))


def cocycles(complex: CellComplex, n_edges: int) -> np.ndarray:
    start = complex.cells[1][0]
    bits = [[x >> (start + e) & 1 for e in range(n_edges)] for x in complex.cohomology[1]]
    return np.array(bits, int).reshape(-1, n_edges)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_cup_form_is_known_in_any_order_of_edges(name: str, seed: int) -> None:
    faces, more, expected = CASES[name]
    edges, triangles = edges_and_triangles(faces, more, seed)
    cells = cell_complex(edges, triangles)
    x = cocycles(cells, len(edges))
    table = [[cells.cup_class(a, b) for b in cells.cohomology[1]] for a in cells.cohomology[1]]
    assert describe_form(table) == expected
    assert cup_products(len(edges), triangles, x).tolist() == [[value != 0 for value in row] for row in table]


@pytest.mark.parametrize("name", CASES)
def test_cohomology_has_the_betti_numbers(name: str) -> None:
    faces, more, expected = CASES[name]
    cells = cell_complex(*edges_and_triangles(faces, more, 0))
    numbers = cells.betti_numbers(2)
    assert tuple(len(classes) for classes in cells.cohomology) == numbers
    assert numbers[1] == expected.classes


@pytest.mark.parametrize("name", CASES)
def test_residues_are_the_same_for_equal_classes(name: str) -> None:
    edges, triangles = edges_and_triangles(*CASES[name][:2], 0)
    rng = np.random.default_rng(1000)
    delta = np.zeros((len(edges), len(triangles)), bool)
    for i, face in enumerate(triangles):
        delta[face, i] = True
    z = rng.random((70, len(triangles))) < 0.5
    exact = (rng.integers(0, 2, (70, len(edges))) @ delta) % 2 == 1
    residues = coboundary_residues(len(edges), triangles, np.concatenate([z, z ^ exact, exact]))
    assert (residues[:70] == residues[70:140]).all()
    assert not residues[140:].any()
    assert len(Span(int("".join(map(str, row.astype(int))), 2) for row in residues[:70])) == (1 if len(triangles) else 0)


def test_edges_that_a_triangle_meets_twice_cancel() -> None:
    # a triangle a, a, b bounds b only
    assert not coboundary_residues(2, np.array([[0, 0, 1]]), np.array([[True]])).any()
    assert coboundary_residues(1, np.array([[0, 0, 0], [0, 0, 0]]), np.array([[True, False]])).any()


def test_without_triangles_or_classes_nothing_is_found() -> None:
    assert cup_products(3, np.zeros((0, 3), int), np.ones((2, 3))).tolist() == [[False, False]] * 2
    assert cup_products(3, np.array([[0, 1, 2]]), np.zeros((0, 3))).shape == (0, 0)


@pytest.mark.parametrize(
    ("triangles", "rows", "message"),
    [
        ([[0, 1, 2]], [[1, 0, 0]], "not cocycles"),
        ([[0, 1, 3]], [[1, 1, 0]], "edge numbers"),
        ([[0, 1, 2]], [[1, 1]], "one value for each edge"),
    ],
)
def test_wrong_input_is_named(triangles: list[list[int]], rows: list[list[int]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        cup_products(3, np.array(triangles), np.array(rows))


def test_too_many_classes_are_refused() -> None:
    with pytest.raises(ResourceError, match="longest bars"):
        describe_form([[0] * 11] * 11)


@pytest.mark.parametrize("prime", [2, 3, 5])
def test_rank_of_random_matrices(prime: int) -> None:
    rng = np.random.default_rng(0)
    left, right = rng.integers(0, prime, (9, 4)), rng.integers(0, prime, (4, 9))
    left[:4], right[:, :4] = np.eye(4, dtype=int), np.eye(4, dtype=int)
    matrix = left @ right
    assert rank([dict(enumerate(column)) for column in matrix.T.tolist()], prime) == 4
