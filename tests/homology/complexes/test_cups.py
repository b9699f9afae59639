"""Cup products on triangulated surfaces, where they are known."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from topovae.errors import InputError
from topovae.homology.complexes.cups import coboundary_residues, cup_products

SIDE = 5


class Surface(NamedTuple):
    """A square grid whose sides are glued: edges of each triangle, and two cocycles, of the edges across either seam."""

    n_edges: int
    triangles: np.ndarray
    cocycles: np.ndarray


def glued(turned: bool) -> Surface:
    """The torus; turned, the Klein bottle: what leaves the grid to the right comes in from the left upside down."""
    numbers: dict[tuple[int, int], int] = {}
    across: list[tuple[int, int]] = []
    triangles = []
    for i in range(SIDE):
        for j in range(SIDE):
            for corner in ((1, 0), (0, 1)):
                places = [(i, j), (i + corner[0], j + corner[1]), (i + 1, j + 1)]
                places.sort(key=lambda place: vertex(*place, turned))
                edges = []
                for a, b in ((0, 1), (1, 2), (0, 2)):
                    ends = vertex(*places[a], turned), vertex(*places[b], turned)
                    if ends not in numbers:
                        numbers[ends] = len(numbers)
                        seams = tuple(places[a][axis] // SIDE ^ places[b][axis] // SIDE for axis in (0, 1))
                        across.append((seams[0], seams[1]))
                    edges.append(numbers[ends])
                triangles.append(edges)
    return Surface(len(numbers), np.array(triangles), np.array(across).T)


def vertex(i: int, j: int, turned: bool) -> int:
    j %= SIDE
    return i % SIDE * SIDE + (SIDE - 1 - j if turned and i >= SIDE else j)


PRODUCTS = {False: [[False, True], [True, False]], True: [[False, True], [True, True]]}


@pytest.mark.parametrize("turned", PRODUCTS, ids=["torus", "klein"])
def test_products_tell_the_torus_from_the_klein_bottle(turned: bool) -> None:
    surface = glued(turned)
    assert surface.n_edges == 3 * SIDE**2 and len(surface.triangles) == 2 * SIDE**2
    assert cup_products(*surface).tolist() == PRODUCTS[turned]


@pytest.mark.parametrize("turned", PRODUCTS, ids=["torus", "klein"])
def test_products_depend_on_classes_alone_and_not_on_the_numbers_of_edges(turned: bool) -> None:
    rng, surface = np.random.default_rng(0), glued(turned)
    ends = np.zeros((SIDE**2, surface.n_edges), bool)  # coboundaries of vertices, by all edges that meet in one
    for number, (a, b) in enumerate(edges_of(turned)):
        ends[[a, b], number] = True
    for _ in range(5):
        moved = surface.cocycles ^ (ends[rng.random(SIDE**2) < 0.5].sum(0) % 2)
        order = rng.permutation(surface.n_edges)
        cocycles = np.empty_like(moved)
        cocycles[:, order] = moved
        triangles = rng.permutation(order[surface.triangles])
        assert cup_products(surface.n_edges, triangles, cocycles).tolist() == PRODUCTS[turned]


def edges_of(turned: bool) -> list[tuple[int, int]]:
    """Ends of the edges in the order of their numbers."""
    found: dict[tuple[int, int], None] = {}
    for i in range(SIDE):
        for j in range(SIDE):
            for corner in ((1, 0), (0, 1)):
                a, b, c = sorted(
                    (vertex(i, j, turned), vertex(i + corner[0], j + corner[1], turned), vertex(i + 1, j + 1, turned))
                )
                found |= dict.fromkeys(((a, b), (b, c), (a, c)))
    return list(found)


@pytest.mark.parametrize("turned", PRODUCTS, ids=["torus", "klein"])
def test_a_residue_is_zero_of_coboundaries_alone(turned: bool) -> None:
    """Of a closed surface an odd number of triangles bounds nothing, and every even number is a coboundary."""
    rng, (n_edges, triangles, _) = np.random.default_rng(1), glued(turned)
    cochains = rng.random((40, len(triangles))) < 0.5
    residues = coboundary_residues(n_edges, triangles, cochains)
    assert residues.any(1).tolist() == (cochains.sum(1) % 2 == 1).tolist()
    odd = residues[cochains.sum(1) % 2 == 1]
    assert (odd == odd[0]).all()
    assert not coboundary_residues(n_edges, triangles[1:], cochains[:, 1:]).any(), "a surface with a hole bounds everything"


def test_what_is_no_cocycle_is_refused() -> None:
    n_edges, triangles, cocycles = glued(False)
    with pytest.raises(InputError, match=r"cocycles of shape \(2, 74\) for 75 edges"):
        cup_products(n_edges, triangles, cocycles[:, 1:])
    with pytest.raises(InputError, match="edge numbers 0 to 75; expected 0 to 74"):
        cup_products(n_edges, np.vstack([triangles, [[0, 1, 75]]]), cocycles)
    with pytest.raises(InputError, match="edge numbers -1 to 74"):
        cup_products(n_edges, np.vstack([triangles, [[0, 1, -1]]]), cocycles)
    wrong = cocycles.copy()
    wrong[1, 3] ^= 1
    with pytest.raises(InputError, match=r"rows \[1\] are not cocycles"):
        cup_products(n_edges, triangles, wrong)


def test_without_triangles_and_without_classes_there_is_no_product() -> None:
    assert cup_products(3, np.empty((0, 3)), np.ones((2, 3))).tolist() == [[False, False], [False, False]]
    assert cup_products(*glued(True)._replace(cocycles=np.empty((0, 75)))).shape == (0, 0)
