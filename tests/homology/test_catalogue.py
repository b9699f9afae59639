"""Every entry of the catalogue agrees with itself and with the topology of manifolds."""

from __future__ import annotations

import pytest

from topovae.homology.catalogue import CATALOGUE, Space


@pytest.fixture(params=CATALOGUE, ids=lambda space: space.name)
def space(request: pytest.FixtureRequest) -> Space:
    return request.param


def euler(numbers: tuple[int, ...]) -> int:
    return sum((-1) ** degree * number for degree, number in enumerate(numbers))


def test_the_euler_characteristic_does_not_depend_on_the_field(space: Space) -> None:
    assert euler(space.betti_mod2) == euler(space.betti_mod3)


def test_there_is_a_betti_number_for_each_degree(space: Space) -> None:
    assert len(space.betti_mod2) == len(space.betti_mod3) == space.dimension + 1
    assert space.betti(2, space.dimension + 1) == 0


def test_a_space_is_connected(space: Space) -> None:
    assert space.betti(2, 0) == space.betti(3, 0) == 1


def test_the_top_class_tells_closed_and_orientable(space: Space) -> None:
    assert space.betti(2, space.dimension) == int(space.closed)
    assert space.betti(3, space.dimension) == int(space.closed and space.orientable)


def test_closed_spaces_obey_poincare_duality(space: Space) -> None:
    if space.closed:
        assert space.betti_mod2 == space.betti_mod2[::-1]


def test_names_and_expressions_are_unique() -> None:
    assert len({space.name for space in CATALOGUE}) == len({space.latent for space in CATALOGUE}) == len(CATALOGUE)
    assert not {space.name for space in CATALOGUE} & {other for space in CATALOGUE for other in space.alike}


def test_no_two_spaces_predict_the_same() -> None:
    kinds = {(s.dimension, s.betti_mod2, s.betti_mod3, s.closed, s.orientable) for s in CATALOGUE}
    assert len(kinds) == len(CATALOGUE)


def test_expressions_are_of_the_grammar(space: Space) -> None:
    signature = pytest.importorskip("topovae.signature")
    signature.parse(space.latent)
